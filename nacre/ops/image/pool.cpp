#include "nacre/ops/image/pool_geometry.h"

#include "nacre/ops/define/emit.h"
#include "nacre/ops/elementwise/elementwise.h"
#include "nacre/ops/reduce/reduce.h"
#include "nacre/ops/shape/movement.h"

namespace nacre {
namespace {

Attrs pool_attrs(const PoolOptions& o, const Shape& x) {
  const auto size = spatial_of(x, o.channels_last);
  const int axes = static_cast<int>(size.size());
  const auto kernel = o.kernel_size.expand(axes);
  const auto stride = o.stride.empty() ? kernel : o.stride.expand(axes);
  const auto dilation = o.dilation.expand(axes);
  return {{"kernel", kernel},
          {"stride", stride},
          {"padding", o.padding.resolve(size, kernel, stride, dilation)},
          {"dilation", dilation},
          {"ceil_mode", o.ceil_mode},
          {"count_include_pad", o.count_include_pad},
          {"channels_last", o.channels_last}};
}

Attrs adaptive_attrs(const PerAxis& output, const Shape& x, bool channels_last) {
  return {{"output", output.expand(x.rank() - 2)}, {"channels_last", channels_last}};
}

std::vector<int> spatial_axes(int rank, bool channels_last) {
  std::vector<int> axes;
  for (int i = channels_last ? 1 : 2; i < rank - (channels_last ? 1 : 0); ++i) axes.push_back(i);
  return axes;
}

}  // namespace

Tensor max_pool(const Operand& x, const PoolOptions& options) {
  const Tensor t = x.tensor();
  return emit_one(Op::max_pool, pool_attrs(options, t.shape()), {t}, x.at());
}

std::pair<Tensor, Tensor> max_pool_with_indices(const Operand& x, const PoolOptions& options) {
  const Tensor t = x.tensor();
  const Attrs attrs = pool_attrs(options, t.shape());
  const Tensor values = emit_one(Op::max_pool, attrs, {t}, x.at());
  const auto size = spatial_of(t.shape(), options.channels_last);
  std::int64_t pixels = 1;
  for (const std::int64_t s : size) pixels *= s;
  const Tensor places = broadcast_to(
      reshape(arange(pixels), image_shape(1, 1, size, options.channels_last)), t.shape());
  return {values,
          emit_one(Op::max_pool_gather, attrs, {stop_gradient({t, x.at()}), places}, x.at())};
}

Tensor avg_pool(const Operand& x, const PoolOptions& options) {
  const Tensor t = x.tensor();
  return emit_one(Op::avg_pool, pool_attrs(options, t.shape()), {t}, x.at());
}

Tensor adaptive_avg_pool(const Operand& x, const PerAxis& output, bool channels_last) {
  const Tensor t = x.tensor();
  return emit_one(Op::avg_pool, adaptive_attrs(output, t.shape(), channels_last), {t}, x.at());
}

Tensor adaptive_max_pool(const Operand& x, const PerAxis& output, bool channels_last) {
  const Tensor t = x.tensor();
  return emit_one(Op::max_pool, adaptive_attrs(output, t.shape(), channels_last), {t}, x.at());
}

Tensor global_avg_pool(const Operand& x, bool keep_dims, bool channels_last) {
  const Tensor t = x.tensor();
  if (t.rank() < 3) return adaptive_avg_pool(x, 1, channels_last);  // fails with its text
  return mean({t, x.at()}, spatial_axes(t.rank(), channels_last), keep_dims);
}

Tensor global_max_pool(const Operand& x, bool keep_dims, bool channels_last) {
  const Tensor t = x.tensor();
  if (t.rank() < 3) return adaptive_max_pool(x, 1, channels_last);
  return max({t, x.at()}, spatial_axes(t.rank(), channels_last), keep_dims);
}

}  // namespace nacre
