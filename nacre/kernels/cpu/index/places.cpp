#include "nacre/kernels/cpu/index/places.h"

#include <algorithm>

namespace nacre::cpu {

using op_defs::Addressing;

Places::Places(Op op, const Spec& indices, std::int64_t classes, bool negative)
    : op_(op),
      dtype_(indices.dtype),
      shape_(indices.shape),
      axes_{{0, classes, 1}},
      count_(indices.elements()),
      negative_(negative),
      classes_(true) {}

Places::Places(const KernelQuery& q, Addressing how, std::size_t indices)
    : op_(q.op),
      dtype_(q.inputs[indices].dtype),
      shape_(q.inputs[indices].shape),
      count_(q.inputs[indices].elements()),
      negative_(!op_defs::names_rows(q.attrs)),
      classes_(op_defs::names_rows(q.attrs)) {
  const Shape& x = q.inputs[0].shape;
  if (how != Addressing::nd) {
    const std::int64_t axis = q.attrs.integer("axis");
    const int a = static_cast<int>(axis < 0 ? axis + x.rank() : axis);
    axes_ = {{a, x[a], 1}};
    return;
  }
  const int depth = static_cast<int>(shape_.at_back(-1));
  std::int64_t stride = 1;
  for (int i = depth; i-- > 0;) {
    axes_.push_back({i, x[i], stride});
    stride *= x[i];
  }
  std::reverse(axes_.begin(), axes_.end());
  count_ = 1;
  for (int i = 0; i + 1 < shape_.rank(); ++i) count_ *= shape_[i];
}

void Places::fail(std::int64_t value, std::int64_t flat, const Axis& axis) const {
  if (!classes_) op_defs::fail_index(name_of(op_), value, shape_, flat, axis.axis, axis.size);
  const std::string_view op = op_ == Op::one_hot ? "one_hot" : "embedding";
  op_defs::fail_class(op, value, shape_, flat, axis.size, negative_);
}

template <class I>
void Places::read_as(const I* data, std::int64_t first, std::int64_t n,
                     std::int64_t* places) const {
  const auto checked = [&](std::int64_t flat, const Axis& axis) {
    const std::int64_t value = data[flat];
    const std::int64_t place = value < 0 && negative_ ? value + axis.size : value;
    if (place < 0 || place >= axis.size) fail(value, flat, axis);
    return place;
  };
  if (axes_.size() == 1) {
    const Axis axis = axes_[0];
    for (std::int64_t i = 0; i < n; ++i) places[i] = checked(first + i, axis);
    return;
  }
  const auto depth = static_cast<std::int64_t>(axes_.size());
  for (std::int64_t i = 0; i < n; ++i) {
    std::int64_t place = 0;
    for (std::int64_t k = 0; k < depth; ++k) {
      const Axis& axis = axes_[static_cast<std::size_t>(k)];
      place += checked((first + i) * depth + k, axis) * axis.stride;
    }
    places[i] = place;
  }
}

void Places::read(const void* data, std::int64_t first, std::int64_t n,
                  std::int64_t* places) const {
  switch (dtype_) {
    case DType::i8:
      return read_as(static_cast<const std::int8_t*>(data), first, n, places);
    case DType::u8:
      return read_as(static_cast<const std::uint8_t*>(data), first, n, places);
    case DType::i32:
      return read_as(static_cast<const std::int32_t*>(data), first, n, places);
    default:
      return read_as(static_cast<const std::int64_t*>(data), first, n, places);
  }
}

void Places::check(const void* data) const {
  std::int64_t places[kBlock];
  for (std::int64_t i = 0; i < count_; i += kBlock) {
    read(data, i, std::min(kBlock, count_ - i), places);
  }
}

}  // namespace nacre::cpu
