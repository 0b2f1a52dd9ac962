// `nacre train`.
#include <filesystem>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/setup.h"
#include "cli/stop_signals.h"
#include "cli/train_run.h"
#include "nacre/base/file.h"
#include "nacre/base/json.h"

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
  if (!command.model.empty()) {
    recipe.model.name = command.model;
    recipe.model.layers.clear();
  }
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

int run_train(const TrainCommand& command, const Console& console) {
  const StopSignals signals;
  TrainRun run(console, command.quiet);
  const bool resumes = !command.resume.empty();
  if (resumes) run.claim(command.resume);
  Recipe recipe = resumes ? resumed_recipe(command) : new_recipe(command);
  if (command.threads > 0) recipe.run.threads = command.threads;
  return run.train(std::move(recipe), resumes);
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
