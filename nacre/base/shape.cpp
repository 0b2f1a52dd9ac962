#include "nacre/base/shape.h"

#include <ostream>

#include "nacre/base/error.h"

namespace nacre {

Shape::Shape(std::span<const std::int64_t> dims) {
  std::int64_t elements = 1;
  for (const std::int64_t d : dims) {
    if (d < 0) throw ShapeError("shape: a dimension is negative (" + std::to_string(d) + ")");
    push_back(d);
    if (__builtin_mul_overflow(elements, d == 0 ? 1 : d, &elements)) {
      throw ShapeError("shape: the number of elements overflows 64 bits");
    }
  }
}

void Shape::push_back(std::int64_t size) {
  if (rank_ == kMaxRank) {
    throw ShapeError("shape: more than " + std::to_string(kMaxRank) + " dimensions");
  }
  dims_[static_cast<std::size_t>(rank_++)] = size;
}

std::string to_string(const Shape& shape) {
  std::string out = "[";
  for (int i = 0; i < shape.rank(); ++i) {
    if (i > 0) out += ',';
    out += std::to_string(shape[i]);
  }
  return out + "]";
}

std::array<std::int64_t, kMaxRank> row_major_strides(const Shape& shape) {
  std::array<std::int64_t, kMaxRank> strides{};
  std::int64_t step = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    strides[static_cast<std::size_t>(i)] = step;
    step *= shape[i];
  }
  return strides;
}

bool broadcast_shapes(const Shape& a, const Shape& b, Shape& result) {
  const Shape& longer = a.rank() >= b.rank() ? a : b;
  const Shape& shorter = a.rank() >= b.rank() ? b : a;
  const int offset = longer.rank() - shorter.rank();
  result = longer;
  for (int i = 0; i < shorter.rank(); ++i) {
    const std::int64_t x = longer[i + offset];
    const std::int64_t y = shorter[i];
    if (x != y && x != 1 && y != 1) return false;
    result.set(i + offset, x == 1 ? y : x);
  }
  return true;
}

std::string to_string(const Spec& spec) {
  return std::string(name_of(spec.dtype)) + to_string(spec.shape);
}

std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << to_string(shape); }
std::ostream& operator<<(std::ostream& out, const Spec& spec) { return out << to_string(spec); }

}  // namespace nacre
