#include "tests/cli/program.h"

#include <fcntl.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

namespace nacre::test {

namespace {

pid_t start(const std::filesystem::path& folder, std::vector<std::string> words,
            const Environment& environment) {
  const std::string output = (folder / "output.txt").string();
  std::vector<char*> argv;
  for (std::string& w : words) argv.push_back(w.data());
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child != 0) return child;
  const int file = open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file < 0 || dup2(file, 1) < 0 || dup2(file, 2) < 0 || chdir(folder.c_str()) != 0) _exit(126);
  // Several programs at once must not fight for the cores.
  setenv("NACRE_THREADS", "1", 1);
  setenv("NACRE", NACRE_PROGRAM, 1);
  for (const std::string& variable : environment) {
    const std::size_t equals = variable.find('=');
    setenv(variable.substr(0, equals).c_str(), variable.substr(equals + 1).c_str(), 1);
  }
  execv(argv[0], argv.data());
  _exit(127);
}

}  // namespace

pid_t start_program(const std::filesystem::path& folder, const std::vector<std::string>& arguments,
                    const Environment& environment) {
  std::vector<std::string> words{NACRE_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return start(folder, words, environment);
}

Finished run_shell(const std::filesystem::path& folder, const std::string& line) {
  return wait_for(start(folder, {"/bin/sh", "-c", line}, {}), folder);
}

bool catches(pid_t process, int signal) {
  std::ifstream status("/proc/" + std::to_string(process) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with("SigCgt:")) continue;
    const std::uint64_t caught =
        std::stoull(line.substr(line.find_last_of(" \t") + 1), nullptr, 16);
    return (caught >> (signal - 1) & 1) != 0;
  }
  return false;
}

Finished wait_for(pid_t child, const std::filesystem::path& folder) {
  int status = 0;
  waitpid(child, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          contents(folder / "output.txt")};
}

Finished run_in_terminal(const std::filesystem::path& folder,
                         const std::vector<std::string>& arguments, int columns) {
  std::vector<std::string> words{NACRE_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& w : words) argv.push_back(w.data());
  argv.push_back(nullptr);
  struct winsize size {};
  size.ws_col = static_cast<unsigned short>(columns);
  size.ws_row = 24;
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, &size);
  if (child == 0) {
    if (chdir(folder.c_str()) != 0) _exit(126);
    unsetenv("COLUMNS");
    setenv("NACRE_THREADS", "1", 1);
    execv(argv[0], argv.data());
    _exit(127);
  }
  Finished result;
  char buffer[4096];
  // The end shows as an error: the last one who held the other side has gone.
  for (ssize_t n = 0; (n = read(terminal, buffer, sizeof buffer)) > 0;) {
    result.output.append(buffer, static_cast<std::size_t>(n));
  }
  close(terminal);
  int status = 0;
  waitpid(child, &status, 0);
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

void await(pid_t child, const std::function<bool()>& holds) {
  while (!holds()) {
    siginfo_t info{};
    waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT);
    if (info.si_pid == child) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

std::string contents(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
}

void write_file(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file, std::ios::binary) << text;
}

}  // namespace nacre::test
