// What Nacre prints and checks to help find a mistake, chosen by the environment variable
// NACRE_DEBUG: a comma-separated list of
//   trace      the graph of each function as it was traced (to stderr)
//   passes     the graph after each pass that changed it
//   plan       kernels and memory of each plan
//   nan        checks the outputs of every step; the first value that is not finite is an error
//              that names the layer and the line (elementwise fusion is off, to be exact)
//   reference  computes every step again with the op's reference; the first step whose fast kernel
//              differs is an error that names it
//   poison     fills every kernel's outputs and scratch with NaN (all bits set) before it runs, so
//              that what a kernel leaves out, or reads before it wrote, shows in the results
#pragma once

#include <string_view>

namespace nacre {

struct DebugFlags {
  bool trace = false;
  bool passes = false;
  bool plan = false;
  bool nan = false;
  bool reference = false;
  bool poison = false;
};

// Reads a list as above. Throws ValueError for an unknown word.
DebugFlags parse_debug_flags(std::string_view list);

// Those of NACRE_DEBUG, read once, unless set_debug_flags came later. They count for what is
// compiled from then on.
const DebugFlags& debug_flags();
void set_debug_flags(const DebugFlags& flags);

}  // namespace nacre
