// roll {shifts}, and functions made of the movement ops.
#include "nacre/ops/shape/rearrange.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"
#include "nacre/ops/define/strided.h"
#include "nacre/ops/index/gather.h"
#include "nacre/ops/shape/movement.h"

namespace nacre {
namespace {

[[noreturn]] void fail(const char* op, const std::string& what, const Tensor& x, const Location& at,
                       std::string_view hint = {}) {
  throw ValueError(format_error({.op = op,
                                 .what = what,
                                 .inputs = "input " + to_string(x.spec()),
                                 .location = at,
                                 .hint = hint}));
}

int checked_axis(const char* op, int axis, const Tensor& x, const Location& at) {
  const int rank = x.rank();
  if (axis < -rank || axis >= rank) {
    fail(op, fmt::format("axis {} is out of range for rank {}", axis, rank), x, at);
  }
  return axis < 0 ? axis + rank : axis;
}

std::int64_t product(const Shape& shape, int first, int last) {
  std::int64_t n = 1;
  for (int i = first; i < last; ++i) n *= shape[i];
  return n;
}

// Repeats each block of the elements from `axis` on `count` times.
Tensor repeat_blocks(const Tensor& x, int axis, std::int64_t count, const Shape& result,
                     const Location& at) {
  const std::int64_t before = product(x.shape(), 0, axis);
  const std::int64_t rest = product(x.shape(), axis, x.rank());
  const Tensor column = reshape({x, at}, Shape{before, 1, rest});
  return reshape({broadcast_to({column, at}, Shape{before, count, rest}), at}, result);
}

}  // namespace

Tensor moveaxis(const Operand& x, const std::vector<int>& from, const std::vector<int>& to) {
  const Tensor t = x.tensor();
  if (from.size() != to.size()) {
    fail("moveaxis", fmt::format("{} axes go to {} places", from.size(), to.size()), t, x.at());
  }
  std::vector<int> order(static_cast<std::size_t>(t.rank()), -1);
  std::vector<bool> moved(order.size());
  for (std::size_t i = 0; i < from.size(); ++i) {
    const int source = checked_axis("moveaxis", from[i], t, x.at());
    const auto place = static_cast<std::size_t>(checked_axis("moveaxis", to[i], t, x.at()));
    if (moved[static_cast<std::size_t>(source)] || order[place] >= 0) {
      fail("moveaxis", "an axis is given twice", t, x.at());
    }
    moved[static_cast<std::size_t>(source)] = true;
    order[place] = source;
  }
  int next = 0;
  for (int& axis : order) {
    if (axis >= 0) continue;
    while (moved[static_cast<std::size_t>(next)]) ++next;
    axis = next++;
  }
  if (std::is_sorted(order.begin(), order.end())) return t;
  return transpose({t, x.at()}, order);
}

Tensor swap_axes(const Operand& x, int a, int b) {
  const Tensor t = x.tensor();
  const int first = checked_axis("swap_axes", a, t, x.at());
  const int second = checked_axis("swap_axes", b, t, x.at());
  if (first == second) return t;
  std::vector<int> order(static_cast<std::size_t>(t.rank()));
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[static_cast<std::size_t>(first)], order[static_cast<std::size_t>(second)]);
  return transpose({t, x.at()}, order);
}

Tensor flatten(const Operand& x, int first, int last) {
  const Tensor t = x.tensor();
  if (t.rank() == 0) return reshape({t, x.at()}, Shape{1});
  const int from = checked_axis("flatten", first, t, x.at());
  const int to = checked_axis("flatten", last, t, x.at());
  if (to < from) {
    fail("flatten", fmt::format("the last axis {} comes before the first {}", to, from), t, x.at());
  }
  Shape out;
  for (int i = 0; i < from; ++i) out.push_back(t.shape()[i]);
  out.push_back(product(t.shape(), from, to + 1));
  for (int i = to + 1; i < t.rank(); ++i) out.push_back(t.shape()[i]);
  return reshape({t, x.at()}, out);
}

