// A replay takes no heap memory. The test program's operator new and malloc family are counted.
#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/support/graphs.h"

#include "nacre/ops/define/emit.h"

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace {
thread_local bool counting = false;
thread_local std::size_t allocations = 0;
std::atomic<std::size_t> uneven = 0;  // calls of aligned_alloc that the C standard does not allow
}  // namespace

extern "C" {
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* memory, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);

// Every way to the heap, operator new and libraries included, leads through these.
void* malloc(std::size_t bytes) {
  if (counting) ++allocations;
  return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) {
  if (counting) ++allocations;
  return __libc_calloc(count, bytes);
}
void* realloc(void* memory, std::size_t bytes) {
  if (counting) ++allocations;
  return __libc_realloc(memory, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  if (counting) ++allocations;
  if (bytes % alignment != 0) ++uneven;
  return __libc_memalign(alignment, bytes);
}
void* memalign(std::size_t alignment, std::size_t bytes) {
  if (counting) ++allocations;
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** out, std::size_t alignment, std::size_t bytes) {
  if (counting) ++allocations;
  *out = __libc_memalign(alignment, bytes);
  return *out ? 0 : 12;
}
}

namespace nacre {
namespace {

template <class F>
std::size_t allocations_of(F&& f) {
  allocations = 0;
  counting = true;
  f();
  counting = false;
  return allocations;
}

TEST(NoAllocation, TheCounterCounts) {
  EXPECT_GT(allocations_of([] {
              std::vector<int> v(100);
              static volatile int* keep;
              keep = v.data();
              static_cast<void>(keep);
            }),
            0u);
}

TEST(NoAllocation, MemoryIsAskedForInMultiplesOfItsAlignment) {
  release_cached_memory();
  for (std::size_t bytes = 1; bytes < 2000; bytes += 7) Buffer::allocate(bytes);
  EXPECT_EQ(uneven.load(), 0u);
}

TEST(NoAllocation, AReplayTakesNoHeapMemory) {
  // Elementwise steps, broadcasts, updates in place. References allocate; none may serve here.
  const Graph g =
      run_passes(testing::trace_graph({{f32, {8, 16}}, {f32, {16}}},
                                      [](const Tensors& x) -> Tensors {
                                        return {tanh(x[0] * x[1] + 2) - x[1], x[0].reshape({128})};
                                      }),
                 default_passes());
  Plan plan(g, {});
  bool own_kernels = true;
  for (const StepInfo& s : plan.steps()) own_kernels = own_kernels && s.kernel != "reference";
  Tensor a = ones({8, 16});
  Tensor b = ones({16});
  Tensor out(Spec{f32, {8, 16}});
  Tensor flat(Spec{f32, {128}});
  void* in[] = {a.raw_mutable_data(), b.raw_mutable_data()};
  void* results[] = {out.raw_mutable_data(), flat.raw_mutable_data()};
  plan.replay(in, results);
  const std::size_t taken = allocations_of([&] {
    for (int i = 0; i < 10; ++i) plan.replay(in, results);
  });
  EXPECT_TRUE(own_kernels) << plan.to_text();
  EXPECT_EQ(taken, 0u) << plan.to_text();
}

TEST(NoAllocation, ATrainingStepTakesNoHeapMemory) {
  Variable w1(full({16, 32}, 0.1));
  Variable b1(zeros({32}));
  Variable w2(full({32, 4}, 0.1));
  auto step = compile([&](const Tensor& x, const Tensor& y) {
    GradientTape tape;
    const Tensor loss = mean(square(matmul(relu(matmul(x, w1) + b1), w2) - y));
    const auto [d1, d2, d3] = tape.gradient(loss, w1, b1, w2);
    w1.assign(w1 - 0.1 * d1);
    b1.assign(b1 - 0.1 * d2);
    w2.assign(w2 - 0.1 * d3);
    return loss;
  });
  const Tensor x = ones({8, 16});
  const Tensor y = ones({8, 4});
  for (int i = 0; i < 3; ++i) step(x, y);
  const std::string plan = step.function().plan_text();
  const std::size_t taken = allocations_of([&] {
    for (int i = 0; i < 10; ++i) step(x, y);
  });
  EXPECT_EQ(plan.find("reference"), std::string::npos) << plan;
  EXPECT_EQ(taken, 0u) << plan;
}

}  // namespace
}  // namespace nacre

#endif
