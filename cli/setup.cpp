#include "cli/setup.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "nacre/base/json.h"
#include "nacre/base/text.h"
#include "nacre/base/utf8.h"
#include "nacre/data/image/augment.h"
#include "nacre/data/loader.h"
#include "nacre/data/preprocess.h"
#include "nacre/data/sets/named.h"
#include "nacre/ops/api.h"
#include "nacre/zoo/architecture.h"

namespace nacre::cli {
namespace {

using Strings = std::vector<std::string>;

data::Parts load_any(const DataRecipe& recipe, const std::string& preprocessing,
                     std::optional<OwnData>& own) {
  if (!recipe.path.empty()) return own.emplace(recipe, preprocessing).parts();
  if (recipe.name.empty()) {
    throw ValueError(
        "no data given: use --data NAME (see nacre data list), --data FOLDER_OR_CSV, "
        "or [data] in a recipe");
  }
  const data::NamedSet set = data::load(recipe.name);
  return {.train = set.train, .validation = {}, .test = set.test};
}

// Class indices are whole numbers; everything else is a value to come near to.
zoo::Task task_of(const DataRecipe& recipe, const data::Dataset& set) {
  if (const auto task = zoo::task_from_name(recipe.task)) return *task;
  const std::vector<Spec> targets = set.target_specs();
  const bool whole = !targets.empty() && targets[0].dtype == i64;
  return whole ? zoo::Task::classification : zoo::Task::regression;
}

void expect_samples(const data::Dataset& train, const data::Info& info, std::int64_t validation,
                    std::int64_t test) {
  if (!train.empty()) return;
  throw IoError(
      fmt::format("{}: no samples are left to train on ({} for validation, {} for testing)",
                  info.name, validation, test));
}

// Samples that are their own numbers from `first` on, with the classes of the set where it has
// some: to be divided in its stead.
data::Dataset numbers_of(const data::Dataset& set, std::int64_t first) {
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(set.size()));
  std::iota(numbers.begin(), numbers.end(), first);
  const std::vector<Spec> targets = set.target_specs();
  const bool classes =
      targets.size() == 1 && targets[0].shape.rank() == 0 && is_integral(targets[0].dtype);
  return data::Dataset::from({Tensor::from(numbers)},
                             classes ? Tensors{Tensor::from(set.labels())} : Tensors{});
}
std::vector<std::int64_t> numbers_in(const data::Dataset& set) {
  return set.empty() ? std::vector<std::int64_t>() : set.all().inputs[0].to_vector<std::int64_t>();
}

Division divide(const data::Parts& set, const DataRecipe& recipe, std::uint64_t seed) {
  Division out;
  if (set.train.empty()) return out;
  const std::int64_t validation_begin = set.train.size();
  const std::int64_t test_begin = validation_begin + set.validation.size();
  data::Dataset train = numbers_of(set.train, 0);
  data::Dataset test;
  if (set.test.empty()) {
    std::tie(train, test) = train.split(recipe.test, {.seed = seed});
  } else {
    test = numbers_of(set.test, test_begin);
  }
  if (recipe.limit > 0 && recipe.limit < train.size()) {
    // Sets are often in the order of their classes: a part of every class is taken.
    const double share = static_cast<double>(recipe.limit) / static_cast<double>(train.size());
    train = train.split(share, {.seed = seed + 2}).second;
  }
  data::Dataset validation;
  if (!set.validation.empty()) {
    validation = numbers_of(set.validation, validation_begin);
  } else if (recipe.validation > 0 && !train.empty()) {
    std::tie(train, validation) = train.split(recipe.validation, {.seed = seed + 1});
  }
  return {ranges_of(numbers_in(train)), ranges_of(numbers_in(validation)),
          ranges_of(numbers_in(test))};
}

// The samples of these numbers, counted as in Division.
data::Dataset select(const data::Parts& parts, const Ranges& ranges) {
  data::Dataset out;
  std::int64_t begin = 0;
  for (const data::Dataset* part : {&parts.train, &parts.validation, &parts.test}) {
    const std::int64_t end = begin + part->size();
    std::vector<std::int64_t> here;
    for (const auto& [first, last] : ranges) {
      for (std::int64_t n = std::max(first, begin); n <= std::min(last, end - 1); ++n) {
        here.push_back(n - begin);
      }
    }
    if (!here.empty()) {
      const data::Dataset chosen = part->select(std::move(here));
      out = out.empty() ? chosen : out.concat(chosen);
    }
    begin = end;
  }
  if (!ranges.empty() && ranges.back().second >= begin) {
    throw IoError(fmt::format("{}: sample {} is asked for, of {}", parts.train.info().name,
                              ranges.back().second, begin));
  }
  return out;
}

// Classes that have samples to judge by, but none to learn from.
std::vector<std::string> unseen_classes(const Setup& setup) {
  std::map<std::int64_t, std::int64_t> samples;  // by class, of the other parts
  for (const data::Dataset* part : {&setup.validation, &setup.test}) {
    if (part->empty()) continue;
    for (const std::int64_t label : part->labels()) ++samples[label];
  }
  for (const std::int64_t label : setup.train.labels()) samples.erase(label);
  const auto& names = setup.info.class_names;
  Strings shown;
  for (const auto& [label, count] : samples) {
    const auto k = static_cast<std::size_t>(label);
    if (shown.size() == 5) {
      shown.emplace_back("...");
      break;
    }
    shown.push_back(
        fmt::format("\"{}\" ({})", k < names.size() ? names[k] : std::to_string(label), count));
  }
  if (shown.empty()) return {};
  return {fmt::format("{} with samples for validation or testing, but none to learn from: {}",
                      samples.size() == 1 ? "a class" : fmt::format("{} classes", samples.size()),
                      fmt::join(shown, ", "))};
}

void measure_targets(Setup& setup) {
  const std::vector<double> values = setup.train.all().targets.at(0).to_vector<double>();
  const auto n = static_cast<double>(values.size());
  for (const double v : values) setup.target_mean += v / n;
  double squares = 0;
  for (const double v : values) squares += (v - setup.target_mean) * (v - setup.target_mean);
  if (squares > 0) setup.target_deviation = std::sqrt(squares / n);
  if (!std::isfinite(setup.target_mean) || !std::isfinite(setup.target_deviation)) {
    throw IoError(setup.info.name + ": the targets are too large");
  }
}

void count_classes(Setup& setup) {
  for (std::string& text : unseen_classes(setup)) setup.unseen.push_back(std::move(text));
  setup.outputs = static_cast<std::int64_t>(setup.info.class_names.size());
  if (setup.outputs == 0) {
    const std::vector<std::int64_t> labels = setup.train.labels();
    setup.outputs = 1 + *std::max_element(labels.begin(), labels.end());
  }
}

}  // namespace

