// An index is sorted out into three steps: a slice (integers and slices), one gather (all tensors
// together), and a reshape (axes that go and come).
#include "nacre/ops/index/indexing.h"

#include <fmt/format.h>

#include <algorithm>

#include "nacre/ops/elementwise/elementwise.h"
#include "nacre/ops/index/gather.h"
#include "nacre/ops/index/scatter.h"
#include "nacre/ops/shape/concat.h"
#include "nacre/ops/shape/movement.h"
#include "nacre/ops/shape/rearrange.h"

namespace nacre {
namespace {

template <class E>
[[noreturn]] void fail(const Tensor& x, const std::string& what, const Location& at,
                       std::string_view hint = {}) {
  throw E(format_error({.op = "index",
                        .what = what,
                        .inputs = "input " + to_string(x.spec()),
                        .location = at,
                        .hint = hint}));
}

// Where an axis of the result comes from.
struct Part {
  enum class Kind : std::uint8_t { sliced, dropped, chosen, fresh } kind;
  SliceRange range = {};  // sliced, dropped
  Tensor places = {};     // chosen: integers
};

std::int64_t checked_integer(const Tensor& x, std::int64_t i, int axis, const Location& at) {
  const std::int64_t n = x.shape()[axis];
  if (i < -n || i >= n) {
    fail<ValueError>(x, fmt::format("index {} is out of range for axis {} of size {}", i, axis, n),
                     at);
  }
  return i < 0 ? i + n : i;
}

// The coordinates of the true elements of a mask, one vector an axis.
Tensors mask_places(const Tensor& x, const Tensor& mask, int axis, const Location& at) {
  for (int i = 0; i < mask.rank(); ++i) {
    if (axis + i < x.rank() && x.shape()[axis + i] == mask.shape()[i]) continue;
    fail<ShapeError>(x,
                     fmt::format("a mask of shape {} does not fit from axis {} on",
                                 to_string(mask.shape()), axis),
                     at);
  }
  if (mask.is_traced()) {
    fail<TraceError>(x, "how many elements a mask chooses is not known while a function is traced",
                     at, "use where(mask, x, other), or multiply by the mask");
  }
  const Tensor places = nonzero({mask, at});
  return unstack({places, at}, 1);
}

// How many axes an item consumes.
int consumed(const Index& index) {
  if (const auto* t = std::get_if<Tensor>(&index.item)) {
    return t->dtype() == boolean ? t->rank() : 1;
  }
  return std::holds_alternative<NewAxis>(index.item) ? 0 : 1;
}

std::vector<Part> parts_of(const Tensor& x, const std::vector<Index>& indices, const Location& at) {
  int named = 0;
  int dots = 0;
  for (const Index& i : indices) {
    if (std::holds_alternative<Ellipsis>(i.item)) {
      ++dots;
    } else {
      named += consumed(i);
    }
  }
  if (dots > 1) fail<ValueError>(x, "more than one ellipsis", at);
  if (named > x.rank()) {
    fail<ValueError>(x, fmt::format("{} axes are indexed, the tensor has {}", named, x.rank()), at);
  }
  std::vector<Part> parts;
  int axis = 0;
  const auto whole = [&](int count) {
    for (; count > 0; --count) {
      parts.push_back({Part::Kind::sliced, {0, x.shape()[axis++], 1}});
    }
  };
  for (const Index& index : indices) {
    if (std::holds_alternative<Ellipsis>(index.item)) {
      whole(x.rank() - named);
    } else if (std::holds_alternative<NewAxis>(index.item)) {
      parts.push_back({Part::Kind::fresh});
    } else if (const auto* i = std::get_if<std::int64_t>(&index.item)) {
      parts.push_back({Part::Kind::dropped, {checked_integer(x, *i, axis, at), 1, 1}});
      ++axis;
    } else if (const auto* s = std::get_if<Slice>(&index.item)) {
      parts.push_back({Part::Kind::sliced, resolve(*s, x.shape()[axis], at)});
      ++axis;
    } else {
      const Tensor& t = std::get<Tensor>(index.item);
      if (is_floating(t.dtype())) {
        fail<DTypeError>(x, fmt::format("a tensor of {} is no index", name_of(t.dtype())), at,
                         "convert it with x.to(nacre::i64)");
      }
      if (t.dtype() == boolean) {
        if (t.rank() == 0) fail<ValueError>(x, "a mask without axes", at, "use where");
        for (const Tensor& places : mask_places(x, t, axis, at)) {
          parts.push_back({Part::Kind::chosen, {}, places});
          ++axis;
        }
      } else {
        parts.push_back({Part::Kind::chosen, {}, t});
        ++axis;
      }
    }
  }
  whole(x.rank() - axis);
  return parts;
}

bool is_chosen(const Part& p) { return p.kind == Part::Kind::chosen; }

// With tensors about, integers are tensors too: they broadcast with the others.
void promote_integers(std::vector<Part>& parts) {
  if (std::none_of(parts.begin(), parts.end(), is_chosen)) return;
  for (Part& p : parts) {
    if (p.kind == Part::Kind::dropped) {
      p = {Part::Kind::chosen, {}, Tensor::scalar(p.range.start, i64)};
    }
  }
}

// The shape of x[indices] once the slices are cut and the gathered axes stand at the end of their
// run: `gathered` axes from `place` on are the tensors' common shape.
Shape result_shape(const std::vector<Part>& parts, const Shape& common, std::size_t place) {
  Shape out;
  for (std::size_t i = 0; i <= parts.size(); ++i) {
    if (i == place) {
      for (const std::int64_t n : common) out.push_back(n);
    }
    if (i == parts.size()) break;
    if (parts[i].kind == Part::Kind::sliced) out.push_back(parts[i].range.size);
    if (parts[i].kind == Part::Kind::fresh) out.push_back(1);
  }
  return out;
}

Tensor cut(const Tensor& x, const std::vector<Part>& parts, const Location& at) {
  std::vector<SliceRange> ranges;
  for (const Part& p : parts) {
    if (p.kind == Part::Kind::fresh) continue;
    ranges.push_back(is_chosen(p) ? SliceRange{0, x.shape()[static_cast<int>(ranges.size())], 1}
                                  : p.range);
  }
  return slice_ranges({x, at}, ranges);
}

Tensor take(const Tensor& x, std::vector<Part> parts, const Location& at) {
  promote_integers(parts);
  const Tensor sliced = cut(x, parts, at);
  const auto first = std::find_if(parts.begin(), parts.end(), is_chosen);
  if (first == parts.end()) return reshape({sliced, at}, result_shape(parts, {}, parts.size()));
  // NumPy: the common shape stands where the tensors stood, or in front when they are apart.
  auto last = parts.end();
  while (!is_chosen(*std::prev(last))) --last;
  const bool together = std::all_of(first, last, is_chosen);
  const auto place = together ? static_cast<std::size_t>(first - parts.begin()) : 0;
  Shape common;
  std::vector<int> chosen_axes;
  std::vector<int> other_axes;
  int before = 0;  // axes of the gathered tensor that stand before the common ones
  for (std::size_t i = 0, axis = 0; i < parts.size(); ++i) {
    if (parts[i].kind == Part::Kind::fresh) continue;
    if (is_chosen(parts[i])) {
      const Shape so_far = common;
      if (!broadcast_shapes(so_far, parts[i].places.shape(), common)) {
        fail<ShapeError>(x,
                         fmt::format("index tensors of shapes {} and {} do not broadcast",
                                     to_string(so_far), to_string(parts[i].places.shape())),
                         at);
      }
      chosen_axes.push_back(static_cast<int>(axis));
    } else {
      other_axes.push_back(static_cast<int>(axis));
      if (together && i < place) ++before;
    }
    ++axis;
  }
  const Shape shape = result_shape(parts, common, place);
  if (chosen_axes.size() == 1) {
    return reshape({gather({sliced, at}, {first->places, at}, chosen_axes[0]), at}, shape);
  }
  Tensors coordinates;
  for (const Part& p : parts) {
    if (is_chosen(p)) coordinates.push_back(cast({broadcast_to({p.places, at}, common), at}, i64));
  }
  std::vector<int> order = chosen_axes;
  order.insert(order.end(), other_axes.begin(), other_axes.end());
  const Tensor front =
      std::is_sorted(order.begin(), order.end()) ? sliced : transpose({sliced, at}, order);
  Tensor out = gather_nd({front, at}, {stack({coordinates, at}, -1), at});
  if (before > 0) {
    std::vector<int> from;
    std::vector<int> to;
    for (int i = 0; i < before; ++i) {
      from.push_back(common.rank() + i);
      to.push_back(i);
    }
    out = moveaxis({out, at}, from, to);
  }
  return reshape({out, at}, shape);
}

Tensor merge(const Operand& operand, const std::vector<Index>& indices, const Operand& given,
             ScatterMode mode) {
  const Tensor x = operand.tensor();
  const Location& at = operand.at();
  std::vector<Part> parts = parts_of(x, indices, at);
  promote_integers(parts);
  const Tensor value = cast({given.tensor(x.dtype()), at}, x.dtype());
  const auto chosen = std::count_if(parts.begin(), parts.end(), is_chosen);
  const auto fitted = [&](const Shape& shape) {
    Shape both;
    if (!broadcast_shapes(value.shape(), shape, both) || !(both == shape)) {
      fail<ShapeError>(x,
                       fmt::format("values of shape {} do not broadcast to the indexed part {}",
                                   to_string(value.shape()), to_string(shape)),
                       at);
    }
    return broadcast_to({value, at}, shape);
  };
  if (chosen == 0) {
    std::vector<SliceRange> ranges;
    Shape part;
    for (const Part& p : parts) {
      if (p.kind == Part::Kind::fresh) continue;
      ranges.push_back(p.range);
      part.push_back(p.range.size);
    }
    Tensor update = reshape({fitted(result_shape(parts, {}, parts.size())), at}, part);
    if (mode != ScatterMode::set) {
      const Tensor old = slice_ranges({x, at}, ranges);
      update = mode == ScatterMode::add   ? add({old, at}, {update, at})
               : mode == ScatterMode::max ? maximum({old, at}, {update, at})
                                          : minimum({old, at}, {update, at});
    }
    return slice_update({x, at}, {update, at}, ranges);
  }
  bool rows = chosen == 1;
  int axis = 0;
  for (int i = 0; rows && i < static_cast<int>(parts.size()); ++i) {
    const Part& p = parts[static_cast<std::size_t>(i)];
    if (is_chosen(p)) axis = i;
    rows = is_chosen(p) ||
           (p.kind == Part::Kind::sliced && p.range.step == 1 && p.range.size == x.shape()[i]);
  }
  if (rows) {
    const Tensor& places = parts[static_cast<std::size_t>(axis)].places;
    const Tensor update =
        fitted(result_shape(parts, places.shape(), static_cast<std::size_t>(axis)));
    return scatter({x, at}, {places, at}, {update, at}, axis, mode);
  }
  // In general: index the places' own numbers, and scatter to the flattened tensor.
  const Tensor numbers = reshape({arange(x.elements()), at}, x.shape());
  const Tensor places = take(numbers, parts, at);
  const Tensor flat = reshape({x, at}, Shape{x.elements()});
  const Tensor out = scatter({flat, at}, {places, at}, {fitted(places.shape()), at}, 0, mode);
  return reshape({out, at}, x.shape());
}

}  // namespace

Tensor index(const Operand& x, const std::vector<Index>& indices) {
  const Tensor t = x.tensor();
  return take(t, parts_of(t, indices, x.at()), x.at());
}

Tensor index_update(const Operand& x, const std::vector<Index>& indices, const Operand& values) {
  return merge(x, indices, values, ScatterMode::set);
}
Tensor index_add(const Operand& x, const std::vector<Index>& indices, const Operand& values) {
  return merge(x, indices, values, ScatterMode::add);
}
Tensor index_max(const Operand& x, const std::vector<Index>& indices, const Operand& values) {
  return merge(x, indices, values, ScatterMode::max);
}
Tensor index_min(const Operand& x, const std::vector<Index>& indices, const Operand& values) {
  return merge(x, indices, values, ScatterMode::min);
}

Tensor nonzero(const Operand& x) {
  const Tensor t = x.tensor();
  if (t.is_traced()) {
    throw TraceError(format_error(
        {.op = "nonzero",
         .what = "how many elements are not zero is not known while a function is traced",
         .inputs = "input " + to_string(t.spec()),
         .location = x.at(),
         .hint = "use where(mask, x, other), or compute it outside of the compiled function"}));
  }
  const Tensor here = t.on_host();
  std::vector<std::int64_t> coordinates;
  const Shape& shape = t.shape();
  std::array<std::int64_t, kMaxRank> position{};
  visit_dtype(t.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (const T value : here.data<T>()) {
      if (value != T())
        coordinates.insert(coordinates.end(), position.begin(), position.begin() + shape.rank());
      for (int i = shape.rank() - 1; i >= 0; --i) {
        const auto k = static_cast<std::size_t>(i);
        if (++position[k] < shape[i]) break;
        position[k] = 0;
      }
    }
  });
  const std::int64_t count = shape.rank() > 0
                                 ? static_cast<std::int64_t>(coordinates.size()) / shape.rank()
                                 : (t.item<double>(x.at()) != 0);
  return Tensor::from(coordinates, Shape{count, shape.rank()});
}

Tensor masked_select(const Operand& x, const Operand& mask) {
  const Tensor t = x.tensor();
  const Tensor m = mask.tensor();
  if (m.dtype() != boolean) {
    fail<DTypeError>(t, fmt::format("the mask is {}, bool expected", name_of(m.dtype())), x.at(),
                     "compare it: x > 0");
  }
  Shape both;
  if (!broadcast_shapes(t.shape(), m.shape(), both)) {
    fail<ShapeError>(t, fmt::format("the mask's shape {} does not broadcast", to_string(m.shape())),
                     x.at());
  }
  const Tensor full = broadcast_to({t, x.at()}, both);
  const Tensor wide = broadcast_to({m, x.at()}, both);
  if (both.rank() == 0)
    return masked_select({reshape({full, x.at()}, Shape{1}), x.at()},
                         reshape({wide, x.at()}, Shape{1}));
  return index({full, x.at()}, {Index(wide)});
}

}  // namespace nacre
