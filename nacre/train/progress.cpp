// The line that shows how training gets on.
#include "nacre/train/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <limits>

#include "nacre/base/output.h"
#include "nacre/base/text.h"
#include "nacre/base/utf8.h"
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
    show(running_line(describe(state, spent, human_seconds(left) + " left"), terminal_columns()));
  }
  void on_epoch_end(TrainingState& state) override {
    const double spent = seconds_since(start_);
    // What is no terminal has no width.
    const std::size_t columns =
        moving_ ? terminal_columns() : std::numeric_limits<std::size_t>::max();
    show(finished_lines(describe(state, spent, human_seconds(spent)), columns), "\n");
    width_ = 0;
  }

 private:
  void begin(TrainingState& state) {
    start_ = Clock::now();
    shown_ = start_;
    skipped_ = state.batch;
  }
  Progress describe(TrainingState& state, double spent, std::string time) const {
    Progress p{.epoch = fmt::format("epoch {}/{}", state.epoch + 1, state.epochs),
               .batch = state.batch,
               .batches = state.batches,
               .numbers = {},
               .time = std::move(time),
               .rate = {}};
    for (const auto& [name, value] : state.logs().entries()) {
      p.numbers.push_back(fmt::format("{} {:.4f}", printable(name), value));
    }
    const double here = 1 - static_cast<double>(skipped_) /
                                static_cast<double>(std::max<std::int64_t>(1, state.batch));
    const double each = here * static_cast<double>(state.samples) / std::max(spent, 1e-9);
    p.rate = with_thousands(static_cast<long long>(each)) + " samples/s";
    return p;
  }
  void show(const std::string& text, const char* end = "") {
    const std::size_t first_end = std::min(text.find('\n'), text.size());
    const std::size_t now = display_width(text.substr(0, first_end));
    // What a longer line left behind is wiped.
    const std::size_t old = moving_ ? std::min(width_, terminal_columns() - 1) : 0;
    std::string out = moving_ ? "\r" : "";
    out.append(text, 0, first_end);
    if (old > now) out.append(old - now, ' ');
    out.append(text, first_end);
    write_output(out + end);
    width_ = now;
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
