// A number as the user wrote it. Whole numbers are kept exactly: a double holds them up to 2^53
// only. There is one rule for numbers that meet a dtype, that of fitted().
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "nacre/base/dtype.h"
#include "nacre/base/error.h"

namespace nacre {

class Number {
 public:
  constexpr Number() = default;
  template <class T>
  requires std::is_arithmetic_v<T>
  constexpr Number(T value) : real_(static_cast<double>(value)), whole_(std::is_integral_v<T>) {
    if constexpr (std::is_integral_v<T>) {
      integer_ = static_cast<std::int64_t>(value);
      beyond_ = value > T(0) && integer_ < 0;  // only unsigned numbers reach beyond i64
    }
  }

  // Whether it was written as a whole number: 3, not 3.0.
  constexpr bool is_whole() const { return whole_; }
  // The nearest double.
  constexpr double real() const { return real_; }
  // Rounded toward zero; nothing when i64 does not hold that, NaN included.
  std::optional<std::int64_t> truncated() const {
    if (whole_) return beyond_ ? std::nullopt : std::optional(integer_);
    if (!(real_ >= -0x1p63 && real_ < 0x1p63)) return std::nullopt;
    return static_cast<std::int64_t>(real_);
  }
  // The value as a T: a whole type takes it rounded toward zero and within its range (nothing
  // otherwise), bool whether it is not 0, all others rounded to the nearest.
  template <class T>
  std::optional<T> as() const {
    if constexpr (std::is_same_v<T, bool>) {
      return whole_ ? integer_ != 0 : real_ != 0;
    } else if constexpr (std::is_integral_v<T>) {
      if constexpr (std::is_unsigned_v<T> && sizeof(T) == 8) {
        if (beyond_) return static_cast<T>(integer_);
        if (!whole_ && real_ >= 0x1p63 && real_ < 0x1p64) return static_cast<T>(real_);
      }
      const std::optional<std::int64_t> v = truncated();
      if (!v || (std::is_unsigned_v<T> && *v < 0)) return std::nullopt;
      const auto back = static_cast<T>(*v);
      if (static_cast<std::int64_t>(back) != *v) return std::nullopt;
      return back;
    } else if constexpr (std::is_arithmetic_v<T>) {
      return whole_ && !beyond_ ? static_cast<T>(integer_) : static_cast<T>(real_);
    } else {
      return static_cast<T>(*as<float>());
    }
  }

 private:
  double real_ = 0;
  std::int64_t integer_ = 0;
  bool whole_ = true;
  bool beyond_ = false;
};

// "9007199254740993", "0.5".
std::string to_string(const Number& number);

// `number` as an element of dtype: a whole number for integers (rounded toward zero) and bool (0 or
// 1), a real one for floats. The one rule for numbers beside tensors: one that an integer dtype
// does not hold, NaN included, throws ValueError that names `op` and `at`; floats round it, beyond
// their range to infinity. To bring elements into a range use clamp; cast saturates.
Number fitted(const Number& number, DType dtype, std::string_view op = "number",
              const Location& at = {});

}  // namespace nacre