Ranges ranges_of(const std::vector<std::int64_t>& rising) {
  Ranges out;
  for (const std::int64_t n : rising) {
    if (!out.empty() && out.back().second == n - 1) {
      out.back().second = n;
    } else {
      out.emplace_back(n, n);
    }
  }
  return out;
}

void set_data(DataRecipe& recipe, const std::string& given) {
  recipe.name.clear();
  recipe.path.clear();
  bool named = false;
  for (const data::SetDescription& s : data::named_sets()) named = named || s.name == given;
  if (!named && std::filesystem::exists(given)) {
    recipe.path = given;
  } else if (!named && given.find_first_of("/.") != given.npos) {
    throw ValueError(given + ": no such file or folder, nor a set of `nacre data list`");
  } else {
    recipe.name = given;
  }
}

namespace {

// learned: what to use again, or nothing, to learn it.
Setup open(const DataRecipe& recipe, std::uint64_t seed, const Learned* learned) {
  const std::string known = learned ? learned->preprocessing : "";
  std::optional<OwnData> own;
  const data::Parts set = load_any(recipe, known, own);
  Setup setup;
  setup.division = learned ? learned->division : divide(set, recipe, seed);
  setup.train = select(set, setup.division.train);
  setup.validation = select(set, setup.division.validation);
  setup.test = select(set, setup.division.test);
  setup.info = set.train.info();
  expect_samples(setup.train, setup.info, setup.validation.size(), setup.test.size());
  setup.task = task_of(recipe, setup.train);
  if (setup.task == zoo::Task::language && !own) {
    throw ValueError("data.task: \"language\" takes a file of text (data.path)");
  }
  if (setup.task == zoo::Task::regression && setup.train.target_specs().at(0).dtype == i64) {
    throw ValueError("data.task: the targets are class numbers, this is no regression");
  }
  if (own) {
    setup.findings = own->findings();
    setup.vocabulary = own->encode(setup.train, setup.validation, setup.test, known, &setup.unseen);
    setup.info = setup.train.info();
  }
  setup.input = setup.train.input_specs().at(0);
  switch (setup.task) {
    case zoo::Task::classification:
      count_classes(setup);
      break;
    case zoo::Task::language:
      setup.outputs = setup.vocabulary;
      break;
    case zoo::Task::regression:
      setup.outputs = setup.train.target_specs().at(0).elements();
      if (learned) {
        setup.target_mean = learned->target_mean;
        setup.target_deviation = learned->target_deviation;
      } else if (recipe.standardize_targets) {
        measure_targets(setup);
      }
  }
  if (learned && setup.info.class_names != learned->class_names) {
    throw IoError(fmt::format("{}: its classes are {}, those of the run {}", setup.info.name,
                              fmt::join(setup.info.class_names, ", "),
                              fmt::join(learned->class_names, ", ")));
  }
  return setup;
}

}  // namespace

