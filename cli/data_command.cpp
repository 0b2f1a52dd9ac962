// `nacre data list | show | fetch | split`.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <map>
#include <span>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/own_data.h"
#include "cli/setup.h"
#include "nacre/base/error.h"
#include "nacre/base/file.h"
#include "nacre/base/text.h"
#include "nacre/base/utf8.h"
#include "nacre/data/image/image.h"
#include "nacre/data/sets/fetch.h"
#include "nacre/data/sets/named.h"

namespace nacre::cli {
namespace {

namespace fs = std::filesystem;

int list(const Console& console) {
  std::vector<std::vector<std::string>> rows{
      {"set", "train", "test", "classes", "here", "what it is"}};
  nlohmann::json json = nlohmann::json::array();
  for (const data::SetDescription& s : data::named_sets()) {
    const bool here = !s.fetched || !data::find_set(s.name).empty();
    rows.push_back({s.name, with_thousands(s.train), with_thousands(s.test),
                    std::to_string(s.classes), here ? "yes" : "no", s.what});
    json.push_back({{"name", s.name},
                    {"train", s.train},
                    {"test", s.test},
                    {"classes", s.classes},
                    {"here", here},
                    {"what", s.what},
                    {"source", s.source},
                    {"licence", s.licence}});
  }
  console.print(table(rows, {false, true, true, true}), json);
  return kOk;
}

// The first samples as one picture, ten a row.
void draw(const data::Dataset& set, const std::string& path) {
  constexpr std::int64_t kAcross = 10, kDown = 6, kGap = 2;
  const Shape s = set.input_specs().at(0).shape;
  if (s.rank() != 3) throw ValueError("--out: the samples are no pictures");
  const std::int64_t scale = std::max<std::int64_t>(1, 56 / s[1]);
  const std::int64_t h = s[1] * scale + kGap, w = s[2] * scale + kGap;
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(s[0] * kDown * h * kAcross * w), 255);
  for (std::int64_t i = 0; i < std::min(set.size(), kAcross * kDown); ++i) {
    const std::vector<float> values = set.get(i).inputs[0].to_vector<float>();
    for (std::int64_t c = 0; c < s[0]; ++c) {
      for (std::int64_t y = 0; y < s[1] * scale; ++y) {
        for (std::int64_t x = 0; x < s[2] * scale; ++x) {
          const float v =
              values[static_cast<std::size_t>((c * s[1] + y / scale) * s[2] + x / scale)];
          const std::int64_t row = i / kAcross * h + y, column = i % kAcross * w + x;
          pixels[static_cast<std::size_t>((c * kDown * h + row) * kAcross * w + column)] =
              static_cast<std::uint8_t>(std::clamp(v, 0.0f, 1.0f) * 255 + 0.5f);
        }
      }
    }
  }
  data::write_png(path, Tensor::from(pixels, {s[0], kDown * h, kAcross * w}));
}

// Names on one line, whatever is in them and however long they are.
std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) {
    out += (out.empty() ? "" : ", ") + shortened(printable(name), 60);
  }
  return out;
}

// What stands in a column: a range, or the first categories.
std::string contents_of(const data::Column& c) {
  if (c.kind == data::Column::Kind::category) {
    std::string out;
    for (std::size_t k = 0; k < c.categories.size() && k < 4; ++k) {
      out += (k == 0 ? "" : ", ") + shortened(printable(c.categories[k]), 20);
    }
    return out + (c.categories.size() > 4 ? ", ..." : "");
  }
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const double v : c.numbers) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return low > high ? "" : fmt::format("{:g} to {:g}", low, high);
}

