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
#include "nacre/optim/lbfgs.h"
#include "nacre/optim/optimizers.h"
#include "nacre/run/precision.h"
#include "nacre/train/callback.h"
#include "nacre/train/logs.h"

namespace nacre {

// One output of a network that has several.
struct OutputOptions {
  std::string name = {};  // in the logs: "<name>_loss", "<name>_accuracy"; empty: "output_1", ...
  loss::Loss loss = {};
  double weight = 1;  // of its loss in the sum that is made small
  std::vector<metric::Metric> metrics = {};
};

struct ModelOptions {
  optim::Optimizer optimizer = optim::Adam();
  loss::Loss loss = {};
  std::vector<metric::Metric> metrics = {};
  // Instead of loss and metrics: one for each output of the network, in their order.
  std::vector<OutputOptions> outputs = {};
  // Batches whose gradients are averaged for one update; a rest at an epoch's end makes one too.
  int accumulate = 1;
  // A loss or a gradient that is not finite is an error. The check costs a step that reads the
  // gradients once; false switches it off.
  bool check_finite = true;
  // Each batch, which should be the whole data, is minimised by L-BFGS; `optimizer` is not used.
  std::optional<optim::LBFGSOptions> lbfgs = {};
  // Of products and convolutions in compiled steps; weights and results stay f32.
  Precision precision = Precision::f32;
  // Runs every op at once instead of compiling the step: slower, for debugging, always in f32.
  bool run_eagerly = false;
};

struct Validation {
  Tensors x = {};
  Tensor y = {};
  Tensors targets = {};  // of several outputs, instead of y
  Tensor weights = {};
};

// Where fit() keeps what it needs to go on after it was killed at any moment: the weights, the
// optimizer, random state, position in the data, metric sums, history and callbacks' memory. One
// run at a time: fit() throws IoError while another one uses the folder.
struct CheckpointOptions {
  std::filesystem::path folder = {};  // an io::CheckpointFolder; empty: none
  int every_epochs = 1;               // 0: not at the end of epochs
  std::int64_t every_steps = 0;       // also every so many batches; 0: not
  int keep = 2;  // the last so many: when the newest is damaged, the one before it serves
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
  // Goes on from the newest checkpoint that can be read, if there is one; ends bit for bit where a
  // run that was never interrupted ends.
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

  // Sets how to train. Throws ValueError without a loss, with accumulate < 1, or for options that
  // exclude each other.
  Model& compile(ModelOptions options);

  // Trains. Throws ValueError before compile() and when the loss is not finite, GradientError when
  // a gradient is not (both name epoch, batch and the first such parameter), ShapeError for data
  // that does not fit. Networks may have several inputs and several outputs: a tensor of x and y
  // for each.
  History fit(const Tensor& x, const Tensor& y, const FitOptions& options = {});
  History fit(const Tensors& x, const Tensor& y, const FitOptions& options = {});
  History fit(const Tensors& x, const Tensors& y, const FitOptions& options = {});
  History fit(data::BatchSource& source, const FitOptions& options = {});

  // Loss and metrics over a set.
  Logs evaluate(const Tensor& x, const Tensor& y, const EvaluateOptions& options = {});
  Logs evaluate(const Tensors& x, const Tensor& y, const EvaluateOptions& options = {});
  Logs evaluate(const Tensors& x, const Tensors& y, const EvaluateOptions& options = {});
  Logs evaluate(data::BatchSource& source);

  // The network's output [n, ...], computed in batches; layers infer. Throws ValueError when it has
  // several.
  Tensor predict(const Tensor& x, const PredictOptions& options = {});
  Tensor predict(const Tensors& x, const PredictOptions& options = {});
  Tensor predict(data::BatchSource& source);
  // All outputs.
  Tensors predict_outputs(const Tensors& x, const PredictOptions& options = {});
  Tensors predict_outputs(data::BatchSource& source);

  // One call of the network, in the current mode.
  Tensor operator()(const Operand& x) { return network()(x); }

  nn::Layer& network();
  optim::Optimizer& optimizer();
  // Of the first output.
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
  // The whole model as one safetensors file: weights and buffers, layers, the shape of a sample,
  // class names and preprocessing as far as fit() saw them. Model::load and `nacre predict` need
  // nothing else. Throws ValueError that names the layer for modules and functions of the program's
  // own (save_weights keeps their weights), and IoError.
  void save(const std::filesystem::path& path);
  // What save() or `nacre train` wrote, ready for predict(); compile() it to evaluate or train on.
  // Throws IoError when the file is none; says on stderr when weights are not finite.
  static Model load(const std::filesystem::path& path);
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
