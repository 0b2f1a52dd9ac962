// Model: from a network to a trained one, as in Keras.
//
//   Model model{nn::Sequential{nn::Dense{{.units = 10, .activation = relu}},
//                              nn::Dense{{.units = 10, .activation = softmax}}}};
//   model.compile({.optimizer = optim::Adam(),
//                  .loss = loss::sparse_categorical_crossentropy(),
//                  .metrics = {metric::accuracy()}});
//   History history = model.fit(x, y, {.epochs = 5});
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "nacre/data/batch_source.h"
#include "nacre/loss/loss.h"
#include "nacre/metric/metric.h"
#include "nacre/nn/layer.h"
#include "nacre/nn/summary.h"
#include "nacre/optim/optimizers.h"
#include "nacre/train/callback.h"
#include "nacre/train/logs.h"

namespace nacre {

struct ModelOptions {
  optim::Optimizer optimizer = optim::Adam();
  loss::Loss loss = {};
  std::vector<metric::Metric> metrics = {};
  // Batches whose gradients are averaged for one update; a rest at an epoch's end makes one too.
  int accumulate = 1;
  // Runs every op at once instead of compiling the step: slower, for debugging.
  bool run_eagerly = false;
};

struct Validation {
  Tensors x = {};
  Tensor y = {};
  Tensor weights = {};
};

// Where fit() keeps what it needs to go on after it was killed at any moment: the weights, the
// optimizer, random state, position in the data, metric sums, history and callbacks' memory.
struct CheckpointOptions {
  std::filesystem::path path = {};  // a safetensors file, replaced atomically; empty: none
  int every_epochs = 1;             // 0: not at the end of epochs
  std::int64_t every_steps = 0;     // also every so many batches; 0: not
};

struct FitOptions {
  int epochs = 1;
  std::int64_t batch_size = 32;  // samples a step: 1, some, or all of them
  bool shuffle = true;
  std::uint64_t seed = 0;  // of the order of the samples
  // Share of the samples, taken from the end before any shuffling, to validate on.
  double validation_split = 0;
  Validation validation = {};                         // or these samples
  data::BatchSource* validation_source = nullptr;     // or these batches
  std::map<std::int64_t, double> class_weights = {};  // by class number; others count 1
  Tensor sample_weights = {};                         // [n]
  Callbacks callbacks = {};
  int verbose = 1;  // 0: nothing, 1: a line that moves, or one an epoch, 2: one line an epoch
  CheckpointOptions checkpoint = {};
  // Goes on from the checkpoint file if it exists; ends bit for bit where a run that was never
  // interrupted ends.
  bool resume = false;
};

struct EvaluateOptions {
  std::int64_t batch_size = 32;
  Tensor sample_weights = {};
  int verbose = 0;
};

struct PredictOptions {
  std::int64_t batch_size = 32;
};

// Holds the network by value; a copy of a Model is a deep one.
class Model {
 public:
  explicit Model(nn::Layer network);
  Model(const Model& other);
  Model(Model&&) noexcept;
  Model& operator=(const Model& other);
  Model& operator=(Model&&) noexcept;
  ~Model();

  // Sets how to train. Throws ValueError without a loss or with accumulate < 1.
  Model& compile(ModelOptions options);

  // Trains. Throws ValueError before compile() and when the loss is not finite (it names epoch,
  // batch and the first parameter that is not finite), ShapeError for data that does not fit.
  History fit(const Tensor& x, const Tensor& y, const FitOptions& options = {});
  History fit(const Tensors& x, const Tensor& y, const FitOptions& options = {});
  History fit(data::BatchSource& source, const FitOptions& options = {});

  // Loss and metrics over a set.
  Logs evaluate(const Tensor& x, const Tensor& y, const EvaluateOptions& options = {});
  Logs evaluate(const Tensors& x, const Tensor& y, const EvaluateOptions& options = {});
  Logs evaluate(data::BatchSource& source);

  // The network's outputs [n, ...], computed in batches; layers infer.
  Tensor predict(const Tensor& x, const PredictOptions& options = {});
  Tensor predict(const Tensors& x, const PredictOptions& options = {});
  Tensor predict(data::BatchSource& source);

  // One call of the network, in the current mode.
  Tensor operator()(const Operand& x) { return network()(x); }

  nn::Layer& network();
  optim::Optimizer& optimizer();
  const loss::Loss& loss() const;
  // The metrics with what they saw in the last evaluate() or epoch.
  const std::vector<metric::Metric>& metrics() const;
  nn::NamedVariables parameters();
  nn::NamedVariables state();
  void load_state(const nn::StateMap& values, bool strict = true);
  // The table of layers for inputs of these specs (the first axis is the batch).
  nn::Summary summary(const std::vector<Spec>& inputs);
  nn::Summary summary(const Spec& input) { return summary(std::vector<Spec>{input}); }

  // Everything a run needs to go on bit for bit: weights, optimizer, position, metric sums,
  // history and what callbacks remember. Valid in a callback.
  nn::StateMap training_state();
  // Weights and buffers as a safetensors file, with texts as its metadata.
  void save_weights(const std::filesystem::path& path,
                    const std::map<std::string, std::string>& metadata = {});
  // Sets weights from such a file. Throws as nn::load_state does, and IoError.
  void load_weights(const std::filesystem::path& path, bool strict = true);
  // The plan of the training step, as text; "" before the first step.
  std::string step_text() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nacre
