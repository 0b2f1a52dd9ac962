#include "cli/stop_signals.h"

#include <csignal>
#include <iterator>

namespace nacre::cli {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};

volatile std::sig_atomic_t asked_by = 0;
struct sigaction before[std::size(kSignals)];
struct sigaction pipe_before;

}  // namespace

StopSignals::StopSignals() {
  asked_by = 0;
  struct sigaction note {};
  note.sa_handler = [](int signal) { asked_by = signal; };
  // Reads and writes that a signal meets go on: a signal must not spoil a file.
  note.sa_flags = SA_RESETHAND | SA_RESTART;
  for (std::size_t i = 0; i < std::size(kSignals); ++i) {
    sigaction(kSignals[i], nullptr, &before[i]);
    if (kSignals[i] == SIGHUP && before[i].sa_handler == SIG_IGN) continue;
    sigaction(kSignals[i], &note, nullptr);
  }
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, &pipe_before);
}

StopSignals::~StopSignals() {
  for (std::size_t i = 0; i < std::size(kSignals); ++i) sigaction(kSignals[i], &before[i], nullptr);
  sigaction(SIGPIPE, &pipe_before, nullptr);
}

int StopSignals::asked() { return asked_by; }

}  // namespace nacre::cli
