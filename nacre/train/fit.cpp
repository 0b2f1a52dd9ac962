// Model::fit: the loop over epochs and batches.
#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "nacre/base/durable.h"
#include "nacre/base/user_call.h"
#include "nacre/ops/reduce/finite.h"
#include "nacre/train/class_weights.h"
#include "nacre/train/model_impl.h"
#include "nacre/train/tensor_source.h"

namespace nacre {
namespace {

[[noreturn]] void fail(const std::string& what, std::string_view hint = {}) {
  throw ValueError(format_error({.op = "fit", .what = what, .hint = hint}));
}

struct Split {
  std::int64_t training = 0;
  std::int64_t samples = 0;
};
Split split_at(const Tensor& x, double share) {
  if (!(share >= 0 && share < 1)) fail(fmt::format("validation_split {} is not in [0, 1)", share));
  const std::int64_t n = x.rank() > 0 ? x.size(0) : 1;
  const auto training = static_cast<std::int64_t>(static_cast<double>(n) * (1 - share));
  if (training < 1 || (share > 0 && training == n)) {
    fail(fmt::format("validation_split {} of {} samples leaves none to {} on", share, n,
                     training < 1 ? "train" : "validate"));
  }
  return {training, n};
}

bool any_given(const Validation& v) { return !v.x.empty() || !v.y.empty() || v.weights.defined(); }

// Options about tensors that exclude each other.
void check_validation(const FitOptions& o) {
  const int validations = (o.validation_split != 0 ? 1 : 0) + (any_given(o.validation) ? 1 : 0) +
                          (o.validation_source ? 1 : 0);
  if (validations > 1) {
    fail("more than one of validation_split, validation and validation_source is given");
  }
  if (!any_given(o.validation)) return;
  if (o.validation.x.empty()) fail("validation has no x");
  if (o.validation.y.empty()) fail("validation has no y");
}

// Options that exclude each other or have no use.
void check_options(const SourceFitOptions& o) {
  if (o.epochs < 0) fail(fmt::format("epochs {} is below 0", o.epochs));
  expect_verbose("fit", o.verbose);
  for (std::size_t i = 0; i < o.callbacks.size(); ++i) {
    if (!o.callbacks[i]) fail(fmt::format("callback {} of {} is null", i + 1, o.callbacks.size()));
  }
  const CheckpointOptions& c = o.checkpoint;
  if (c.every_epochs < 0 || c.every_steps < 0 || c.keep < 1) {
    fail(
        fmt::format("checkpoint has every_epochs = {}, every_steps = {}, keep = {}; the first two "
                    "are at least 0, the last at least 1",
                    c.every_epochs, c.every_steps, c.keep));
  }
  const CheckpointOptions plain;
  if (c.folder.empty() && (c.every_epochs != plain.every_epochs ||
                           c.every_steps != plain.every_steps || c.keep != plain.keep)) {
    fail("checkpoint has no folder: nothing would be kept", "set .checkpoint = {.folder = ...}");
  }
  if (o.resume && c.folder.empty()) {
    fail("resume needs .checkpoint = {.folder = ...}, where to go on from");
  }
}

// What is left when the tensors have become a source.
SourceFitOptions source_options(const FitOptions& o) {
  return {.epochs = o.epochs,
          .validation_source = o.validation_source,
          .class_weights = o.class_weights,
          .callbacks = o.callbacks,
          .verbose = o.verbose,
          .checkpoint = o.checkpoint,
          .resume = o.resume};
}

}  // namespace

void Model::Impl::check_batches(const data::BatchSource& source) const {
  if (!lbfgs || lbfgs->options().mini_batches || source.batch_size() >= source.samples()) return;
  throw ValueError(format_error(
      {.op = "fit",
       .what = fmt::format("L-BFGS needs all {} samples in one batch, batches have {}",
                           source.samples(), source.batch_size()),
       .hint = fmt::format("set .batch_size = {}, or allow it by .lbfgs = {{.mini_batches = true}}",
                           source.samples())}));
}

void Model::Impl::check_loss(const Unread& step, const data::Batch& batch, bool late) {
  if (!options->check_finite) return;
  const auto loss = step.out[0].item<double>();
  const std::string gradient = optimizer().gradient_of(step.finite);
  if (std::isfinite(loss) && gradient.empty()) return;
  const std::string where = fmt::format("in epoch {}, batch {}", step.epoch + 1, step.number + 1);
  const char* hint =
      "lower the learning rate, clip gradients (optimizer.clip_norm(1)), check the data for NaN, "
      "or let the loss work on logits (.from_logits = true)";
  if (std::isfinite(loss)) {
    throw GradientError(format_error(
        {.op = "fit",
         .what = fmt::format("the gradient of \"{}\" is not finite {}", gradient, where),
         .hint = hint}));
  }
  const double shown = std::isnan(loss) ? std::abs(loss) : loss;  // no "-nan"
  std::string culprit;
  for (std::size_t i = 0; i < batch.inputs.size(); ++i) {
    if (!is_floating(batch.inputs[i].dtype())) continue;
    if (first_non_finite({batch.inputs[i]}).item<std::int64_t>() < 0) continue;
    throw ValueError(format_error(
        {.op = "fit",
         .what = fmt::format("the loss is {} {}; input {} of that batch holds NaN or infinity",
                             shown, where, i),
         .hint = "clean the data: for example where(is_nan(x), 0, x)"}));
  }
  Tensors values;
  const nn::NamedVariables all = late ? nn::NamedVariables() : parameters();
  for (const nn::NamedVariable& p : all) values.push_back(p.cell->value);
  const std::int64_t place = values.empty() ? -1 : first_non_finite(values).item<std::int64_t>();
  if (place >= 0) {
    culprit = "; the first parameter that is not finite is \"" +
              all[static_cast<std::size_t>(place)].name + "\"";
  } else if (!gradient.empty()) {
    culprit = "; the first gradient that is not finite is that of \"" + gradient + "\"";
  }
  throw ValueError(format_error({.op = "fit",
                                 .what = fmt::format("the loss is {} {}{}", shown, where, culprit),
                                 .hint = hint}));
}

History Model::fit(const Arrays& inputs, const Arrays& targets, const FitOptions& options,
                   Location at) {
  const UserCall scope(at);
  impl_->compiled_options("fit");
  check_validation(options);
  SourceFitOptions inner = source_options(options);
  check_options(inner);
  const Tensors& x = inputs.tensors();
  const Tensors& y = targets.tensors();
  const TensorSourceOptions order{options.batch_size, options.shuffle, options.seed};
  const TensorSourceOptions plain{.batch_size = order.batch_size};
  const Tensor weights = sample_weights_for(y, options.sample_weights);
  TensorSource whole(x, y, weights, order);
  if (whole.samples() == 0) fail("there are no samples");
  if (!options.class_weights.empty()) {
    ClassWeights classes(options.class_weights, impl_->heads[0].loss.name());
    classes.of({.inputs = x, .targets = y});
    classes.expect_all_seen();
  }
  if (any_given(options.validation)) {
    const Validation& given = options.validation;
    TensorSource held(given.x.tensors(), given.y.tensors(),
                      sample_weights_for(given.y.tensors(), given.weights), plain);
    inner.validation_source = &held;
    return impl_->fit(*this, whole, inner);
  }
  const Split split = split_at(x[0], options.validation_split);
  if (split.training == split.samples) return impl_->fit(*this, whole, inner);
  const auto part = [&](const Tensor& t, bool first) {
    if (!t.defined()) return t;
    return first ? rows(t, 0, split.training) : rows(t, split.training, t.size(0));
  };
  const auto parts = [&](const Tensors& list, bool first) {
    Tensors out;
    for (const Tensor& t : list) out.push_back(part(t, first));
    return out;
  };
  TensorSource training(parts(x, true), parts(y, true), part(weights, true), order);
  TensorSource held(parts(x, false), parts(y, false), part(weights, false), plain);
  inner.validation_source = &held;
  return impl_->fit(*this, training, inner);
}

History Model::fit(data::BatchSource& source, const SourceFitOptions& options, Location at) {
  const UserCall scope(at);
  impl_->compiled_options("fit");
  check_options(options);
  return impl_->fit(*this, source, options);
}

History Model::fit(data::BatchSource&& source, const SourceFitOptions& options, Location at) {
  return fit(source, options, at);
}

Logs Model::train_on_batch(const Arrays& x, const Arrays& y, const Tensor& sample_weights,
                           Location at) {
  const UserCall scope(at);
  const ModelOptions& how = impl_->compiled_options("train_on_batch");
  const data::Batch batch{
      x.tensors(), y.tensors(),
      sample_weights.defined() ? sample_weights_for(y.tensors(), sample_weights) : Tensor()};
  std::vector<metric::Metric> metrics = how.metrics;
  for (metric::Metric& metric : metrics) metric.reset();
  Impl::Unread step =
      impl_->run_batch(impl_->lbfgs ? Impl::StepKind::gradients : Impl::StepKind::train, batch);
  step.out = on_host(step.out);
  if (how.check_finite) step.finite = impl_->optimizer().finite_word();
  Impl::Sums sums;
  impl_->add(step, sums, metrics);
  impl_->check_loss(step, batch, false);
  return impl_->logs_of(sums, metrics);
}

// One call of fit(): the loops over epochs and batches, callbacks and checkpoints.
class Model::Impl::Fit {
 public:
  Fit(Model& model, data::BatchSource& source, const SourceFitOptions& options)
      : m_(*model.impl_),
        source_(source),
        options_(options),
        keep_(options.checkpoint),
        checkpoints_(keep_.folder, keep_.keep),
        classes_(options.class_weights, m_.heads[0].loss.name()),
        state_(model) {}

