// What every command shares: output as text or JSON, failures and exit codes. All that goes to a
// terminal goes through here: what came from outside cannot command it.
#pragma once

#include <exception>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace nacre::cli {

// The exit codes, as documented by `nacre --help`.
enum ExitCode : int {
  kOk = 0,
  kFailed = 1,  // something went wrong: a file, the data, the training
  kUsage = 2,   // the command line or recipe is not understood
  // 128 + the signal that ended a training run, after saving.
  kHungUp = 129,       // SIGHUP: the terminal has gone
  kInterrupted = 130,  // SIGINT: Ctrl-C
  kTerminated = 143    // SIGTERM
};

// To be called first of all: a standard stream that is closed becomes /dev/null, lest the next file
// that is opened takes its number and gets what was meant for the screen.
void open_standard_streams();

// To be called last of all. Returns the exit code: `code`, but kFailed instead of kOk when
// something did not reach standard output, with a line on standard error.
int finish_output(int code);

// A line on standard error that moves: as it is, for eyes.
void show_progress(const std::string& line);

// Set by the global option --json.
struct Console {
  bool json = false;

  // Prints `text`, or `data` when --json was given. Control characters in either become visible.
  // Throws IoError when standard output was closed from the beginning: the result of a command must
  // go somewhere. What cannot be written is told by finish_output().
  void print(const std::string& text, const nlohmann::json& data) const;
  // What only people read: nothing when --json was given.
  void say(const std::string& text) const;
  // A piece of a text that goes on: no line break is added, and it appears at once.
  void write(const std::string& text) const;
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
