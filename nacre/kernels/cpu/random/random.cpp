// Random f32 numbers and dropout: Philox sixteen blocks at a time, the same words as the reference.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "nacre/base/random.h"
#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/kernels.h"
#include "nacre/kernels/cpu/work.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nacre/kernels/cpu/random/random.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h

#include "hwy/contrib/math/math-inl.h"
#include "nacre/kernels/cpu/random/philox-inl.h"
#include "nacre/kernels/cpu/simd/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace nacre::cpu::HWY_NAMESPACE {

// Calls f(words, first element, count) for stretches of [begin, end); begin is a multiple of
// kWords.
template <class F>
HWY_INLINE void for_words(const std::int64_t* key, std::int64_t begin, std::int64_t end, F f) {
  HWY_ALIGN std::uint32_t words[kWords];
  for (std::int64_t at = begin; at < end; at += static_cast<std::int64_t>(kWords)) {
    philox_words(static_cast<std::uint64_t>(key[0]), static_cast<std::uint64_t>(key[1]),
                 static_cast<std::uint64_t>(at) / 4, words);
    f(words, at, std::min(static_cast<std::int64_t>(kWords), end - at));
  }
}

void Uniform(const std::int64_t* key, std::int64_t begin, std::int64_t end, double low,
             double range, float* out) {
  for_words(key, begin, end, [=](const std::uint32_t* words, std::int64_t at, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) {
      out[at + i] = static_cast<float>(low + range * (static_cast<int>(words[i] >> 8) * 0x1p-24));
    }
  });
}

void Normal(const std::int64_t* key, std::int64_t begin, std::int64_t end, double mean,
            double deviation, float* out) {
  const hn::ScalableTag<double> d;
  const std::size_t lanes = hn::Lanes(d);
  for_words(
      key, begin, end, [&](const std::uint32_t* words, std::int64_t at, std::int64_t n) HWY_ATTR {
        // Box and Muller: a pair of words gives a pair of numbers.
        HWY_ALIGN double u[kWords / 2];
        HWY_ALIGN double angle[kWords / 2];
        HWY_ALIGN double cosine[kWords / 2];
        HWY_ALIGN double sine[kWords / 2];
        for (std::size_t p = 0; p < kWords / 2; ++p) {
          u[p] = (words[2 * p] + 1.0) * 0x1p-32;
          angle[p] = 2 * std::numbers::pi * (words[2 * p + 1] * 0x1p-32);
        }
        for (std::size_t p = 0; p < kWords / 2; p += lanes) {
          const auto minus_two = hn::Set(d, -2.0);
          const auto radius =
              hn::Mul(hn::Set(d, deviation),
                      hn::Sqrt(hn::Mul(minus_two, HWY_NAMESPACE::log(d, hn::Load(d, u + p)))));
          const auto a = hn::Load(d, angle + p);
          const auto center = hn::Set(d, mean);
          hn::Store(hn::Add(center, hn::Mul(radius, hn::Cos(d, a))), d, cosine + p);
          hn::Store(hn::Add(center, hn::Mul(radius, hn::Sin(d, a))), d, sine + p);
        }
        for (std::int64_t i = 0; i < n; ++i) {
          out[at + i] = static_cast<float>(i % 2 == 0 ? cosine[i / 2] : sine[i / 2]);
        }
      });
}

void Dropout(const std::int64_t* key, std::int64_t begin, std::int64_t end, std::uint64_t threshold,
             double scale, const float* x, float* out) {
  for_words(key, begin, end, [=](const std::uint32_t* words, std::int64_t at, std::int64_t n) {
#pragma GCC ivdep
    for (std::int64_t i = 0; i < n; ++i) {
      const float kept = static_cast<float>(x[at + i] * scale);
      out[at + i] = words[i] >= threshold ? kept : 0.0f;
    }
  });
}

}  // namespace nacre::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nacre::cpu {
namespace {

HWY_EXPORT(Uniform);
HWY_EXPORT(Normal);
HWY_EXPORT(Dropout);

constexpr std::int64_t kGrain = 256;  // a multiple of the words of one step

int workers_of(const KernelQuery& q, double nanoseconds) {
  return workers_for(static_cast<double>(q.outputs[0].elements()) * nanoseconds * 1e-3, q.threads);
}

bool supports_draw(const KernelQuery& q) { return q.outputs[0].dtype == f32; }

template <class F>
PreparedKernel draw_kernel(const KernelQuery& q, double nanoseconds, F draw) {
  return make_kernel([n = q.outputs[0].elements(), workers = workers_of(q, nanoseconds), draw](
                         void* const* pointers, const RunContext&) {
    parallel_for(workers, n, kGrain, [&](std::int64_t begin, std::int64_t end) {
      draw(static_cast<const std::int64_t*>(pointers[0]), begin, end,
           static_cast<float*>(pointers[1]));
    });
  });
}

PreparedKernel prepare_uniform(const KernelQuery& q) {
  const double low = q.attrs.number("low");
  const double range = q.attrs.number("high") - low;
  return draw_kernel(q, 1.5,
                     [=](const std::int64_t* key, std::int64_t a, std::int64_t b, float* to) {
                       HWY_DYNAMIC_DISPATCH(Uniform)(key, a, b, low, range, to);
                     });
}

PreparedKernel prepare_normal(const KernelQuery& q) {
  const double mean = q.attrs.number("mean");
  const double deviation = q.attrs.number("stddev");
  return draw_kernel(q, 5, [=](const std::int64_t* key, std::int64_t a, std::int64_t b, float* to) {
    HWY_DYNAMIC_DISPATCH(Normal)(key, a, b, mean, deviation, to);
  });
}

// One decision an element; masks that are broadcast are the reference's.
bool supports_dropout(const KernelQuery& q) {
  const auto& noise = q.attrs.integers("noise_shape");
  const Shape& x = q.inputs[0].shape;
  for (std::size_t i = 0; i < noise.size(); ++i) {
    if (noise[i] != -1 && noise[i] != x[static_cast<int>(i)]) return false;
  }
  return q.inputs[0].dtype == f32;
}

PreparedKernel prepare_dropout(const KernelQuery& q) {
  const double rate = q.attrs.number("rate");
  const auto threshold = static_cast<std::uint64_t>(rate * 0x1p32);
  return make_kernel(
      [n = q.outputs[0].elements(), workers = workers_of(q, 1.5), threshold,
       scale = 1 / (1 - rate)](void* const* pointers, const RunContext&) {
        parallel_for(workers, n, kGrain, [&](std::int64_t begin, std::int64_t end) {
          HWY_DYNAMIC_DISPATCH(Dropout)
          (static_cast<const std::int64_t*>(pointers[1]), begin, end, threshold, scale,
           static_cast<const float*>(pointers[0]), static_cast<float*>(pointers[2]));
        });
      },
      0, 1);
}

constexpr KernelRow kRows[] = {
    {Op::random_uniform, "philox", supports_draw, prepare_uniform},
    {Op::random_normal, "philox", supports_draw, prepare_normal},
    {Op::dropout, "philox", supports_dropout, prepare_dropout},
};

}  // namespace

std::span<const KernelRow> random_kernels() { return kRows; }

}  // namespace nacre::cpu
#endif
