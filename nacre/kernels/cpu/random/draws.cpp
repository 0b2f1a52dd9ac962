// Random numbers beyond uniform and normal: the words of the reference (base/random.h), many at a
// time, and its arithmetic in double, so that a seed gives the same numbers.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <numeric>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/elementwise/broadcast.h"
#include "nacre/kernels/cpu/kernels.h"
#include "nacre/kernels/cpu/work.h"
#include "nacre/ops/elementwise/special_math.h"
#include "nacre/ops/random/random_draw.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nacre/kernels/cpu/random/draws.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h

#include "nacre/kernels/cpu/random/philox-inl.h"
#include "nacre/kernels/cpu/simd/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace nacre::cpu::HWY_NAMESPACE {

// Words [first, first + 64) of a key's draw; `first` is a multiple of 64.
void Words(const std::int64_t* key, std::int64_t first, std::uint32_t* words) {
  static_assert(kWords == 64);
  philox_words(static_cast<std::uint64_t>(key[0]), static_cast<std::uint64_t>(key[1]),
               static_cast<std::uint64_t>(first) / 4, words);
}

// y = -log(x) for n elements, n a multiple of 8 and both aligned.
void MinusLog(const double* x, double* y, std::size_t n) {
  const hn::CappedTag<double, 8> d;
  for (std::size_t i = 0; i < n; i += hn::Lanes(d)) {
    hn::Store(hn::Neg(HWY_NAMESPACE::log(d, hn::Load(d, x + i))), d, y + i);
  }
}

