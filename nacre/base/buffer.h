// Reference-counted memory of tensors: pooled memory of the host, 64-byte aligned; memory of
// another space; or borrowed from the user.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

#include "nacre/base/memory_space.h"

namespace nacre {

// A shared handle to a block of memory. Copies share; the block goes back to the pool with the
// last handle. Counting is atomic, the contents are not guarded.
class Buffer {
 public:
  Buffer() = default;
  // Uninitialised memory of at least `bytes`. Throws OutOfMemoryError with the size asked.
  static Buffer allocate(std::size_t bytes);
  // The same in a space.
  static Buffer allocate(std::size_t bytes, MemorySpace& space);
  // The user's memory, not copied; `release` (may be empty) is called with the last handle.
  static Buffer borrow(void* data, std::size_t bytes, std::function<void()> release = {});

  Buffer(const Buffer& other) : block_(other.block_) {
    if (block_) block_->references.fetch_add(1, std::memory_order_relaxed);
  }
  Buffer(Buffer&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Buffer& operator=(Buffer other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Buffer() {
    if (block_ && block_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      free_block(block_);
    }
  }

  // The address, within the space: the host may not read it where host_reads() is false.
  void* data() const { return block_ ? block_->data : nullptr; }
  std::size_t bytes() const { return block_ ? block_->bytes : 0; }
  bool unique() const { return block_ && block_->references.load(std::memory_order_acquire) == 1; }
  // No other handle exists and the memory is not the user's: it may be written over.
  bool exclusive() const { return unique() && block_->size_class != kBorrowed; }
  explicit operator bool() const { return block_ != nullptr; }
  // Where the memory is; no memory is the host's.
  MemorySpace& space() const { return block_ ? *block_->space : host_memory(); }
  bool is_in(const MemorySpace& space) const { return !block_ || block_->space == &space; }
  bool host_reads() const { return !block_ || block_->space->host_reads(); }
  // The same bytes in a space: this buffer where it is there, else a copy.
  Buffer in(MemorySpace& space) const;
  // The same bytes where the host may read them: this buffer, or a copy in the host's memory.
  Buffer on_host() const { return host_reads() ? *this : in(host_memory()); }
  friend bool operator==(const Buffer&, const Buffer&) = default;

  static constexpr std::uint8_t kBorrowed = 255;
  static constexpr std::uint8_t kOfSpace = 254;  // of a space other than the host's pool
  struct Block {
    std::atomic<std::uint32_t> references{1};
    std::uint8_t size_class = 0;
    void* data = nullptr;
    std::size_t bytes = 0;
    Block* next = nullptr;  // in a free list
    MemorySpace* space = nullptr;
    std::function<void()>* release = nullptr;
  };

 private:
  static void free_block(Block* block);
  Block* block_ = nullptr;
};

// What the pool holds and has given out, in bytes.
struct PoolStatistics {
  std::size_t in_use = 0;
  std::size_t cached = 0;
  std::size_t peak_in_use = 0;
};
PoolStatistics pool_statistics();
// Gives all cached blocks of this thread and of the shared pool back to the system.
void release_cached_memory();

}  // namespace nacre