// What each column was taken for, and why.
std::string schema_of(const data::Table& table_of_data, const DataRecipe& recipe,
                      nlohmann::json& json) {
  std::vector<std::vector<std::string>> rows{{"column", "type", "holds", "why"}};
  json["columns"] = nlohmann::json::array();
  for (const data::Column& c : table_of_data.columns) {
    const bool out = std::find(recipe.leave_out.begin(), recipe.leave_out.end(), c.name) !=
                     recipe.leave_out.end();
    if (rows.size() <= 200) {
      rows.push_back({shortened(printable(c.name), 40), to_string(c.type), contents_of(c),
                      out ? "left out" : printable(c.why)});
    }
    json["columns"].push_back({{"name", c.name},
                               {"type", to_string(c.type)},
                               {"missing", c.missing},
                               {"categories", c.categories.size()},
                               {"left_out", out},
                               {"why", c.why},
                               {"warnings", c.warnings}});
  }
  json["header"] = table_of_data.header;
  json["separator"] = std::string(1, table_of_data.separator);
  const std::size_t more = table_of_data.columns.size() + 1 - rows.size();
  return table(rows) + (more > 0 ? fmt::format("and {} more columns\n", more) : "");
}

// How the user's own data would be divided, as text; also into `json`.
std::string division_of(const Setup& setup, const std::string& name, nlohmann::json& json) {
  const std::int64_t n = setup.train.size() + setup.validation.size();
  json["warnings"] = warnings_of(setup);
  json["notes"] = setup.findings.notes;
  json["sample"] = setup.input.shape.to_vector();
  json["train"] = n;
  json["test"] = setup.test.size();
  json["task"] = std::string(zoo::name_of(setup.task));
  json["class_names"] = setup.info.class_names;
  json["column_names"] = setup.info.column_names;
  std::string text = fmt::format("{}: {}\nsamples {}, {} for training, {} for testing\n",
                                 printable(name), outputs_text(setup), to_string(setup.input),
                                 with_thousands(n), with_thousands(setup.test.size()));
  if (!setup.info.class_names.empty()) {
    text += "classes: " + joined(setup.info.class_names) + "\n";
  }
  if (!setup.info.column_names.empty()) {
    const auto& all = setup.info.column_names;
    const std::size_t shown = std::min<std::size_t>(all.size(), 100);
    text += "inputs: " + joined({all.begin(), all.begin() + static_cast<std::ptrdiff_t>(shown)}) +
            (all.size() > shown ? fmt::format(" and {} more", all.size() - shown) : "") + "\n";
  }
  for (const std::string& note : setup.findings.notes) text += printable(note) + "\n";
  return text;
}

// Throws IoError for a table with problems.
void expect_no_problems(const std::string& name, const std::vector<std::string>& problems) {
  if (problems.empty()) return;
  throw_io(name, fmt::format("cannot be trained on as it is:\n  {}", fmt::join(problems, "\n  ")));
}

// What a user's own file or folder holds, as `train --data` would divide it. What a table was taken
// for is told whatever else is wrong with it: it helps to put that right.
int show_own(const DataCommand& command, const Console& console) {
  Recipe asked;
  asked.data.path = command.name;
  for (const std::string& setting : command.settings) set_key(asked, setting);
  validate(asked);
  const DataRecipe& recipe = asked.data;
  nlohmann::json json{{"name", command.name}};
  try {
    if (is_table(recipe.path)) {
      std::vector<std::string> problems;
      const data::Table whole = read_table(recipe, &problems);
      const std::string schema = schema_of(whole, recipe, json);
      console.say(schema + "\n");
      if (!problems.empty()) json["problems"] = problems;
      expect_no_problems(recipe.path, problems);
    }
    const Setup setup = open_data(recipe, 0);
    for (const std::string& warning : warnings_of(setup)) console.warn(warning);
    std::string text = division_of(setup, command.name, json);
    if (!command.output.empty()) {
      draw(setup.train, command.output);
      text += "\nwrote " + printable(command.output) + "\n";
    }
    console.print(text, json);
    return kOk;
  } catch (const std::exception& e) {
    if (!console.json) throw;
    const Failure failure = failure_of(e);
    json["error"] = failure.text;
    json["exit_code"] = failure.code;
    console.print("", json);
    return failure.code;
  }
}

