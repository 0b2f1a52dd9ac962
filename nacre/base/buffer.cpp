#include "nacre/base/buffer.h"

#include <pthread.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <new>
#include <string>

#include "nacre/base/error.h"

namespace nacre {
namespace {

using Block = Buffer::Block;
static_assert(sizeof(Block) <= kAlignment);

// Its buffers come from the pool below, most of them without a call of allocate().
class HostMemory final : public MemorySpace {
 public:
  constexpr HostMemory() : MemorySpace("host", true) {}
  void* allocate(std::size_t bytes) override {
    void* memory = std::aligned_alloc(kAlignment, (bytes + kAlignment) / kAlignment * kAlignment);
    if (!memory) throw OutOfMemoryError("out of memory: asked for " + std::to_string(bytes));
    return memory;
  }
  void free(void* memory, std::size_t) noexcept override { std::free(memory); }
};
constinit HostMemory host_space;

// Size classes: four a power of two, from 64 bytes on, so at most a quarter is lost.
constexpr int kClasses = 160;
constexpr std::size_t kSmall = 16 * 1024;  // kept per thread without a lock
constexpr int kSmallClasses = 33;
constexpr int kPerThread = 64;                            // blocks of a class a thread keeps
constexpr std::size_t kMaxCached = std::size_t{1} << 30;  // bytes the shared pool keeps
// A sanitizer must see each free, so nothing is pooled for it. GCC defines a macro, Clang a
// feature.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NACRE_ADDRESS_SANITIZER
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(NACRE_ADDRESS_SANITIZER)
constexpr bool kPooling = false;
#else
constexpr bool kPooling = true;
#endif

int class_of(std::size_t bytes) {
  if (bytes <= 64) return 0;
  const int log = std::bit_width(bytes - 1) - 1;  // 2^log < bytes <= 2^(log+1), log >= 6
  const std::size_t quarter = std::size_t{1} << (log - 2);
  const auto part = (bytes - (std::size_t{1} << log) + quarter - 1) / quarter;  // 1..4
  return (log - 6) * 4 + static_cast<int>(part);
}

std::size_t class_bytes(int c) {
  if (c == 0) return 64;
  const int log = (c - 1) / 4 + 6;
  const int part = (c - 1) % 4 + 1;
  return (std::size_t{1} << log) + static_cast<std::size_t>(part) * (std::size_t{1} << (log - 2));
}

std::atomic<std::size_t> in_use{0};
std::atomic<std::size_t> peak{0};
std::atomic<std::size_t> cached{0};

void count_use(std::size_t bytes) {
  const std::size_t now = in_use.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  std::size_t seen = peak.load(std::memory_order_relaxed);
  while (now > seen && !peak.compare_exchange_weak(seen, now, std::memory_order_relaxed)) {
  }
}

void free_to_system(Block* block) {
  block->~Block();
  std::free(block);
}

struct SharedPool {
  std::mutex mutex;
  Block* lists[kClasses] = {};
  ~SharedPool() { clear(); }

  void clear() {
    for (Block*& head : lists) {
      while (head) {
        Block* next = head->next;
        cached.fetch_sub(head->bytes, std::memory_order_relaxed);
        free_to_system(head);
        head = next;
      }
    }
  }
};

SharedPool& shared_pool() {
  // Outlives every static that holds a tensor. Another thread may be in the pool when this one
  // forks: the child must not find it locked for ever.
  static SharedPool* const pool = [] {
    pthread_atfork([] { shared_pool().mutex.lock(); }, [] { shared_pool().mutex.unlock(); },
                   [] { shared_pool().mutex.unlock(); });
    return new SharedPool;
  }();
  return *pool;
}

struct ThreadPoolCache {
  Block* lists[kSmallClasses] = {};
  int counts[kSmallClasses] = {};
  ~ThreadPoolCache() { clear(); }

