// The subcommands of `nacre`, each with its options as a plain struct.
#pragma once

#include <string>
#include <vector>

#include "cli/console.h"
#include "cli/recipe.h"

namespace nacre::cli {

struct TrainCommand {
  std::string recipe_file;            // or empty
  std::string model, data;            // instead of a recipe
  std::vector<std::string> settings;  // key=value
  std::string resume;                 // the directory of a run to go on with
  std::string directory;              // where the run goes
  int threads = 0;
  bool quiet = false;
};
int run_train(const TrainCommand& command, const Console& console);

struct EvalCommand {
  std::string model;  // a model file or run directory
  std::string data;   // by name or path; default: what the run was trained on
  std::int64_t batch_size = 256;
};
int run_eval(const EvalCommand& command, const Console& console);

struct PredictCommand {
  std::string model;
  std::vector<std::string> files;  // pictures, sounds, CSV rows; or "digits:12": sample 12 of a set
  int top = 3;
};
int run_predict(const PredictCommand& command, const Console& console);

struct SummaryCommand {
  std::string model;  // a model file, run directory or zoo name
  std::string data;   // of a zoo name: the data that gives shapes
};
int run_summary(const SummaryCommand& command, const Console& console);

int run_models(const Console& console);

struct DataCommand {
  std::string action;                      // list, show, fetch, split
  std::string name;                        // of a set, or a path
  std::string output;                      // show: a PNG of samples; split: the folder to fill
  std::vector<std::string> settings = {};  // show: key=value
  double test = 0.2;
  std::uint64_t seed = 0;
};
int run_data(const DataCommand& command, const Console& console);
// `nacre data split`: copies FOLDER/CLASS/FILE to OUT/train/CLASS/FILE and OUT/test/CLASS/FILE. OUT
// appears when all is there.
int split_data(const DataCommand& command, const Console& console);

struct ReportCommand {
  std::string run;
  std::string output;  // default: report.html in the run
};
int run_report(const ReportCommand& command, const Console& console);

}  // namespace nacre::cli
