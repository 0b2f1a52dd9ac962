#include "cli/recipe_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "nacre/base/json.h"
#include "nacre/base/text.h"
#include "nacre/base/utf8.h"
#include "nacre/ops/api.h"
#include "nacre/zoo/architecture.h"

namespace nacre::cli {

using Strings = std::vector<std::string>;

namespace {

// What a recipe cannot know has a name: {type = "dense", units = "outputs"}.
void put_sizes(nlohmann::json& layers, const Setup& setup) {
  if (layers.is_string()) {
    const auto& name = layers.get_ref<const std::string&>();
    if (name == "outputs") {
      layers = setup.outputs;
    } else if (name == "vocabulary" && setup.vocabulary > 0) {
      layers = setup.vocabulary;
    }
  } else if (layers.is_structured()) {
    for (nlohmann::json& part : layers) put_sizes(part, setup);
  }
}

std::string with_sizes(const std::string& text, const Setup& setup) {
  try {
    nlohmann::json layers = parse_json(text, "model");
    put_sizes(layers, setup);
    return json_text(layers, "model");
  } catch (const IoError& e) {
    throw ValueError(e.what());  // of the recipe, not of a file of a run
  }
}

}  // namespace

std::string layers_for(const ModelRecipe& recipe, const Setup& setup) {
  const std::string text = recipe.layers.empty()
                               ? zoo::layers_of(recipe.name, {.input = setup.input,
                                                              .outputs = setup.outputs,
                                                              .vocabulary = setup.vocabulary,
                                                              .task = setup.task,
                                                              .blocks = recipe.blocks,
                                                              .heads = recipe.heads,
                                                              .width = recipe.width,
                                                              .dropout = recipe.dropout})
                               : with_sizes(recipe.layers, setup);
  zoo::build(text);  // says what is wrong with it
  nlohmann::json layers = parse_json(text, "model");
  if (setup.task == zoo::Task::regression) {
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
  const bool language = setup.task == zoo::Task::language;
  const bool fits =
      language ? shape.rank() == 3 && shape[1] == setup.input.shape[0] && shape[2] == setup.outputs
               : shape.rank() == 2 && shape[1] == setup.outputs;
  if (fits) return;
  throw ValueError(fmt::format(
      "model: the last layer gives {} for a batch, but the data has {}\n  hint: end with {}"
      "{{ type = \"dense\", units = {} }}",
      to_string(shape), outputs_text(setup),
      language ? "layers that keep every step (return_sequences = true) and " : "", setup.outputs));
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

// What suits a task; the first of each list is the default.
struct TaskChoices {
  const char* targets;
  Strings losses, metrics;
};

const TaskChoices& choices_of(zoo::Task task) {
  static const Strings of_classes{"sparse_categorical_crossentropy", "sparse_categorical_focal"};
  static const TaskChoices classes{"classes", of_classes, {"accuracy"}};
  static const TaskChoices tokens{"the next token", of_classes, {"perplexity"}};
  static const TaskChoices values{
      "values",
      {"mse", "mean_squared_error", "mae", "mean_absolute_error", "huber", "log_cosh"},
      {"mae"}};
  switch (task) {
    case zoo::Task::classification:
      return classes;
    case zoo::Task::language:
      return tokens;
    case zoo::Task::regression:
      break;
  }
  return values;
}

loss::Loss loss_for(const TrainRecipe& r, zoo::Task task) {
  const TaskChoices& choices = choices_of(task);
  const Strings& known = choices.losses;
  const std::string name = r.loss == "auto" ? known[0] : r.loss;
  if (std::find(known.begin(), known.end(), name) == known.end()) {
    throw ValueError(fmt::format("train.loss: \"{}\" does not fit {}; those that do: {}", name,
                                 choices.targets, fmt::join(known, ", ")));
  }
  const bool crossentropy = name == "sparse_categorical_crossentropy";
  if (r.label_smoothing > 0 && !crossentropy) {
    throw ValueError(fmt::format("train.label_smoothing: the loss \"{}\" has none", name));
  }
  if (crossentropy) {
    return loss::sparse_categorical_crossentropy(
        {.from_logits = true, .label_smoothing = r.label_smoothing});
  }
  if (name == "sparse_categorical_focal") {
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

Model make_model(const Recipe& recipe, const std::string& layers, zoo::Task task,
                 std::int64_t steps) {
  const TrainRecipe& t = recipe.train;
  nn::Sequential network = zoo::build(layers);  // first: what follows relies on the layers
  Strings metrics = t.metrics;
  if (metrics.empty()) metrics = choices_of(task).metrics;
  ModelOptions options{.loss = without_unit(loss_for(t, task), layers),
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

}  // namespace nacre::cli
