// `nacre eval`: a model's metrics on data.
#include <filesystem>
#include <optional>

#include "cli/commands.h"
#include "cli/judge.h"
#include "cli/model_file.h"
#include "cli/options.h"
#include "cli/own_data.h"
#include "cli/recipe_model.h"
#include "cli/run_directory.h"
#include "cli/run_setup.h"
#include "cli/setup.h"
#include "nacre/base/text.h"
#include "nacre/data/image/image.h"
#include "nacre/data/preprocess.h"
#include "nacre/data/sets/named.h"
#include "nacre/nacre.h"

namespace nacre::cli {
namespace {

namespace fs = std::filesystem;

struct EvalCommand {
  std::string model;  // a model file or run directory
  std::string data;   // by name or path; default: what the run was trained on
  std::int64_t batch_size = 256;
};

// All samples of a file or folder, or the test part of a named set, read as the model was taught
// to.
data::Dataset other_data(const std::string& given, const zoo::SavedModel& saved,
                         std::vector<std::string>* warnings) {
  const std::vector<std::string>& names = saved.info.class_names;
  DataRecipe recipe;
  set_data(recipe, given);
  if (recipe.path.empty()) {
    data::Dataset test = data::load(recipe.name).test;
    if (!names.empty() && test.info().class_names != names) {
      throw IoError(fmt::format("{}: its classes are {}, the model knows {}", given,
                                fmt::join(test.info().class_names, ", "), fmt::join(names, ", ")));
    }
    return test;
  }
  if (!saved.info.preprocessing.empty()) {
    return read_as(data::Preprocess::from_json(saved.info.preprocessing, "the model"), names, given,
                   warnings);
  }
  const Shape& s = saved.input.shape;
  if (s.rank() != 3) {
    throw ValueError(given + ": the model does not say how files become its inputs, " +
                     to_string(saved.input));
  }
  data::ImageForm form;
  form.channels = static_cast<int>(s[0]);
  form.height = s[1];
  form.width = s[2];
  form.fit = data::Fit::pad;
  return read_as(data::Preprocess(form), names, given, warnings);
}

// Whether a run was trained on this very data, wherever it lies.
bool is_own(const RunSetup& setup, const std::string& given) {
  DataRecipe recipe;
  set_data(recipe, given);
  if (recipe.path.empty() || setup.recipe.data.path.empty()) return false;
  return fingerprint_of(recipe) == setup.fingerprint;
}

int run_eval(const EvalCommand& command, const Console& console) {
  zoo::SavedModel saved = load_model(command.model, console);
  const fs::path run = run_of(command.model);
  std::optional<RunSetup> begun;
  if (command.data.empty() || fs::exists(run / "setup.json")) begun = read_run_setup(run);
  Recipe recipe = begun ? begun->recipe : Recipe();
  recipe.train.precision = "f32";  // whatever it was trained in, and on which machine
  data::Info info = saved.info;
  data::Dataset test;
  bool own = false;
  std::vector<std::string> warnings = saved.warnings;
  if (command.data.empty()) {
    const Setup setup = open_run_data(*begun, run);
    test = setup.test;
    info = setup.info;
    for (const std::string& warning : setup.unseen) console.warn(warning);
    warnings.insert(warnings.end(), setup.unseen.begin(), setup.unseen.end());
    if (test.empty()) throw ValueError("the run kept no samples for testing: give --data");
  } else {
    const std::size_t known = warnings.size();
    test = other_data(command.data, saved, &warnings);
    for (std::size_t k = known; k < warnings.size(); ++k) console.warn(warnings[k]);
    own = begun && is_own(*begun, command.data);
  }
  check_shape(test.input_specs().at(0).shape, saved, test.info().name);
  Model model = make_model(recipe, saved.layers, saved.task, 1);
  model.load_state(nn::values_of(saved.model.state()));
  nlohmann::json result = judge(model, test, info, saved.task, command.batch_size);
  result.erase("mistakes");
  result.erase("texts");
  if (!warnings.empty()) result["warnings"] = warnings;
  if (own) result["includes_training_samples"] = true;
  std::vector<std::vector<std::string>> rows{{"metric", "value"}};
  for (const auto& [name, value] : result["metrics"].items()) {
    rows.push_back({name, fmt::format("{:.4f}", value.get<double>())});
  }
  console.print(
      table(rows, {false, true}) +
          fmt::format("{} samples{}\n", with_thousands(test.size()),
                      own ? ", all of the run's own data: it was trained on some of them" : ""),
      result);
  return kOk;
}

}  // namespace

void add_eval(CLI::App& app, const Console& console, int& code) {
  const auto command = std::make_shared<EvalCommand>();
  auto* command_app = app.add_subcommand("eval", "Evaluate a trained model");
  command_app->add_option("model", command->model, "A model file or run directory")->required();
  command_app->add_option("--data", command->data,
                          "The data; default: the test part of the run's own");
  add_number(command_app, "--batch-size", command->batch_size, std::int64_t{1}, kMostCount,
             "Samples at once");
  command_app->footer("Example: nacre eval runs/digits-mlp-1");
  command_app->callback([command, &console, &code] { code = run_eval(*command, console); });
}

}  // namespace nacre::cli
