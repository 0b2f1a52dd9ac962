// XXH64 (github.com/Cyan4973/xxHash): a digest that finds damage of files at the speed of memory.
// It does not protect against somebody who wants two files to look the same; Sha256 does.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "nacre/base/file.h"

namespace nacre {

class XxHash64 {
 public:
  XxHash64();
  ~XxHash64();
  XxHash64(const XxHash64&) = delete;
  XxHash64& operator=(const XxHash64&) = delete;

  void update(Bytes bytes);
  void update(std::string_view text) { update(bytes_of(text)); }
  // Of all bytes so far, with seed 0.
  std::uint64_t value() const;
  // As new.
  void reset();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The XXH64 of the XXH64 of each block of 1 MiB (little-endian, the last one may be shorter):
// blocks can be hashed at the same time.
class BlockHash64 {
 public:
  static constexpr std::size_t kBlock = std::size_t{1} << 20;

  void update(Bytes bytes);
  std::uint64_t value() const;
  // The same from the hashes of the blocks.
  static std::uint64_t of_blocks(std::span<const std::uint64_t> hashes);

 private:
  std::vector<std::uint64_t> hashes_;  // of whole blocks
  XxHash64 block_;
  std::size_t size_ = 0;  // bytes in block_
};

std::uint64_t xxhash64(Bytes bytes);
inline std::uint64_t xxhash64(std::string_view text) { return xxhash64(bytes_of(text)); }

}  // namespace nacre