  History run() {
    forget_last_run();
    begin_or_resume();
    classes_seen_ = options_.class_weights.empty() || m_.position.batch > 0;
    describe_run();
    tell(&Callback::on_train_begin);
    for (std::int64_t epoch = m_.position.epoch; epoch < options_.epochs && !state_.stop; ++epoch) {
      run_batches(epoch);
      // Stopped in the middle: the checkpoint goes on from here, the epoch is not over.
      if (state_.batch < state_.batches) break;
      end_epoch(epoch);
    }
    m_.read_results();
    tell(&Callback::on_train_end);
    return m_.history;
  }

 private:
  void forget_last_run() {
    m_.info = source_.info();
    m_.sample = {};
    m_.callbacks = options_.callbacks;
    if (options_.verbose > 0) m_.callbacks.push_back(progress_line(options_.verbose));
    m_.history = {};
    m_.sums = {};
    m_.unread.clear();
    m_.unread_bytes = 0;
    m_.steps = 0;
    m_.stopped = false;
    m_.position = {};
    for (metric::Metric& metric : m_.options->metrics) metric.reset();
    m_.check_batches(source_);
    source_.reset(0);
    m_.position.seed = source_.position().seed;
    m_.data_shape = {source_.samples(), source_.batch_size(), m_.options->accumulate};
  }