  void clear() {
    for (int c = 0; c < kSmallClasses; ++c) {
      while (Block* block = lists[c]) {
        lists[c] = block->next;
        cached.fetch_sub(block->bytes, std::memory_order_relaxed);
        free_to_system(block);
      }
      counts[c] = 0;
    }
  }
};

thread_local bool thread_cache_gone = false;
struct ThreadCacheHolder {
  ThreadPoolCache cache;
  ~ThreadCacheHolder() { thread_cache_gone = true; }
};
thread_local ThreadCacheHolder thread_cache;

Block* take_cached(int c) {
  if (c < kSmallClasses && !thread_cache_gone) {
    ThreadPoolCache& mine = thread_cache.cache;
    if (Block* block = mine.lists[c]) {
      mine.lists[c] = block->next;
      --mine.counts[c];
      return block;
    }
    return nullptr;
  }
  SharedPool& pool = shared_pool();
  const std::lock_guard lock(pool.mutex);
  Block* block = pool.lists[c];
  if (block) pool.lists[c] = block->next;
  return block;
}

bool put_cached(Block* block, int c) {
  if (c < kSmallClasses) {
    if (thread_cache_gone) return false;
    ThreadPoolCache& mine = thread_cache.cache;
    if (mine.counts[c] >= kPerThread) return false;
    block->next = mine.lists[c];
    mine.lists[c] = block;
    ++mine.counts[c];
    return true;
  }
  if (cached.load(std::memory_order_relaxed) + block->bytes > kMaxCached) return false;
  SharedPool& pool = shared_pool();
  const std::lock_guard lock(pool.mutex);
  block->next = pool.lists[c];
  pool.lists[c] = block;
  return true;
}

std::string bytes_text(std::size_t bytes) {
  if (bytes < (std::size_t{1} << 20)) return std::to_string(bytes) + " bytes";
  return std::to_string(bytes >> 20) + " MiB";
}

}  // namespace

Buffer Buffer::allocate(std::size_t bytes) {
  // Beyond 2^46 bytes no system serves; refuse before the arithmetic below overflows.
  if (bytes >> 46) throw OutOfMemoryError("out of memory: asked for " + bytes_text(bytes));
  const int c = class_of(bytes);
  const std::size_t rounded = class_bytes(c);
  Buffer buffer;
  if (Block* block = kPooling ? take_cached(c) : nullptr) {
    cached.fetch_sub(rounded, std::memory_order_relaxed);
    block->references.store(1, std::memory_order_relaxed);
    buffer.block_ = block;
  } else {
    // The header and the elements; aligned_alloc wants a multiple of the alignment.
    const std::size_t whole = kAlignment + (rounded + kAlignment - 1) / kAlignment * kAlignment;
    void* memory = std::aligned_alloc(kAlignment, whole);
    if (!memory && kPooling) {
      release_cached_memory();
      memory = std::aligned_alloc(kAlignment, whole);
    }
    if (!memory) {
      throw OutOfMemoryError("out of memory: asked for " + bytes_text(bytes) + " while " +
                             bytes_text(in_use.load()) + " are in use");
    }
    buffer.block_ = new (memory) Block;
    buffer.block_->data = static_cast<char*>(memory) + kAlignment;
    buffer.block_->bytes = rounded;
    buffer.block_->size_class = static_cast<std::uint8_t>(c);
    buffer.block_->space = &host_space;
  }
  count_use(rounded);
  return buffer;
}

Buffer Buffer::allocate(std::size_t bytes, MemorySpace& space) {
  if (&space == &host_space) return allocate(bytes);
  Buffer buffer;
  buffer.block_ = new Block;
  buffer.block_->size_class = Buffer::kOfSpace;
  buffer.block_->space = &space;
  buffer.block_->bytes = std::max<std::size_t>(bytes, 1);
  try {
    buffer.block_->data = space.allocate(buffer.block_->bytes);
  } catch (...) {
    delete std::exchange(buffer.block_, nullptr);
    throw;
  }
  return buffer;
}

Buffer Buffer::in(MemorySpace& to) const {
  if (is_in(to)) return *this;
  Buffer copy = allocate(bytes(), to);
  if (host_reads()) {
    space().wait();
    to.from_host(copy.data(), data(), bytes());
  } else if (to.host_reads()) {
    space().to_host(copy.data(), data(), bytes());
  } else {
    to.from_host(copy.data(), in(host_memory()).data(), bytes());
  }
  return copy;
}

MemorySpace& host_memory() { return host_space; }

Buffer Buffer::borrow(void* data, std::size_t bytes, std::function<void()> release) {
  Buffer buffer;
  buffer.block_ = new Block;
  buffer.block_->data = data;
  buffer.block_->bytes = bytes;
  buffer.block_->size_class = Buffer::kBorrowed;
  buffer.block_->space = &host_space;
  if (release) buffer.block_->release = new std::function<void()>(std::move(release));
  return buffer;
}

void Buffer::free_block(Block* block) {
  if (block->size_class >= Buffer::kOfSpace) {
    if (block->size_class == Buffer::kOfSpace) {
      block->space->free(block->data, block->bytes);
    } else if (block->release) {
      (*block->release)();
      delete block->release;
    }
    delete block;
    return;
  }
  in_use.fetch_sub(block->bytes, std::memory_order_relaxed);
  if (kPooling) {
    const std::size_t bytes = block->bytes;
    cached.fetch_add(bytes, std::memory_order_relaxed);
    if (put_cached(block, block->size_class)) return;
    cached.fetch_sub(bytes, std::memory_order_relaxed);
  }
  free_to_system(block);
}

PoolStatistics pool_statistics() { return {in_use.load(), cached.load(), peak.load()}; }

void release_cached_memory() {
  if (!thread_cache_gone) thread_cache.cache.clear();
  SharedPool& pool = shared_pool();
  const std::lock_guard lock(pool.mutex);
  pool.clear();
}

}  // namespace nacre