Tensor roll(const Operand& x, const std::vector<std::int64_t>& shifts, const Axes& axes) {
  const Tensor t = x.tensor();
  if (axes.empty() && shifts.size() == 1 && t.rank() != 1) {
    const Tensor flat = reshape({t, x.at()}, Shape{t.elements()});
    return reshape({roll({flat, x.at()}, shifts, {0}), x.at()}, t.shape());
  }
  if (shifts.size() != std::max<std::size_t>(1, axes.size())) {
    fail("roll", fmt::format("{} shifts are given for {} axes", shifts.size(), axes.size()), t,
         x.at());
  }
  std::vector<std::int64_t> all(static_cast<std::size_t>(t.rank()), 0);
  for (std::size_t i = 0; i < shifts.size(); ++i) {
    const int axis = checked_axis("roll", axes.empty() ? 0 : axes[i], t, x.at());
    const std::int64_t n = std::max<std::int64_t>(1, t.shape()[axis]);
    std::int64_t& total = all[static_cast<std::size_t>(axis)];
    total = ((total + shifts[i] % n) % n + n) % n;
  }
  if (std::all_of(all.begin(), all.end(), [](std::int64_t s) { return s == 0; })) return t;
  return emit_one(Op::roll, {{"shifts", all}}, {t}, x.at());
}

Tensor tile(const Operand& x, const std::vector<std::int64_t>& repeats) {
  Tensor t = x.tensor();
  const int rank = std::max(t.rank(), static_cast<int>(repeats.size()));
  Shape shape;
  for (int i = 0; i < rank; ++i) {
    shape.push_back(i < rank - t.rank() ? 1 : t.shape()[i - (rank - t.rank())]);
  }
  for (const std::int64_t r : repeats) {
    if (r < 0) fail("tile", fmt::format("a repeat count is negative ({})", r), t, x.at());
  }
  t = reshape({t, x.at()}, shape);
  // From the last axis on, so that the blocks repeated first are the small ones.
  for (int i = rank - 1; i >= 0; --i) {
    const int given = i - (rank - static_cast<int>(repeats.size()));
    const std::int64_t count = given < 0 ? 1 : repeats[static_cast<std::size_t>(given)];
    if (count == 1) continue;
    shape.set(i, shape[i] * count);
    t = repeat_blocks(t, i, count, shape, x.at());
  }
  return t;
}

Tensor repeat(const Operand& x, std::int64_t count, int axis) {
  const Tensor t = x.tensor();
  const int a = checked_axis("repeat", axis, t, x.at());
  if (count < 0) fail("repeat", fmt::format("the count is negative ({})", count), t, x.at());
  Shape shape = t.shape();
  shape.set(a, shape[a] * count);
  return repeat_blocks(t, a + 1, count, shape, x.at());
}

Tensor repeat(const Operand& x, const std::vector<std::int64_t>& counts, int axis) {
  const Tensor t = x.tensor();
  const int a = checked_axis("repeat", axis, t, x.at());
  if (static_cast<std::int64_t>(counts.size()) != t.shape()[a]) {
    fail("repeat",
         fmt::format("{} counts are given for axis {} of size {}", counts.size(), a, t.shape()[a]),
         t, x.at(), "give one number to repeat every element equally");
  }
  std::vector<std::int64_t> rows;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] < 0)
      fail("repeat", fmt::format("a count is negative ({})", counts[i]), t, x.at());
    rows.insert(rows.end(), static_cast<std::size_t>(counts[i]), static_cast<std::int64_t>(i));
  }
  return gather({t, x.at()}, {Tensor::from(rows), x.at()}, a);
}

