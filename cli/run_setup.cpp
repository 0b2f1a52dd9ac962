#include "cli/run_setup.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/own_data.h"
#include "nacre/base/error.h"
#include "nacre/base/file.h"
#include "nacre/base/json.h"
#include "nacre/base/sha256.h"
#include "nacre/data/sets/named.h"

namespace nacre::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Numbers = std::vector<std::int64_t>;

constexpr const char* kFile = "setup.json";
constexpr std::int64_t kFormat = 1;

// Keys that say how long and with what a run goes on, not what it is.
const std::vector<std::string> kMayChange{
    "train.epochs", "train.checkpoint_every", "data.workers",      "run.directory",
    "run.threads",  "run.tensorboard",        "train.check_finite"};

void add(Sha256& sum, const std::string& text) {
  sum.update(bytes_of(text));
  sum.update(bytes_of(std::string_view("\0", 1)));  // so that "ab", "c" is not "a", "bc"
}

std::string of_named(const std::string& name) {
  const data::NamedSet set = data::load(name);
  Sha256 sum;
  for (const data::Dataset* part : {&set.train, &set.test}) {
    add(sum, std::to_string(part->size()));
    if (part->empty()) continue;
    for (const std::string& c : part->info().class_names) add(sum, c);
    for (const std::int64_t label : part->labels()) add(sum, std::to_string(label));
  }
  return sum.hex();
}

// A list of numbers as "first-last" and single ones, for they often come in a row.
Json to_ranges(const Numbers& numbers) {
  Json out = Json::array();
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t end = i + 1;
    while (end < numbers.size() && numbers[end] == numbers[end - 1] + 1) ++end;
    if (end - i > 2) {
      out.push_back({numbers[i], numbers[end - 1]});
    } else {
      for (std::size_t k = i; k < end; ++k) out.push_back(numbers[k]);
    }
    i = end;
  }
  return out;
}

Numbers from_ranges(const JsonView& list) {
  constexpr std::int64_t kMost = std::int64_t{1} << 32;  // far above what fits into memory
  Numbers out;
  for (const JsonView& item : list.items()) {
    if (!item.json().is_array()) {
      out.push_back(item.whole(0, kMost));
      continue;
    }
    const Numbers ends = item.wholes(0, kMost);
    if (ends.size() != 2 || ends[1] < ends[0] ||
        ends[1] - ends[0] >= kMost - static_cast<std::int64_t>(out.size())) {
      item.fail("the first and the last of rising numbers");
    }
    for (std::int64_t n = ends[0]; n <= ends[1]; ++n) out.push_back(n);
  }
  return out;
}

}  // namespace

std::string fingerprint_of(const DataRecipe& data) {
  if (data.path.empty()) return of_named(data.name);
  if (!fs::exists(data.path)) throw IoError(data.path + ": no such file or folder");
  if (!fs::is_directory(data.path)) return sha256_of_file(data.path);
  Sha256 sum;
  for (const fs::path& file : files_of(data.path)) {
    add(sum, file.lexically_relative(data.path).generic_string());
    add(sum, sha256_of_file(file));
  }
  return sum.hex();
}

RunSetup make_run_setup(const Recipe& recipe, const Setup& setup, const std::string& layers,
                        const fs::path& run) {
  RunSetup out{.recipe = recipe,
               .fingerprint = fingerprint_of(recipe.data),
               .nearby = {},
               .learned = {.division = setup.division,
                           .class_names = setup.info.class_names,
                           .preprocessing = setup.info.preprocessing,
                           .target_mean = setup.target_mean,
                           .target_deviation = setup.target_deviation},
               .layers = layers};
  if (!recipe.data.path.empty()) {
    out.nearby = fs::path(recipe.data.path).lexically_proximate(fs::absolute(run)).string();
  }
  return out;
}

std::string to_json(const RunSetup& s) {
  const Learned& l = s.learned;
  const Json out{{"format", kFormat},
                 {"recipe", to_json(s.recipe)},
                 {"fingerprint", s.fingerprint},
                 {"nearby", s.nearby},
                 {"class_names", l.class_names},
                 {"preprocessing", l.preprocessing},
                 {"target_mean", l.target_mean},
                 {"target_deviation", l.target_deviation},
                 {"train", to_ranges(l.division.train)},
                 {"validation", to_ranges(l.division.validation)},
                 {"test", to_ranges(l.division.test)},
                 {"layers", s.layers}};
  return json_text(out, kFile);
}

RunSetup read_run_setup(const fs::path& run) {
  const fs::path file = run / kFile;
  const std::string name = file.string();
  if (!fs::exists(file)) {
    throw_io(name, "missing, so which samples are for testing is not known",
             "begin a new run; `nacre eval RUN --data FILE` takes all of other data");
  }
  const Json json = read_json(file);
  const JsonView in(json, name, "the file is damaged: begin a new run");
  if (in.at("format").whole() != kFormat) throw_io(name, "of another version of this program");
  return {.recipe = recipe_from_json(in.at("recipe").text(), name),
          .fingerprint = in.at("fingerprint").text(),
          .nearby = in.at("nearby").text(),
          .learned = {.division = {.train = from_ranges(in.at("train")),
                                   .validation = from_ranges(in.at("validation")),
                                   .test = from_ranges(in.at("test"))},
                      .class_names = in.at("class_names").texts(),
                      .preprocessing = in.at("preprocessing").text(),
                      .target_mean = in.at("target_mean").number(),
                      .target_deviation = in.at("target_deviation").number()},
          .layers = in.at("layers").text()};
}

Setup open_run_data(const RunSetup& setup, const fs::path& run) {
  DataRecipe data = setup.recipe.data;
  if (!data.path.empty() && !fs::exists(data.path)) {
    const fs::path nearby = (fs::absolute(run) / setup.nearby).lexically_normal();
    if (!fs::exists(nearby)) {
      throw IoError(fmt::format(
          "{}: the data of the run {} is not there any more\n  hint: put it back; `nacre eval RUN "
          "--data FILE` takes all of other data",
          data.path, run.string()));
    }
    data.path = nearby.string();
  }
  const std::string now = fingerprint_of(data);
  if (now != setup.fingerprint) {
    const std::string name = data.path.empty() ? data.name : data.path;
    throw IoError(fmt::format(
        "{0}: has changed since the run {1} began (SHA-256 {2:.12}... then, {3:.12}... now), so "
        "its "
        "samples cannot be told apart as they were\n  hint: put the old data back; or evaluate on "
        "all of the new: nacre eval {1} --data {0}; or begin a new run",
        name, run.string(), setup.fingerprint, now));
  }
  return open_data(data, setup.learned);
}

void expect_unchanged(const Recipe& before, const Recipe& now) {
  for (const KeyChange& c : changed_keys(before, now)) {
    if (std::find(kMayChange.begin(), kMayChange.end(), c.key) != kMayChange.end()) continue;
    throw ValueError(
        fmt::format("--resume: \"{}\" is {} since the run began and cannot become {}\n  hint: "
                    "begin a new run for it; what may change: {}",
                    c.key, c.before, c.now, fmt::join(kMayChange, ", ")));
  }
}

}  // namespace nacre::cli
