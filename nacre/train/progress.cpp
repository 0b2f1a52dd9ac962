// The line that shows how training gets on.
#include <fmt/format.h>
#include <unistd.h>

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

class ProgressLine final : public Callback {
 public:
  explicit ProgressLine(bool moving) : moving_(moving) {}

  void on_epoch_begin(TrainingState&) override {
    start_ = Clock::now();
    shown_ = start_;
  }
  void on_batch_end(TrainingState& state) override {
    // Ten times a second is enough for eyes, and costs nothing.
    if (!moving_ || seconds_since(shown_) < 0.1) return;
    shown_ = Clock::now();
    const double spent = seconds_since(start_);
    const double left =
        spent / static_cast<double>(state.batch) * static_cast<double>(state.batches - state.batch);
    show(fmt::format("epoch {}/{}  batch {}/{}  {}  {} left", state.epoch + 1, state.epochs,
                     state.batch, state.batches, to_string(state.logs), human_seconds(left)));
  }
  void on_epoch_end(TrainingState& state) override {
    const double spent = seconds_since(start_);
    show(fmt::format("epoch {}/{}  {}  {}  {} samples/s", state.epoch + 1, state.epochs,
                     to_string(state.logs), human_seconds(spent),
                     with_thousands(static_cast<long long>(static_cast<double>(state.samples) /
                                                           std::max(spent, 1e-9)))));
    std::fputc('\n', stdout);
    std::fflush(stdout);
    width_ = 0;
  }

 private:
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
  std::size_t width_ = 0;
};

}  // namespace

CallbackPtr progress_line(int verbose) {
  return std::make_shared<ProgressLine>(verbose == 1 && isatty(STDOUT_FILENO) != 0);
}

}  // namespace nacre