std::string outputs_text(const Setup& setup) {
  const char* what = setup.task == zoo::Task::classification ? "classes"
                     : setup.task == zoo::Task::language     ? "tokens to choose from at each step"
                                                             : "values to predict";
  return fmt::format("{} {}", setup.outputs, what);
}

std::vector<std::string> warnings_of(const Setup& setup) {
  Strings out = setup.findings.warnings;
  out.insert(out.end(), setup.unseen.begin(), setup.unseen.end());
  return out;
}

Setup open_data(const DataRecipe& recipe, std::uint64_t seed) {
  return open(recipe, seed, nullptr);
}

Setup open_data(const DataRecipe& recipe, const Learned& learned) {
  return open(recipe, 0, &learned);
}

data::Loader training_batches(const Recipe& recipe, const Setup& setup) {
  data::Dataset set = setup.train;
  data::ImageAugmentation augmentation;
  const Strings known{"flip", "crop", "rotate", "cutout", "colour", "rand"};
  for (const std::string& name : recipe.data.augment) {
    if (name == "flip") {
      augmentation.flip_horizontal = true;
    } else if (name == "crop") {
      augmentation.crop_padding =
          static_cast<int>(std::max<std::int64_t>(1, setup.input.shape.at_back(-1) / 8));
    } else if (name == "rotate") {
      augmentation.rotate = 12;
    } else if (name == "cutout") {
      augmentation.cutout =
          static_cast<int>(std::max<std::int64_t>(1, setup.input.shape.at_back(-1) / 4));
    } else if (name == "colour") {
      augmentation.brightness = augmentation.contrast = 0.2;
    } else if (name == "rand") {
      augmentation.rand_augment = 2;
    } else {
      fail_choice("augmentation", name, known);
    }
  }
  if (!recipe.data.augment.empty()) {
    if (setup.input.shape.rank() != 3)
      throw ValueError("data.augment: the samples are no pictures");
    set = set.augment(augmentation);
  }
  const bool decodes =
      std::filesystem::is_directory(recipe.data.path) || !recipe.data.augment.empty();
  const std::int64_t workers = recipe.data.workers >= 0 ? recipe.data.workers : decodes ? 1 : 0;
  // L-BFGS takes the whole data at once.
  const bool whole = recipe.train.optimizer == "lbfgs";
  return data::Loader(set, {.batch_size = whole ? setup.train.size() : recipe.train.batch_size,
                            .shuffle = !whole,
                            .most_batches = recipe.train.steps_per_epoch,
                            .seed = recipe.train.seed,
                            .workers = static_cast<int>(workers)});
}

}  // namespace nacre::cli
