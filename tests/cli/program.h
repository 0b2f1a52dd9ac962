// Runs the program `nacre` as a user does.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace nacre::test {

struct Finished {
  int code = -1;       // the exit code, or 128 + the signal that ended it
  std::string output;  // of both streams
};

// Variables of the environment, "NAME=value".
using Environment = std::vector<std::string>;

// Starts it in `folder`; the output goes to a file there.
pid_t start_program(const std::filesystem::path& folder, const std::vector<std::string>& arguments,
                    const Environment& environment = {});
Finished wait_for(pid_t child, const std::filesystem::path& folder);
inline Finished run_program(const std::filesystem::path& folder,
                            const std::vector<std::string>& arguments,
                            const Environment& environment = {}) {
  return wait_for(start_program(folder, arguments, environment), folder);
}

// A line for the shell, in which $NACRE is the program.
Finished run_shell(const std::filesystem::path& folder, const std::string& line);

// Whether the process has a handler for the signal: whether it is ready for it.
bool catches(pid_t process, int signal);

// Runs it in a terminal of so many columns; the output is what the terminal received.
Finished run_in_terminal(const std::filesystem::path& folder,
                         const std::vector<std::string>& arguments, int columns);

// Waits until `holds` or until the child has ended (it stays to be waited for).
void await(pid_t child, const std::function<bool()>& holds);

std::string contents(const std::filesystem::path& file);
void write_file(const std::filesystem::path& file, const std::string& text);

}  // namespace nacre::test
