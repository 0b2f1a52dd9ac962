// `nacre train`.
#include <fmt/format.h>

#include <csignal>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>

#include "cli/commands.h"
#include "cli/doctor.h"
#include "cli/judge.h"
#include "cli/run_directory.h"
#include "cli/setup.h"
#include "nacre/base/json.h"
#include "nacre/base/text.h"
#include "nacre/base/threads.h"
#include "nacre/base/utf8.h"
#include "nacre/data/loader.h"
#include "nacre/io/event_log.h"
#include "nacre/nn/initializer.h"
#include "nacre/run/generator.h"
#include "nacre/train/callbacks.h"
#include "nacre/zoo/saved_model.h"

namespace nacre::cli {
namespace {

namespace fs = std::filesystem;

volatile std::sig_atomic_t interrupted = 0;  // the signal

// Ctrl-C and SIGTERM (of a batch system, or of a machine that shuts down) end the run after the
// step at hand; a second one kills as usual.
class InterruptScope {
 public:
  InterruptScope() {
    interrupted = 0;
    struct sigaction action {};
    action.sa_handler = [](int signal) { interrupted = signal; };
    action.sa_flags = SA_RESETHAND;
    sigaction(SIGINT, &action, &interrupt_);
    sigaction(SIGTERM, &action, &terminate_);
  }
  ~InterruptScope() {
    sigaction(SIGINT, &interrupt_, nullptr);
    sigaction(SIGTERM, &terminate_, nullptr);
  }

 private:
  struct sigaction interrupt_ {};
  struct sigaction terminate_ {};
};

CallbackPtr stop_on_interrupt() {
  return make_callback({.on_batch_end = [](TrainingState& state) {
    if (interrupted) state.stop = true;
  }});
}

// Calls `save` at the end of each epoch whose watched number is the least so far. The least is part
// of the checkpoint, so that a resumed run does not overwrite a better model.
class SaveBest final : public Callback {
 public:
  SaveBest(std::string watched, std::function<void(Model&)> save)
      : watched_(std::move(watched)), save_(std::move(save)) {}
  void on_epoch_end(TrainingState& state) override {
    const double value = state.logs()[watched_];
    if (!(value < least_)) return;
    least_ = value;
    save_(state.model);
  }
  nn::StateMap state() const override { return {{"least", Tensor::scalar(least_, f64)}}; }
  void load_state(const nn::StateMap& values) override {
    if (const auto found = values.find("least"); found != values.end()) {
      least_ = found->second.item<double>();
    }
  }

