#include "bench/ceiling.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <map>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/ceiling.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace nacre::bench::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Operations done. Twelve chains cover the latency of two multiply-add units.
double multiply_add(std::size_t rounds, float* out) {
  const hn::ScalableTag<float> d;
  const auto x = hn::Set(d, 0.999f);
  const auto y = hn::Set(d, 1e-3f);
  // Different beginnings: equal chains would be merged into one.
  const auto start = [&](int i) { return hn::Set(d, 0.1f * static_cast<float>(i)); };
  auto a0 = start(0), a1 = start(1), a2 = start(2), a3 = start(3);
  auto a4 = start(4), a5 = start(5), a6 = start(6), a7 = start(7);
  auto a8 = start(8), a9 = start(9), a10 = start(10), a11 = start(11);
  for (std::size_t i = 0; i < rounds; ++i) {
    a0 = hn::MulAdd(a0, x, y);
    a1 = hn::MulAdd(a1, x, y);
    a2 = hn::MulAdd(a2, x, y);
    a3 = hn::MulAdd(a3, x, y);
    a4 = hn::MulAdd(a4, x, y);
    a5 = hn::MulAdd(a5, x, y);
    a6 = hn::MulAdd(a6, x, y);
    a7 = hn::MulAdd(a7, x, y);
    a8 = hn::MulAdd(a8, x, y);
    a9 = hn::MulAdd(a9, x, y);
    a10 = hn::MulAdd(a10, x, y);
    a11 = hn::MulAdd(a11, x, y);
  }
  const auto left = hn::Add(hn::Add(hn::Add(a0, a1), hn::Add(a2, a3)), hn::Add(a4, a5));
  const auto right = hn::Add(hn::Add(hn::Add(a6, a7), hn::Add(a8, a9)), hn::Add(a10, a11));
  *out = hn::GetLane(hn::SumOfLanes(d, hn::Add(left, right)));
  return 2.0 * 12 * static_cast<double>(rounds * hn::Lanes(d));
}

// n is a multiple of 64.
float read(const float* x, std::size_t n) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  auto a = hn::Zero(d), b = a, c = a, e = a;
  for (std::size_t i = 0; i < n; i += 4 * lanes) {
    a = hn::Add(a, hn::Load(d, x + i));
    b = hn::Add(b, hn::Load(d, x + i + lanes));
    c = hn::Add(c, hn::Load(d, x + i + 2 * lanes));
    e = hn::Add(e, hn::Load(d, x + i + 3 * lanes));
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(a, b), hn::Add(c, e))));
}

void triad(float* a, const float* b, const float* c, std::size_t n) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto s = hn::Set(d, 0.5f);
  for (std::size_t i = 0; i < n; i += 2 * lanes) {
    hn::Store(hn::MulAdd(s, hn::Load(d, c + i), hn::Load(d, b + i)), d, a + i);
    hn::Store(hn::MulAdd(s, hn::Load(d, c + i + lanes), hn::Load(d, b + i + lanes)), d,
              a + i + lanes);
  }
}

}  // namespace nacre::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "nacre/base/buffer.h"

namespace nacre::bench {
namespace {

HWY_EXPORT(multiply_add);
HWY_EXPORT(read);
HWY_EXPORT(triad);

// Processor time of this thread: other programs may be running.
double now() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// The most amount / second of several rounds of some milliseconds.
template <class F>
double best_rate(F&& work) {
  double best = 0;
  for (int round = 0; round < 15; ++round) {
    const double begin = now();
    double amount = 0;
    double spent = 0;
    do {
      amount += work();
      spent = now() - begin;
    } while (spent < 5e-3);
    best = std::max(best, amount / spent);
  }
  return best;
}

constexpr std::array<std::size_t, 4> kSizes = {16u << 10, 512u << 10, 8u << 20, 64u << 20};

double measure(std::size_t bytes, Traffic traffic) {
  const std::size_t arrays = traffic == Traffic::read ? 1 : 3;
  const std::size_t n = bytes / sizeof(float) / arrays / 128 * 128;
  std::vector<Buffer> memory;
  std::vector<float*> x;
  for (std::size_t i = 0; i < arrays; ++i) {
    memory.push_back(Buffer::allocate(n * sizeof(float)));
    x.push_back(static_cast<float*>(memory.back().data()));
    std::fill(x[i], x[i] + n, 0.5f);
  }
  // Asking for the time takes as long as a pass over the smallest arrays.
  const std::size_t passes = std::max<std::size_t>(1, (std::size_t{4} << 20) / bytes);
  return best_rate([&] {
    for (std::size_t i = 0; i < passes; ++i) {
      if (traffic == Traffic::read) {
        benchmark::DoNotOptimize(HWY_DYNAMIC_DISPATCH(read)(x[0], n));
      } else {
        HWY_DYNAMIC_DISPATCH(triad)(x[0], x[1], x[2], n);
        benchmark::ClobberMemory();
      }
    }
    return static_cast<double>(passes * n * sizeof(float) * arrays);
  });
}

}  // namespace

double peak_operations() {
  static const double peak = best_rate([] {
    float out = 0;
    const double done = HWY_DYNAMIC_DISPATCH(multiply_add)(100000, &out);
    benchmark::DoNotOptimize(out);
    return done;
  });
  return peak;
}

double peak_bandwidth(std::size_t bytes, Traffic traffic) {
  static std::map<std::pair<std::size_t, Traffic>, double> known;
  // The figure of the smallest size that is not below.
  const auto size = std::lower_bound(kSizes.begin(), kSizes.end() - 1, bytes);
  double& rate = known[{*size, traffic}];
  if (rate == 0) rate = measure(*size, traffic);
  return rate;
}

void against_ceiling(benchmark::State& state, double operations, double bytes, Traffic traffic) {
  const double least = std::max(operations / peak_operations(),
                                bytes / peak_bandwidth(static_cast<std::size_t>(bytes), traffic));
  state.counters["ceiling"] =
      benchmark::Counter(least, benchmark::Counter::kIsIterationInvariantRate);
}

std::string ceiling_text() {
  std::string text = fmt::format("f32 {:.0f} GF/s", peak_operations() * 1e-9);
  for (const std::size_t size : kSizes) {
    text += fmt::format("; {} KiB: read {:.0f}, triad {:.0f} GB/s", size >> 10,
                        peak_bandwidth(size, Traffic::read) * 1e-9,
                        peak_bandwidth(size, Traffic::triad) * 1e-9);
  }
  return text;
}

}  // namespace nacre::bench
#endif
