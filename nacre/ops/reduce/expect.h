// A tensor whose elements are looked at on their way.
#pragma once

#include <optional>
#include <string>

#include "nacre/ops/define/operand.h"

namespace nacre {

// What each element of a tensor is to be.
struct Expectation {
  std::string who;   // begins the message: the loss or metric that reads the tensor
  std::string what;  // ends it: "a class from 0 to 9"
  std::string hint;  // the likely fix
  double low = 0;    // low <= element <= high
  double high = 0;
  bool whole = false;                        // no fractions
  std::optional<std::int64_t> but_for = {};  // is allowed, too
  double slack = 0;  // as far outside of [low, high] an element may be: what rounding leaves
};

// Class numbers from 0 to classes - 1.
Expectation expected_classes(std::string who, std::int64_t classes);

// x itself. Throws ValueError with the row and value of the first element that is not as expected
// (NaN never is) when the op runs: in a trace, at the step that meets it. The gradient passes.
Tensor expect_elements(const Operand& x, const Expectation& expectation);

namespace op_defs {

// Throws the ValueError for element `flat` of a tensor: "mse: the target in row 3 is 7, a class
// from 0 to 4 is expected".
[[noreturn]] void fail_element(std::string_view who, std::string_view what, std::string_view hint,
                               const Shape& shape, std::int64_t flat, double value);
// The same for a label that is none of `classes` classes.
[[noreturn]] void fail_label(std::string_view who, std::int64_t classes, const Shape& shape,
                             std::int64_t flat, double value);

}  // namespace op_defs
}  // namespace nacre
