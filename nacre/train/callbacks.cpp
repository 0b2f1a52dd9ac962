#include "nacre/train/callbacks.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "nacre/base/file.h"
#include "nacre/base/json.h"
#include "nacre/base/utf8.h"
#include "nacre/io/event_log.h"
#include "nacre/train/model.h"

namespace nacre {
namespace {

// A monitored number and its best value so far.
class Monitor {
 public:
  Monitor(std::string name, Direction direction, double min_delta)
      : name_(std::move(name)), delta_(std::abs(min_delta)), up_(direction == Direction::up) {
    if (!std::isfinite(min_delta)) {
      throw ValueError(fmt::format("monitor of \"{}\": min_delta is {}", name_, min_delta));
    }
    if (direction != Direction::automatic) return;
    for (const char* part : {"accuracy", "auc", "precision", "recall", "f1", "r2"}) {
      up_ = up_ || name_.find(part) != std::string::npos;
    }
  }
  // Whether the logs have a better value than all before; it becomes the best.
  bool improves(const Logs& logs) {
    const double now = logs[name_];
    const bool better = !seen_ || (up_ ? now > best_ + delta_ : now < best_ - delta_);
    // NaN is never better.
    if (!better || std::isnan(now)) return false;
    best_ = now;
    seen_ = true;
    return true;
  }
  void reset() { seen_ = false; }
  Tensor state() const { return Tensor::from(std::vector<double>{seen_ ? 1.0 : 0.0, best_}); }
  void load(const nn::StateMap& state) {
    const auto found = state.find("monitor");
    if (found == state.end() || found->second.elements() != 2) {
      throw IoError("callback: nothing is remembered of \"" + name_ +
                    "\"; the run had other callbacks, or in another order");
    }
    const std::vector<double> v = found->second.to_vector<double>();
    seen_ = v[0] != 0;
    best_ = v[1];
  }

 private:
  std::string name_;
  double delta_;
  bool up_;
  bool seen_ = false;
  double best_ = 0;
};

std::int64_t count_in(const nn::StateMap& state, const char* name) {
  const auto found = state.find(name);
  return found == state.end() ? 0 : found->second.item<std::int64_t>();
}
void expect_at_least(const char* callback, const char* option, std::int64_t value,
                     std::int64_t least) {
  if (value >= least) return;
  throw ValueError(
      fmt::format("{}: {} is {}; it must be at least {}", callback, option, value, least));
}
Tensor count(std::int64_t n) { return Tensor::from(std::vector<std::int64_t>{n}); }

class EarlyStopping final : public Callback {
 public:
  explicit EarlyStopping(const EarlyStoppingOptions& o)
      : options_(o), monitor_(o.monitor, o.direction, o.min_delta) {
    expect_at_least("early_stopping", "patience", o.patience, 0);
  }
  void reset() override {
    monitor_.reset();
    waited_ = 0;
    best_.clear();
  }

  void on_epoch_end(TrainingState& state) override {
    if (monitor_.improves(state.logs())) {
      waited_ = 0;
      if (options_.restore_best) best_ = nn::values_of(state.model.state());
    } else if (++waited_ >= options_.patience) {
      state.stop = true;
    }
  }
  void on_train_end(TrainingState& state) override {
    if (options_.restore_best && !best_.empty()) state.model.load_state(best_);
  }
  nn::StateMap state() const override {
    nn::StateMap out{{"monitor", monitor_.state()}, {"waited", count(waited_)}};
    for (const auto& [name, value] : best_) out.emplace("best/" + name, value);
    return out;
  }
  void load_state(const nn::StateMap& state) override {
    monitor_.load(state);
    waited_ = count_in(state, "waited");
    best_.clear();
    for (const auto& [name, value] : state) {
      if (name.starts_with("best/")) best_.emplace(name.substr(5), value);
    }
  }

 private:
  EarlyStoppingOptions options_;
  Monitor monitor_;
  std::int64_t waited_ = 0;
  nn::StateMap best_;
};

class BestWeights final : public Callback {
 public:
  explicit BestWeights(const BestWeightsOptions& o)
      : path_(o.path), save_(o.save), monitor_(o.monitor, o.direction, 0) {}
  void reset() override { monitor_.reset(); }
  void on_epoch_end(TrainingState& state) override {
    if (!monitor_.improves(state.logs())) return;
    if (save_) {
      save_(state.model);
    } else {
      state.model.save_weights(path_);
    }
  }
  nn::StateMap state() const override { return {{"monitor", monitor_.state()}}; }
  void load_state(const nn::StateMap& state) override { monitor_.load(state); }

