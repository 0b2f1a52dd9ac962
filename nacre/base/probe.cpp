#include "nacre/base/probe.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <string>
#include <vector>

#include "nacre/base/buffer.h"
#include "nacre/base/error.h"
#include "nacre/base/text.h"

namespace nacre {
namespace {

// libgomp gives its threads stacks of OMP_STACKSIZE ("4M", "16 384", "1 g": kilobytes without a
// letter); what it cannot read it leaves alone. 0: the system's size.
std::size_t stack_size_of_openmp() {
  const char* text = std::getenv("OMP_STACKSIZE");
  if (!text) text = std::getenv("GOMP_STACKSIZE");
  if (!text) return 0;
  char* end = nullptr;
  errno = 0;
  const unsigned long long number = std::strtoull(text, &end, 10);
  if (end == text || errno != 0) return 0;
  while (*end == ' ') ++end;
  int shift = 10;
  if (*end == 'b' || *end == 'B') shift = 0;
  if (*end == 'm' || *end == 'M') shift = 20;
  if (*end == 'g' || *end == 'G') shift = 30;
  return number << shift >> shift == number ? static_cast<std::size_t>(number << shift) : 0;
}

void* wait_at(void* gate) {
  const std::lock_guard lock(*static_cast<std::mutex*>(gate));
  return nullptr;
}

bool memory_is_there(std::size_t bytes) {
  void* const memory =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  ::munmap(memory, bytes);
  return true;
}

constexpr std::string_view kHint =
    "raise the limit on the address space (ulimit -v) or of the container, or use less memory";

// What libgomp needs beside the stacks: a few kB a thread.
constexpr std::size_t kTeamBytes = std::size_t{1} << 20;

}  // namespace

void expect_memory(std::size_t bytes, std::string_view what) {
  if (memory_is_there(bytes)) return;
  throw OutOfMemoryError(format_error(
      {.op = "out of memory",
       .what = "asked for " + human_bytes(static_cast<double>(bytes)) + " for " + std::string(what),
       .hint = "raise the limit on the address space (ulimit -v) or of the container, "
               "or use less memory"}));
}

void expect_working_memory(std::string_view what) {
  expect_memory(std::size_t{getpid() == gettid() ? 12u : 48u} << 20, what);
}

void throw_out_of_memory(std::string_view doing) {
  throw OutOfMemoryError(
      format_error({.op = "out of memory",
                    .what = "the system gives no more for " + std::string(doing) + " while " +
                            human_bytes(static_cast<double>(pool_statistics().in_use)) +
                            " of tensors are in use",
                    .hint = kHint}));
}

StartableThreads startable_threads(int wanted) {
  pthread_attr_t attributes;
  if (const int error = pthread_attr_init(&attributes)) return {.error = error};
  if (const std::size_t stack = stack_size_of_openmp()) {
    pthread_attr_setstacksize(&attributes, stack);  // refuses what is below 16 kB, as for libgomp
  }
  StartableThreads result;
  std::size_t stack = 0;
  pthread_attr_getstacksize(&attributes, &stack);
  if (stack < kStackOfKernels) {
    pthread_attr_destroy(&attributes);
    result.small_stack = true;
    return result;
  }
  std::mutex gate;  // all are there at once: each waits here until the last has been started
  std::vector<pthread_t> started;
  {
    const std::lock_guard lock(gate);
    for (; result.count < wanted; ++result.count) {
      pthread_t thread;
      result.error = pthread_create(&thread, &attributes, wait_at, &gate);
      if (result.error) break;
      started.push_back(thread);
    }
    if (result.count > 0 && !memory_is_there(kTeamBytes)) result = {.error = ENOMEM};
  }
  for (const pthread_t thread : started) pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  return result;
}

}  // namespace nacre
