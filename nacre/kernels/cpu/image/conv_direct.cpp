// Convolutions by plain loops over rows, for f64 and for what oneDNN has only a naive way to do.
#include <algorithm>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/kernels.h"
#include "nacre/ops/image/conv_geometry.h"

namespace nacre::cpu {
namespace {

struct Range {
  std::int64_t begin;
  std::int64_t end;
};

// The places p along axis i where element k of the window lies within the input.
Range places(const ConvGeometry& g, std::size_t i, std::int64_t k) {
  const std::int64_t s = g.window.stride[i];
  const std::int64_t shift = g.window.low[i] - k * g.window.dilation[i];  // p * s - shift >= 0
  const std::int64_t last = g.input.size[i] - 1 + shift;
  return {shift <= 0 ? 0 : (shift + s - 1) / s,
          std::min(g.output.size[i], last < 0 ? 0 : last / s + 1)};
}

// Calls row(weight index, x, y, n) for each run of n elements along the last axis that weights of
// one (output, input) channel pair connect; x and y count from the start of the two planes.
template <class F>
void for_each_row(const ConvGeometry& g, F&& row) {
  const Window& w = g.window;
  std::int64_t weight = 0;
  Axes3 k;
  for (k[0] = 0; k[0] < w.kernel[0]; ++k[0]) {
    for (k[1] = 0; k[1] < w.kernel[1]; ++k[1]) {
      for (k[2] = 0; k[2] < w.kernel[2]; ++k[2], ++weight) {
        const Range r0 = places(g, 0, k[0]);
        const Range r1 = places(g, 1, k[1]);
        const Range r2 = places(g, 2, k[2]);
        if (r2.begin >= r2.end) continue;
        const auto at = [&](std::size_t i, std::int64_t p) {
          return (p * w.stride[i] - w.low[i] + k[i] * w.dilation[i]) * g.input.stride[i];
        };
        for (std::int64_t a = r0.begin; a < r0.end; ++a) {
          for (std::int64_t b = r1.begin; b < r1.end; ++b) {
            row(weight, at(0, a) + at(1, b) + at(2, r2.begin),
                a * g.output.stride[0] + b * g.output.stride[1] + r2.begin * g.output.stride[2],
                r2.end - r2.begin);
          }
        }
      }
    }
  }
}

// y[i * ys] += w * x[i * xs].
template <class T>
void add_scaled(T w, const T* x, std::int64_t xs, T* y, std::int64_t ys, std::int64_t n) {
  if (xs == 1 && ys == 1) {
    for (std::int64_t i = 0; i < n; ++i) y[i] += w * x[i];
  } else {
    for (std::int64_t i = 0; i < n; ++i) y[i * ys] += w * x[i * xs];
  }
}

template <class T>
T dot(const T* x, std::int64_t xs, const T* y, std::int64_t ys, std::int64_t n) {
  T sums[4] = {};
  std::int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
    for (std::int64_t j = 0; j < 4; ++j) sums[j] += x[(i + j) * xs] * y[(i + j) * ys];
  }
  for (; i < n; ++i) sums[0] += x[i * xs] * y[i * ys];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// Calls f(element) for each element of a plane.
template <class F>
void for_each_pixel(const Image& image, F&& f) {
  for (std::int64_t a = 0; a < image.size[0]; ++a) {
    for (std::int64_t b = 0; b < image.size[1]; ++b) {
      for (std::int64_t c = 0; c < image.size[2]; ++c) {
        f(a * image.stride[0] + b * image.stride[1] + c * image.stride[2]);
      }
    }
  }
}

// What the three directions share: geometry and counts a group.
struct Layout {
  ConvGeometry g;
  std::int64_t ins;   // input channels a group
  std::int64_t outs;  // output channels a group
  std::int64_t taps;  // weights of a channel pair
  std::int64_t xs;    // strides between elements of a run
  std::int64_t ys;