 private:
  std::string watched_;
  std::function<void(Model&)> save_;
  double least_ = std::numeric_limits<double>::infinity();
};
CallbackPtr save_best(std::string watched, std::function<void(Model&)> save) {
  return std::make_shared<SaveBest>(std::move(watched), std::move(save));
}

// Loss and metrics for TensorBoard, an epoch a step.
CallbackPtr tensorboard_log(const fs::path& folder) {
  auto log = std::make_shared<io::EventLog>(folder);
  return make_callback({.on_epoch_end = [log](TrainingState& state) {
    for (const auto& [name, value] : state.logs().entries())
      log->scalar(name, state.epoch + 1, value);
  }});
}

// What goes wrong during training is no wrong usage, whatever its kind.
void train_on(Model& model, data::Loader& batches, const FitOptions& options) {
  try {
    model.fit(batches, options);
  } catch (const ValueError& e) {
    throw Error(e.what());
  }
}

// Layers that do not fit the data are a wrong recipe, whatever finds it.
nn::Summary summary_of(Model& model, const Spec& batch) {
  try {
    return model.summary(batch);
  } catch (const ShapeError& e) {
    throw ValueError(e.what());
  } catch (const DTypeError& e) {
    throw ValueError(e.what());
  }
}

Recipe recipe_of(const TrainCommand& command) {
  if (!command.resume.empty()) {
    if (!command.recipe_file.empty() || !command.model.empty() || !command.data.empty() ||
        !command.directory.empty()) {
      throw ValueError(
          "--resume goes on with a run as it was begun: leave the recipe, --model, --data and "
          "--out "
          "away");
    }
    const fs::path config = fs::path(command.resume) / "config.json";
    if (!fs::exists(config)) {
      throw IoError(command.resume + ": no run directory: it holds no config.json");
    }
    Recipe recipe = cli::recipe_of(command.resume);
    recipe.run.directory = command.resume;
    for (const std::string& setting : command.settings) set_key(recipe, setting);
    validate(recipe);
    return recipe;
  }
  Recipe recipe;
  if (!command.recipe_file.empty()) recipe = read_recipe(command.recipe_file);
  if (!command.model.empty()) recipe.model = {.name = command.model, .layers = {}};
  if (!command.data.empty()) {
    set_data(recipe.data, command.data);
  }
  if (!command.directory.empty()) recipe.run.directory = command.directory;
  for (const std::string& setting : command.settings) set_key(recipe, setting);
  validate(recipe);
  return recipe;
}

std::string stem_of(const Recipe& recipe) {
  const std::string data =
      recipe.data.name.empty()
          ? (fs::absolute(recipe.data.path) / "").lexically_normal().parent_path().stem().string()
          : recipe.data.name;
  return as_utf8(data) + "-" + (recipe.model.layers.empty() ? recipe.model.name : "custom");
}

nlohmann::json environment_json() {
  nlohmann::json out;
  for (const auto& [name, value] : environment()) out[name] = value;
  return out;
}

void print_next_steps(const fs::path& run, const Console& console) {
  console.say(fmt::format(
      "\nNext:\n  nacre report {0}      a page with curves, confusion matrix and mistakes\n"
      "  nacre predict {0} FILE   use the model\n"
      "  nacre train --resume {0} --epochs N   train on\n",
      run.string()));
}

}  // namespace

int run_train(const TrainCommand& command, const Console& console) {
  Recipe recipe = recipe_of(command);
  if (command.threads > 0) recipe.run.threads = command.threads;
  if (recipe.run.threads > 0) set_threads(recipe.run.threads);
  manual_seed(recipe.train.seed);

  const Setup setup = open_data(recipe.data, recipe.train.seed);
  const std::string layers = layers_for(recipe.model, setup);
  data::Loader batches = training_batches(recipe, setup);
  Model model =
      make_model(recipe, layers, setup.classifies, batches.batches() * recipe.train.epochs);

  Spec batch_spec = setup.input;
  batch_spec.shape = Shape{recipe.train.batch_size};
  for (const std::int64_t d : setup.input.shape) batch_spec.shape.push_back(d);
  const nn::Summary network = summary_of(model, batch_spec);
  check_outputs(network, setup);
  const fs::path run = recipe.run.directory.empty() ? new_run_directory(stem_of(recipe))
                                                    : fs::path(recipe.run.directory);
  if (command.resume.empty() && fs::exists(run / "config.json")) {
    throw ValueError(fmt::format(
        "{0}: holds a run already; go on with --resume {0} or choose another --out", run.string()));
  }
  fs::create_directories(run);
  recipe.run.directory = run.string();
  // A resumed run stays with what was chosen at its beginning.
  Recipe chosen = recipe;
  if (recipe.train.precision == "auto") {
    chosen.train.precision = uses_bfloat16(Precision::automatic) ? "bf16" : "f32";
  }
  write_text(run / "config.json", to_json(chosen));
  std::string precision = precision_text(recipe.train);
  if (!command.resume.empty() && fs::exists(run / "environment.json")) {
    const std::string name = (run / "environment.json").string();
    const nlohmann::json before = read_json(name);
    if (const auto chosen_then = JsonView(before, name).find("precision")) {
      precision = chosen_then->text();
    }
  }
  nlohmann::json machine = environment_json();
  machine["precision"] = precision;
  write_text(run / "environment.json", json_text(machine, "environment.json", 2));
  const std::string summary = nn::to_string(network);
  write_text(run / "summary.txt", summary);
  if (!console.json && !command.quiet) {
    console.say(fmt::format("{}\n{} training, {} validation, {} test samples; run {}\n{}\n",
                            summary, with_thousands(setup.train.size()),
                            with_thousands(setup.validation.size()),
                            with_thousands(setup.test.size()), run.string(),
                            precision == "f32" ? "" : "precision " + precision + "\n"));
  }

  const std::string watched = setup.validation.empty() ? "loss" : "val_loss";
  FitOptions fit{
      .epochs = static_cast<int>(recipe.train.epochs),
      .verbose = console.json || command.quiet ? 0 : 1,
      .checkpoint = {.folder = run / "checkpoints", .every_steps = recipe.train.checkpoint_every},
      .resume = !command.resume.empty()};
  fit.callbacks = {stop_on_interrupt(), json_lines_log(run / "history.jsonl"),
                   save_best(watched, [&](Model& best) {
                     zoo::save_model(run / "best.safetensors", best, setup.input, setup.classifies,
                                     setup.info);
                   })};
  if (recipe.train.early_stopping > 0) {
    fit.callbacks.push_back(early_stopping(
        {.monitor = watched, .patience = static_cast<int>(recipe.train.early_stopping)}));
  }
  if (recipe.run.tensorboard) fit.callbacks.push_back(tensorboard_log(run / "tensorboard"));
  std::optional<data::Loader> validation;
  if (!setup.validation.empty()) {
    validation.emplace(setup.validation, data::LoaderOptions{.batch_size = 256});
    fit.validation_source = &*validation;
  }
  {
    const InterruptScope scope;
    train_on(model, batches, fit);
  }
  zoo::save_model(run / "model.safetensors", model, setup.input, setup.classifies, setup.info);
  if (interrupted) {
    const int code = interrupted == SIGTERM ? kTerminated : kInterrupted;
    return console.fail(code,
                        "stopped and saved; go on with: nacre train --resume " + run.string());
  }
  if (setup.test.empty()) {
    console.print("\nno test samples: nothing to evaluate",
                  {{"run", run.string()}, {"metrics", nlohmann::json::object()}});
    return kOk;
  }
  // The numbers are those of the model that `eval` and `predict` take: the best one.
  zoo::SavedModel best = zoo::load_model(model_path(run.string()));
  model.load_state(nn::values_of(best.model.state()));
  const nlohmann::json evaluation = judge(model, setup.test, setup.info, setup.classifies, 256);
  write_text(run / "evaluation.json", json_text(evaluation, "evaluation.json"));
  if (console.json) {
    console.print("", {{"run", run.string()}, {"metrics", evaluation["metrics"]}});
  } else {
    std::string line;
    for (const auto& [name, value] : evaluation["metrics"].items()) {
      line += fmt::format("{}{} {:.4f}", line.empty() ? "" : ", ", name, value.get<double>());
    }
    console.say(fmt::format("\ntest: {} ({} samples)\n", line, with_thousands(setup.test.size())));
    if (!command.quiet) print_next_steps(run, console);
  }
  return kOk;
}

}  // namespace nacre::cli
