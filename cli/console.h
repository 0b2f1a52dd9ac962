// What every command shares: output as text or JSON, failures and exit codes. All that goes to a
// terminal goes through here: what came from outside cannot command it.
#pragma once

#include <exception>
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

  // Prints `text`, or `data` when --json was given. Control characters in either become visible.
  void print(const std::string& text, const nlohmann::json& data) const;
  // What only people read: nothing when --json was given.
  void say(const std::string& text) const;
  // The same on stderr: "nacre: warning: ...".
  void warn(const std::string& text) const;
  // On stderr "nacre: TEXT"; with --json on stdout {"error": TEXT, "exit_code": CODE}. Returns the
  // code.
  int fail(int code, const std::string& text) const;
};

// What ended a command, told as all errors are told.
struct Failure {
  int code = kFailed;
  std::string text;
};
// ValueError is wrong usage, everything else a failure; exceptions of libraries are put into words.
Failure failure_of(const std::exception& error);

// Rows in aligned columns, the first row underlined; numbers (columns in `right`) to the right.
std::string table(const std::vector<std::vector<std::string>>& rows,
                  const std::vector<bool>& right = {});

}  // namespace nacre::cli