  Layout(const KernelQuery& q, const Shape& x, const Shape& w, const Shape& y)
      : g(q.attrs, x, w, y),
        ins(g.input.channels / g.groups),
        outs(g.output.channels / g.groups),
        taps(g.window.kernel[0] * g.window.kernel[1] * g.window.kernel[2]),
        xs(g.window.stride[2] * g.input.stride[2]),
        ys(g.output.stride[2]) {}
};

template <class T>
PreparedKernel forward(const KernelQuery& q) {
  const bool relu = q.attrs.has("activation") && q.attrs.text("activation") == "relu";
  return make_kernel([l = Layout(q, q.inputs[0].shape, q.inputs[1].shape, q.outputs[0].shape), relu,
                      biased = q.inputs.size() == 3](void* const* pointers, const RunContext& run) {
    const T* x = static_cast<const T*>(pointers[0]);
    const T* w = static_cast<const T*>(pointers[1]);
    const T* bias = biased ? static_cast<const T*>(pointers[2]) : nullptr;
    T* y = static_cast<T*>(pointers[biased ? 3 : 2]);
    const std::int64_t channels = l.g.output.channels;
    parallel_for(run.threads, l.g.output.batch * channels, 1, [&](auto begin, auto end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t b = i / channels;
        const std::int64_t o = i % channels;
        T* plane = y + l.g.output.offset(b, o);
        for_each_pixel(l.g.output, [&](std::int64_t e) { plane[e] = bias ? bias[o] : T(0); });
        for (std::int64_t c = 0; c < l.ins; ++c) {
          const T* in = x + l.g.input.offset(b, o / l.outs * l.ins + c);
          const T* taps = w + (o * l.ins + c) * l.taps;
          for_each_row(l.g, [&](auto weight, auto from, auto to, auto n) {
            add_scaled(taps[weight], in + from, l.xs, plane + to, l.ys, n);
          });
        }
        if (relu) {
          for_each_pixel(l.g.output, [&](std::int64_t e) {
            plane[e] = T(0) < plane[e] ? plane[e] : T(0) * plane[e];
          });
        }
      }
    });
  });
}

template <class T>
PreparedKernel backward_input(const KernelQuery& q) {
  return make_kernel([l = Layout(q, q.outputs[0].shape, q.inputs[1].shape, q.inputs[0].shape)](
                         void* const* pointers, const RunContext& run) {
    const T* y = static_cast<const T*>(pointers[0]);
    const T* w = static_cast<const T*>(pointers[1]);
    T* x = static_cast<T*>(pointers[2]);
    const std::int64_t channels = l.g.input.channels;
    parallel_for(run.threads, l.g.input.batch * channels, 1, [&](auto begin, auto end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t b = i / channels;
        const std::int64_t group = i % channels / l.ins;
        const std::int64_t c = i % channels % l.ins;
        T* plane = x + l.g.input.offset(b, i % channels);
        for_each_pixel(l.g.input, [&](std::int64_t e) { plane[e] = T(0); });
        for (std::int64_t o = group * l.outs; o < (group + 1) * l.outs; ++o) {
          const T* ct = y + l.g.output.offset(b, o);
          const T* taps = w + (o * l.ins + c) * l.taps;
          for_each_row(l.g, [&](auto weight, auto to, auto from, auto n) {
            add_scaled(taps[weight], ct + from, l.ys, plane + to, l.xs, n);
          });
        }
      }
    });
  });
}

template <class T>
PreparedKernel backward_weights(const KernelQuery& q) {
  return make_kernel(
      [l = Layout(q, q.inputs[0].shape, q.outputs[0].shape, q.inputs[1].shape),
       biased = q.outputs.size() == 2](void* const* pointers, const RunContext& run) {
        const T* x = static_cast<const T*>(pointers[0]);
        const T* y = static_cast<const T*>(pointers[1]);
        T* w = static_cast<T*>(pointers[2]);
        T* bias = biased ? static_cast<T*>(pointers[3]) : nullptr;
        parallel_for(run.threads, l.g.output.channels, 1, [&](auto begin, auto end) {
          for (std::int64_t o = begin; o < end; ++o) {
            T total = 0;
            std::fill_n(w + o * l.ins * l.taps, l.ins * l.taps, T(0));
            for (std::int64_t b = 0; b < l.g.output.batch; ++b) {
              const T* ct = y + l.g.output.offset(b, o);
              for (std::int64_t c = 0; c < l.ins; ++c) {
                const T* in = x + l.g.input.offset(b, o / l.outs * l.ins + c);
                T* taps = w + (o * l.ins + c) * l.taps;
                for_each_row(l.g, [&](auto weight, auto from, auto to, auto n) {
                  taps[weight] += dot(in + from, l.xs, ct + to, l.ys, n);
                });
              }
              if (bias) for_each_pixel(l.g.output, [&](std::int64_t e) { total += ct[e]; });
            }
            if (bias) bias[o] = total;
          }
        });
      });
}

bool supports(const KernelQuery& q) {
  if (q.attrs.has("compute")) return false;  // in bf16
  return q.inputs[0].dtype == f32 || q.inputs[0].dtype == f64;
}

template <PreparedKernel (*single)(const KernelQuery&), PreparedKernel (*wide)(const KernelQuery&)>
PreparedKernel by_dtype(const KernelQuery& q) {
  return q.inputs[0].dtype == f32 ? single(q) : wide(q);
}

constexpr KernelRow kRows[] = {
    {Op::conv, "direct", supports, by_dtype<forward<float>, forward<double>>},
    {Op::conv_backward_input, "direct", supports,
     by_dtype<backward_input<float>, backward_input<double>>},
    {Op::conv_backward_weights, "direct", supports,
     by_dtype<backward_weights<float>, backward_weights<double>>},
};

}  // namespace

std::span<const KernelRow> direct_conv_kernels() { return kRows; }

}  // namespace nacre::cpu
