// Parallel regions over ranges: the parts are shared out to the threads that OpenMP grants.
#include <omp.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>

#include "nacre/base/threads.h"

namespace nacre {
namespace {

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

void parallel_ranges(int workers, std::int64_t count, std::int64_t grain, RangeBody body,
                     void* context) {
  if (count <= 0) return;
  grain = std::max<std::int64_t>(1, grain);
  const std::int64_t grains = (count + grain - 1) / grain;
  const std::int64_t chunks = std::min<std::int64_t>(workers, grains);
  const std::int64_t part = (grains + chunks - 1) / chunks * grain;
  Region region{body, context, count, part, nullptr, {}};
  std::unique_lock lock(region_mutex, std::defer_lock);
  const int granted = grant_threads(static_cast<int>(chunks));
  if (granted == 1 || !lock.try_lock()) {
    for (std::int64_t i = 0; i * part < count; ++i) run_part(region, i);
  } else {
    open_region.store(&region, std::memory_order_release);
    run_region(granted);
  }
  if (region.error) std::rethrow_exception(region.error);
}

}  // namespace nacre