// The running sums of exp(x - top).
template <class T>
void cumulate(const T* x, std::size_t n, double top, double* sums) {
  const hn::ScalableTag<double> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto shift = hn::Set(d, top);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    auto v = hn::Zero(d);
    if constexpr (sizeof(T) == sizeof(double)) {
      v = hn::LoadU(d, x + i);
    } else {
      v = hn::PromoteTo(d, hn::LoadU(hn::Rebind<float, decltype(d)>(), x + i));
    }
    hn::StoreU(HWY_NAMESPACE::exp(d, hn::Sub(v, shift)), d, sums + i);
  }
  for (; i < n; ++i) sums[i] = std::exp(static_cast<double>(x[i]) - top);
  double total = 0;
  for (i = 0; i < n; ++i) sums[i] = total += sums[i];
}
void CumulateSingle(const float* x, std::size_t n, double top, double* sums) {
  cumulate(x, n, top, sums);
}
void CumulateDouble(const double* x, std::size_t n, double top, double* sums) {
  cumulate(x, n, top, sums);
}

}  // namespace nacre::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nacre::cpu {
namespace {

HWY_EXPORT(Words);
HWY_EXPORT(MinusLog);
HWY_EXPORT(CumulateSingle);
HWY_EXPORT(CumulateDouble);

constexpr std::int64_t kStep = 64;    // words made at a time
constexpr std::int64_t kGrain = 256;  // elements; whole steps for one or two words an element

int workers_of(const KernelQuery& q, double nanoseconds) {
  return workers_for(static_cast<double>(q.outputs[0].elements()) * nanoseconds * 1e-3, q.threads);
}

// Calls f(words, first element, count) for stretches of [begin, end), with `each` words an element;
// begin is a multiple of kGrain.
template <std::int64_t each, class F>
void for_words(const void* key, std::int64_t begin, std::int64_t end, F&& f) {
  alignas(64) std::uint32_t words[kStep];
  for (std::int64_t at = begin; at < end; at += kStep / each) {
    HWY_DYNAMIC_DISPATCH(Words)(static_cast<const std::int64_t*>(key), at * each, words);
    f(words, at, std::min(kStep / each, end - at));
  }
}

std::uint64_t wide(const std::uint32_t* words, std::int64_t i) {
  return std::uint64_t{words[2 * i]} << 32 | words[2 * i + 1];
}
// Within (0, 1), as Draw::open and Draw::open_wide.
double open(std::uint32_t word) { return (word + 0.5) * 0x1p-32; }
double open_wide(std::uint64_t word) { return (static_cast<double>(word >> 12) + 0.5) * 0x1p-52; }

template <class T>
T rounded(double x) {
  if constexpr (sizeof(T) == 2) {
    return T(static_cast<float>(x));
  } else {
    return static_cast<T>(x);
  }
}

// One floating number from each word, or each pair of words for f64: f(u) of u in (0, 1).
template <class T, class F>
void map_open(const void* key, std::int64_t begin, std::int64_t end, T* out, F&& f) {
  if constexpr (std::is_same_v<T, double>) {
    for_words<2>(key, begin, end, [&](const std::uint32_t* w, std::int64_t at, std::int64_t n) {
      for (std::int64_t i = 0; i < n; ++i) out[at + i] = f(open_wide(wide(w, i)));
    });
  } else {
    for_words<1>(key, begin, end, [&](const std::uint32_t* w, std::int64_t at, std::int64_t n) {
      for (std::int64_t i = 0; i < n; ++i) out[at + i] = rounded<T>(f(open(w[i])));
    });
  }
}

// A kernel that calls draw(key, begin, end, out) for parts of the output.
template <class T, class F>
PreparedKernel draw_kernel(const KernelQuery& q, double nanoseconds, F draw) {
  return make_kernel([n = q.outputs[0].elements(), workers = workers_of(q, nanoseconds), draw](
                         void* const* pointers, const RunContext&) {
    parallel_for(workers, n, kGrain, [&](std::int64_t begin, std::int64_t end) {
      draw(pointers[0], begin, end, static_cast<T*>(pointers[1]));
    });
  });
}

// f(type_identity<T>) for the floating types.
template <class F>
PreparedKernel for_float(DType dtype, F&& f) {
  return visit_dtype(dtype, [&](auto tag) -> PreparedKernel {
    if constexpr (std::is_integral_v<typename decltype(tag)::type>) {
      throw InternalError("draw: a floating dtype expected");
    } else {
      return f(tag);
    }
  });
}

PreparedKernel prepare_exponential(const KernelQuery& q) {
  return for_float(q.outputs[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    return draw_kernel<T>(q, 4, [](const void* key, std::int64_t begin, std::int64_t end, T* out) {
      if constexpr (std::is_same_v<T, double>) {
        map_open(key, begin, end, out, [](double u) { return -std::log(u); });
      } else {
        alignas(64) double x[kStep];
        for_words<1>(key, begin, end, [&](const std::uint32_t* w, std::int64_t at, std::int64_t n) {
          for (std::int64_t i = 0; i < kStep; ++i) x[i] = open(w[i]);
          HWY_DYNAMIC_DISPATCH(MinusLog)(x, x, kStep);
          for (std::int64_t i = 0; i < n; ++i) out[at + i] = rounded<T>(x[i]);
        });
      }
    });
  });
}

// By the inverse of the distribution, as the reference; right of the middle the mirror image.
PreparedKernel prepare_truncated(const KernelQuery& q) {
  const double low = q.attrs.number("low");
  const double high = q.attrs.number("high");
  const double mean = q.attrs.number("mean");
  const bool mirrored = low + high > 0;
  const double from = mirrored ? -high : low;
  const double to = mirrored ? -low : high;
  const auto share = [](double x) { return std::erfc(-x / std::numbers::sqrt2) / 2; };
  const double first = share(from);
  const double width = share(to) - first;
  const double scale = mirrored ? -q.attrs.number("stddev") : q.attrs.number("stddev");
  return for_float(q.outputs[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    return draw_kernel<T>(q, 60,
                          [=](const void* key, std::int64_t begin, std::int64_t end, T* out) {
                            map_open(key, begin, end, out, [=](double u) {
                              const double p = first + width * u;
                              return mean + scale * std::clamp(normal_quantile(p), from, to);
                            });
                          });
  });
}

__extension__ typedef unsigned __int128 Wide;

PreparedKernel prepare_integers(const KernelQuery& q) {
  const auto low = static_cast<std::uint64_t>(q.attrs.integer("low"));
  const std::uint64_t range = static_cast<std::uint64_t>(q.attrs.integer("high")) - low;
  return visit_dtype(q.outputs[0].dtype, [&](auto tag) -> PreparedKernel {
    using T = typename decltype(tag)::type;
    if constexpr (!std::is_integral_v<T>) {
      throw InternalError("random_integers: an integer dtype expected");
    } else {
      return draw_kernel<T>(
          q, 2, [=](const void* key, std::int64_t begin, std::int64_t end, T* out) {
            for_words<2>(
                key, begin, end, [&](const std::uint32_t* w, std::int64_t at, std::int64_t n) {
                  for (std::int64_t i = 0; i < n; ++i) {
                    const auto step =
                        static_cast<std::uint64_t>((static_cast<Wide>(wide(w, i)) * range) >> 64);
                    out[at + i] = static_cast<T>(low + step);
                  }
                });
          });
    }
  });
}

// Key and probabilities, which broadcast, to 0 and 1.
template <class P, class T>
PreparedKernel bernoulli(const KernelQuery& q) {
  const Shape inputs[1] = {q.inputs[1].shape};
  return make_kernel([loops = broadcast_loops(q.outputs[0].shape, inputs),
                      n = q.outputs[0].elements(),
                      workers = workers_of(q, 2)](void* const* pointers, const RunContext&) {
    T* out = static_cast<T*>(pointers[2]);
    parallel_for(workers, n, kGrain, [&](std::int64_t begin, std::int64_t end) {
      P p[kStep];
      for_words<1>(pointers[0], begin, end,
                   [&](const std::uint32_t* w, std::int64_t at, std::int64_t count) {
                     expand(loops, 0, pointers[1], sizeof(P), at, count, p);
                     for (std::int64_t i = 0; i < count; ++i) {
                       const double edge = static_cast<double>(p[i]) * 0x1p32;
                       out[at + i] = static_cast<T>(w[i] < edge ? 1.0f : 0.0f);
                     }
                   });
    });
  });
}

PreparedKernel prepare_bernoulli(const KernelQuery& q) {
  return for_float(q.inputs[1].dtype, [&](auto probability) {
    return visit_dtype(q.outputs[0].dtype, [&](auto tag) {
      return bernoulli<typename decltype(probability)::type, typename decltype(tag)::type>(q);
    });
  });
}

// Fisher and Yates' shuffle from the back, in order: every swap depends on those before.
PreparedKernel prepare_permutation(const KernelQuery& q) {
  return make_kernel([n = q.outputs[0].elements()](void* const* pointers, const RunContext&) {
    auto* order = static_cast<std::int64_t*>(pointers[1]);
    std::iota(order, order + n, std::int64_t{0});
    for_words<2>(
        pointers[0], 0, n - 1, [&](const std::uint32_t* w, std::int64_t at, std::int64_t count) {
          for (std::int64_t i = 0; i < count; ++i) {
            const auto left = static_cast<std::uint64_t>(n - at - i);
            const auto k = static_cast<std::uint64_t>((static_cast<Wide>(wide(w, i)) * left) >> 64);
            std::swap(order[left - 1], order[k]);
          }
        });
  });
}

void cumulate_row(const float* x, std::size_t n, double* sums) {
  HWY_DYNAMIC_DISPATCH(CumulateSingle)(x, n, *std::max_element(x, x + n), sums);
}
void cumulate_row(const double* x, std::size_t n, double* sums) {
  HWY_DYNAMIC_DISPATCH(CumulateDouble)(x, n, *std::max_element(x, x + n), sums);
}

// Finds where a uniform number falls among the cumulated probabilities of each row.
template <class T>
PreparedKernel categorical(const KernelQuery& q) {
  const std::int64_t classes = q.inputs[1].shape.at_back(-1);
  const std::int64_t samples = q.attrs.integer("samples");
  const std::int64_t rows = q.inputs[1].elements() / classes;
  const int workers = workers_for(
      5e-3 * static_cast<double>(rows) * static_cast<double>(classes + 10 * samples), q.threads);
  const std::size_t scratch =
      static_cast<std::size_t>(workers) * static_cast<std::size_t>(classes) * sizeof(double);
  return make_kernel(
      [classes, samples, rows, workers](void* const* pointers, const RunContext& context) {
        const std::int64_t part = (rows + workers - 1) / workers;
        parallel_for(workers, workers, 1, [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t w = begin; w < end; ++w) {
            op_defs::Draw draw(pointers[0]);
            double* sums = static_cast<double*>(context.scratch) + w * classes;
            for (std::int64_t r = w * part; r < std::min(rows, (w + 1) * part); ++r) {
              cumulate_row(static_cast<const T*>(pointers[1]) + r * classes,
                           static_cast<std::size_t>(classes), sums);
              for (std::int64_t i = r * samples; i < (r + 1) * samples; ++i) {
                const double mark =
                    draw.open_wide(static_cast<std::uint64_t>(i)) * sums[classes - 1];
                const double* found = std::upper_bound(sums, sums + classes, mark);
                static_cast<std::int64_t*>(pointers[2])[i] =
                    std::min<std::int64_t>(found - sums, classes - 1);
              }
            }
          }
        });
      },
      scratch);
}