Tensors meshgrid(const OperandList& vectors, MeshOrder order) {
  const auto count = static_cast<int>(vectors.tensors().size());
  std::vector<int> place(static_cast<std::size_t>(count));
  std::iota(place.begin(), place.end(), 0);
  if (order == MeshOrder::xy && count > 1) std::swap(place[0], place[1]);
  Shape grid;
  for (const int p : place) {
    const Tensor& t = vectors.tensors()[static_cast<std::size_t>(p)];
    if (t.rank() > 1) fail("meshgrid", "vectors expected", t, vectors.at());
    grid.push_back(t.elements());
  }
  Tensors out;
  for (int i = 0; i < count; ++i) {
    const auto k = static_cast<std::size_t>(i);
    Shape column(std::vector<std::int64_t>(place.size(), 1));
    column.set(place[k], vectors.tensors()[k].elements());
    const Tensor line = reshape({vectors.tensors()[k], vectors.at()}, column);
    out.push_back(broadcast_to({line, vectors.at()}, grid));
  }
  return out;
}

namespace op_defs {
namespace {

using G = const VjpContext&;
using L = TensorList;

SpecList infer_roll(const InferContext& c) {
  c.expect_inputs(1);
  const auto& shifts = c.attrs.integers("shifts");
  const Shape& in = c.inputs[0].shape;
  if (shifts.size() != static_cast<std::size_t>(in.rank())) {
    c.fail_value(fmt::format("{} shifts for rank {}", shifts.size(), in.rank()));
  }
  for (std::size_t i = 0; i < shifts.size(); ++i) {
    const std::int64_t n = in[static_cast<int>(i)];
    if (shifts[i] < 0 || shifts[i] >= std::max<std::int64_t>(1, n)) {
      c.fail_value(fmt::format("shift {} is not within axis {} of size {}", shifts[i], i, n));
    }
  }
  return {c.inputs[0]};
}

// Along each axis the array is two runs; every combination of runs is one block to copy.
void reference_roll(const ReferenceContext& c) {
  const Shape& in = c.in_shape();
  if (in.elements() == 0) return;
  const auto& shifts = c.attrs.integers("shifts");
  const auto strides = row_major_strides(in);
  const auto size = static_cast<std::int64_t>(size_of(c.out_specs[0].dtype));
  for (unsigned run = 0; run < 1u << in.rank(); ++run) {
    Shape block = in;
    std::int64_t from = 0;
    std::int64_t to = 0;
    for (int i = 0; i < in.rank(); ++i) {
      const auto k = static_cast<std::size_t>(i);
      const bool wraps = (run >> i & 1u) != 0;
      block.set(i, wraps ? shifts[k] : in[i] - shifts[k]);
      (wraps ? from : to) += (wraps ? in[i] - shifts[k] : shifts[k]) * strides[k];
    }
    if (block.elements() == 0) continue;
    copy_strided(block, static_cast<std::size_t>(size), c.in_bytes(0) + from * size, strides,
                 c.out_bytes(0) + to * size, strides);
  }
}

}  // namespace

const OpDef roll = {
    .name = "roll",
    .infer = infer_roll,
    .vjp = [](G c) -> L {
      std::vector<std::int64_t> back = c.attrs.integers("shifts");
      for (std::size_t i = 0; i < back.size(); ++i) {
        if (back[i] > 0) back[i] = c.in(0).shape()[static_cast<int>(i)] - back[i];
      }
      return {emit_one(Op::roll, {{"shifts", back}}, {c.ct()}, {})};
    },
    .reference = reference_roll,
    .samples = []() -> std::vector<Sample> {
      using I = std::vector<std::int64_t>;
      return {{.inputs = {{{f32, {3, 7}}}}, .attrs = {{"shifts", I{1, 0}}}},
              {.inputs = {{{f64, {4, 3, 5}}}}, .attrs = {{"shifts", I{3, 2, 1}}}},
              {.inputs = {{{f32, {1031}}}}, .attrs = {{"shifts", I{1030}}}},
              {.inputs = {{{u8, {5, 2}}, 0, 99, Fill::integers}},
               .attrs = {{"shifts", I{2, 1}}},
               .check_gradient = false}};
    },
};

}  // namespace op_defs
}  // namespace nacre
