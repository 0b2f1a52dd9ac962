// Tests that need a process of their own: another environment, a limit, a fork.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace nacre::test {

struct Child {
  int code = -1;       // the exit code, or 128 + the signal that ended it
  std::string output;  // of both streams
};

// Runs one test of this program ("Suite.DISABLED_Name": its name keeps it out of ordinary runs) in
// a new process with these variables set. One that takes over two minutes is ended.
Child run_test(const std::string& test,
               const std::vector<std::pair<std::string, std::string>>& environment = {});

// Runs f in a child of fork(); it passes when f returns true. One that takes over a minute is
// ended.
bool passes_in_fork(const std::function<bool()>& f);

}  // namespace nacre::test
