#include "cli/setup.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "nacre/base/text.h"
#include "nacre/data/augment.h"
#include "nacre/data/loader.h"
#include "nacre/data/named.h"
#include "nacre/data/preprocess.h"
#include "nacre/zoo/architecture.h"

namespace nacre::cli {
namespace {

using Strings = std::vector<std::string>;

[[noreturn]] void fail_choice(const char* what, const std::string& given, const Strings& known) {
  throw ValueError(fmt::format("unknown {} \"{}\"{} Known: {}", what, given,
                               did_you_mean(given, known), fmt::join(known, ", ")));
}

bool holds_sounds(const std::filesystem::path& folder) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) return entry.path().extension() == ".wav";
  }
  throw IoError(folder.string() + ": the folder has no files");
}

// A user's own data: a table, or a folder with a folder of files for each class.
data::Parts load_path(const DataRecipe& recipe) {
  const std::filesystem::path path = recipe.path;
  if (std::filesystem::is_directory(path)) {
    if (holds_sounds(path)) return data::sound_folder(path);
    data::ImageForm form;
    form.height = form.width = recipe.image_size;
    return data::image_folder(path, form);
  }
  const data::Table table = data::read_csv(path);
  data::TableOptions options{.target = recipe.target};
  if (recipe.task == "classification") options.task = data::TableOptions::Task::classes;
  if (recipe.task == "regression") options.task = data::TableOptions::Task::values;
  const data::TableEncoder encoder = data::TableEncoder::fit(table, options);
  const data::Dataset set = encoder.encode(table);
  data::Info info = set.info();
  info.preprocessing = data::Preprocess(encoder).to_json();
  return {.train = set.with_info(info), .validation = {}, .test = {}};
}

data::Parts load_any(const DataRecipe& recipe) {
  if (!recipe.path.empty()) return load_path(recipe);
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

}  // namespace

Setup open_data(const DataRecipe& recipe, std::uint64_t seed) {
  const data::Parts set = load_any(recipe);
  Setup setup;
  setup.info = set.train.info();
  data::Dataset train = set.train;
  setup.test = set.test;
  if (setup.test.empty()) std::tie(train, setup.test) = train.split(recipe.test, {.seed = seed});
  if (recipe.limit > 0) train = train.take(recipe.limit);
  setup.classifies = is_classification(recipe, train);
  if (!set.validation.empty()) {
    setup.train = train;
    setup.validation = set.validation;
  } else if (recipe.validation > 0) {
    std::tie(setup.train, setup.validation) = train.split(recipe.validation, {.seed = seed + 1});
  } else {
    setup.train = train;
  }
  if (setup.train.empty()) throw ValueError("the training part of the data is empty");
  setup.input = setup.train.input_specs().at(0);
  if (setup.classifies) {
    setup.outputs = static_cast<std::int64_t>(setup.info.class_names.size());
    if (setup.outputs == 0) {
      const std::vector<std::int64_t> labels = setup.train.labels();
      setup.outputs = 1 + *std::max_element(labels.begin(), labels.end());
    }
  } else {
    setup.outputs = setup.train.target_specs().at(0).elements();
  }
  return setup;
}

data::Dataset open_test_data(const DataRecipe& recipe, std::uint64_t seed, data::Info& info) {
  Setup setup = open_data(recipe, seed);
  info = setup.info;
  return setup.test;
}

std::string layers_for(const ModelRecipe& recipe, const Setup& setup) {
  if (!recipe.layers.empty()) return recipe.layers;
  return zoo::layers_of(recipe.name, setup.input, setup.outputs);
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

optim::Optimizer optimizer_for(const TrainRecipe& r, std::int64_t steps) {
  const auto rate = [&](double standard) {
    return schedule_for(r, r.learning_rate > 0 ? r.learning_rate : standard, steps);
  };
  const std::string& name = r.optimizer;
  const auto make = [&]() -> optim::Optimizer {
    if (name == "sgd")
      return optim::Sgd({.learning_rate = rate(0.01),
                         .momentum = 0.9,
                         .nesterov = true,
                         .weight_decay = r.weight_decay});
    if (name == "adam")
      return optim::Adam({.learning_rate = rate(1e-3), .weight_decay = r.weight_decay});
    if (name == "adamw")
      return optim::AdamW({.learning_rate = rate(1e-3),
                           .weight_decay = r.weight_decay > 0 ? r.weight_decay : 0.01});
    if (name == "rmsprop")
      return optim::Rmsprop({.learning_rate = rate(1e-3), .weight_decay = r.weight_decay});
    if (name == "lion")
      return optim::Lion({.learning_rate = rate(1e-4), .weight_decay = r.weight_decay});
    if (name == "muon")
      return optim::Muon({.learning_rate = rate(0.02), .weight_decay = r.weight_decay});
    fail_choice("optimizer", name, {"sgd", "adam", "adamw", "rmsprop", "lion", "muon"});
  };
  optim::Optimizer optimizer = make();
  if (r.clip_norm > 0) optimizer.clip_norm(r.clip_norm);
  return optimizer;
}

}  // namespace

Model make_model(const Recipe& recipe, const std::string& layers, bool classifies,
                 std::int64_t steps) {
  const TrainRecipe& t = recipe.train;
  Strings metrics = t.metrics;
  if (metrics.empty()) metrics = {classifies ? "accuracy" : "mae"};
  const loss::Loss loss = t.loss != "auto" ? loss::Loss(t.loss)
                          : classifies
                              ? loss::sparse_categorical_crossentropy(
                                    {.from_logits = true, .label_smoothing = t.label_smoothing})
                              : loss::mse();
  ModelOptions options{.optimizer = optimizer_for(t, steps), .loss = loss};
  for (const std::string& name : metrics) options.metrics.push_back(metric::Metric(name.c_str()));
  Model model(zoo::build(layers));
  model.compile(std::move(options));
  return model;
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
  return data::Loader(set, {.size = recipe.train.batch_size,
                            .shuffle = true,
                            .seed = recipe.train.seed,
                            .workers = recipe.data.augment.empty() ? 0 : 1});
}

}  // namespace nacre::cli
