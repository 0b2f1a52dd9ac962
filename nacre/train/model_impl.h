// The inside of Model, shared by the files that define it.
#pragma once

#include "nacre/io/checkpoint.h"
#include "nacre/run/compile.h"
#include "nacre/train/model.h"

namespace nacre {

struct Model::Impl {
  explicit Impl(nn::Layer net);
  Impl(const Impl& other);

  // Sums over the batches of an epoch or a set, of each output.
  struct Sum {
    double loss = 0;  // times weight
    double weight = 0;
    double mean() const { return weight > 0 ? loss / weight : 0; }
  };
  using Sums = std::vector<Sum>;
  // An output of the network. Its metrics follow those of the outputs before it.
  struct Head {
    std::string name;
    loss::Loss loss;
    double weight;
    std::size_t metrics;
  };
  enum class Step { train, gather, gradients, test };

  nn::Layer network;
  std::optional<ModelOptions>
      options;  // with an optimizer, the metrics of all outputs in `metrics`
  std::vector<Head> heads;
  std::optional<optim::LBFGS> lbfgs;
  std::vector<metric::Metric> evaluated;  // the metrics of evaluate()
  std::size_t input_count = 1;

  CompiledFunction train;      // forward, backward, update
  CompiledFunction gather;     // forward, backward, gradients added up
  CompiledFunction gradients;  // forward, backward, gradients given back
  CompiledFunction test;       // forward, loss, metrics
  CompiledFunction infer;      // forward

  // What fit() saw: one sample, and what the source says of the data.
  Spec sample;
  data::Info info;

  // The run in progress, or the last one.
  Sums sums;
  History history;
  std::int64_t steps = 0;
  data::Position position;
  Callbacks callbacks;
  bool stopped = false;
  std::vector<std::int64_t> data_shape;  // samples, samples a batch, batches an update

  void make_functions();
  const ModelOptions& compiled_options(const char* who) const;
  optim::Optimizer& optimizer() { return *options->optimizer; }
  nn::NamedVariables parameters() { return nn::parameters(network); }

  Tensors step(Step kind, const Tensors& flat);
  Tensors call(Step kind, const Tensors& flat);
  // Runs a batch and adds loss and metrics to `sums` and `metrics`; returns the batch's loss.
  double run_batch(Step kind, const data::Batch& batch, Sums& sums,
                   std::vector<metric::Metric>& metrics);
  // What step() gives at the place where L-BFGS begins, and the parameters where it ends.
  Tensors minimize(const Tensors& flat);
  Logs evaluate(data::BatchSource& source);
  Logs logs_of(const Sums& sums, const std::vector<metric::Metric>& metrics) const;
  History fit(Model& model, data::BatchSource& source, const SourceFitOptions& options);
  void check_batches(const data::BatchSource& source) const;
  void check_loss(double loss, std::int64_t epoch, std::int64_t number, const data::Batch& batch);
  nn::StateMap training_state();
  // Throws IoError, ValueError or ShapeError for the state of another run; the model is as it
  // was then.
  void load_training_state(const nn::StateMap& state);
  // A checkpoint of the place in `position`; epochs have `batches` batches.
  void write_checkpoint(const io::CheckpointFolder& folder, std::int64_t batches);
  // The newest one that is whole, to go on from with batches of `source`; false when there is none.
  // Tells of damaged ones on standard error when `verbose`.
  bool read_checkpoint(const io::CheckpointFolder& folder, data::BatchSource& source, bool verbose);
};

// The line that shows how training gets on; see FitOptions::verbose.
CallbackPtr progress_line(int verbose);

}  // namespace nacre