 private:
  std::filesystem::path path_;
  std::function<void(Model&)> save_;
  Monitor monitor_;
};

class PeriodicWeights final : public Callback {
 public:
  explicit PeriodicWeights(const PeriodicWeightsOptions& o) : options_(o) {
    expect_at_least("periodic_weights", "every_epochs", o.every_epochs, 1);
    expect_at_least("periodic_weights", "keep", o.keep, 0);
  }
  void on_epoch_end(TrainingState& state) override {
    const std::int64_t epoch = state.epoch + 1;
    if (epoch % options_.every_epochs != 0) return;
    std::filesystem::create_directories(options_.folder);
    state.model.save_weights(file(epoch));
    const std::int64_t old = epoch - options_.keep * options_.every_epochs;
    std::error_code ignored;
    if (options_.keep > 0 && old > 0) std::filesystem::remove(file(old), ignored);
  }

 private:
  std::filesystem::path file(std::int64_t epoch) const {
    return options_.folder / fmt::format("epoch-{:04}.safetensors", epoch);
  }
  PeriodicWeightsOptions options_;
};

class ReduceOnPlateau final : public Callback {
 public:
  explicit ReduceOnPlateau(const ReduceOnPlateauOptions& o)
      : options_(o), monitor_(o.monitor, o.direction, o.min_delta) {
    if (!(o.factor > 0 && o.factor < 1)) {
      throw ValueError(
          fmt::format("reduce_on_plateau: factor {} is not between 0 and 1", o.factor));
    }
    if (!(o.minimum_rate >= 0)) {
      throw ValueError(
          fmt::format("reduce_on_plateau: minimum_rate {} is below 0", o.minimum_rate));
    }
    expect_at_least("reduce_on_plateau", "patience", o.patience, 0);
    expect_at_least("reduce_on_plateau", "cooldown", o.cooldown, 0);
  }
  void reset() override {
    monitor_.reset();
    waited_ = 0;
    cooling_ = 0;
  }
  void on_epoch_end(TrainingState& state) override {
    if (cooling_ > 0) --cooling_;
    if (monitor_.improves(state.logs())) {
      waited_ = 0;
    } else if (cooling_ > 0) {
      waited_ = 0;
    } else if (++waited_ >= options_.patience) {
      optim::Optimizer& optimizer = state.model.optimizer();
      const double rate = optimizer.learning_rate();
      optimizer.set_learning_rate(std::max(options_.minimum_rate, rate * options_.factor));
      cooling_ = options_.cooldown;
      waited_ = 0;
    }
  }
  nn::StateMap state() const override {
    return {
        {"monitor", monitor_.state()}, {"waited", count(waited_)}, {"cooling", count(cooling_)}};
  }
  void load_state(const nn::StateMap& state) override {
    monitor_.load(state);
    waited_ = count_in(state, "waited");
    cooling_ = count_in(state, "cooling");
  }

 private:
  ReduceOnPlateauOptions options_;
  Monitor monitor_;
  std::int64_t waited_ = 0;
  std::int64_t cooling_ = 0;
};

// Writes a line to a file each epoch. The lines so far are part of the checkpoint, and the file is
// replaced as a whole: so a run that goes on has the line of each epoch before it once, whatever
// became of the file, and a kill or a full disk leaves the file as it was.
class LineLog : public Callback {
 public:
  LineLog(const char* name, std::filesystem::path path) : name_(name), path_(std::move(path)) {}
  void reset() override { lines_.clear(); }
  void on_train_begin(TrainingState& state) override {
    expect_free_names(state.log_names);
    write_file(path_, lines_);
  }
  void on_epoch_end(TrainingState& state) override {
    Logs row;
    row.set(kRate, state.model.optimizer().learning_rate());
    for (const auto& [name, value] : state.logs().entries()) row.set(name, value);
    lines_ += text(state, row, lines_.empty());
    write_file(path_, lines_);
  }
  nn::StateMap state() const override {
    if (lines_.empty()) return {};
    return {{"lines", Tensor::from(std::vector<std::uint8_t>(lines_.begin(), lines_.end()))}};
  }
  void load_state(const nn::StateMap& state) override {
    lines_.clear();
    if (const auto found = state.find("lines"); found != state.end()) {
      const std::vector<std::uint8_t> bytes = found->second.to_vector<std::uint8_t>();
      lines_.assign(bytes.begin(), bytes.end());
    }
  }

 protected:
  virtual std::string text(const TrainingState& state, const Logs& row, bool first) const = 0;

