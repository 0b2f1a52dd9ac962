// A small first stage of a network (convolution of few channels, relu, 2 x 2 maximum) in one step,
// and the gradient of its weights from the pooled gradient. Neither the convolution's result nor
// its gradient, four times the size of what goes in and out, is ever in memory.
#include "nacre/kernels/cpu/image/conv_pool.h"

#include <algorithm>
#include <optional>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/kernels.h"
#include "nacre/kernels/cpu/work.h"
#include "nacre/ops/image/conv_geometry.h"

namespace nacre::cpu {
namespace {

// More input channels are products worth a library's blocking.
constexpr std::size_t kMostChannels = 4;
// A picture that is taken apart should stay in the second-level cache.
constexpr std::size_t kMostBytes = std::size_t{256} << 10;

std::optional<StageSizes> sizes_of(const KernelQuery& q, const Shape& x, const Shape& w,
                                   const Shape& y) {
  if (w[2] != kStageKernel || w[3] != kStageKernel || y.elements() == 0) return {};
  const std::int64_t kernel[] = {w[2], w[3]};
  const Window window(q.attrs, kernel);
  if (window.low[1] > 2 || window.low[2] > 2) return {};
  const auto size = [](std::int64_t n) { return static_cast<std::size_t>(n); };
  const std::size_t lanes = stage_functions().lanes;
  const std::size_t columns = size(y[3]);
  StageSizes s{.channels = size(x[1]),
               .outputs = size(w[0]),
               .rows = size(x[2]),
               .columns = size(x[3]),
               .top = size(window.low[1]),
               .left = size(window.low[2]),
               .pooled_rows = size(y[2]),
               .pooled_columns = columns,
               .lanes_columns = (columns + lanes - 1) / lanes * lanes};
  // Vectors that are mostly empty gain nothing; neither do those of four lanes.
  const bool full = 5 * columns >= 3 * s.lanes_columns && lanes >= 8;
  if (!full || s.channels > kMostChannels || s.streams() * sizeof(float) > kMostBytes) return {};
  return s;
}

bool is_single(const KernelQuery& q) {
  return q.inputs[0].dtype == f32 && q.inputs[0].elements() > 0;
}

std::optional<StageSizes> forward_sizes(const KernelQuery& q) {
  if (!is_single(q)) return {};
  return sizes_of(q, q.inputs[0].shape, q.inputs[1].shape, q.outputs[0].shape);
}
std::optional<StageSizes> backward_sizes(const KernelQuery& q) {
  if (!is_single(q)) return {};
  return sizes_of(q, q.inputs[0].shape, q.outputs[0].shape, q.inputs[1].shape);
}

// Calls body(worker, first picture, last picture) on each of `workers` equal parts.
template <class F>
void for_each_part(int workers, std::int64_t pictures, F&& body) {
  const std::int64_t step = (pictures + workers - 1) / workers;
  parallel_for(workers, workers, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t w = first; w < last; ++w) {
      body(static_cast<std::size_t>(w), static_cast<std::size_t>(std::min(pictures, w * step)),
           static_cast<std::size_t>(std::min(pictures, (w + 1) * step)));
    }
  });
}

int workers_of(const KernelQuery& q, const StageSizes& s) {
  const double operations =
      72.0 * static_cast<double>(q.inputs[0].shape[0]) *
      static_cast<double>(s.channels * s.outputs * s.pooled_rows * s.pooled_columns);
  const int most = workers_for(operations / 4e4, q.threads);
  return static_cast<int>(std::min<std::int64_t>(most, q.inputs[0].shape[0]));
}

// Each worker's scratch memory starts at a vector's alignment.
std::size_t whole_vectors(std::size_t floats) { return (floats + 15) / 16 * 16; }

PreparedKernel prepare_forward(const KernelQuery& q) {
  const StageSizes s = *forward_sizes(q);
  const int workers = workers_of(q, s);
  const std::size_t floats = whole_vectors(s.streams() + s.padded_row());
  return make_kernel(
      [s, workers, floats, biased = q.inputs.size() == 3, pictures = q.inputs[0].shape[0]](
          void* const* pointers, const RunContext& run) {
        const StageFunctions& f = stage_functions();
        const auto* x = static_cast<const float*>(pointers[0]);
        const auto* w = static_cast<const float*>(pointers[1]);
        const auto* bias = biased ? static_cast<const float*>(pointers[2]) : nullptr;
        auto* y = static_cast<float*>(pointers[biased ? 3 : 2]);
        auto* which = static_cast<std::uint8_t*>(pointers[biased ? 4 : 3]);
        const std::size_t in = s.channels * s.rows * s.columns;
        const std::size_t out = s.outputs * s.pooled_rows * s.pooled_columns;
        for_each_part(workers, pictures,
                      [&](std::size_t worker, std::size_t first, std::size_t last) {
                        float* streams = static_cast<float*>(run.scratch) + worker * floats;
                        for (std::size_t i = first; i < last; ++i) {
                          f.take_apart(s, x + i * in, streams + s.streams(), streams);
                          f.forward(s, streams, w, bias, y + i * out, which + i * out);
                        }
                      });
      },
      floats * static_cast<std::size_t>(workers) * sizeof(float));
}

PreparedKernel prepare_backward(const KernelQuery& q) {
  const StageSizes s = *backward_sizes(q);
  const int workers = workers_of(q, s);
  const std::size_t lanes = stage_functions().lanes;
  const std::size_t sums = (s.taps() + s.outputs) * lanes;
  const std::size_t floats = whole_vectors(sums + s.streams() + s.padded_row());
  return make_kernel(
      [=, biased = q.outputs.size() == 2, pictures = q.inputs[0].shape[0]](void* const* pointers,
                                                                           const RunContext& run) {
        const StageFunctions& f = stage_functions();
        const auto* x = static_cast<const float*>(pointers[0]);
        const auto* ct = static_cast<const float*>(pointers[1]);
        const auto* which = static_cast<const std::uint8_t*>(pointers[2]);
        float* const scratch = static_cast<float*>(run.scratch);
        const std::size_t in = s.channels * s.rows * s.columns;
        const std::size_t out = s.outputs * s.pooled_rows * s.pooled_columns;
        for_each_part(workers, pictures,
                      [&](std::size_t worker, std::size_t first, std::size_t last) {
                        float* own = scratch + worker * floats;
                        std::fill_n(own, sums, 0.0f);
                        float* streams = own + sums;
                        for (std::size_t i = first; i < last; ++i) {
                          f.take_apart(s, x + i * in, streams + s.streams(), streams);
                          f.backward(s, streams, ct + i * out, which + i * out, own,
                                     biased ? own + s.taps() * lanes : nullptr);
                        }
                      });
        for (std::size_t w = 1; w < static_cast<std::size_t>(workers); ++w) {
          for (std::size_t i = 0; i < sums; ++i) scratch[i] += scratch[w * floats + i];
        }
        f.reduce(scratch, s.taps(), static_cast<float*>(pointers[3]));
        if (biased) {
          f.reduce(scratch + s.taps() * lanes, s.outputs, static_cast<float*>(pointers[4]));
        }
      },
      floats * static_cast<std::size_t>(workers) * sizeof(float));
}

constexpr KernelRow kRows[] = {
    {Op::conv_pool, "rows", [](const KernelQuery& q) { return forward_sizes(q).has_value(); },
     prepare_forward},
    {Op::conv_pool_backward_weights, "rows",
     [](const KernelQuery& q) { return backward_sizes(q).has_value(); }, prepare_backward},
};

}  // namespace

std::span<const KernelRow> conv_pool_kernels() { return kRows; }

}  // namespace nacre::cpu
