// What is said of the spatial axes of an image: a number for each, and the padding around them.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

namespace nacre {

// One whole number for each spatial axis; a single one stands for all axes.
class PerAxis {
 public:
  PerAxis(std::int64_t value) : values_{value} {}
  PerAxis(std::initializer_list<std::int64_t> values) : values_(values) {}
  PerAxis(std::vector<std::int64_t> values) : values_(std::move(values)) {}

  bool empty() const { return values_.empty(); }
  const std::vector<std::int64_t>& values() const { return values_; }
  // One value an axis. A list of another length is returned as it is: the op's check refuses it.
  std::vector<std::int64_t> expand(int axes) const;

 private:
  std::vector<std::int64_t> values_;
};

// Zeros (or nothing, for pools) around the spatial axes.
class Padding {
 public:
  enum class Kind : std::uint8_t { given, same, valid };

  // The same on both sides; one number for all axes or one an axis.
  Padding(std::int64_t both) : both_(both) {}
  Padding(std::initializer_list<std::int64_t> both) : both_(both) {}
  Padding(const PerAxis& both) : both_(both) {}
  explicit Padding(Kind kind) : kind_(kind), both_(0) {}
  // "same" or "valid", as in Keras; throws ValueError for another word.
  template <class T>
  requires std::convertible_to<const T&, std::string_view> Padding(const T& word)
      : kind_(named(word)), both_(0) {}
  // {low, high} for each axis.
  static Padding pairs(std::vector<std::array<std::int64_t, 2>> pairs);

  Kind kind() const { return kind_; }
  const PerAxis& both() const { return both_; }
  // Empty unless low and high were given apart.
  const std::vector<std::array<std::int64_t, 2>>& low_high() const { return pairs_; }
  // low, high of axis 0, low, high of axis 1, ... `same` makes ceil(size / stride) outputs, with
  // the odd element of padding at the end, as in TensorFlow.
  std::vector<std::int64_t> resolve(std::span<const std::int64_t> size,
                                    std::span<const std::int64_t> kernel,
                                    std::span<const std::int64_t> stride,
                                    std::span<const std::int64_t> dilation) const;

 private:
  static Kind named(std::string_view word);

  Kind kind_ = Kind::given;
  PerAxis both_;
  std::vector<std::array<std::int64_t, 2>> pairs_;
};
inline const Padding kSame{Padding::Kind::same};
inline const Padding kValid{Padding::Kind::valid};

}  // namespace nacre
