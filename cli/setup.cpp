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

[[noreturn]] void fail_choice(const char* what, const std::string& given, const Strings& known) {
  throw ValueError(fmt::format("unknown {} \"{}\"{}\n  hint: known are {}", what, given,
                               did_you_mean(given, known), fmt::join(known, ", ")));
}

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
bool is_classification(const DataRecipe& recipe, const data::Dataset& set) {
  if (recipe.task != "auto") return recipe.task == "classification";
  const std::vector<Spec> targets = set.target_specs();
  return !targets.empty() && targets[0].dtype == i64;
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
  setup.classifies = is_classification(recipe, setup.train);
  if (!setup.classifies && setup.train.target_specs().at(0).dtype == i64) {
    throw ValueError("data.task: the targets are class numbers, this is no regression");
  }
  if (own) {
    setup.findings = own->findings();
    setup.vocabulary = own->encode(setup.train, setup.validation, setup.test, known, &setup.unseen);
    setup.info = setup.train.info();
  }
  setup.input = setup.train.input_specs().at(0);
  if (setup.classifies) {
    for (std::string& text : unseen_classes(setup)) setup.unseen.push_back(std::move(text));
    setup.outputs = static_cast<std::int64_t>(setup.info.class_names.size());
    if (setup.outputs == 0) {
      const std::vector<std::int64_t> labels = setup.train.labels();
      setup.outputs = 1 + *std::max_element(labels.begin(), labels.end());
    }
  } else {
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

std::string layers_for(const ModelRecipe& recipe, const Setup& setup) {
  const std::string text = recipe.layers.empty() ? zoo::layers_of(recipe.name, setup.input,
                                                                  setup.outputs, setup.vocabulary)
                                                 : recipe.layers;
  zoo::build(text);  // says what is wrong with it
  nlohmann::json layers = parse_json(text, "model");
  if (!setup.classifies) {
    if (setup.target_mean == 0 && setup.target_deviation == 1) return text;
    layers.push_back(
        {{"type", "rescaling"}, {"scale", setup.target_deviation}, {"offset", setup.target_mean}});
    return json_text(layers, "model");
  }
  nlohmann::json& last = layers.back();
  if (!last.is_object() || last.value("activation", nlohmann::json()) != "softmax") return text;
  if (last.value("type", nlohmann::json()) == "activation") {
    layers.erase(layers.size() - 1);
  } else {
    last.erase("activation");
  }
  return json_text(layers, "model");
}

void check_outputs(const nn::Summary& network, const Setup& setup) {
  if (network.rows.empty()) return;
  const Shape& shape = network.rows.back().output.shape;
  if (shape.rank() == 2 && shape[1] == setup.outputs) return;
  throw ValueError(fmt::format(
      "model: the last layer gives {} for a batch, but the data has {} {}\n  hint: end with "
      "{{ type = \"dense\", units = {} }}",
      to_string(shape), setup.outputs, setup.classifies ? "classes" : "values to predict",
      setup.outputs));
}

namespace {

optim::Schedule schedule_for(const TrainRecipe& r, double rate, std::int64_t steps) {
  const Strings known{"constant", "cosine", "linear", "one_cycle"};
  if (r.schedule == "constant") return rate;
  steps = std::max<std::int64_t>(1, steps);
  if (r.schedule == "cosine") return optim::schedule::cosine({.rate = rate, .steps = steps});
  if (r.schedule == "linear") return optim::schedule::polynomial(rate, steps);
  if (r.schedule == "one_cycle")
    return optim::schedule::one_cycle({.maximum = rate, .steps = steps});
  fail_choice("schedule", r.schedule, known);
}

// "momentum=0.9" of train.optimizer_options; a value is true, false, a whole number or a fraction.
std::pair<std::string, optim::OptionValue> optimizer_option(const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::string name = text.substr(0, equals);
  const std::string value = equals == text.npos ? "" : text.substr(equals + 1);
  if (name == "learning_rate" || name == "weight_decay") {
    throw ValueError(
        fmt::format("train.optimizer_options: write train.{0} instead of \"{0}\"", name));
  }
  if (value == "true" || value == "false") return {name, value == "true"};
  char* end = nullptr;
  const double number = std::strtod(value.c_str(), &end);
  if (value.empty() || *end != '\0' || !std::isfinite(number)) {
    throw ValueError(format_error(
        {.op = "train.optimizer_options",
         .what = fmt::format("\"{}\" is no option with a number, true or false", printable(text)),
         .hint = "write for instance momentum=0.9"}));
  }
  if (value.find_first_not_of("+-0123456789") == value.npos && std::abs(number) < 1e15) {
    return {name, static_cast<std::int64_t>(number)};
  }
  return {name, number};
}

// By its row of the library, defaults included.
optim::Optimizer optimizer_for(const TrainRecipe& r, std::int64_t steps) {
  Strings known;
  for (const auto& row : optim::optimizers()) known.push_back(row.name);
  known.push_back("lbfgs");
  if (std::find(known.begin(), known.end(), r.optimizer) == known.end()) {
    fail_choice("optimizer", r.optimizer, known);
  }
  const double standard = optim::Optimizer(r.optimizer.c_str()).schedule().constant();
  optim::NamedOptions options;
  options.emplace_back("learning_rate",
                       schedule_for(r, r.learning_rate > 0 ? r.learning_rate : standard, steps));
  if (r.weight_decay >= 0) options.emplace_back("weight_decay", r.weight_decay);
  for (const std::string& text : r.optimizer_options) options.push_back(optimizer_option(text));
  optim::Optimizer optimizer(r.optimizer, options);
  if (r.clip_norm > 0) optimizer.clip_norm(r.clip_norm);
  return optimizer;
}

loss::Loss loss_for(const TrainRecipe& r, bool classifies) {
  const loss::CrossentropyOptions logits{.from_logits = true, .label_smoothing = r.label_smoothing};
  std::string name = r.loss;
  if (name == "auto") name = classifies ? "sparse_categorical_crossentropy" : "mse";
  const Strings of_classes{"sparse_categorical_crossentropy", "sparse_categorical_focal"};
  const Strings of_values{"mse",     "mean_squared_error", "mae", "mean_absolute_error", "huber",
                          "log_cosh"};
  const Strings& known = classifies ? of_classes : of_values;
  if (std::find(known.begin(), known.end(), name) == known.end()) {
    throw ValueError(fmt::format("train.loss: \"{}\" does not fit {}; those that do: {}", name,
                                 classifies ? "classes" : "values", fmt::join(known, ", ")));
  }
  if (r.label_smoothing > 0 && name != of_classes[0]) {
    throw ValueError(fmt::format("train.label_smoothing: the loss \"{}\" has none", name));
  }
  if (name == of_classes[0]) return loss::sparse_categorical_crossentropy(logits);
  if (name == of_classes[1]) {
    return loss::sparse_categorical_focal({.from_logits = true});
  }
  return loss::Loss(name);
}

// The loss before a last layer "rescaling".
loss::Loss without_unit(const loss::Loss& base, const std::string& layers) {
  const auto list = parse_json(layers, "model");
  if (list.back().value("type", nlohmann::json()) != "rescaling") {
    return base;
  }
  const double scale = list.back().value("scale", 1.0);
  const double offset = list.back().value("offset", 0.0);
  return {base.name(),
          [base, scale, offset](const Operand& p, const Tensor& t) {
            const Operand bare(div({sub(p, offset), p.at()}, scale), p.at());
            return base.values(bare, div(sub(t, offset), scale));
          },
          base.reduction(), base.traits()};
}

}  // namespace

Model make_model(const Recipe& recipe, const std::string& layers, bool classifies,
                 std::int64_t steps) {
  const TrainRecipe& t = recipe.train;
  nn::Sequential network = zoo::build(layers);  // first: what follows relies on the layers
  Strings metrics = t.metrics;
  if (metrics.empty()) metrics = {classifies ? "accuracy" : "mae"};
  ModelOptions options{.loss = without_unit(loss_for(t, classifies), layers),
                       .check_finite = t.check_finite,
                       .precision = precision_of(t)};
  if (t.optimizer == "lbfgs") {
    options.lbfgs = optim::LBFGSOptions{};
  } else {
    options.optimizer = optimizer_for(t, steps);
  }
  for (const std::string& name : metrics) options.metrics.push_back(metric::Metric(name.c_str()));
  Model model(std::move(network));
  model.compile(std::move(options));
  return model;
}

Precision precision_of(const TrainRecipe& recipe) {
  if (recipe.precision == "bf16") return Precision::bf16;
  return recipe.precision == "auto" ? Precision::automatic : Precision::f32;
}

std::string precision_text(const TrainRecipe& recipe) {
  const Precision precision = precision_of(recipe);
  if (precision == Precision::f32) return "f32";
  if (precision == Precision::bf16) return "bf16 (as asked)";
  const std::string reason = why_no_bfloat16();
  return fmt::format("{} (auto: {})", uses_bfloat16(precision) ? "bf16" : "f32",
                     !reason.empty()
                         ? reason
                         : fmt::format("bf16 products are {:.1f} times as fast as f32 ones here",
                                       bfloat16_speedup()));
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
                            .seed = recipe.train.seed,
                            .workers = static_cast<int>(workers)});
}

}  // namespace nacre::cli