  void begin_or_resume() {
    // Two runs in one folder would remove each other's checkpoints.
    if (!keep_.folder.empty()) lock_.emplace(keep_.folder);
    if (!options_.resume && !keep_.folder.empty() && !checkpoints_.steps().empty()) {
      fail(keep_.folder.string() + " has checkpoints of an older run, which a new one would remove",
           "go on with that run by .resume = true, or choose another folder");
    }
    if (options_.resume && m_.read_checkpoint(checkpoints_, source_, options_.verbose > 0)) return;
    for (const CallbackPtr& callback : m_.callbacks) callback->reset();
    m_.optimizer().discard_accumulated();
  }

  // What callbacks see before the first epoch.
  void describe_run() {
    state_.epoch = m_.position.epoch;
    state_.epochs = options_.epochs;
    state_.batch = m_.position.batch;
    state_.batches = source_.batches();
    state_.step = m_.steps;
    state_.stop = m_.stopped;
    state_.log_names = m_.log_names();
  }

  void tell(void (Callback::*event)(TrainingState&)) {
    for (const CallbackPtr& callback : m_.callbacks) ((*callback).*event)(state_);
    m_.stopped = state_.stop;
  }

  void set_logs() {
    state_.set_logs([&m = m_] {
      m.read_results();
      return m.logs_of(m.sums, m.options->metrics);
    });
  }