 private:
  // Two values of one name in a line would be one too many for whoever reads it.
  void expect_free_names(const std::vector<std::string>& names) const {
    for (const std::string& name : names) {
      if (name != "epoch" && name != "step" && name != kRate) continue;
      throw ValueError(format_error(
          {.op = name_,
           .what = fmt::format("a metric is called \"{}\", as a column of the log itself", name),
           .hint = "give the metric another name: .metrics = {\"my_" + name + "\", ...}"}));
    }
  }
  static constexpr const char* kRate = "learning_rate";

  const char* name_;
  std::filesystem::path path_;
  std::string lines_;
};

class CsvLog final : public LineLog {
 public:
  explicit CsvLog(const std::filesystem::path& path) : LineLog("csv_log", path) {}
  std::string text(const TrainingState& state, const Logs& row, bool first) const override {
    std::string out;
    if (first) {
      out = "epoch,step";
      for (const auto& [name, value] : row.entries()) out += "," + csv_field(name);
      out += "\n";
    }
    out += fmt::format("{},{}", state.epoch + 1, state.step);
    for (const auto& [name, value] : row.entries()) out += fmt::format(",{}", value);
    return out + "\n";
  }

 private:
  // RFC 4180, on one line.
  static std::string csv_field(const std::string& name) {
    const std::string text = printable(name);
    if (text.find_first_of(",\"") == text.npos) return text;
    std::string out = "\"";
    for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
    return out + "\"";
  }
};

class JsonLog final : public LineLog {
 public:
  explicit JsonLog(const std::filesystem::path& path) : LineLog("json_lines_log", path) {}
  std::string text(const TrainingState& state, const Logs& row, bool) const override {
    std::string out = fmt::format("{{\"epoch\":{},\"step\":{}", state.epoch + 1, state.step);
    for (const auto& [name, value] : row.entries()) {
      // JSON has no NaN and no infinity. A metric's name may be any text.
      out += fmt::format(",{}:{}", json_text(as_utf8(name), "json_lines_log"),
                         std::isfinite(value) ? fmt::format("{}", value) : "null");
    }
    return out + "}\n";
  }
};

class TensorBoardLog final : public Callback {
 public:
  explicit TensorBoardLog(std::filesystem::path folder) : folder_(std::move(folder)) {}
  void on_train_begin(TrainingState& state) override {
    log_.reset();
    if (state.epoch < state.epochs) log_.emplace(folder_, state.epoch + 1);
  }
  void on_epoch_end(TrainingState& state) override {
    if (!log_) log_.emplace(folder_, state.epoch + 1);
    for (const auto& [name, value] : state.logs().entries()) {
      log_->scalar(name, state.epoch + 1, value);
    }
  }
  void on_train_end(TrainingState&) override { log_.reset(); }

 private:
  std::filesystem::path folder_;
  std::optional<io::EventLog> log_;
};

class Functions final : public Callback {
 public:
  explicit Functions(CallbackFunctions f) : f_(std::move(f)) {}
  void on_train_begin(TrainingState& s) override { call(f_.on_train_begin, s); }
  void on_epoch_begin(TrainingState& s) override { call(f_.on_epoch_begin, s); }
  void on_batch_end(TrainingState& s) override { call(f_.on_batch_end, s); }
  void on_epoch_end(TrainingState& s) override { call(f_.on_epoch_end, s); }
  void on_train_end(TrainingState& s) override { call(f_.on_train_end, s); }

 private:
  static void call(const std::function<void(TrainingState&)>& f, TrainingState& state) {
    if (f) f(state);
  }
  CallbackFunctions f_;
};

}  // namespace

CallbackPtr early_stopping(const EarlyStoppingOptions& o) {
  return std::make_shared<EarlyStopping>(o);
}
CallbackPtr best_weights(const BestWeightsOptions& o) { return std::make_shared<BestWeights>(o); }
CallbackPtr periodic_weights(const PeriodicWeightsOptions& o) {
  return std::make_shared<PeriodicWeights>(o);
}
CallbackPtr reduce_on_plateau(const ReduceOnPlateauOptions& o) {
  return std::make_shared<ReduceOnPlateau>(o);
}
CallbackPtr csv_log(const std::filesystem::path& path) { return std::make_shared<CsvLog>(path); }
CallbackPtr json_lines_log(const std::filesystem::path& path) {
  return std::make_shared<JsonLog>(path);
}
CallbackPtr tensorboard_log(const std::filesystem::path& folder) {
  return std::make_shared<TensorBoardLog>(folder);
}
CallbackPtr make_callback(CallbackFunctions functions) {
  return std::make_shared<Functions>(std::move(functions));
}

}  // namespace nacre
