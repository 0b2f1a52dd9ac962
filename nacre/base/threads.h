// One pool of threads for everything: OpenMP's, which oneDNN uses too, so that no two pools spin
// against each other. What is asked for may be more than what is granted (by OpenMP's limits, by
// the system): everything here is about what was granted.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>

namespace nacre {

inline constexpr int kMostThreads = 4096;

// The processors this process may use: affinity mask and cgroup quotas respected (of a quota of 2.5
// processors, 2); at least 1. Found out once.
int available_threads();

// The number of threads that kernels use at most, on the calling thread and now. Asked for by
// set_threads, else by the environment variables NACRE_THREADS or OMP_NUM_THREADS (its first
// number), else available_threads(). Less is granted with OMP_THREAD_LIMIT, where the system starts
// no more threads, within an OpenMP region and in a child of fork() (1 in both).
// Throws ValueError when an environment variable is no number from 1 to kMostThreads.
int threads();
// Throws ValueError for what is not from 1 to kMostThreads.
void set_threads(int n);

// Of `asked` threads, how many a parallel region of the calling thread gets now. Remembers per
// thread what was granted; starting threads for the first time takes as long as it takes.
int grant_threads(int asked);

// How many threads that much work deserves: one for each 25 microseconds, since waking another one
// costs a few; at least 1, at most `most`.
inline int workers_for(double microseconds, int most) {
  const double deserved = microseconds / 25;
  if (deserved >= most) return most > 1 ? most : 1;
  return deserved > 1 ? static_cast<int>(deserved) : 1;
}

// threads() in words with its reason: "1 of 2 that NACRE_THREADS asks for (OMP_THREAD_LIMIT is 1)".
std::string describe_threads();
// available_threads() in words: "1 (2 in the affinity mask; cgroup quota 1.5 CPUs, in /sys/...)".
std::string describe_processors();

// While it lives, oneDNN's parallel regions of the calling thread are teams of n, and what the
// user's program set for its own regions is put back afterwards. A primitive that was made for n
// threads leaves out a part of its result in a smaller team, so it throws ValueError when n threads
// are not granted here.
class LibraryTeam {
 public:
  explicit LibraryTeam(int n);
  ~LibraryTeam();
  LibraryTeam(const LibraryTeam&) = delete;
  LibraryTeam& operator=(const LibraryTeam&) = delete;

 private:
  int threads_before_;
  int dynamic_before_;
};

// Calls body(context, begin, end) for `chunks` consecutive, near equal parts of [0, count), each a
// multiple of `grain` (but the last), on at most `workers` threads; returns when all are done. The
// parts depend on count, grain and workers only, so results do not depend on timing nor on the
// threads that are granted. An exception of a part is rethrown here. Within a parallel region, and
// while another user thread runs one, the parts run one after the other.
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
