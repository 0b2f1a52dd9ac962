// SHA-256 (FIPS 180-4), to check what was downloaded and to name what was trained on.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>

#include "nacre/base/file.h"

namespace nacre {

class Sha256 {
 public:
  void update(Bytes bytes);
  // The digest as 64 lower-case hexadecimal digits; the object is used up.
  std::string hex();

 private:
  void block(const unsigned char* data);

  std::array<std::uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<unsigned char, 64> pending_{};
  std::size_t pending_size_ = 0;
  std::uint64_t bytes_ = 0;
};

std::string sha256_hex(Bytes bytes);
// Throws IoError when the file cannot be read.
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace nacre
