#include "tests/support/child.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <fstream>
#include <iterator>

#include "tests/support/files.h"

namespace nacre::test {
namespace {

int code_of(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Child run_test(const std::string& test,
               const std::vector<std::pair<std::string, std::string>>& environment) {
  const TemporaryFolder folder;
  const std::string output = (folder / "output.txt").string();
  std::vector<std::string> words{"nacre_tests", "--gtest_filter=" + test,
                                 "--gtest_also_run_disabled_tests", "--gtest_color=no"};
  std::vector<char*> argv;
  for (std::string& w : words) argv.push_back(w.data());
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    const int file = open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (file < 0 || dup2(file, 1) < 0 || dup2(file, 2) < 0) _exit(126);
    for (const char* shard : {"GTEST_TOTAL_SHARDS", "GTEST_SHARD_INDEX"}) unsetenv(shard);
    for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
    alarm(120);
    execv("/proc/self/exe", argv.data());
    _exit(127);
  }
  const int code = code_of(child);
  std::ifstream in(output);
  return {code, std::string((std::istreambuf_iterator<char>(in)), {})};
}

bool passes_in_fork(const std::function<bool()>& f) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    bool passed = false;
    try {
      passed = f();
    } catch (const std::exception& e) {
      static_cast<void>(write(2, e.what(), std::string(e.what()).size()) + write(2, "\n", 1));
    }
    _exit(passed ? 0 : 1);
  }
  return code_of(child) == 0;
}

}  // namespace nacre::test
