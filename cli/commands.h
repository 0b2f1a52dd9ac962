// The subcommands of `nacre`, which commands.def lists.
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

#define NACRE_COMMAND(name) void add_##name(CLI::App& app, const Console& console, int& code);
#include "cli/commands.def"
#undef NACRE_COMMAND

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
