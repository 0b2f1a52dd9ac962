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

// Starts it in `folder`; the output goes to a file there.
pid_t start_program(const std::filesystem::path& folder, const std::vector<std::string>& arguments);
Finished wait_for(pid_t child, const std::filesystem::path& folder);
inline Finished run_program(const std::filesystem::path& folder,
                            const std::vector<std::string>& arguments) {
  return wait_for(start_program(folder, arguments), folder);
}

// Runs it in a terminal of so many columns; the output is what the terminal received.
Finished run_in_terminal(const std::filesystem::path& folder,
                         const std::vector<std::string>& arguments, int columns);

// Waits until `holds` or until the child has ended (it stays to be waited for).
void await(pid_t child, const std::function<bool()>& holds);

std::string contents(const std::filesystem::path& file);
void write_file(const std::filesystem::path& file, const std::string& text);

}  // namespace nacre::test
