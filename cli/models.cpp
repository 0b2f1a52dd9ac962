// `nacre models`: the models by name.
#include "cli/commands.h"
#include "cli/options.h"
#include "nacre/zoo/architecture.h"

namespace nacre::cli {
namespace {

int run_models(const Console& console) {
  std::vector<std::vector<std::string>> rows{{"model", "what it is"}};
  nlohmann::json json = nlohmann::json::array();
  for (const zoo::ModelDescription& m : zoo::models()) {
    rows.push_back({m.name, m.what});
    json.push_back({{"name", m.name}, {"what", m.what}});
  }
  console.print(table(rows), json);
  return kOk;
}

}  // namespace

void add_models(CLI::App& app, const Console& console, int& code) {
  app.add_subcommand("models", "The models there are")->callback([&console, &code] {
    code = run_models(console);
  });
}

}  // namespace nacre::cli
