#include "tests/support/host2.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <map>
#include <mutex>

#include "nacre/base/error.h"

namespace nacre::testing {
namespace {

struct Counters {
  std::atomic<std::size_t> to_host{0}, from_host{0}, kernels{0}, replays{0}, passes{0},
      allocated{0};
};
Counters counters;

constexpr std::size_t kReserved = std::size_t{8} << 30;  // addresses; memory comes when touched
constexpr std::size_t kPage = 4096;
constexpr std::size_t kLarge = 16 * kPage;

// Its addresses are of pages that cannot be touched; the bytes are elsewhere, at here(address).
class Heap final : public MemorySpace {
 public:
  Heap() : MemorySpace("host2", false), addresses_(reserve(PROT_NONE)) {
    bytes_ = reserve(PROT_READ | PROT_WRITE);
  }

  void* allocate(std::size_t bytes) override {
    const std::lock_guard lock(mutex_);
    const std::size_t size = size_of_block(bytes);
    std::vector<void*>& free_blocks = free_[size];
    if (free_blocks.empty()) {
      if (size >= kLarge) end_ = (end_ + kPage - 1) / kPage * kPage;
      if (size > kReserved - end_) throw OutOfMemoryError("host2: asked for too much");
      free_blocks.push_back(addresses_ + end_);
      end_ += size;
    }
    void* const block = free_blocks.back();
    free_blocks.pop_back();
    ++counters.allocated;
    return block;
  }
  void free(void* memory, std::size_t bytes) noexcept override {
    const std::lock_guard lock(mutex_);
    --counters.allocated;
    const std::size_t size = size_of_block(bytes);
    if (size >= kLarge) madvise(here(memory), size, MADV_DONTNEED);
    free_[size].push_back(memory);
  }

  // Where the bytes of an address are; what is not the heap's (a null pointer) stays.
  void* here(const void* address) const {
    const auto offset = static_cast<std::size_t>(static_cast<const char*>(address) - addresses_);
    return offset < kReserved ? bytes_ + offset : const_cast<void*>(address);
  }

 protected:
  void put(void* to, const void* host, std::size_t bytes) override {
    ++counters.from_host;
    MemorySpace::put(here(to), host, bytes);
  }
  void get(void* host, const void* from, std::size_t bytes) override {
    ++counters.to_host;
    MemorySpace::get(host, here(from), bytes);
  }
  void move(void* to, const void* from, std::size_t bytes) override {
    MemorySpace::move(here(to), here(from), bytes);
  }
  void set(void* to, int byte, std::size_t bytes) override {
    MemorySpace::set(here(to), byte, bytes);
  }

 private:
  static char* reserve(int how) {
    void* const memory =
        mmap(nullptr, kReserved, how, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw OutOfMemoryError("host2: no addresses");
    return static_cast<char*>(memory);
  }
  // Large blocks begin and end with pages.
  static std::size_t size_of_block(std::size_t bytes) {
    const std::size_t size = std::bit_ceil(std::max<std::size_t>(bytes, kAlignment));
    return size < kLarge ? size : (bytes + kLarge - 1) / kLarge * kLarge;
  }

  std::mutex mutex_;
  char* addresses_;
  char* bytes_;
  std::size_t end_ = 0;
  std::map<std::size_t, std::vector<void*>> free_;
};

Heap& heap() {
  static Heap* const instance = new Heap;  // outlives every static tensor
  return *instance;
}

bool supports(const KernelQuery& q) { return has_kernel(q, cpu_backend()); }

PreparedKernel prepare(const KernelQuery& q) {
  const PreparedKernel inner = prepare_kernel(q, cpu_backend());
  PreparedKernel kernel = make_kernel(
      [inner, count = q.inputs.size() + q.outputs.size()](void* const* pointers,
                                                          const RunContext& context) {
        ++counters.kernels;
        std::vector<void*> own;
        for (std::size_t i = 0; i < count; ++i) own.push_back(heap().here(pointers[i]));
        inner.run(inner.state.get(), own.data(), {context.threads, heap().here(context.scratch)});
      },
      inner.scratch_bytes, inner.in_place);
  kernel.in_place_each = inner.in_place_each;
  return kernel;
}

class StepByStep final : public Replay {
 public:
  explicit StepByStep(std::span<const Step> steps) : steps_(steps) {}
  void run(std::size_t& at) override {
    ++counters.replays;
    for (at = 0; at < steps_.size(); ++at) {
      const Step& step = steps_[at];
      step.run(step.state, step.pointers, step.context);
    }
  }

 private:
  std::span<const Step> steps_;
};

class Host2 final : public Backend {
 public:
  Host2() : rows_(kOpCount), pointers_(kOpCount) {
    for (int i = 0; i < kOpCount; ++i) {
      const auto op = static_cast<std::size_t>(i);
      rows_[op] = {static_cast<Op>(i), "host2", supports, prepare};
      pointers_[op] = &rows_[op];
    }
  }
  std::string_view name() const override { return "host2"; }
  MemorySpace& memory() const override { return heap(); }
  std::span<const KernelRow* const> rows(Op op) const override {
    return {&pointers_[static_cast<std::size_t>(op)], 1};
  }
  std::vector<Lowering> lower(const PassOptions& options) const override {
    std::vector<Lowering> passes = cpu_backend().lower(options);
    passes.push_back({"host2_own", [](const Graph& graph) {
                        ++counters.passes;
                        return graph;
                      }});
    return passes;
  }
  const BackendFacts& facts() const override { return cpu_backend().facts(); }
  std::string why_no_bfloat16_products() const override {
    return cpu_backend().why_no_bfloat16_products();
  }
  std::unique_ptr<Replay> bind(std::span<const Step> steps) const override {
    return std::make_unique<StepByStep>(steps);
  }

 private:
  std::vector<KernelRow> rows_;
  std::vector<const KernelRow*> pointers_;
};

}  // namespace

Backend& host2_backend() {
  static Host2* const instance = new Host2;
  return *instance;
}

Host2Counts host2_counts() {
  return {counters.to_host, counters.from_host, counters.kernels,
          counters.replays, counters.passes,    counters.allocated};
}

}  // namespace nacre::testing
