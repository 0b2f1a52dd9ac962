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
  enum class StepKind { train, accumulate, gradients, test };
  // What a step gave and nobody has read yet. Where a device computes, to read is to wait for it:
  // it is done for many steps at once, when somebody asks.
  struct Unread {
    Tensors out;    // see step()
    Tensor finite;  // Optimizer::finite_word(); undefined where nothing is checked
    std::int64_t epoch = 0;
    std::int64_t number = 0;  // of the batch
    data::Batch batch = {};
    // The host has the numbers at hand.
    bool is_here() const { return out[0].buffer().host_reads(); }
  };

  nn::Layer network;
  std::optional<ModelOptions>
      options;  // with an optimizer, the metrics of all outputs in `metrics`
  std::vector<Head> heads;
  std::optional<optim::LBFGS> lbfgs;
  std::vector<metric::Metric> evaluated;  // the metrics of evaluate()
  std::size_t input_count = 1;

  CompiledFunction train;       // forward, backward, update
  CompiledFunction accumulate;  // forward, backward, gradients added up
  CompiledFunction gradients;   // forward, backward, gradients given back
  CompiledFunction test;        // forward, loss, metrics
  CompiledFunction infer;       // forward

  // What fit() saw: one sample, and what the source says of the data.
  Spec sample;
  data::Info info;

  // The run in progress, or the last one.
  Sums sums;  // without those in `unread`
  std::vector<Unread> unread;
  std::size_t unread_bytes = 0;  // of their batches
  static constexpr std::size_t kMostUnread = 128;
  static constexpr std::size_t kMostUnreadBytes = std::size_t{256} << 20;
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

  // The tensors of a step by what they are, and what its forward pass gives.
  struct StepInputs {
    Tensors x;
    Tensors targets;
    Tensor weights;  // may be undefined
  };
  struct Forward {
    Tensors predictions;
    std::vector<loss::Loss::Weighed> losses;
  };
  Tensor forward(const StepInputs& in, Forward& parts);
  void use_gradients(StepKind kind, const Tensors& gradients, const Forward& parts);
  Tensors step(StepKind kind, const Tensors& flat);
  Tensors call(StepKind kind, const Tensors& flat);
  Unread run_batch(StepKind kind, const data::Batch& batch);
  // Adds loss and metrics, which the host can read, to `sums` and `metrics`.
  void add(const Unread& step, Sums& sums, std::vector<metric::Metric>& metrics) const;
  // The same of a step of fit(): at once where that costs no waiting, else when it is asked for, or
  // after kMostUnread steps or bytes of their batches; throws what check_loss() does.
  void take(Unread step, const data::Batch& batch);
  void read_results();
  // What step() gives at the place where L-BFGS begins, and the parameters where it ends.
  Tensors minimize(const Tensors& flat);
  Logs evaluate(data::BatchSource& source);
  Logs logs_of(const Sums& sums, const std::vector<metric::Metric>& metrics) const;
  class Fit;
  std::vector<std::string> log_names() const;  // of logs_of()
  History fit(Model& model, data::BatchSource& source, const SourceFitOptions& options);
  void check_batches(const data::BatchSource& source) const;
  // Throws ValueError or GradientError where a step of fit() met what is not finite. `late`: others
  // came after it, the parameters are not those that it left.
  void check_loss(const Unread& step, const data::Batch& batch, bool late);
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
