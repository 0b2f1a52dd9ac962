// Text encodings of data files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "nacre/base/file.h"
#include "nacre/base/utf8.h"

namespace nacre::data {

// The most bytes that the name of a column or class has: what is longer is a text.
constexpr std::size_t kMostNameBytes = 1000;

using nacre::is_utf8;
// How many bytes at the beginning are valid UTF-8.
std::size_t utf8_until(std::string_view text);
// To UTF-8: UTF-16 where a byte order mark says so, UTF-8 where it is valid (its mark is dropped),
// else Latin-1. Never fails; half a UTF-16 unit becomes U+FFFD.
std::string to_utf8(Bytes bytes);
// The characters (code points) of valid UTF-8.
std::vector<std::string_view> characters(std::string_view text);

}  // namespace nacre::data
