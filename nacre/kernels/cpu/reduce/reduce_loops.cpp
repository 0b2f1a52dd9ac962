#include "nacre/kernels/cpu/reduce/reduce_loops.h"

#include <algorithm>
#include <vector>

namespace nacre::cpu {

ReduceLoops reduce_loops(const Shape& in, std::span<const std::int64_t> axes) {
  struct Run {
    std::int64_t size;
    bool reduced;
  };
  std::vector<Run> runs;
  for (int d = 0; d < in.rank(); ++d) {
    const bool reduced = axes.empty() || std::any_of(axes.begin(), axes.end(), [&](std::int64_t a) {
                           return (a < 0 ? a + in.rank() : a) == d;
                         });
    if (in[d] == 1) continue;
    if (!runs.empty() && runs.back().reduced == reduced) {
      runs.back().size *= in[d];
    } else {
      runs.push_back({in[d], reduced});
    }
  }
  ReduceLoops loops;
  std::int64_t stride = 1;
  bool seen_reduced = false;
  std::vector<ReduceLoops::Loop> kept;
  std::vector<ReduceLoops::Loop> reduced;
  for (std::size_t r = runs.size(); r-- > 0;) {
    const Run& run = runs[r];
    if (run.reduced && !seen_reduced) {
      loops.length = run.size;
      seen_reduced = true;
    } else if (run.reduced) {
      reduced.push_back({run.size, stride});
      loops.repeats *= run.size;
    } else if (!seen_reduced) {
      loops.inner = run.size;
    } else {
      kept.push_back({run.size, stride});
      loops.outputs *= run.size;
    }
    stride *= run.size;
  }
  for (std::size_t i = kept.size(); i-- > 0;) loops.kept.push_back(kept[i]);
  for (std::size_t i = reduced.size(); i-- > 0;) loops.reduced.push_back(reduced[i]);
  return loops;
}

}  // namespace nacre::cpu
