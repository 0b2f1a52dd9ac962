// Looking for infinities and NaN.
#pragma once

#include <cstddef>

namespace nacre::cpu {

// Whether all n numbers are finite.
bool all_finite(const float* x, std::size_t n);

}  // namespace nacre::cpu
