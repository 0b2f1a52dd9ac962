// The callbacks that come with the library: FitOptions{.callbacks = {early_stopping({...})}}.
#pragma once

#include <filesystem>
#include <functional>

#include "nacre/train/callback.h"

namespace nacre {

// Which way a monitored number gets better. `automatic`: up for names with accuracy, auc,
// precision, recall, f1 or r2, down otherwise.
enum class Direction { automatic, down, up };

struct EarlyStoppingOptions {
  std::string monitor = "val_loss";
  std::int64_t patience = 0;  // epochs without improvement before it stops; 0 counts as 1
  double min_delta = 0;       // smaller changes are no improvement
  Direction direction = Direction::automatic;
  bool restore_best = false;  // end with the weights of the best epoch
};
// Callbacks that monitor a number throw ValueError for options out of range and, at the end of an
// epoch, when that number is not in the logs.
CallbackPtr early_stopping(const EarlyStoppingOptions& options = {});

struct BestWeightsOptions {
  std::filesystem::path path = "best.safetensors";
  std::string monitor = "val_loss";
  Direction direction = Direction::automatic;
  std::function<void(Model&)> save = {};  // what to do instead of writing the weights to `path`
};
// Saves whenever the monitored number is better than ever.
CallbackPtr best_weights(const BestWeightsOptions& options = {});

struct PeriodicWeightsOptions {
  std::filesystem::path folder = ".";  // gets epoch-0001.safetensors, ...
  std::int64_t every_epochs = 1;
  std::int64_t keep = 0;  // how many of the newest to keep; 0: all
};
CallbackPtr periodic_weights(const PeriodicWeightsOptions& options = {});

struct ReduceOnPlateauOptions {
  std::string monitor = "val_loss";
  double factor = 0.1;         // times the learning rate
  std::int64_t patience = 10;  // epochs without improvement before it acts
  double min_delta = 1e-4;
  std::int64_t cooldown = 0;  // epochs to wait after a change
  double minimum_rate = 0;
  Direction direction = Direction::automatic;
};
CallbackPtr reduce_on_plateau(const ReduceOnPlateauOptions& options = {});

// One line an epoch: epoch,step,learning_rate,loss,... The file is replaced as a whole each epoch;
// a resumed run goes on with the lines that its checkpoint remembers. Throws ValueError, before the
// training, for a metric that is called epoch, step or learning_rate.
CallbackPtr csv_log(const std::filesystem::path& path);
// One JSON object a line: {"epoch":1,"step":57,"learning_rate":0.001,"loss":0.3}.
// Otherwise like csv_log.
CallbackPtr json_lines_log(const std::filesystem::path& path);

// Loss and metrics for TensorBoard, an epoch a step, as io::EventLog in `folder`. A new file each
// time; it takes back what older ones in the folder say of the epochs that come, so that a run that
// was killed and goes on has each epoch once.
CallbackPtr tensorboard_log(const std::filesystem::path& folder);

// A callback of functions; empty ones are skipped.
struct CallbackFunctions {
  std::function<void(TrainingState&)> on_train_begin = {};
  std::function<void(TrainingState&)> on_epoch_begin = {};
  std::function<void(TrainingState&)> on_batch_end = {};
  std::function<void(TrainingState&)> on_epoch_end = {};
  std::function<void(TrainingState&)> on_train_end = {};
};
CallbackPtr make_callback(CallbackFunctions functions);

}  // namespace nacre
