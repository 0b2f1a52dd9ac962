// One pool of threads for everything: OpenMP's, which oneDNN uses too, so that no two pools spin
// against each other.
#pragma once

#include <cstdint>
#include <type_traits>

namespace nacre {

// The processors this process may use: affinity mask and cgroup quota respected; at least 1.
int available_threads();

// The number of threads that kernels use at most. Starts as available_threads(), or as the
// environment variable NACRE_THREADS says. set_threads throws ValueError below 1.
int threads();
void set_threads(int n);

// Makes oneDNN's parallel regions on the calling thread use at most n threads from now on.
void limit_library_threads(int n);

// Calls body(context, begin, end) for `chunks` consecutive, near equal parts of [0, count), each a
// multiple of `grain` (but the last), on at most `workers` threads; returns when all are done. The
// parts depend on count, grain and workers only, so results do not depend on timing. An exception
// of a part is rethrown here. Within a parallel region, and while another user thread runs one, the
// parts run one after the other.
using RangeBody = void (*)(void* context, std::int64_t begin, std::int64_t end);
void parallel_ranges(int workers, std::int64_t count, std::int64_t grain, RangeBody body,
                     void* context);

// The same for any callable f(begin, end).
template <class F>
void parallel_for(int workers, std::int64_t count, std::int64_t grain, F&& f) {
  if (workers <= 1 || count <= grain) {
    if (count > 0) f(std::int64_t{0}, count);
    return;
  }
  parallel_ranges(
      workers, count, grain,
      [](void* context, std::int64_t begin, std::int64_t end) {
        (*static_cast<std::remove_reference_t<F>*>(context))(begin, end);
      },
      const_cast<void*>(static_cast<const void*>(&f)));
}

}  // namespace nacre
