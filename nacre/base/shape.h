// Shape: the dimensions of a tensor, held inline. Spec: dtype and shape.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <span>
#include <string>
#include <vector>

#include "nacre/base/dtype.h"

namespace nacre {

inline constexpr int kMaxRank = 8;

// Up to kMaxRank dimensions, each >= 0; rank 0 is a scalar with one element. Row-major order.
class Shape {
 public:
  constexpr Shape() = default;
  // Throws ShapeError beyond kMaxRank, below zero, or when the element count overflows 64 bits.
  Shape(std::initializer_list<std::int64_t> dims) : Shape(std::span(dims.begin(), dims.size())) {}
  explicit Shape(std::span<const std::int64_t> dims);
  Shape(const std::vector<std::int64_t>& dims) : Shape(std::span<const std::int64_t>(dims)) {}

  int rank() const { return rank_; }
  // The size of an axis; negative counts from the back. No range check.
  std::int64_t operator[](int axis) const {
    return dims_[static_cast<std::size_t>(axis < 0 ? axis + rank_ : axis)];
  }
  // As of a list of sizes.
  std::size_t size() const { return static_cast<std::size_t>(rank_); }
  bool empty() const { return rank_ == 0; }
  std::int64_t front() const { return (*this)[0]; }
  std::int64_t back() const { return (*this)[-1]; }
  // A dimension counted from the front, or from the back when axis < 0. No range check.
  std::int64_t at_back(int axis) const { return dims_[static_cast<std::size_t>(rank_ + axis)]; }
  void set(int axis, std::int64_t size) { dims_[static_cast<std::size_t>(axis)] = size; }
  // Adds a last dimension; throws ShapeError beyond kMaxRank.
  void push_back(std::int64_t size);

  // The number of elements: the product of the dimensions, 1 for a scalar.
  std::int64_t elements() const {
    std::int64_t n = 1;
    for (int i = 0; i < rank_; ++i) n *= dims_[static_cast<std::size_t>(i)];
    return n;
  }
  const std::int64_t* begin() const { return dims_.data(); }
  const std::int64_t* end() const { return dims_.data() + rank_; }
  std::vector<std::int64_t> to_vector() const { return {begin(), end()}; }

  friend bool operator==(const Shape& a, const Shape& b) {
    if (a.rank_ != b.rank_) return false;
    for (int i = 0; i < a.rank_; ++i) {
      const auto k = static_cast<std::size_t>(i);
      if (a.dims_[k] != b.dims_[k]) return false;
    }
    return true;
  }

 private:
  std::array<std::int64_t, kMaxRank> dims_{};
  int rank_ = 0;
};

// "[32,128]"; "[]" for a scalar.
std::string to_string(const Shape& shape);
std::ostream& operator<<(std::ostream& out, const Shape& shape);

// Elements (not bytes) to step for each axis of a dense row-major tensor.
std::array<std::int64_t, kMaxRank> row_major_strides(const Shape& shape);

// The shape two operands broadcast to by NumPy's rule; false when they do not fit.
bool broadcast_shapes(const Shape& a, const Shape& b, Shape& result);

// What is known of a value before it is computed.
struct Spec {
  DType dtype = f32;
  Shape shape;

  std::int64_t elements() const { return shape.elements(); }
  std::size_t bytes() const { return static_cast<std::size_t>(elements()) * size_of(dtype); }
  friend bool operator==(const Spec&, const Spec&) = default;
};

// "f32[32,128]".
std::string to_string(const Spec& spec);
std::ostream& operator<<(std::ostream& out, const Spec& spec);

}  // namespace nacre
