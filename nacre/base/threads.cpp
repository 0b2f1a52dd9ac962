#include "nacre/base/threads.h"

#include <omp.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <mutex>
#include <string>

#include "nacre/base/error.h"

namespace nacre {
namespace {

// Cores granted by cgroup v2 or v1, 0 when there is no limit.
int cgroup_cores() {
  if (std::ifstream file("/sys/fs/cgroup/cpu.max"); file) {
    std::string quota;
    double period = 0;
    if (file >> quota >> period && quota != "max" && period > 0) {
      return std::max(1, static_cast<int>(std::stod(quota) / period + 0.5));
    }
    return 0;
  }
  std::ifstream quota_file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  std::ifstream period_file("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  double quota = 0;
  double period = 0;
  if (quota_file >> quota && period_file >> period && quota > 0 && period > 0) {
    return std::max(1, static_cast<int>(quota / period + 0.5));
  }
  return 0;
}

int initial_threads() {
  if (const char* text = std::getenv("NACRE_THREADS")) {
    const int n = std::atoi(text);
    if (n >= 1) return n;
  }
  return available_threads();
}

std::atomic<int>& thread_setting() {
  static std::atomic<int> setting{initial_threads()};
  return setting;
}

// The one parallel region that may be open. Handed to the workers through an atomic, not through
// OpenMP's shared variables: ThreadSanitizer does not see into libgomp, but it sees these.
struct Region {
  RangeBody body;
  void* context;
  std::int64_t count;
  std::int64_t part;
  std::exception_ptr error;
  std::mutex error_mutex;
};
std::mutex region_mutex;
std::atomic<Region*> open_region{nullptr};
std::atomic<int> finished{0};

void run_part(Region& region, std::int64_t index) {
  const std::int64_t begin = index * region.part;
  const std::int64_t end = std::min(region.count, begin + region.part);
  if (begin >= end) return;
  try {
    region.body(region.context, begin, end);
  } catch (...) {
    const std::lock_guard lock(region.error_mutex);
    if (!region.error) region.error = std::current_exception();
  }
}

void run_region(int workers) {
#pragma omp parallel num_threads(workers)
  {
    Region* region = open_region.load(std::memory_order_acquire);
    // OpenMP may grant fewer threads than asked.
    for (int i = omp_get_thread_num(); i * region->part < region->count;
         i += omp_get_num_threads()) {
      run_part(*region, i);
    }
    finished.fetch_add(1, std::memory_order_release);
  }
  static_cast<void>(finished.load(std::memory_order_acquire));
}

}  // namespace

int available_threads() {
  static const int count = [] {
    cpu_set_t set;
    CPU_ZERO(&set);
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : omp_get_num_procs();
    if (const int limit = cgroup_cores(); limit > 0) n = std::min(n, limit);
    return std::max(1, n);
  }();
  return count;
}

int threads() { return thread_setting().load(std::memory_order_relaxed); }

void set_threads(int n) {
  if (n < 1) throw ValueError("threads: at least 1, not " + std::to_string(n));
  thread_setting().store(n, std::memory_order_relaxed);
}

void limit_library_threads(int n) {
  thread_local int current = 0;
  if (current == n) return;
  omp_set_num_threads(n);
  current = n;
}

void parallel_ranges(int workers, std::int64_t count, std::int64_t grain, RangeBody body,
                     void* context) {
  if (count <= 0) return;
  grain = std::max<std::int64_t>(1, grain);
  const std::int64_t grains = (count + grain - 1) / grain;
  const std::int64_t chunks = std::min<std::int64_t>(workers, grains);
  const std::int64_t part = (grains + chunks - 1) / chunks * grain;
  Region region{body, context, count, part, nullptr, {}};
  std::unique_lock lock(region_mutex, std::defer_lock);
  if (chunks == 1 || omp_in_parallel() || !lock.try_lock()) {
    for (std::int64_t i = 0; i * part < count; ++i) run_part(region, i);
  } else {
    open_region.store(&region, std::memory_order_release);
    run_region(static_cast<int>(chunks));
  }
  if (region.error) std::rethrow_exception(region.error);
}

}  // namespace nacre
