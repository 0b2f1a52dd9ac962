#include "cli/run_setup.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/own_data.h"
#include "nacre/base/error.h"
#include "nacre/base/file.h"
#include "nacre/base/json.h"
#include "nacre/base/sha256.h"
#include "nacre/base/xxhash.h"
#include "nacre/data/preprocess.h"
#include "nacre/data/sets/named.h"
#include "nacre/zoo/architecture.h"

namespace nacre::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* kFile = "setup.json";
constexpr std::int64_t kFormat = 1;
constexpr const char* kHint = "the file is damaged: begin a new run";
constexpr std::int64_t kMostSamples = std::int64_t{1} << 53;

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

// A single number is itself, more in a row are a list of the first and the last.
Json to_json(const Ranges& ranges) {
  Json out = Json::array();
  for (const auto& [first, last] : ranges) {
    if (first == last) {
      out.push_back(first);
    } else {
      out.push_back({first, last});
    }
  }
  return out;
}

Ranges ranges_in(const JsonView& list) {
  Ranges out;
  for (const JsonView& item : list.items()) {
    std::pair<std::int64_t, std::int64_t> range;
    if (item.json().is_array()) {
      const std::vector<std::int64_t> ends = item.wholes(0, kMostSamples);
      if (ends.size() != 2) item.fail("the first and the last of rising numbers");
      range = {ends[0], ends[1]};
    } else {
      range.first = range.second = item.whole(0, kMostSamples);
    }
    if (range.second < range.first || (!out.empty() && range.first <= out.back().second)) {
      item.fail("numbers that rise");
    }
    out.push_back(range);
  }
  return out;
}

// Of all but itself: a changed figure of the encoder or number of a sample is valid JSON, and would
// give other results without a word.
std::string digest_of(Json setup) {
  setup.erase("digest");
  return fmt::format("{:016x}", xxhash64(json_text(setup, kFile)));
}

// What a model was trained on is no test.
void expect_disjoint(const Division& division, const std::string& file) {
  Ranges all;
  for (const Ranges* part : {&division.train, &division.validation, &division.test}) {
    all.insert(all.end(), part->begin(), part->end());
  }
  std::sort(all.begin(), all.end());
  for (std::size_t i = 1; i < all.size(); ++i) {
    if (all[i].first > all[i - 1].second) continue;
    throw_io(
        file,
        fmt::format("sample {} is in two of \"train\", \"validation\" and \"test\"", all[i].first),
        kHint);
  }
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
  Json out{{"format", kFormat},
           {"recipe", to_json(s.recipe)},
           {"fingerprint", s.fingerprint},
           {"nearby", s.nearby},
           {"class_names", l.class_names},
           {"preprocessing", l.preprocessing},
           {"target_mean", l.target_mean},
           {"target_deviation", l.target_deviation},
           {"train", to_json(l.division.train)},
           {"validation", to_json(l.division.validation)},
           {"test", to_json(l.division.test)},
           {"layers", s.layers}};
  out["digest"] = digest_of(out);
  return json_text(out, kFile);
}

RunSetup read_run_setup(const fs::path& run) {
  const fs::path file = run / kFile;
  if (!fs::exists(file)) {
    throw_io(file.string(), "missing, so which samples are for testing is not known",
             "begin a new run; `nacre eval RUN --data FILE` takes all of other data");
  }
  return run_setup_from_json(read_file(file, JsonLimits{}.bytes), file.string());
}

RunSetup run_setup_from_json(const std::string& text, const std::string& name) {
  const Json json = parse_json(text, name);
  const JsonView in(json, name, kHint);
  if (in.at("format").whole() != kFormat) throw_io(name, "of another version of this program");
  RunSetup out{.recipe = recipe_from_json(in.at("recipe").text(), name + ": \"recipe\""),
               .fingerprint = in.at("fingerprint").text(),
               .nearby = in.at("nearby").text(),
               .learned = {.division = {.train = ranges_in(in.at("train")),
                                        .validation = ranges_in(in.at("validation")),
                                        .test = ranges_in(in.at("test"))},
                           .class_names = in.at("class_names").texts(),
                           .preprocessing = in.at("preprocessing").text(),
                           .target_mean = in.at("target_mean").number(),
                           .target_deviation = in.at("target_deviation").number()},
               .layers = in.at("layers").text()};
  expect_disjoint(out.learned.division, name);
  // The user's own files are encoded as they were then, never by what they teach now.
  if (!out.recipe.data.path.empty() && out.learned.preprocessing.empty()) {
    in.at("preprocessing").fail("how the data was encoded");
  }
  if (!out.learned.preprocessing.empty()) {
    data::Preprocess::from_json(out.learned.preprocessing, name + ": \"preprocessing\"");
  }
  try {
    zoo::build(out.layers);
  } catch (const Error& e) {
    throw_io(name, fmt::format("\"layers\": {}", e.what()), kHint);
  }
  if (!(out.learned.target_deviation > 0)) in.at("target_deviation").fail("a number above 0");
  // Files of older programs have none.
  if (const auto digest = in.find("digest"); digest && digest->text() != digest_of(json)) {
    throw_io(name, "its digest is another one: it was changed after it was written", kHint);
  }
  return out;
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
