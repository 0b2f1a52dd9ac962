// `nacre summary`: the layers of a model.
#include <algorithm>
#include <filesystem>

#include "cli/commands.h"
#include "cli/model_file.h"
#include "cli/options.h"
#include "cli/setup.h"
#include "nacre/base/text.h"
#include "nacre/nacre.h"
#include "nacre/zoo/architecture.h"

namespace nacre::cli {
namespace {

namespace fs = std::filesystem;

struct SummaryCommand {
  std::string model;  // a model file, run directory or zoo name
  std::string data;   // of a zoo name: the data that gives shapes
};

int run_summary(const SummaryCommand& command, const Console& console) {
  const auto show = [&](Model& model, const Spec& sample) {
    Spec batch{sample.dtype, Shape{1}};
    for (const std::int64_t d : sample.shape) batch.shape.push_back(d);
    const nn::Summary summary = model.summary(batch);
    nlohmann::json json{{"parameters", summary.parameters},
                        {"trainable", summary.trainable},
                        {"multiply_adds", summary.multiply_adds}};
    for (const nn::SummaryRow& row : summary.rows) {
      json["layers"].push_back({{"name", row.path},
                                {"type", row.kind},
                                {"output", row.output.shape.to_vector()},
                                {"parameters", row.parameters}});
    }
    console.print(nn::to_string(summary), json);
  };
  if (fs::exists(command.model)) {
    zoo::SavedModel saved = load_model(command.model, console);
    show(saved.model, saved.input);
    return kOk;
  }
  std::vector<std::string> names{"auto"};
  for (const zoo::ModelDescription& m : zoo::models()) names.push_back(m.name);
  if (std::find(names.begin(), names.end(), command.model) == names.end()) {
    throw ValueError(fmt::format("{}: no such file or run, nor a model of `nacre models`{}",
                                 command.model, did_you_mean(command.model, names)));
  }
  Recipe recipe;
  set_data(recipe.data, command.data.empty() ? "fashion-mnist" : command.data);
  const Setup setup = open_data(recipe.data, 0);
  Model model(
      zoo::build(zoo::layers_of(command.model, setup.input, setup.outputs, setup.vocabulary)));
  show(model, setup.input);
  return kOk;
}

}  // namespace

void add_summary(CLI::App& app, const Console& console, int& code) {
  const auto command = std::make_shared<SummaryCommand>();
  auto* command_app = app.add_subcommand("summary", "Print a model's layers");
  command_app->add_option("model", command->model, "A model file, run directory or model name")
      ->required();
  command_app->add_option("--data", command->data, "For a name: the data that gives the shapes");
  command_app->footer("Example: nacre summary cnn --data fashion-mnist");
  command_app->callback([command, &console, &code] { code = run_summary(*command, console); });
}

}  // namespace nacre::cli
