// Where the time of a compiled function goes, step by step, against what the machine can do.
#pragma once

#include <string>
#include <vector>

#include "nacre/run/compile.h"

namespace nacre {

struct StepProfile {
  std::string op;
  std::string kernel;
  std::string spec;   // of the first output
  std::string layer;  // and the line that asked for it
  std::string line;
  int threads = 1;
  double microseconds = 0;      // the median
  std::int64_t iterations = 1;  // of a loop whose number of steps is known
  double operations = 0;
  double bytes = 0;
  // The part of the machine's ceiling that was reached: of arithmetic or of memory, whichever
  // binds.
  double fraction = 0;
};

// What the current backend reaches at best, measured once: products of matrices, copies within the
// second-level cache (256 KiB), copies in main memory (64 MiB). One thread.
struct MachineCeiling {
  double operations_per_second = 0;
  double cache_bytes_per_second = 0;
  double memory_bytes_per_second = 0;
};
const MachineCeiling& machine_ceiling();

struct ProfileReport {
  std::vector<StepProfile> steps;
  double replay_microseconds = 0;  // the median of whole replays without a clock between the steps
  std::size_t arena_bytes = 0;

  double step_microseconds() const;
  // The slowest `most` steps as a table, and sums by op.
  std::string to_text(std::size_t most = 30) const;
  // For chrome://tracing and Perfetto.
  std::string to_chrome_trace() const;
};

// Runs f(args...) `repeats` times, timing each step. Variables have their old values
// afterwards.
template <class F, class... Args>
ProfileReport profile(Compiled<F>& f, const Args&... args) {
  ProfileReport report;
  f.profile(20, report, args...);
  return report;
}

}  // namespace nacre
