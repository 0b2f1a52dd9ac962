// `nacre predict`: what a model says of files.
#include <cmath>
#include <filesystem>

#include "cli/commands.h"
#include "cli/judge.h"
#include "cli/model_file.h"
#include "cli/options.h"
#include "nacre/base/utf8.h"
#include "nacre/data/image/image.h"
#include "nacre/data/preprocess.h"
#include "nacre/data/sets/named.h"
#include "nacre/nacre.h"

namespace nacre::cli {
namespace {

namespace fs = std::filesystem;

struct PredictCommand {
  std::string model;
  std::vector<std::string> files;  // pictures, sounds, CSV rows; or "digits:12": sample 12 of a set
  int top = 3;
};

// "digits:12" is sample 12 of the test part of a named set.
bool set_sample(const std::string& text, std::string& set, std::int64_t& number) {
  const auto colon = text.rfind(':');
  if (colon == text.npos || colon + 1 == text.size()) return false;
  const std::string digits = text.substr(colon + 1);
  if (digits.size() > 9 || digits.find_first_not_of("0123456789") != digits.npos) return false;
  set = text.substr(0, colon);
  number = std::stoll(digits);
  return true;
}

// What one argument of `predict` gives: a batch of samples and, where known, what they really are.
struct Samples {
  Tensor inputs;                    // [n, ...]
  std::vector<std::string> truths;  // n, or none
  std::vector<std::string> warnings = {};
};

// The column to predict, where the file has it.
std::vector<std::string> truths_of(const std::string& file, const data::TableEncoder& encoder) {
  std::vector<std::string> truths;
  const data::Table rows = data::read_csv(file, encoder.csv_options());
  const std::string& target = encoder.target();
  for (const data::Column& c : rows.columns) {
    if (c.name != target) continue;
    for (std::size_t r = 0; r < static_cast<std::size_t>(rows.rows); ++r) {
      if (c.kind == data::Column::Kind::number) {
        truths.push_back(std::isnan(c.numbers[r]) ? "" : fmt::format("{}", c.numbers[r]));
      } else {
        truths.push_back(c.codes[r] < 0 ? "" : c.categories[static_cast<std::size_t>(c.codes[r])]);
      }
    }
  }
  return truths;
}

Samples read_file(const std::string& file, const zoo::SavedModel& saved) {
  if (!fs::exists(file)) throw IoError(file + ": no such file, and not SET:NUMBER");
  if (!saved.info.preprocessing.empty()) {
    const auto form = data::Preprocess::from_json(saved.info.preprocessing, "the model");
    Samples samples;
    samples.inputs = form.read(file, &samples.warnings);
    if (const auto* encoder = std::get_if<data::TableEncoder>(&form.form())) {
      samples.truths = truths_of(file, *encoder);
    }
    return samples;
  }
  const Shape& s = saved.input.shape;
  if (s.rank() != 3) {
    throw IoError(file + ": the model does not take pictures but " + to_string(saved.input));
  }
  const Tensor picture = data::read_image(file, static_cast<int>(s[0]));
  const Tensor sized = data::resize_image(picture, s[1], s[2], data::Fit::pad);
  return {expand_dims(div(sized.to(f32), 255), {0}), {}};
}

Samples read_samples(const std::string& text, const zoo::SavedModel& saved) {
  std::string set;
  std::int64_t number = 0;
  if (fs::exists(text) || !set_sample(text, set, number)) return read_file(text, saved);
  const data::Dataset test = data::load(set).test;
  if (number >= test.size()) {
    throw ValueError(fmt::format("{}: the test part of {} has {} samples", text, set, test.size()));
  }
  const data::Sample sample = test.get(number);
  Samples samples{expand_dims(sample.inputs.at(0), {0}), {}};
  if (!sample.targets.empty() && saved.task == zoo::Task::classification) {
    samples.truths = {class_name(test.info().class_names, sample.targets[0].item<std::size_t>())};
  }
  return samples;
}

// The answers for one argument of the command line, as text and as JSON.
struct Answers {
  std::string text;
  std::vector<std::string> warnings = {};
  nlohmann::json json = nlohmann::json::array();
};

Answers answers_for(const std::string& file, zoo::SavedModel& saved, int top) {
  const Samples samples = read_samples(file, saved);
  const std::int64_t n = samples.inputs.size(0);
  if (n == 0) throw IoError(file + ": has no rows");
  Shape shape;
  for (int axis = 1; axis < samples.inputs.rank(); ++axis) {
    shape.push_back(samples.inputs.size(axis));
  }
  check_shape(shape, saved, file);
  const auto outputs = outputs_of(saved.model, samples.inputs, saved.task, 256);
  Answers answers;
  answers.warnings = samples.warnings;
  std::vector<std::string> warnings = saved.warnings;
  warnings.insert(warnings.end(), samples.warnings.begin(), samples.warnings.end());
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::string truth = samples.truths.empty() ? "" : samples.truths.at(i);
    nlohmann::json entry{{"file", file}};
    if (n > 1) entry["row"] = i + 1;
    if (!truth.empty()) entry["truth"] = truth;
    if (!warnings.empty()) entry["warnings"] = warnings;
    answers.text += printable(file) + (n > 1 ? fmt::format(" row {}", i + 1) : "") +
                    (truth.empty() ? "" : fmt::format("  (truth: {})", printable(truth))) + "\n";
    if (saved.task == zoo::Task::classification) {
      for (const auto& [k, p] : top_classes(outputs[i], top)) {
        const std::string name = class_name(saved.info.class_names, k);
        entry["classes"].push_back({{"name", name}, {"index", k}, {"probability", p}});
        answers.text += fmt::format("  {:6.2f}%  {}\n", 100 * p, printable(name));
      }
    } else {
      entry["values"] = outputs[i];
      answers.text += fmt::format("  {:.6g}\n", fmt::join(outputs[i], ", "));
    }
    answers.json.push_back(entry);
  }
  return answers;
}

int run_predict(const PredictCommand& command, const Console& console) {
  if (command.top < 1) throw ValueError("--top must be at least 1");
  zoo::SavedModel saved = load_model(command.model, console);
  if (saved.task == zoo::Task::language) {
    throw ValueError(command.model +
                     ": a model of a language goes on with a text: use `nacre generate`");
  }
  nlohmann::json json = nlohmann::json::array();
  int code = kOk;
  // What is wrong with one argument does not take the answers for the others.
  for (const std::string& file : command.files) {
    try {
      const Answers answers = answers_for(file, saved, command.top);
      for (const std::string& warning : answers.warnings) console.warn(file + ": " + warning);
      console.say(answers.text);
      json.insert(json.end(), answers.json.begin(), answers.json.end());
    } catch (const std::exception& e) {
      const Failure failure = failure_of(e);
      if (!console.json) console.fail(failure.code, failure.text);
      json.push_back({{"file", file}, {"error", failure.text}});
      code = code == kOk ? failure.code : code == failure.code ? code : kFailed;
    }
  }
  if (console.json) console.print("", json);
  return code;
}

}  // namespace

void add_predict(CLI::App& app, const Console& console, int& code) {
  const auto command = std::make_shared<PredictCommand>();
  auto* command_app = app.add_subcommand("predict", "Predict for files");
  command_app->add_option("model", command->model, "A model file or run directory")->required();
  command_app
      ->add_option("files", command->files,
                   "Pictures, sounds, CSV files, or SET:NUMBER for a test sample")
      ->required();
  add_number(command_app, "--top", command->top, 1, std::numeric_limits<int>::max(),
             "Classes to list");
  command_app->footer("Example: nacre predict runs/digits-mlp-1 photo.png digits:3");
  command_app->callback([command, &console, &code] { code = run_predict(*command, console); });
}

}  // namespace nacre::cli
