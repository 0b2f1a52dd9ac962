// Pools of f32 in vectors: over the channels of channels-last images, and the 2 x 2 maximum with
// stride 2 of channels-first ones, which is what most networks have.
#include <algorithm>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/kernels.h"
#include "nacre/kernels/cpu/reduce/rows.h"
#include "nacre/ops/image/pool_geometry.h"

namespace nacre::cpu {
namespace {

constexpr std::int64_t kElementsAThread = 8192;
constexpr std::int64_t kLeastChannels = 4;
constexpr std::int64_t kMostChannels = 1024;  // held on the stack

std::int64_t grain(std::int64_t elements) {
  return std::max<std::int64_t>(1, kElementsAThread / std::max<std::int64_t>(1, elements));
}

bool is_last(const KernelQuery& q) { return q.attrs.flag_or("channels_last", false); }

// Calls f(output pixel, share of the mean, visit) for the windows of image b; visit(g) calls
// g(input pixel). Pixels are offsets of their first channel.
template <class F>
void for_each_window(const PoolGeometry& p, std::int64_t b, F&& f) {
  std::int64_t y = b * p.output.batch_stride;
  for (const PoolSpan& s0 : p.spans[0]) {
    for (const PoolSpan& s1 : p.spans[1]) {
      for (const PoolSpan& s2 : p.spans[2]) {
        const auto visit = [&](auto&& g) {
          for (std::int64_t i = s0.begin; i < s0.end; i += p.dilation[0]) {
            for (std::int64_t j = s1.begin; j < s1.end; j += p.dilation[1]) {
              for (std::int64_t k = s2.begin; k < s2.end; k += p.dilation[2]) {
                g(b * p.input.batch_stride + i * p.input.stride[0] + j * p.input.stride[1] +
                  k * p.input.stride[2]);
              }
            }
          }
        };
        f(y, 1.0f / static_cast<float>(s0.divisor * s1.divisor * s2.divisor), visit);
        y += p.output.channels;
      }
    }
  }
}

template <class F>
void for_each_image(const PoolGeometry& p, const RunContext& run, F&& f) {
  parallel_for(run.threads, p.input.batch, grain(p.input.batch_stride),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t b = begin; b < end; ++b) f(b);
               });
}

PreparedKernel max_last(const KernelQuery& q) {
  return make_kernel([p = PoolGeometry(q.attrs, q.inputs[0].shape, q.outputs[0].shape)](
                         void* const* pointers, const RunContext& run) {
    const RowOps& ops = row_ops();
    const float* x = static_cast<const float*>(pointers[0]);
    float* y = static_cast<float*>(pointers[1]);
    const auto n = static_cast<std::size_t>(p.input.channels);
    for_each_image(p, run, [&](std::int64_t b) {
      for_each_window(p, b, [&](std::int64_t o, float, const auto& visit) {
        bool started = false;
        visit([&](std::int64_t i) {
          if (started) ops.pool_max(x + i, y + o, n);
          if (!started) std::copy_n(x + i, n, y + o);
          started = true;
        });
      });
    });
  });
}

PreparedKernel max_backward_last(const KernelQuery& q) {
  return make_kernel(
      [p = PoolGeometry(q.attrs, q.inputs[0].shape, q.inputs[1].shape),
       relu = q.attrs.flag_or("relu", false)](void* const* pointers, const RunContext& run) {
        const RowOps& ops = row_ops();
        const float* x = static_cast<const float*>(pointers[0]);
        const float* ct = static_cast<const float*>(pointers[1]);
        float* dx = static_cast<float*>(pointers[2]);
        const auto n = static_cast<std::size_t>(p.input.channels);
        for_each_image(p, run, [&](std::int64_t b) {
          float top[kMostChannels];
          float left[kMostChannels];
          std::fill_n(dx + b * p.input.batch_stride, p.input.batch_stride, 0.0f);
          for_each_window(p, b, [&](std::int64_t o, float, const auto& visit) {
            bool started = false;
            visit([&](std::int64_t i) {
              if (started) ops.pool_max(x + i, top, n);
              if (!started) std::copy_n(x + i, n, top);
              started = true;
            });
            std::copy_n(ct + o, n, left);
            if (relu) {
              for (std::size_t i = 0; i < n; ++i) left[i] = top[i] > 0 ? left[i] : 0.0f;
            }
            visit([&](std::int64_t i) { ops.pool_route(x + i, top, left, dx + i, n); });
          });
        });
      });
}

PreparedKernel avg_last(const KernelQuery& q) {
  return make_kernel([p = PoolGeometry(q.attrs, q.inputs[0].shape, q.outputs[0].shape)](
                         void* const* pointers, const RunContext& run) {
    const RowOps& ops = row_ops();
    const float* x = static_cast<const float*>(pointers[0]);
    float* y = static_cast<float*>(pointers[1]);
    const auto n = static_cast<std::size_t>(p.input.channels);
    for_each_image(p, run, [&](std::int64_t b) {
      for_each_window(p, b, [&](std::int64_t o, float share, const auto& visit) {
        std::fill_n(y + o, n, 0.0f);
        visit([&](std::int64_t i) { ops.column_add(x + i, y + o, n); });
        ops.scale(y + o, share, 0, y + o, n);
      });
    });
  });
}

