// Callbacks: what happens around the steps of fit().
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "nacre/nn/module.h"
#include "nacre/train/logs.h"

namespace nacre {

class Model;

// What a callback sees; it may set `stop`.
struct TrainingState {
  Model& model;
  std::int64_t epoch = 0;    // from 0
  std::int64_t epochs = 0;   // wanted
  std::int64_t batch = 0;    // of this epoch; after a batch, those done
  std::int64_t batches = 0;  // in an epoch
  std::int64_t step = 0;     // updates since training began
  std::int64_t samples = 0;  // of this epoch so far
  Logs logs;                 // of this epoch so far; at its end with val_...
  bool stop = false;         // end after this batch
};

class Callback {
 public:
  virtual ~Callback() = default;
  virtual void on_train_begin(TrainingState&) {}
  virtual void on_epoch_begin(TrainingState&) {}
  virtual void on_batch_end(TrainingState&) {}
  virtual void on_epoch_end(TrainingState&) {}
  virtual void on_train_end(TrainingState&) {}
  // What the callback remembers, to be part of a checkpoint: a resumed run goes on with it.
  virtual nn::StateMap state() const { return {}; }
  virtual void load_state(const nn::StateMap&) {}
};
using CallbackPtr = std::shared_ptr<Callback>;
using Callbacks = std::vector<CallbackPtr>;

}  // namespace nacre
