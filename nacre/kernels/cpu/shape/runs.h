// Copies between strided arrays as rows of contiguous runs: what slices, joins, paddings and rolls
// consist of. Elements move by their size, whatever their type.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nacre/kernels/registry.h"

namespace nacre::cpu {

// Calls f with an unsigned integer of `size` bytes (1, 2, 4 or 8).
template <class F>
decltype(auto) for_size(std::size_t size, F&& f) {
  if (size == 1) return f(std::uint8_t{});
  if (size == 2) return f(std::uint16_t{});
  if (size == 4) return f(std::uint32_t{});
  return f(std::uint64_t{});
}

// A copy of all elements of a box from one strided array to another; the two must not overlap.
class BoxCopy {
 public:
  // Strides count elements of `size` bytes, one an axis, and may be negative; the offsets are those
  // of the first element.
  BoxCopy(const Shape& shape, std::size_t size, std::span<const std::int64_t> from,
          std::span<const std::int64_t> to, std::int64_t from_offset, std::int64_t to_offset);

  void run(const void* from, void* to, int workers) const;

 private:
  struct Loop {
    std::int64_t size;
    std::int64_t from, to;  // bytes
  };
  void part(const char* from, char* to, std::int64_t begin, std::int64_t end) const;
  void line(const char* from, char* to, std::int64_t count) const;

  std::vector<Loop> outer_;   // from the outermost
  Loop inner_{1, 0, 0};       // steps from run to run
  std::int64_t run_ = 1;      // bytes that lie together on both sides
  std::int64_t rows_ = 1;     // product of the outer sizes
  std::int64_t from_offset_;  // bytes
  std::int64_t to_offset_;
};

// memcpy on several threads.
void copy_bytes(const void* from, void* to, std::size_t bytes, int workers);
// Writes the element of `size` bytes at `value` to `count` places from `to` on.
void fill_elements(char* to, const void* value, std::size_t size, std::int64_t count);
// The threads for moving the bytes of these specs.
int workers_to_move(std::span<const Spec> specs, int threads);

}  // namespace nacre::cpu
