// Model: from a network to a trained one, as in Keras.
//
//   Model model{nn::Sequential{nn::Dense({.units = 10, .activation = relu}),
//                              nn::Dense({.units = 10, .activation = softmax})}};
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
#include "nacre/nn/sequential.h"
#include "nacre/nn/summary.h"
#include "nacre/optim/lbfgs.h"
#include "nacre/optim/optimizers.h"
#include "nacre/run/precision.h"
#include "nacre/tensor/arrays.h"
#include "nacre/train/callback.h"
#include "nacre/train/logs.h"

namespace nacre {

// One output of a network that has several.
struct OutputOptions {
  std::string name = {};  // in the logs: "<name>_loss", "<name>_accuracy"; empty: "output_1", ...
  loss::Loss loss = {};
  double weight = 1;  // of its loss in the weighted sum to minimize
  std::vector<metric::Metric> metrics = {};
};

struct ModelOptions {
  std::optional<optim::Optimizer> optimizer = {};  // Adam() unless given
  loss::Loss loss = {};
  // Each under a name of its own, which is none of the logs ("loss", "epoch", "step", "seconds",
  // "learning_rate", "val_..."): compile() throws ValueError.
  std::vector<metric::Metric> metrics = {};
  // Instead of loss and metrics: one for each output of the network, in their order.
  std::vector<OutputOptions> outputs = {};
  // The number of batches whose gradients are accumulated for one update, the update of one batch
  // with all their samples; what is left at the end of an epoch makes one too. (The losses of
  // several outputs that ignore different samples share one weight a batch.)
  std::int64_t accumulate = 1;
  // A loss or a gradient that is not finite is an error. The check costs a step that reads the
  // gradients once; false switches it off. On a backend whose results the host has to wait for they
  // are looked at when somebody asks for the numbers, or after 128 batches: the error names the
  // batch that it was, and comes so much later.
  bool check_finite = true;
  // Minimizes the loss by L-BFGS instead of an optimizer; a batch should be the whole data set.
  std::optional<optim::LBFGSOptions> lbfgs = {};
  // The precision of products and convolutions in compiled steps; weights and results stay f32.
  Precision precision = Precision::f32;
  // Runs every op at once instead of compiling the step: slower, for debugging, always in f32.
  bool run_eagerly = false;
};

// Samples to validate on: {x, y}, or {.x = {a, b}, .y = y} of several inputs or outputs.
struct Validation {
  Arrays x = {};
  Arrays y = {};
  Tensor weights = {};
};

// Where fit() keeps what it needs to go on after it was killed at any moment: the weights, the
// optimizer, random state, position in the data, metric sums, history and callbacks' memory. One
// run at a time: fit() throws IoError while another one uses the folder.
struct CheckpointOptions {
  std::filesystem::path folder = {};  // an io::CheckpointFolder; empty: none
  std::int64_t every_epochs = 1;      // 0: only at the end of the last one
  std::int64_t every_steps = 0;       // also every so many batches; 0: not
  int keep = 2;  // how many to keep: when the newest is damaged, the one before it is used
};

// How to fit tensors.
struct FitOptions {
  std::int64_t epochs = 1;
  std::int64_t batch_size = 32;  // samples a step: 1, some, or all of them
  bool shuffle = true;
  std::uint64_t seed = 0;  // of the order of the samples
  // Share of the samples, taken from the end before any shuffling, to validate on.
  double validation_split = 0;
  Validation validation = {};                      // or these samples
  data::BatchSource* validation_source = nullptr;  // or these batches
  // By class number, at least 0; classes not listed weigh 1. Targets are class numbers of any
  // shape, or one-hot rows. Each class listed must occur.
  std::map<std::int64_t, double> class_weights = {};
  Tensor sample_weights = {};  // [n], or the leading axes of the targets
  // Callbacks begin anew with each fit() that does not resume.
  Callbacks callbacks = {};
  int verbose = 1;  // 0: nothing, 1: a line that moves, or one an epoch, 2: one line an epoch
  // A folder with checkpoints in it needs .resume: a new run would remove those of the older one.
  CheckpointOptions checkpoint = {};
  // Goes on from the newest checkpoint that can be read, if there is one; ends bit for bit where a
  // run that was never interrupted ends.
  bool resume = false;
};

// How to fit the batches of a source, which says itself how large they are, their order and the
// weights of their samples; each of these options means what it means in FitOptions.
struct SourceFitOptions {
  std::int64_t epochs = 1;
  data::BatchSource* validation_source = nullptr;
  std::map<std::int64_t, double> class_weights = {};
  Callbacks callbacks = {};
  int verbose = 1;
  CheckpointOptions checkpoint = {};
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
  // compile("adam", "mse", {"mae"}).
  Model& compile(optim::Optimizer optimizer, loss::Loss loss,
                 std::vector<metric::Metric> metrics = {}) {
    return compile({.optimizer = std::move(optimizer),
                    .loss = std::move(loss),
                    .metrics = std::move(metrics)});
  }

