// The data sets inside the library, packed: base64 of raw deflate of one byte a value.
#pragma once

#include <cstddef>

namespace nacre::data {

// 1,797 labels 0..9, then 1,797 pictures of 8x8 values 0..16.
extern const char* const kDigits;
extern const std::size_t kDigitsPacked;  // bytes after base64
// 150 labels 0..2, then 150 rows of 4 lengths in millimetres.
extern const char* const kIris;
extern const std::size_t kIrisPacked;

}  // namespace nacre::data
