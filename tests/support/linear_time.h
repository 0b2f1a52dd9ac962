// For tests of how time grows with the size of what is given.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>

namespace nacre::test {

// Processor time of this thread: other processes do not count.
inline double thread_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// f(n) gives the seconds that count for size n. Four times the size may take eight times as long (a
// busy machine, colder caches); what grows with the square takes sixteen times. The least of three
// runs decides.
template <class F>
void expect_linear(int n, F&& f) {
  double small = 1e9;
  double large = 1e9;
  for (int i = 0; i < 3; ++i) {
    small = std::min(small, f(n));
    large = std::min(large, f(4 * n));
  }
  EXPECT_LT(large, 8 * small) << small << " s for " << n << ", " << large << " s for " << 4 * n;
}

}  // namespace nacre::test