PreparedKernel prepare_categorical(const KernelQuery& q) {
  return q.inputs[1].dtype == f32 ? categorical<float>(q) : categorical<double>(q);
}

bool supports_categorical(const KernelQuery& q) {
  return q.inputs[1].dtype == f32 || q.inputs[1].dtype == f64;
}

// Each element has words of its own, however many attempts it takes.
PreparedKernel prepare_gamma(const KernelQuery& q) {
  return for_float(q.inputs[1].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape inputs[1] = {q.inputs[1].shape};
    return make_kernel([loops = broadcast_loops(q.outputs[0].shape, inputs),
                        n = q.outputs[0].elements(), workers = workers_of(q, 150),
                        least = op_defs::smallest_gamma(q.outputs[0].dtype)](void* const* pointers,
                                                                             const RunContext&) {
      T* out = static_cast<T*>(pointers[2]);
      parallel_for(workers, n, 1, [&](std::int64_t begin, std::int64_t end) {
        op_defs::Draw draw(pointers[0]);
        T a[kStep];
        for (std::int64_t at = begin; at < end; at += kStep) {
          const std::int64_t count = std::min(kStep, end - at);
          expand(loops, 0, pointers[1], sizeof(T), at, count, a);
          for (std::int64_t i = 0; i < count; ++i) {
            const double z = op_defs::gamma_of(draw, static_cast<std::uint64_t>(at + i),
                                               static_cast<double>(a[i]));
            out[at + i] = rounded<T>(z < least ? least : z);
          }
        }
      });
    });
  });
}

bool supports_any(const KernelQuery&) { return true; }

constexpr KernelRow kRows[] = {
    {Op::random_exponential, "philox", supports_any, prepare_exponential},
    {Op::random_truncated_normal, "philox", supports_any, prepare_truncated},
    {Op::random_integers, "philox", supports_any, prepare_integers},
    {Op::random_bernoulli, "philox", supports_any, prepare_bernoulli},
    {Op::random_permutation, "philox", supports_any, prepare_permutation},
    {Op::random_categorical, "philox", supports_categorical, prepare_categorical},
    {Op::random_gamma, "philox", supports_any, prepare_gamma},
};

}  // namespace

std::span<const KernelRow> draw_kernels() { return kRows; }

}  // namespace nacre::cpu
#endif
