// `nacre report`: collects what a run left and writes its page.
#include <filesystem>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/recipe.h"
#include "cli/report.h"
#include "cli/run_directory.h"
#include "cli/run_files.h"
#include "nacre/base/durable.h"
#include "nacre/base/error.h"
#include "nacre/base/file.h"
#include "nacre/base/json.h"

namespace nacre::cli {
namespace {

namespace fs = std::filesystem;

struct ReportCommand {
  std::string run;
  std::string output;  // default: report.html in the run
};

int run_report(const ReportCommand& command, const Console& console) {
  const fs::path run = command.run;
  if (!fs::is_directory(run)) throw IoError(command.run + ": no such run directory");
  Report report;
  report.title = run.filename().string().empty() ? run.parent_path().filename().string()
                                                 : run.filename().string();
  const auto text_of = [&](const fs::path& path) { return read_file(path, JsonLimits{}.bytes); };
  const auto with = [&](const char* name, auto read, bool needed) {
    const fs::path path = run / name;
    if (needed || fs::exists(path)) read(text_of(path), path.string(), report);
  };
  report.config = text_of(run / "config.json");
  recipe_from_json(report.config, (run / "config.json").string());  // damage is said here, too
  if (fs::exists(run / "summary.txt")) report.model_summary = text_of(run / "summary.txt");
  with("environment.json", read_environment, true);
  with("history.jsonl", read_history, false);
  with("evaluation.json", read_evaluation, false);
  const fs::path out = command.output.empty() ? run / "report.html" : fs::path(command.output);
  remove_leftovers(run);  // of a report that was killed
  write_file(out, report_html(report));
  console.print("wrote " + out.string() + "\n", {{"report", out.string()}});
  return kOk;
}

}  // namespace

void add_report(CLI::App& app, const Console& console, int& code) {
  const auto command = std::make_shared<ReportCommand>();
  auto* command_app = app.add_subcommand("report", "Write a page about a run");
  command_app->add_option("run", command->run, "The run's directory")->required();
  command_app->add_option("--out", command->output,
                          "The HTML file; default: report.html in the run");
  command_app->footer("Example: nacre report runs/digits-mlp-1");
  command_app->callback([command, &console, &code] { code = run_report(*command, console); });
}

}  // namespace nacre::cli
