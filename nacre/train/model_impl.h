// The inside of Model, shared by the files that define it.
#pragma once

#include "nacre/run/compile.h"
#include "nacre/train/model.h"

namespace nacre {

struct Model::Impl {
  explicit Impl(nn::Layer net);
  Impl(const Impl& other);

  // Sums over the batches of an epoch or a set.
  struct Sums {
    double loss = 0;
    double weight = 0;
    double mean() const { return weight > 0 ? loss / weight : 0; }
  };
  enum class Step { train, gather, test };

  nn::Layer network;
  std::optional<ModelOptions> options;
  std::vector<metric::Metric> evaluated;  // the metrics of evaluate()
  std::size_t input_count = 1;

  CompiledFunction train;   // forward, backward, update
  CompiledFunction gather;  // forward, backward, gradients added up
  CompiledFunction test;    // forward, loss, metrics
  CompiledFunction infer;   // forward

  // The run in progress, or the last one.
  Sums sums;
  History history;
  std::int64_t steps = 0;
  data::Position position;
  Callbacks callbacks;
  bool stopped = false;

  void make_functions();
  const ModelOptions& compiled_options(const char* who) const;
  nn::NamedVariables parameters() { return nn::parameters(network); }

  Tensors step(Step kind, const Tensors& flat);
  // Runs a batch and adds loss and metrics to `sums` and `metrics`; returns the batch's loss.
  double run_batch(Step kind, const data::Batch& batch, Sums& sums,
                   std::vector<metric::Metric>& metrics);
  Logs evaluate(data::BatchSource& source);
  void check_loss(double loss, std::int64_t epoch, std::int64_t batch);
  nn::StateMap training_state();
  void load_training_state(const nn::StateMap& state);
  void write_checkpoint(const std::filesystem::path& path);
  void read_checkpoint(const std::filesystem::path& path);
};

// The line that shows how training gets on; see FitOptions::verbose.
CallbackPtr progress_line(int verbose);

}  // namespace nacre
