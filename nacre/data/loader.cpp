#include "nacre/data/loader.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <new>
#include <numeric>
#include <system_error>
#include <thread>
#include <utility>

#include "nacre/base/callable.h"
#include "nacre/base/error.h"
#include "nacre/base/probe.h"

namespace nacre::data {

class Loader::Impl {
 public:
  Impl(Dataset set, LoaderOptions options) : options_(std::move(options)), set_(std::move(set)) {
    if (options_.batch_size < 1)
      throw ValueError(fmt::format("Loader: a batch size of {}", options_.batch_size));
    if (options_.workers < 0) throw ValueError(fmt::format("Loader: {} workers", options_.workers));
    if (options_.prefetch && (*options_.prefetch < 1 || options_.workers == 0)) {
      throw ValueError(
          fmt::format("Loader: prefetch is {} with {} workers; at least 1 of both is "
                      "needed",
                      *options_.prefetch, options_.workers));
    }
    for (const BatchStep& step : options_.steps) require_callable(step, "Loader: a step");
    ordered_ = options_.shuffle ? set_.shuffle() : set_;
    const std::int64_t n = set_.size();
    samples_ = options_.drop_last ? n / options_.batch_size * options_.batch_size : n;
    batches_ = (samples_ + options_.batch_size - 1) / options_.batch_size;
    if (options_.most_batches < 0) {
      throw ValueError(fmt::format("Loader: most_batches {} is below 0", options_.most_batches));
    }
    if (options_.most_batches > 0) batches_ = std::min(batches_, options_.most_batches);
  }

  ~Impl() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    room_.notify_all();
    for (std::thread& t : threads_) t.join();
  }

  void reset(std::int64_t epoch, std::int64_t first) {
    if (epoch < 0 || first < 0 || first > batches_) {
      throw ValueError(
          fmt::format("Loader::reset: epoch {}, batch {} of {}", epoch, first, batches_));
    }
    refuse_lost_threads();
    const std::lock_guard lock(mutex_);
    // The threads are already in the epoch that follows: go on with what they made.
    const bool follows = started_ && !broken_ && !threads_.empty() && options_.shuffle &&
                         epoch == at_.epoch + 1 && first == 0 && at_.batch == batches_;
    at_ = {epoch, first, options_.seed};
    if (follows) return;
    started_ = true;
    broken_ = false;
    ++generation_;
    ready_.clear();
    outstanding_ = 0;
    next_ticket_ = given_ = 0;
    build_ = {epoch, first, options_.seed};
    exhausted_ = first >= batches_;
    start_threads();
    room_.notify_all();
  }