  // Trains. Throws ValueError before compile(), without samples, for options that do not apply and
  // when the loss is not finite, GradientError when a gradient is not (both name epoch, batch and
  // the first such parameter), ShapeError for data that does not fit, IoError for a checkpoint of
  // another network or optimizer. Networks may have several inputs and several outputs: a tensor of
  // x and y for each. Here and below `at` is the line that errors name.
  History fit(const Arrays& x, const Arrays& y, const FitOptions& options = {},
              Location at = std::source_location::current());
  History fit(data::BatchSource& source, const SourceFitOptions& options = {},
              Location at = std::source_location::current());
  History fit(data::BatchSource&& source, const SourceFitOptions& options = {},
              Location at = std::source_location::current());
  // One update by one batch; gives its loss and metrics.
  Logs train_on_batch(const Arrays& x, const Arrays& y, const Tensor& sample_weights = {},
                      Location at = std::source_location::current());

  // Loss and metrics over a set. Throws ValueError before compile() and without samples.
  Logs evaluate(const Arrays& x, const Arrays& y, const EvaluateOptions& options = {},
                Location at = std::source_location::current());
  Logs evaluate(data::BatchSource& source, Location at = std::source_location::current());

  // The network's output [n, ...], computed in batches; layers infer. Throws ValueError when it has
  // several.
  Tensor predict(const Arrays& x, const PredictOptions& options = {},
                 Location at = std::source_location::current());
  Tensor predict(data::BatchSource& source, Location at = std::source_location::current());
  // All outputs.
  Tensors predict_outputs(const Arrays& x, const PredictOptions& options = {},
                          Location at = std::source_location::current());
  Tensors predict_outputs(data::BatchSource& source, Location at = std::source_location::current());

  // One call of the network, in the current mode.
  Tensor operator()(const Operand& x) { return network()(x); }

  nn::Layer& network();
  // The layers of a network that is a Sequential, and one of them by its name: layer("head"),
  // layer("block.conv"). Throw ValueError where there are none, with the nearest name.
  nn::Sequential& layers();
  nn::Layer& layer(std::string_view name);
  // A Model is a module, too: nn::set_trainable(model, "features.*", false).
  void visit(nn::ModuleVisitor& visitor);
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
  // For the samples that the last fit() or evaluate() saw; ValueError before.
  nn::Summary summary();
  // Weights and statistics in order, without names, as in Keras; frozen ones too. set_weights
  // throws ValueError for another number of them and ShapeError for other shapes; nothing is
  // changed then.
  Tensors get_weights();
  void set_weights(const Tensors& weights);
  // The number of elements of all of them.
  std::int64_t count_params();

  // Everything a run needs to go on bit for bit: weights, optimizer, position, metric sums,
  // history and what callbacks remember. Of the run in progress or the last one.
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
