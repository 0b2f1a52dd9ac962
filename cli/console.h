// What every command shares: output as text or JSON, and exit codes.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace nacre::cli {

// The exit codes, as documented by `nacre --help`.
enum ExitCode : int {
  kOk = 0,
  kFailed = 1,         // something went wrong: a file, the data, the training
  kUsage = 2,          // the command line or recipe is not understood
  kInterrupted = 130,  // stopped by Ctrl-C after saving
  kTerminated = 143    // stopped by SIGTERM after saving
};

// Set by the global option --json.
struct Console {
  bool json = false;

  // Prints `text`, or `data` when --json was given.
  void print(const std::string& text, const nlohmann::json& data) const;
};

// Rows in aligned columns, the first row underlined; numbers (columns in `right`) to the right.
std::string table(const std::vector<std::vector<std::string>>& rows,
                  const std::vector<bool>& right = {});

}  // namespace nacre::cli
