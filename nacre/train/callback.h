// Callbacks: what happens around the steps of fit().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nacre/nn/module.h"
#include "nacre/train/logs.h"

namespace nacre {

class Model;

// What a callback sees; it may set `stop`.
class TrainingState {
 public:
  explicit TrainingState(Model& m) : model(m) {}

  Model& model;
  std::int64_t epoch = 0;    // from 0
  std::int64_t epochs = 0;   // to run in all
  std::int64_t batch = 0;    // of this epoch, from 0; after a batch, how many are done
  std::int64_t batches = 0;  // in an epoch
  std::int64_t step = 0;     // updates since training began
  std::int64_t samples = 0;  // of this epoch so far
  bool stop = false;         // end after this batch
  // What logs() has at every batch: "loss", then "NAME_loss" of several outputs, the metrics.
  std::vector<std::string> log_names;

  // Loss and metrics of this epoch so far; at its end with val_.... Computed when first asked for:
  // a metric that sorts all it has seen need not do so after every batch.
  const Logs& logs() {
    if (!logs_) logs_ = make_logs_();
    return *logs_;
  }
  // For fit().
  void set_logs(std::function<Logs()> make) {
    make_logs_ = std::move(make);
    logs_.reset();
  }

 private:
  std::function<Logs()> make_logs_ = [] { return Logs(); };
  std::optional<Logs> logs_;
};

class Callback {
 public:
  virtual ~Callback() = default;
  virtual void on_train_begin(TrainingState&) {}
  virtual void on_epoch_begin(TrainingState&) {}
  virtual void on_batch_end(TrainingState&) {}
  virtual void on_epoch_end(TrainingState&) {}
  virtual void on_train_end(TrainingState&) {}
  // Forgets what an earlier training left: fit() calls it before it begins, unless it resumes.
  virtual void reset() {}
  // What the callback remembers, to be part of a checkpoint: a resumed run goes on with it.
  virtual nn::StateMap state() const { return {}; }
  // Called with what state() gave, unless that was nothing.
  virtual void load_state(const nn::StateMap&) {}
};
using CallbackPtr = std::shared_ptr<Callback>;
using Callbacks = std::vector<CallbackPtr>;

}  // namespace nacre