  bool next(Batch& batch) {
    if (!started_) reset(at_.epoch, at_.batch);  // after a failure: the same batch again
    if (at_.batch >= batches_) return false;
    refuse_lost_threads();
    if (threads_.empty()) {
      batch = build(at_.epoch, at_.batch);
      ++at_.batch;
      return true;
    }
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return ready_.contains(given_); });
    Made made = std::move(ready_.extract(given_).mapped());
    ++given_;
    --outstanding_;
    if (made.failure) {
      broken_ = true;
      started_ = false;
      std::rethrow_exception(made.failure);
    }
    ++at_.batch;
    lock.unlock();
    room_.notify_one();
    batch = std::move(made.batch);
    return true;
  }

  Batch build(std::int64_t epoch, std::int64_t number) const try {
    const std::int64_t begin = number * options_.batch_size;
    std::vector<std::int64_t> numbers(
        static_cast<std::size_t>(std::min(options_.batch_size, samples_ - begin)));
    std::iota(numbers.begin(), numbers.end(), begin);
    const Draw draw{options_.seed, epoch};
    Batch batch = ordered_.source()->batch_of(numbers, draw);
    std::uint64_t step = std::uint64_t{1} << 32;  // apart from the steps of samples
    for (const BatchStep& f : options_.steps) {
      RandomStream random = stream_for(draw, step++, number);
      f(batch, random);
    }
    return batch;
  } catch (const std::bad_alloc&) {
    throw_out_of_memory("a batch");
  }

  // A child of fork() has this object, but not its threads.
  bool lost_threads() const { return !threads_.empty() && ::getpid() != process_; }
  int running_workers() const { return static_cast<int>(threads_.size()); }

  LoaderOptions options_;
  Dataset set_;
  Dataset ordered_;
  std::int64_t samples_ = 0;
  std::int64_t batches_ = 0;
  Position at_;

 private:
  void refuse_lost_threads() const {
    if (!lost_threads()) return;
    throw ValueError(format_error({.op = "Loader",
                                   .what = "its background threads did not come along into this "
                                           "child of fork()",
                                   .hint = "make a Loader in the child, or use workers = 0"}));
  }

  void start_threads() {
    process_ = ::getpid();
    while (static_cast<int>(threads_.size()) < options_.workers) {
      try {
        threads_.emplace_back([this] { work(); });
      } catch (const std::system_error&) {
        return;  // the system starts no more
      }
    }
  }

  struct Made {
    Batch batch;
    std::exception_ptr failure;
  };

  void work() {
    std::unique_lock lock(mutex_);
    const int ahead = std::max(options_.prefetch.value_or(4), options_.workers);
    while (true) {
      room_.wait(lock, [&] { return stop_ || (!exhausted_ && outstanding_ < ahead); });
      if (stop_) return;
      const Position mine = build_;
      const std::uint64_t ticket = next_ticket_++;
      const std::uint64_t generation = generation_;
      ++outstanding_;
      if (++build_.batch >= batches_) {
        build_ = {build_.epoch + 1, 0, build_.seed};
        exhausted_ = !options_.shuffle;  // in training the next epoch will follow
      }
      lock.unlock();
      Made made;
      try {
        made.batch = build(mine.epoch, mine.batch);
      } catch (...) {
        made.failure = std::current_exception();
      }
      lock.lock();
      if (generation != generation_) continue;
      ready_.emplace(ticket, std::move(made));
      done_.notify_one();
    }
  }

  std::mutex mutex_;
  std::condition_variable room_;
  std::condition_variable done_;
  std::map<std::uint64_t, Made> ready_;
  std::vector<std::thread> threads_;
  Position build_;
  std::uint64_t next_ticket_ = 0;
  std::uint64_t given_ = 0;
  std::uint64_t generation_ = 0;
  int outstanding_ = 0;
  bool exhausted_ = true;
  bool started_ = false;
  bool broken_ = false;
  bool stop_ = false;
  pid_t process_ = 0;  // that started the threads
};

// Threads that are lost cannot be joined, nor may what they wait for be destroyed.
void Loader::Delete::operator()(Impl* impl) const {
  if (!impl->lost_threads()) delete impl;
}

Loader::Loader(Dataset set, LoaderOptions options)
    : impl_(new Impl(std::move(set), std::move(options))) {}
Loader::~Loader() = default;
Loader::Loader(Loader&&) noexcept = default;
Loader& Loader::operator=(Loader&&) noexcept = default;

std::int64_t Loader::samples() const {
  return std::min(impl_->samples_, impl_->batches_ * impl_->options_.batch_size);
}
std::int64_t Loader::batch_size() const { return impl_->options_.batch_size; }
std::int64_t Loader::batches() const { return impl_->batches_; }
void Loader::reset(std::int64_t epoch, std::int64_t first_batch) {
  impl_->reset(epoch, first_batch);
}
bool Loader::next(Batch& batch) { return impl_->next(batch); }

Position Loader::position() const {
  Position at = impl_->at_;
  at.seed = impl_->options_.seed;
  return at;
}

void Loader::restore(const Position& position) {
  if (position.seed != impl_->options_.seed) {
    throw ValueError(format_error(
        {.op = "Loader::restore",
         .what = fmt::format("the position was saved under seed {}, this loader has seed {}",
                             position.seed, impl_->options_.seed)}));
  }
  impl_->reset(position.epoch, position.batch);
}

int Loader::running_workers() const { return impl_->running_workers(); }
const Info& Loader::info() const { return impl_->set_.info(); }
const Dataset& Loader::dataset() const { return impl_->set_; }

}  // namespace nacre::data