PreparedKernel avg_backward_last(const KernelQuery& q) {
  return make_kernel([p = PoolGeometry(q.attrs, q.outputs[0].shape, q.inputs[0].shape)](
                         void* const* pointers, const RunContext& run) {
    const RowOps& ops = row_ops();
    const float* ct = static_cast<const float*>(pointers[0]);
    float* dx = static_cast<float*>(pointers[1]);
    const auto n = static_cast<std::size_t>(p.input.channels);
    for_each_image(p, run, [&](std::int64_t b) {
      std::fill_n(dx + b * p.input.batch_stride, p.input.batch_stride, 0.0f);
      for_each_window(p, b, [&](std::int64_t o, float share, const auto& visit) {
        visit([&](std::int64_t i) { ops.add_scaled(ct + o, share, dx + i, n); });
      });
    });
  });
}

// Windows of two elements at stride two, none of them cut.
bool is_pairs(const std::vector<PoolSpan>& spans) {
  for (std::size_t i = 0; i < spans.size(); ++i) {
    const auto first = static_cast<std::int64_t>(2 * i);
    if (spans[i].begin != first || spans[i].end != first + 2) return false;
  }
  return true;
}

bool is_2x2(const PoolGeometry& p) {
  const bool plain = p.dilation == Axes3{1, 1, 1} && p.input.size[0] == 1 && p.output.size[0] == 1;
  return plain && is_pairs(p.spans[1]) && is_pairs(p.spans[2]);
}

// Calls f(first row of the input, row of the output) for the rows of all planes.
template <class F>
void for_each_row_pair(const PoolGeometry& p, const RunContext& run, F&& f) {
  const std::int64_t planes = p.input.batch * p.input.channels;
  parallel_for(run.threads, planes, grain(p.input.pixels()),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i) {
                   for (std::int64_t r = 0; r < p.output.size[1]; ++r) {
                     f(i * p.input.pixels() + 2 * r * p.input.size[2],
                       i * p.output.pixels() + r * p.output.size[2]);
                   }
                 }
               });
}

PreparedKernel max_pairs(const KernelQuery& q) {
  return make_kernel([p = PoolGeometry(q.attrs, q.inputs[0].shape, q.outputs[0].shape)](
                         void* const* pointers, const RunContext& run) {
    const RowOps& ops = row_ops();
    const float* x = static_cast<const float*>(pointers[0]);
    float* y = static_cast<float*>(pointers[1]);
    for_each_row_pair(p, run, [&](std::int64_t from, std::int64_t to) {
      ops.max_2x2(x + from, x + from + p.input.size[2], y + to,
                  static_cast<std::size_t>(p.output.size[2]));
    });
  });
}

PreparedKernel max_backward_pairs(const KernelQuery& q) {
  return make_kernel(
      [p = PoolGeometry(q.attrs, q.inputs[0].shape, q.inputs[1].shape),
       relu = q.attrs.flag_or("relu", false)](void* const* pointers, const RunContext& run) {
        const RowOps& ops = row_ops();
        const float* x = static_cast<const float*>(pointers[0]);
        const float* ct = static_cast<const float*>(pointers[1]);
        float* dx = static_cast<float*>(pointers[2]);
        const std::int64_t width = p.input.size[2];
        const std::int64_t covered = 2 * p.output.size[2];
        const std::int64_t plane_rows = p.output.size[1];
        const std::int64_t odd_row = p.input.size[1] - 2 * plane_rows;
        for_each_row_pair(p, run, [&](std::int64_t from, std::int64_t to) {
          float* d = dx + from;
          ops.max_2x2_gradient(x + from, x + from + width, ct + to, d, d + width,
                               static_cast<std::size_t>(p.output.size[2]), relu);
          // Elements beyond the last window have no gradient.
          std::fill(d + covered, d + width, 0.0f);
          std::fill(d + width + covered, d + 2 * width, 0.0f);
          const bool last_row = to / p.output.size[2] % plane_rows == plane_rows - 1;
          if (last_row) std::fill_n(d + 2 * width, odd_row * width, 0.0f);
        });
      });
}

bool is_single(const KernelQuery& q) {
  for (const Spec& s : q.inputs) {
    if (s.dtype != f32 || s.elements() == 0) return false;
  }
  return true;
}

bool supports_last(const KernelQuery& q) {
  const std::int64_t channels = q.inputs[0].shape.at_back(-1);
  return is_single(q) && is_last(q) && channels >= kLeastChannels && channels <= kMostChannels;
}

bool supports_pairs(const KernelQuery& q) {
  if (!is_single(q) || is_last(q)) return false;
  const bool backward = q.op == Op::max_pool_backward;
  return is_2x2(
      PoolGeometry(q.attrs, q.inputs[0].shape, backward ? q.inputs[1].shape : q.outputs[0].shape));
}

constexpr KernelRow kRows[] = {
    {Op::max_pool, "pairs", supports_pairs, max_pairs},
    {Op::max_pool_backward, "pairs", supports_pairs, max_backward_pairs},
    {Op::max_pool, "channels", supports_last, max_last},
    {Op::max_pool_backward, "channels", supports_last, max_backward_last},
    {Op::avg_pool, "channels", supports_last, avg_last},
    {Op::avg_pool_backward, "channels", supports_last, avg_backward_last},
};

}  // namespace

std::span<const KernelRow> pool_row_kernels() { return kRows; }

}  // namespace nacre::cpu
