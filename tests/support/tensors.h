// What tests of ops say of tensors.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "nacre/nacre.h"

namespace nacre::test {

// The shape, and the elements as whole numbers.
inline void expect(const Tensor& t, const Shape& shape, const std::vector<std::int64_t>& values) {
  EXPECT_EQ(to_string(t.shape()), to_string(shape));
  EXPECT_EQ(t.to_vector<std::int64_t>(), values);
}

// Operands as if the user's line were not known, and as if it were net.cpp:7.
inline Operand at_nowhere(const Tensor& t) { return {t, Location()}; }
inline Operand at_line(const Tensor& t) { return {t, Location("net.cpp", 7)}; }

}  // namespace nacre::test
