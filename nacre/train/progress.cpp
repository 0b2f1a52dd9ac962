// The line that shows how training gets on.
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "nacre/base/text.h"
#include "nacre/train/model_impl.h"

namespace nacre {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string bar(std::int64_t done, std::int64_t all) {
  constexpr std::size_t kWidth = 20;
  const double part = all > 0 ? static_cast<double>(done) / static_cast<double>(all) : 0;
  const std::size_t full = std::min(kWidth, static_cast<std::size_t>(part * kWidth));
  return "[" + std::string(full, '=') + std::string(kWidth - full, ' ') + "]";
}

// Columns of the terminal; many where it does not say.
std::size_t columns() {
  struct winsize size {};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20;
  return known ? size.ws_col : 1000;
}

class ProgressLine final : public Callback {
 public:
  explicit ProgressLine(bool moving) : moving_(moving) {}

  // A resumed run begins in the middle of an epoch.
  void on_train_begin(TrainingState& state) override { begin(state); }
  void on_epoch_begin(TrainingState& state) override { begin(state); }
  void on_batch_end(TrainingState& state) override {
    // Ten times a second is enough for eyes, and costs nothing.
    if (!moving_ || seconds_since(shown_) < 0.1) return;
    shown_ = Clock::now();
    const double spent = seconds_since(start_);
    const double left = spent /
                        static_cast<double>(std::max<std::int64_t>(1, state.batch - skipped_)) *
                        static_cast<double>(state.batches - state.batch);
    // A line that wraps could not be written over.
    show(fmt::format("epoch {}/{} {} {}/{}  {}  {} left  {}", state.epoch + 1, state.epochs,
                     bar(state.batch, state.batches), state.batch, state.batches,
                     to_string(state.logs), human_seconds(left), rate(state, spent))
             .substr(0, columns() - 1));
  }
  void on_epoch_end(TrainingState& state) override {
    const double spent = seconds_since(start_);
    show(fmt::format("epoch {}/{}  {}  {}  {}", state.epoch + 1, state.epochs,
                     to_string(state.logs), human_seconds(spent), rate(state, spent)));
    std::fputc('\n', stdout);
    std::fflush(stdout);
    width_ = 0;
  }

 private:
  void begin(const TrainingState& state) {
    start_ = Clock::now();
    shown_ = start_;
    skipped_ = state.batch;
  }
  std::string rate(const TrainingState& state, double seconds) const {
    const double here = 1 - static_cast<double>(skipped_) /
                                static_cast<double>(std::max<std::int64_t>(1, state.batch));
    const double each = here * static_cast<double>(state.samples) / std::max(seconds, 1e-9);
    return with_thousands(static_cast<long long>(each)) + " samples/s";
  }
  void show(const std::string& line) {
    if (moving_) std::fputc('\r', stdout);
    std::fputs(line.c_str(), stdout);
    // What a longer line left behind is wiped.
    for (std::size_t i = line.size(); moving_ && i < width_; ++i) std::fputc(' ', stdout);
    width_ = line.size();
    std::fflush(stdout);
  }

  bool moving_;
  Clock::time_point start_;
  Clock::time_point shown_;
  std::int64_t skipped_ = 0;  // batches of the epoch that an earlier run did
  std::size_t width_ = 0;
};

}  // namespace

CallbackPtr progress_line(int verbose) {
  return std::make_shared<ProgressLine>(verbose == 1 && isatty(STDOUT_FILENO) != 0);
}

}  // namespace nacre
