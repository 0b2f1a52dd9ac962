// Operand: what an op function takes. It is made from a tensor, a Variable or a number, and notes
// the line of the user's code, so that errors and graphs can name it.
#pragma once

#include <concepts>
#include <type_traits>

#include "nacre/tensor/tensor.h"

namespace nacre {

// Something that is read as a tensor: a Variable, a module's parameter.
template <class T>
concept TensorReadable = !std::is_same_v<T, Tensor> && requires(const T& t) {
  { t.value() } -> std::convertible_to<Tensor>;
  t.is_tensor_readable();
};

class Operand {
 public:
  Operand(const Tensor& tensor, std::source_location at = std::source_location::current())
      : tensor_(tensor), location_(at) {}
  template <TensorReadable T>
  Operand(const T& readable, std::source_location at = std::source_location::current())
      : tensor_(readable.value()), location_(at) {}
  // A number: takes the dtype of the other operand (a float with an integer tensor gives f32).
  template <class T>
  requires std::is_arithmetic_v<T> Operand(
      T number, std::source_location at = std::source_location::current())
      : number_(number), is_number_(true), location_(at) {}
  Operand(const Number& number, const Location& at)
      : number_(number), is_number_(true), location_(at) {}
  // An operand whose line is known from elsewhere.
  Operand(const Tensor& tensor, const Location& at) : tensor_(tensor), location_(at) {}

  bool is_number() const { return is_number_; }
  bool is_whole_number() const { return is_number_ && number_.is_whole(); }
  // The number, as a double and exactly.
  double number() const { return number_.real(); }
  const Number& exact() const { return number_; }
  const Location& at() const { return location_; }
  // The tensor; a number becomes a scalar of `dtype`. Throws ValueError when an integer dtype does
  // not hold the number.
  Tensor tensor(DType dtype = f32) const {
    return is_number_ ? Tensor::scalar(number_, dtype, location_) : tensor_;
  }
  // The tensor of an operand that must be one. A number becomes an f32 scalar.
  DType dtype() const { return is_number_ ? f32 : tensor_.dtype(); }

 private:
  Tensor tensor_;
  Number number_;
  bool is_number_ = false;
  Location location_;
};

}  // namespace nacre
