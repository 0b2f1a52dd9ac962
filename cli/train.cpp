// `nacre train`.
#include <fmt/format.h>

#include <filesystem>
#include <functional>
#include <optional>

#include "cli/commands.h"
#include "cli/doctor.h"
#include "cli/judge.h"
#include "cli/options.h"
#include "cli/run_directory.h"
#include "cli/run_setup.h"
#include "cli/setup.h"
#include "cli/stop_signals.h"
#include "nacre/base/durable.h"
#include "nacre/base/file.h"
#include "nacre/base/json.h"
#include "nacre/base/text.h"
#include "nacre/base/threads.h"
#include "nacre/base/utf8.h"
#include "nacre/data/loader.h"
#include "nacre/io/checkpoint.h"
#include "nacre/nn/initializer.h"
#include "nacre/run/generator.h"
#include "nacre/train/callbacks.h"
#include "nacre/zoo/saved_model.h"

namespace nacre::cli {
namespace {

namespace fs = std::filesystem;

struct TrainCommand {
  std::string recipe_file;            // or empty
  std::string model, data;            // instead of a recipe
  std::vector<std::string> settings;  // key=value
  std::string resume;                 // the directory of a run to go on with
  std::string directory;              // where the run goes
  int threads = 0;
  bool quiet = false;
};

CallbackPtr stop_when_asked() {
  return make_callback({.on_batch_end = [](TrainingState& state) {
    if (StopSignals::asked()) state.stop = true;
  }});
}

// What goes wrong during training is no wrong usage, whatever its kind. `begun` becomes true when
// there is something to go on from.
History train_on(Model& model, data::Loader& batches, const SourceFitOptions& options,
                 const fs::path& run, const bool& begun) {
  try {
    return model.fit(batches, options);
  } catch (const ValueError& e) {
    throw Error(e.what());
  } catch (const IoError& e) {
    if (!begun) throw;  // it was not accepted
    throw IoError(
        fmt::format("{}\n  what was saved before is whole; go on with: nacre train --resume {}",
                    e.what(), run.string()));
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

// The recipe of a run to go on with.
Recipe resumed_recipe(const TrainCommand& command) {
  if (!command.recipe_file.empty() || !command.model.empty() || !command.data.empty() ||
      !command.directory.empty()) {
    throw ValueError(
        "--resume goes on with a run as it was begun: leave the recipe, --model, --data and --out "
        "away");
  }
  const fs::path config = fs::path(command.resume) / "config.json";
  Recipe recipe = recipe_from_json(read_file(config, JsonLimits{}.bytes), config.string());
  recipe.run.directory = command.resume;
  for (const std::string& setting : command.settings) set_key(recipe, setting);
  validate(recipe);
  return recipe;
}

Recipe new_recipe(const TrainCommand& command) {
  Recipe recipe;
  if (!command.recipe_file.empty()) recipe = read_recipe(command.recipe_file);
  if (!command.model.empty()) recipe.model = {.name = command.model, .layers = {}};
  if (!command.data.empty()) {
    set_data(recipe.data, command.data);
  }
  if (!command.directory.empty()) recipe.run.directory = command.directory;
  for (const std::string& setting : command.settings) set_key(recipe, setting);
  // The run will be used from other folders than this one.
  if (!recipe.data.path.empty()) {
    recipe.data.path = fs::absolute(recipe.data.path).lexically_normal().string();
  }
  validate(recipe);
  return recipe;
}

// Takes the run's folder for this process.
void lock_run(std::optional<FolderLock>& lock, const fs::path& run, const Console& console) {
  lock.emplace(run);
  if (!lock->held()) {
    console.warn(run.string() + ": the file system has no locks: let no other process work there");
  }
}

// Files that a run which has begun may have.
constexpr const char* kResults[] = {"history.jsonl", "best.safetensors", "model.safetensors",
                                    "evaluation.json"};

// Throws when a new run would write over another one.
void expect_no_run(const fs::path& run) {
  if (fs::exists(run / "config.json")) {
    throw ValueError(fmt::format(
        "{0}: holds a run already; go on with --resume {0} or choose another --out", run.string()));
  }
  bool other = !io::CheckpointFolder(run / "checkpoints").steps().empty();
  for (const char* name : kResults) other = other || fs::exists(run / name);
  if (!other) return;
  throw ValueError(fmt::format(
      "{}: holds results of a run, though no config.json\n  hint: choose another --out, or put its "
      "config.json back and --resume it",
      run.string()));
}

// Throws when the run has no state to go on from, or is further than it should get.
void expect_checkpoint(const fs::path& run, const Recipe& recipe, const Console& console,
                       bool verbose) {
  std::vector<std::string> problems;
  const auto checkpoint = io::CheckpointFolder(run / "checkpoints").load_latest(&problems);
  if (!verbose) {  // else fit() tells
    for (const std::string& problem : problems) console.warn("passed over: " + problem);
  }
  if (!checkpoint) {
    for (const char* name : kResults) {
      if (!fs::exists(run / name)) continue;
      throw IoError(fmt::format(
          "{0}: has a {1} but no checkpoint to go on from, and would begin anew over its results\n"
          "  hint: put {0}/checkpoints back, or begin another run with --out",
          run.string(), name));
    }
    return;  // stopped before it had begun
  }
  for (const io::NamedTensor& t : checkpoint->tensors) {
    if (t.name != "run/position" || t.tensor.elements() < 2) continue;
    const std::vector<std::int64_t> position = t.tensor.to_vector<std::int64_t>();
    const std::int64_t begun = position[0] + (position[1] > 0 ? 1 : 0);
    if (begun > recipe.train.epochs) {
      throw ValueError(
          fmt::format("train.epochs: {} is less than the run has got to, which is in epoch {}\n  "
                      "hint: train on "
                      "with --epochs {} or more",
                      recipe.train.epochs, begun, begun));
    }
  }
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

// How a precision was chosen when the run began, else now.
std::string told_precision(const fs::path& run, bool resumes, const TrainRecipe& recipe) {
  std::string precision = precision_text(recipe);
  if (resumes && fs::exists(run / "environment.json")) {
    const std::string name = (run / "environment.json").string();
    const nlohmann::json before = read_json(name);
    if (const auto then = JsonView(before, name).find("precision")) precision = then->text();
  }
  return precision;
}

// The last that a run does: its model on the test set. Returns what there is to print.
nlohmann::json evaluate_best(const fs::path& run, Model& model, const Setup& setup) {
  // The numbers are those of the model that `eval` and `predict` take: the best one.
  zoo::SavedModel best = zoo::load_model(model_path(run.string()));
  model.load_state(nn::values_of(best.model.state()));
  nlohmann::json evaluation = judge(model, setup.test, setup.info, setup.classifies, 256);
  write_file(run / "evaluation.json", json_text(evaluation, "evaluation.json"));
  return evaluation;
}

int run_train(const TrainCommand& command, const Console& console) {
  const StopSignals signals;
  const bool resumes = !command.resume.empty();
  const bool quiet = console.json || command.quiet;
  std::optional<FolderLock> lock;
  if (resumes) {
    if (!fs::exists(fs::path(command.resume) / "config.json")) {
      throw IoError(command.resume + ": no run directory: it holds no config.json");
    }
    lock_run(lock, command.resume, console);
  }
  Recipe recipe = resumes ? resumed_recipe(command) : new_recipe(command);
  std::optional<RunSetup> begun;
  if (resumes) {
    begun = read_run_setup(command.resume);
    expect_unchanged(begun->recipe, recipe);
    expect_checkpoint(command.resume, recipe, console, !quiet);
  }
  if (command.threads > 0) recipe.run.threads = command.threads;
  if (recipe.run.threads > 0) set_threads(recipe.run.threads);

  const Setup setup =
      begun ? open_run_data(*begun, command.resume) : open_data(recipe.data, recipe.train.seed);
  const std::vector<std::string> warnings = warnings_of(setup);
  for (const std::string& warning : warnings) console.warn(warning);
  if (!command.quiet) {
    for (const std::string& note : setup.findings.notes) console.say(printable(note));
  }
  const std::string layers = begun ? begun->layers : layers_for(recipe.model, setup);
  data::Loader batches = training_batches(recipe, setup);
  // Here and not earlier: what was opened or described before may have drawn numbers, and a run
  // that goes on describes nothing anew.
  manual_seed(recipe.train.seed);
  Model model =
      make_model(recipe, layers, setup.classifies, batches.batches() * recipe.train.epochs);

  Spec batch_spec = setup.input;
  batch_spec.shape = Shape{recipe.train.batch_size};
  for (const std::int64_t d : setup.input.shape) batch_spec.shape.push_back(d);
  const nn::Summary network = summary_of(model, batch_spec);
  check_outputs(network, setup);
  const std::string summary = nn::to_string(network);
  const fs::path run = recipe.run.directory.empty() ? new_run_directory(stem_of(recipe))
                                                    : fs::path(recipe.run.directory);
  if (!resumes) {
    lock_run(lock, run, console);
    expect_no_run(run);
  }
  recipe.run.directory = run.string();
  const std::string precision = told_precision(run, resumes, recipe.train);
  // A resumed run stays with what was chosen at its beginning.
  if (recipe.train.precision == "auto") {
    recipe.train.precision = uses_bfloat16(Precision::automatic) ? "bf16" : "f32";
  }
  if (!quiet) {
    console.say(fmt::format("{}\n{} training, {} validation, {} test samples; run {}\n{}\n",
                            summary, with_thousands(setup.train.size()),
                            with_thousands(setup.validation.size()),
                            with_thousands(setup.test.size()), run.string(),
                            precision == "f32" ? "" : "precision " + precision + "\n"));
  }

  const std::string watched = setup.validation.empty() ? "loss" : "val_loss";
  SourceFitOptions fit{
      .epochs = recipe.train.epochs,
      .verbose = quiet ? 0 : 1,
      .checkpoint = {.folder = run / "checkpoints", .every_steps = recipe.train.checkpoint_every},
      .resume = resumes};
  // Nothing in the run changes before all has been accepted, the checkpoint included. The first
  // checkpoint is that of the untrained network: from here on there always is one to go on from.
  bool training = false;
  const auto begin = [&](TrainingState& state) {
    remove_leftovers(run);
    if (!resumes) {
      write_file(run / "setup.json", to_json(make_run_setup(recipe, setup, layers, run)));
      write_file(run / "summary.txt", summary);
    }
    nlohmann::json machine = environment_json();
    machine["precision"] = precision;
    write_file(run / "environment.json", json_text(machine, "environment.json", 2));
    write_file(run / "config.json", to_json(recipe));
    const io::CheckpointFolder checkpoints(fit.checkpoint.folder, fit.checkpoint.keep);
    if (checkpoints.steps().empty()) {
      io::Checkpoint first;
      for (const auto& [name, value] : state.model.training_state()) {
        first.tensors.push_back({name, value});
      }
      checkpoints.save(first);
    }
    training = true;
    if (StopSignals::asked()) state.stop = true;
  };
  fit.callbacks = {
      stop_when_asked(), json_lines_log(run / "history.jsonl"),
      best_weights({.monitor = watched, .direction = Direction::down, .save = [&](Model& best) {
                      zoo::save_model(run / "best.safetensors", best, setup.input, setup.classifies,
                                      setup.info);
                    }})};
  fit.callbacks.insert(fit.callbacks.begin(), make_callback({.on_train_begin = begin}));
  if (recipe.train.early_stopping > 0) {
    fit.callbacks.push_back(
        early_stopping({.monitor = watched, .patience = recipe.train.early_stopping}));
  }
  if (recipe.run.tensorboard) fit.callbacks.push_back(tensorboard_log(run / "tensorboard"));
  std::optional<data::Loader> validation;
  if (!setup.validation.empty()) {
    validation.emplace(setup.validation, data::LoaderOptions{.batch_size = 256});
    fit.validation_source = &*validation;
  }
  const History history = train_on(model, batches, fit, run, training);
  zoo::save_model(run / "model.safetensors", model, setup.input, setup.classifies, setup.info);
  if (const int signal = StopSignals::asked()) {
    console.say("\n");  // below the line that moves
    return console.fail(128 + signal,
                        "stopped and saved; go on with: nacre train --resume " + run.string());
  }
  if (!quiet && static_cast<std::int64_t>(history.epochs.size()) < recipe.train.epochs) {
    console.say(fmt::format("\nended by early stopping after epoch {}\n", history.epochs.size()));
  }
  if (setup.test.empty()) {
    console.print(
        "\nno test samples: nothing to evaluate",
        {{"run", run.string()}, {"metrics", nlohmann::json::object()}, {"warnings", warnings}});
    return kOk;
  }
  const nlohmann::json evaluation = evaluate_best(run, model, setup);
  if (console.json) {
    console.print(
        "", {{"run", run.string()}, {"metrics", evaluation["metrics"]}, {"warnings", warnings}});
    return kOk;
  }
  std::string line;
  for (const auto& [name, value] : evaluation["metrics"].items()) {
    line += fmt::format("{}{} {:.4f}", line.empty() ? "" : ", ", name, value.get<double>());
  }
  console.say(fmt::format("\ntest: {} ({} samples)\n", line, with_thousands(setup.test.size())));
  if (!command.quiet) print_next_steps(run, console);
  return kOk;
}

}  // namespace

void add_train(CLI::App& app, const Console& console, int& code) {
  const auto command = std::make_shared<TrainCommand>();
  auto* command_app = app.add_subcommand("train", "Train a model from a recipe or options");
  command_app->add_option("recipe", command->recipe_file, "A recipe (TOML)");
  command_app->add_option("--model", command->model, "A model of `nacre models`");
  command_app->add_option("--data", command->data,
                          "A set of `nacre data list`, a folder or a CSV file");
  command_app->add_option("--set", command->settings, "key=value, as in a recipe: train.epochs=3")
      ->allow_extra_args(false);
  command_app->add_option("--resume", command->resume, "Go on with the run in this directory");
  command_app->add_option("--out", command->directory, "The run's directory");
  add_number(command_app, "--threads", command->threads, 0, kMostThreads,
             "Threads to use (default: all)");
  command_app->add_flag("--quiet", command->quiet, "No progress");
  for (const auto& [option, key] :
       std::vector<std::pair<std::string, std::string>>{{"--epochs", "train.epochs"},
                                                        {"--batch-size", "train.batch_size"},
                                                        {"--optimizer", "train.optimizer"},
                                                        {"--learning-rate", "train.learning_rate"},
                                                        {"--seed", "train.seed"},
                                                        {"--precision", "train.precision"},
                                                        {"--augment", "data.augment"}}) {
    command_app->add_option_function<std::string>(
        option,
        [command, key = key](const std::string& v) { command->settings.push_back(key + "=" + v); },
        "Short for --set " + key);
  }
  command_app->footer("Example: nacre train --data fashion-mnist --model cnn --epochs 5");
  command_app->callback([command, &console, &code] { code = run_train(*command, console); });
}

}  // namespace nacre::cli
