// `nacre report`: collects what a run left and writes its page.
#include <fmt/format.h>

#include <sstream>

#include "cli/commands.h"
#include "cli/report.h"
#include "cli/run_directory.h"
#include "nacre/base/error.h"

namespace nacre::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

std::vector<std::map<std::string, double>> read_history(const fs::path& path) {
  std::vector<std::map<std::string, double>> epochs;
  if (!fs::exists(path)) return epochs;
  std::istringstream lines(read_text(path));
  for (std::string line; std::getline(lines, line);) {
    const Json entry = Json::parse(line, nullptr, false);
    if (!entry.is_object()) continue;  // the last line of a killed run
    std::map<std::string, double> values;
    for (const auto& [name, value] : entry.items()) {
      if (value.is_number()) values[name] = value.get<double>();
    }
    // A run killed between its log and its checkpoint writes the epoch again when it is resumed.
    while (!epochs.empty() && values.contains("epoch") &&
           epochs.back()["epoch"] >= values["epoch"]) {
      epochs.pop_back();
    }
    epochs.push_back(std::move(values));
  }
  return epochs;
}

}  // namespace

int run_report(const ReportCommand& command, const Console& console) {
  const fs::path run = command.run;
  if (!fs::is_directory(run)) throw IoError(command.run + ": no such run directory");
  Report report;
  report.title = run.filename().string().empty() ? run.parent_path().filename().string()
                                                 : run.filename().string();
  report.config = read_text(run / "config.json");
  if (fs::exists(run / "summary.txt")) report.model_summary = read_text(run / "summary.txt");
  const Json environment = read_json(run / "environment.json");
  for (const auto& [name, value] : environment.items()) {
    report.environment.emplace_back(name,
                                    value.is_string() ? value.get<std::string>() : value.dump());
  }
  report.history = read_history(run / "history.jsonl");
  if (fs::exists(run / "evaluation.json")) {
    const Json evaluation = read_json(run / "evaluation.json");
    const Json& metrics = evaluation.at("metrics");
    for (const auto& [name, value] : metrics.items()) {
      if (value.is_number()) report.evaluation.emplace_back(name, value.get<double>());
    }
    report.confusion = evaluation.value("confusion", report.confusion);
    report.class_names = evaluation.value("class_names", report.class_names);
    const Json mistakes = evaluation.value("mistakes", Json::array());
    for (const Json& m : mistakes) {
      report.mistakes.push_back({m.value("png", ""), m.value("text", ""), m.value("truth", ""),
                                 m.value("predicted", ""), m.value("probability", 0.0)});
    }
  }
  const fs::path out = command.output.empty() ? run / "report.html" : fs::path(command.output);
  write_text(out, report_html(report));
  console.print("wrote " + out.string() + "\n", {{"report", out.string()}});
  return kOk;
}

}  // namespace nacre::cli