  void write_checkpoint() {
    if (!keep_.folder.empty()) m_.write_checkpoint(checkpoints_, state_.batches);
  }

  void run_batches(std::int64_t epoch) {
    state_.epoch = epoch;
    state_.batch = m_.position.batch;
    state_.samples = state_.batch * source_.batch_size();
    // A position of the same seed is a matter of numbers; of another, the source refuses it.
    source_.restore({epoch, state_.batch, m_.position.seed});
    set_logs();
    if (state_.batch == 0) tell(&Callback::on_epoch_begin);
    data::Batch batch;
    while (!state_.stop && source_.next(batch)) run_batch(epoch, batch);
  }

  void run_batch(std::int64_t epoch, data::Batch& batch) {
    if (!options_.class_weights.empty()) batch.weights = classes_.of(batch);
    const bool last = state_.batch + 1 == state_.batches;
    const bool update = (state_.batch + 1) % m_.options->accumulate == 0 || last;
    const StepKind kind = m_.lbfgs ? StepKind::gradients
                          : update ? StepKind::train
                                   : StepKind::accumulate;
    Unread step = m_.run_batch(kind, batch);
    step.epoch = epoch;
    step.number = state_.batch;
    m_.take(std::move(step), batch);
    ++state_.batch;
    state_.samples += batch.size();
    if (update) ++m_.steps;
    state_.step = m_.steps;
    m_.position = {epoch, state_.batch, m_.position.seed};
    set_logs();
    tell(&Callback::on_batch_end);
    const bool due = keep_.every_steps > 0 && state_.batch % keep_.every_steps == 0;
    m_.stopped = false;  // a resumed run goes on from an interruption
    if (due || state_.stop) write_checkpoint();
  }

  void end_epoch(std::int64_t epoch) {
    if (!std::exchange(classes_seen_, true)) classes_.expect_all_seen();
    set_logs();
    Logs logs = state_.logs();
    if (options_.validation_source) {
      const Logs validation = m_.evaluate(*options_.validation_source);
      for (const auto& [name, value] : validation.entries()) logs.set("val_" + name, value);
    }
    m_.history.epochs.push_back(logs);
    state_.set_logs([&m = m_] { return m.history.epochs.back(); });
    m_.sums = {};
    for (metric::Metric& metric : m_.options->metrics) metric.reset();
    m_.position = {epoch + 1, 0, m_.position.seed};
    const bool interrupted = state_.stop;
    tell(&Callback::on_epoch_end);
    m_.stopped = state_.stop && !interrupted;
    const bool due = keep_.every_epochs > 0 && (epoch + 1) % keep_.every_epochs == 0;
    const bool end = epoch + 1 == options_.epochs || state_.stop;
    if (due || end) write_checkpoint();
  }

  Impl& m_;
  data::BatchSource& source_;
  const SourceFitOptions& options_;
  const CheckpointOptions& keep_;
  const io::CheckpointFolder checkpoints_;
  std::optional<FolderLock> lock_;
  ClassWeights classes_;
  bool classes_seen_ = false;
  TrainingState state_;
};

History Model::Impl::fit(Model& model, data::BatchSource& source, const SourceFitOptions& options) {
  if (source.samples() == 0) fail("there are no samples");
  return Fit(model, source, options).run();
}

}  // namespace nacre
