// MemorySpace: memory of one kind, the host's or that of a device, and the ways into and out of it.
// Whoever moves elements goes through it, so that nobody has to know where they are.
#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

namespace nacre {

inline constexpr std::size_t kAlignment = 64;

// One space lives as long as the program. Pointers into a space whose memory the host may not read
// are addresses for its kernels and for the functions below, nothing else.
//
// Work on a space may be queued: what is queued later sees what was queued before it; to_host()
// returns when the bytes are there, the other ways may return before they are done.
class MemorySpace {
 public:
  // `host_reads`: the host may read and write the memory through its pointers, as soon as wait()
  // has returned. `alignment` is that of each allocation, in bytes.
  constexpr MemorySpace(std::string_view name, bool host_reads, std::size_t alignment = kAlignment)
      : name_(name), host_reads_(host_reads), alignment_(alignment) {}
  MemorySpace(const MemorySpace&) = delete;
  MemorySpace& operator=(const MemorySpace&) = delete;

  std::string_view name() const { return name_; }
  bool host_reads() const { return host_reads_; }
  std::size_t alignment() const { return alignment_; }

  // At least `bytes` bytes, uninitialised. Throws OutOfMemoryError with the size asked.
  virtual void* allocate(std::size_t bytes) = 0;
  // What allocate() gave for so many bytes; what is queued may still use it.
  virtual void free(void* memory, std::size_t bytes) noexcept = 0;

  // Copies; the two places do not overlap.
  void from_host(void* to, const void* host, std::size_t bytes) {
    host_reads_ ? copy_bytes(to, host, bytes) : put(to, host, bytes);
  }
  void to_host(void* host, const void* from, std::size_t bytes) {
    host_reads_ ? copy_bytes(host, from, bytes) : get(host, from, bytes);
  }
  void copy(void* to, const void* from, std::size_t bytes) {
    host_reads_ ? copy_bytes(to, from, bytes) : move(to, from, bytes);
  }
  // Sets all bytes to `byte`.
  void fill(void* to, int byte, std::size_t bytes) {
    if (!host_reads_) {
      set(to, byte, bytes);
    } else if (bytes > 0) {
      std::memset(to, byte, bytes);
    }
  }
  // Returns when all that was queued is done.
  virtual void wait() {}

 protected:
  ~MemorySpace() = default;
  // The ways above, of a space whose memory the host may not read.
  virtual void put(void* to, const void* host, std::size_t bytes) { copy_bytes(to, host, bytes); }
  virtual void get(void* host, const void* from, std::size_t bytes) {
    copy_bytes(host, from, bytes);
  }
  virtual void move(void* to, const void* from, std::size_t bytes) { copy_bytes(to, from, bytes); }
  virtual void set(void* to, int byte, std::size_t bytes) { std::memset(to, byte, bytes); }

 private:
  static void copy_bytes(void* to, const void* from, std::size_t bytes) {
    if (bytes > 0) std::memcpy(to, from, bytes);
  }

  std::string_view name_;
  bool host_reads_;
  std::size_t alignment_;
};

// The host's pooled memory (base/buffer.h), where tensors are unless something else is said.
MemorySpace& host_memory();

}  // namespace nacre
