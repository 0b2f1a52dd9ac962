// Parameters that a caller may write in several ways: axes as a number or a list, sizes as a list
// or one after the other.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <source_location>
#include <vector>

#include "nacre/base/shape.h"

namespace nacre {

// A whole number that was meant as one: neither true nor 'a'.
template <class T>
concept WholeNumber = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char>;

// Axes: sum(x, 1), sum(x, {0, 2}), sum(x) for all of them. Negative ones count from the back.
class Axes {
 public:
  Axes() = default;
  template <WholeNumber T>
  Axes(T axis) : values_{static_cast<int>(axis)} {}
  Axes(std::initializer_list<int> axes) : values_(axes) {}
  Axes(std::vector<int> axes) : values_(std::move(axes)) {}

  operator const std::vector<int>&() const { return values_; }
  bool empty() const { return values_.empty(); }
  std::size_t size() const { return values_.size(); }
  int operator[](std::size_t i) const { return values_[i]; }
  auto begin() const { return values_.begin(); }
  auto end() const { return values_.end(); }

 private:
  std::vector<int> values_;
};

// Whether an axis names the only one that a scalar could have.
constexpr bool is_axis_of_scalar(int axis) { return axis == 0 || axis == -1; }

// The first of several sizes or axes written one after the other, x.view(2, -1); it notes the line.
struct First {
  template <WholeNumber T>
  First(T v, std::source_location l = std::source_location::current())
      : value(static_cast<std::int64_t>(v)), at(l) {}
  std::int64_t value;
  std::source_location at;
};

// One list of them all.
template <class T, WholeNumber... Rest>
std::vector<T> listed(std::int64_t first, Rest... rest) {
  return {static_cast<T>(first), static_cast<T>(rest)...};
}

// What may follow the first size: further sizes, and a dtype at the end: zeros(2, 3, f64).
template <class T>
concept SizeOrDType = WholeNumber<T> || std::same_as<T, DType>;
template <SizeOrDType... Rest>
Spec listed_spec(std::int64_t first, Rest... rest) {
  static_assert((0 + ... + (std::same_as<Rest, DType> ? 1 : 0)) <= 1, "one dtype at most");
  Spec spec{f32, {first}};
  [[maybe_unused]] const auto add = [&spec](auto part) {
    if constexpr (std::same_as<decltype(part), DType>) {
      spec.dtype = part;
    } else {
      spec.shape.push_back(static_cast<std::int64_t>(part));
    }
  };
  (add(rest), ...);
  return spec;
}

}  // namespace nacre
