// What the sets inside the library share.
#pragma once

#include "nacre/data/sets/named.h"

namespace nacre::data {

// n labels i32 and n rows.
struct Packed {
  Tensor features;  // u8 [n, row...]
  Tensor labels;
};
// From base64 of raw deflate of n labels and n rows of one byte a value (builtin_data.h).
Packed unpack_builtin(const char* text, std::size_t packed, std::int64_t n, const Shape& row);

// A fixed part for testing, the same share of every class.
NamedSet with_test_part(const Dataset& all, double fraction);

}  // namespace nacre::data