int show(const DataCommand& command, const Console& console) {
  DataRecipe meant;
  set_data(meant, command.name);
  if (!meant.path.empty()) return show_own(command, console);
  const data::NamedSet set = data::load(command.name);
  const data::SetDescription& about = data::describe(command.name);
  const Spec input = set.train.input_specs().at(0);
  const std::vector<std::string>& names = set.train.info().class_names;
  std::map<std::int64_t, std::int64_t> counts;
  for (const std::int64_t label : set.train.labels()) ++counts[label];
  nlohmann::json json{{"name", about.name},
                      {"what", about.what},
                      {"source", about.source},
                      {"licence", about.licence},
                      {"sample", input.shape.to_vector()},
                      {"train", set.train.size()},
                      {"test", set.test.size()}};
  std::vector<std::vector<std::string>> rows{{"class", "training samples"}};
  for (const auto& [label, count] : counts) {
    const auto i = static_cast<std::size_t>(label);
    const std::string name = i < names.size() ? names[i] : std::to_string(label);
    rows.push_back({name, with_thousands(count)});
    json["classes"].push_back({{"name", name}, {"train", count}});
  }
  if (!command.output.empty()) draw(set.train, command.output);
  console.print(fmt::format("{}: {}\n{}; {}\nsamples {}, {} for training, {} for testing\n\n{}{}",
                            about.name, about.what, about.source, about.licence, to_string(input),
                            with_thousands(set.train.size()), with_thousands(set.test.size()),
                            table(rows, {false, true}),
                            command.output.empty() ? "" : "\nwrote " + command.output + "\n"),
                json);
  return kOk;
}

int fetch(const DataCommand& command, const Console& console) {
  if (!data::describe(command.name).fetched) {
    console.print(command.name + " is inside the program: there is nothing to fetch\n",
                  {{"folder", nullptr}});
    return kOk;
  }
  // A line that moves is for eyes.
  const bool moving = !console.json && isatty(STDERR_FILENO) != 0;
  std::uint64_t shown = 0;
  const fs::path folder = data::fetch(command.name, [&](const std::string& file, std::uint64_t done,
                                                        std::uint64_t total) {
    if (!moving || (done < total && done < shown + total / 200)) return;
    shown = done < total ? done : 0;
    show_progress(fmt::format("\r{}: {:3d}% of {} {}", printable(file),
                              100 * done / std::max<std::uint64_t>(1, total),
                              human_bytes(static_cast<double>(total)), done < total ? "" : "\n"));
  });
  console.print(command.name + " is in " + folder.string() + "\n", {{"folder", folder.string()}});
  return kOk;
}

}  // namespace

int run_data(const DataCommand& command, const Console& console) {
  if (command.action == "list") return list(console);
  if (command.action == "show") return show(command, console);
  if (command.action == "split") return split_data(command, console);
  return fetch(command, console);
}

void add_data(CLI::App& app, const Console& console, int& code) {
  const auto command = std::make_shared<DataCommand>();
  auto* command_app = app.add_subcommand("data", "List, show, fetch or split data");
  command_app->require_subcommand(1);
  command_app->footer("Example: nacre data show digits --out digits.png");
  const auto data_action = [&](const char* name, const char* what, bool named) {
    auto* sub = command_app->add_subcommand(name, what);
    if (named)
      sub->add_option("name", command->name, "A set by name, a folder or a file")->required();
    sub->callback([command, &code, &console, name] {
      command->action = name;
      code = run_data(*command, console);
    });
    return sub;
  };
  data_action("list", "The sets there are", false);
  auto* show =
      data_action("show", "What a set, folder or table holds, and what it is taken for", true);
  show->add_option("--out", command->output, "Write a picture of samples here (PNG)");
  show->add_option("--set", command->settings,
                   "A key of the recipe, such as data.types=zip=category")
      ->allow_extra_args(false);
  data_action("fetch", "Download a set", true);
  auto* split = data_action("split", "Split a folder of classes into train and test", true);
  split->add_option("--out", command->output, "The folder to fill")->required();
  split->add_option("--test", command->test, "Share of the test part");
  add_number(split, "--seed", command->seed, std::uint64_t{0},
             std::numeric_limits<std::uint64_t>::max(), "Of the choice");
}

}  // namespace nacre::cli
