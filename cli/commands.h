// The subcommands of `nacre`: a file each, which holds its options and what it does, and a line
// here and in the list of main.cpp.
#pragma once

#include <string>
#include <vector>

#include "cli/console.h"

namespace CLI {
class App;
}

namespace nacre::cli {

// Adds a command to the program. When the command line names it, it runs and sets `code`.
using AddCommand = void (*)(CLI::App& app, const Console& console, int& code);

void add_train(CLI::App& app, const Console& console, int& code);    // train.cpp
void add_eval(CLI::App& app, const Console& console, int& code);     // eval.cpp
void add_predict(CLI::App& app, const Console& console, int& code);  // predict.cpp
void add_summary(CLI::App& app, const Console& console, int& code);  // summary.cpp
void add_data(CLI::App& app, const Console& console, int& code);     // data_command.cpp
void add_models(CLI::App& app, const Console& console, int& code);   // models.cpp
void add_report(CLI::App& app, const Console& console, int& code);   // report_command.cpp
void add_doctor(CLI::App& app, const Console& console, int& code);   // doctor.cpp

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

}  // namespace nacre::cli
