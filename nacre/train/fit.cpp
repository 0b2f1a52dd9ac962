// Model::fit: the loop over epochs and batches.
#include <fmt/format.h>

#include <cmath>

#include "nacre/base/durable.h"
#include "nacre/ops/finite.h"
#include "nacre/train/model_impl.h"
#include "nacre/train/tensor_source.h"

namespace nacre {
namespace {

// Weights of a batch with those of the classes of its samples.
Tensor class_weighted(const data::Batch& batch, const std::map<std::int64_t, double>& weights) {
  if (batch.targets.size() != 1) {
    throw ValueError("fit: class_weights need a network of one output; weigh samples instead");
  }
  const Tensor& target = batch.targets[0];
  const std::int64_t n = batch.size();
  if (target.elements() != n && target.rank() != 2) {
    throw ShapeError(
        "fit: class_weights need one class number, or one one-hot row, a sample; the "
        "targets are " +
        to_string(target.spec()));
  }
  const std::vector<double> values = target.to_vector<double>();
  const std::size_t width = values.size() / static_cast<std::size_t>(std::max<std::int64_t>(1, n));
  std::vector<float> out;
  for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
    std::int64_t label = 0;
    if (width == 1) {
      label = static_cast<std::int64_t>(values[i]);
    } else {
      const auto row = values.begin() + static_cast<std::ptrdiff_t>(i * width);
      label = std::max_element(row, row + static_cast<std::ptrdiff_t>(width)) - row;
    }
    const auto found = weights.find(label);
    out.push_back(found == weights.end() ? 1.0f : static_cast<float>(found->second));
  }
  if (batch.weights.defined()) {
    const std::vector<float> given = batch.weights.to_vector<float>();
    for (std::size_t i = 0; i < out.size(); ++i) out[i] *= given[i];
  }
  return Tensor::from(out);
}

struct Split {
  std::int64_t training = 0;
  std::int64_t samples = 0;
};
Split split_at(const Tensor& x, double share) {
  if (!(share >= 0 && share < 1)) {
    throw ValueError(fmt::format("fit: validation_split {} is not in [0, 1)", share));
  }
  const std::int64_t n = x.rank() > 0 ? x.size(0) : 1;
  const auto training = static_cast<std::int64_t>(static_cast<double>(n) * (1 - share));
  if (training < 1) {
    throw ValueError(
        fmt::format("fit: validation_split {} of {} samples leaves none to train on", share, n));
  }
  return {training, n};
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

void Model::Impl::check_loss(double loss, std::int64_t epoch, std::int64_t number,
                             const data::Batch& batch) {
  if (!options->check_finite) return;
  const std::string where = fmt::format("in epoch {}, batch {}", epoch + 1, number + 1);
  const std::string gradient = options->optimizer.non_finite_gradient();
  if (std::isfinite(loss) && gradient.empty()) return;
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
  const nn::NamedVariables all = parameters();
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

History Model::fit(const Tensor& x, const Tensor& y, const FitOptions& options) {
  return fit(Tensors{x}, y, options);
}

History Model::fit(const Tensors& x, const Tensor& y, const FitOptions& options) {
  return fit(x, Tensors{y}, options);
}

History Model::fit(const Tensors& x, const Tensors& y, const FitOptions& options) {
  if (x.empty()) throw ValueError("fit: there is no input tensor");
  const TensorSourceOptions order{options.batch_size, options.shuffle, options.seed};
  const TensorSourceOptions plain{.batch_size = options.batch_size};
  const Validation& given = options.validation;
  if (!given.x.empty()) {
    TensorSource training(x, y, options.sample_weights, order);
    TensorSource held(given.x, given.targets.empty() ? Tensors{given.y} : given.targets,
                      given.weights, plain);
    FitOptions inner = options;
    inner.validation_source = &held;
    return fit(training, inner);
  }
  const Split split = split_at(x[0], options.validation_split);
  if (split.training == split.samples) {
    TensorSource training(x, y, options.sample_weights, order);
    return fit(training, options);
  }
  const auto part = [&](const Tensor& t, bool first) {
    if (!t.defined()) return t;
    return first ? rows(t, 0, split.training) : rows(t, split.training, t.size(0));
  };
  const auto parts = [&](const Tensors& list, bool first) {
    Tensors out;
    for (const Tensor& t : list) out.push_back(part(t, first));
    return out;
  };
  TensorSource training(parts(x, true), parts(y, true), part(options.sample_weights, true), order);
  TensorSource held(parts(x, false), parts(y, false), part(options.sample_weights, false), plain);
  FitOptions inner = options;
  inner.validation_source = &held;
  return fit(training, inner);
}

History Model::fit(data::BatchSource& source, const FitOptions& options) {
  Impl& m = *impl_;
  const int every = m.compiled_options("fit").accumulate;
  if (options.epochs < 0)
    throw ValueError(fmt::format("fit: epochs {} is below 0", options.epochs));
  m.info = source.info();
  m.sample = {};
  m.callbacks = options.callbacks;
  if (options.verbose > 0) m.callbacks.push_back(progress_line(options.verbose));
  m.history = {};
  m.sums = {};
  m.steps = 0;
  m.stopped = false;
  m.position = {};
  for (metric::Metric& metric : m.options->metrics) metric.reset();
  m.check_batches(source);
  source.reset(0);
  m.position.seed = source.position().seed;
  m.batches = source.batches();
  const CheckpointOptions& keep = options.checkpoint;
  if (options.resume && keep.folder.empty()) {
    throw ValueError("fit: resume needs .checkpoint = {.folder = ...}, where to go on from");
  }
  // Two runs in one folder would remove each other's checkpoints.
  std::optional<FolderLock> lock;
  if (!keep.folder.empty()) lock.emplace(keep.folder);
  const io::CheckpointFolder checkpoints(keep.folder, keep.keep);
  if (options.resume) m.read_checkpoint(checkpoints, options.verbose > 0);
  TrainingState state(*this);
  state.epoch = m.position.epoch;
  state.epochs = options.epochs;
  state.batch = m.position.batch;
  state.batches = source.batches();
  state.step = m.steps;
  state.stop = m.stopped;
  const auto tell = [&](void (Callback::*event)(TrainingState&)) {
    for (const CallbackPtr& callback : m.callbacks) ((*callback).*event)(state);
    m.stopped = state.stop;
  };
  const auto log = [&] { state.set_logs([&m] { return m.logs_of(m.sums, m.options->metrics); }); };
  tell(&Callback::on_train_begin);
  for (std::int64_t epoch = m.position.epoch; epoch < options.epochs && !state.stop; ++epoch) {
    state.epoch = epoch;
    state.batch = m.position.batch;
    state.samples = state.batch * source.batch_size();
    // A position of the same seed is a matter of numbers; of another, the source refuses it.
    source.restore({epoch, state.batch, m.position.seed});
    log();
    if (state.batch == 0) tell(&Callback::on_epoch_begin);
    data::Batch batch;
    while (!state.stop && source.next(batch)) {
      if (!options.class_weights.empty()) {
        batch.weights = class_weighted(batch, options.class_weights);
      }
      const bool last = state.batch + 1 == state.batches;
      const bool update = (state.batch + 1) % every == 0 || last;
      const Impl::Step kind = m.lbfgs  ? Impl::Step::gradients
                              : update ? Impl::Step::train
                                       : Impl::Step::gather;
      const double loss = m.run_batch(kind, batch, m.sums, m.options->metrics);
      m.check_loss(loss, epoch, state.batch, batch);
      ++state.batch;
      state.samples += batch.size();
      if (update) ++m.steps;
      state.step = m.steps;
      m.position = {epoch, state.batch, m.position.seed};
      log();
      tell(&Callback::on_batch_end);
      const bool due = keep.every_steps > 0 && state.batch % keep.every_steps == 0;
      m.stopped = false;  // a resumed run goes on from an interruption
      if (!keep.folder.empty() && (due || state.stop)) {
        m.write_checkpoint(checkpoints, state.batches);
      }
    }
    // Stopped in the middle: the checkpoint goes on from here, the epoch is not over.
    if (state.batch < state.batches) break;
    log();
    Logs logs = state.logs();
    if (options.validation_source) {
      const Logs validation = m.evaluate(*options.validation_source);
      for (const auto& [name, value] : validation.entries()) logs.set("val_" + name, value);
    }
    m.history.epochs.push_back(logs);
    state.set_logs([&m] { return m.history.epochs.back(); });
    m.sums = {};
    for (metric::Metric& metric : m.options->metrics) metric.reset();
    m.position = {epoch + 1, 0, m.position.seed};
    const bool interrupted = state.stop;
    tell(&Callback::on_epoch_end);
    m.stopped = state.stop && !interrupted;
    const bool due = keep.every_epochs > 0 && (epoch + 1) % keep.every_epochs == 0;
    const bool end = epoch + 1 == options.epochs || state.stop;
    if (!keep.folder.empty() && (due || end)) m.write_checkpoint(checkpoints, state.batches);
  }
  tell(&Callback::on_train_end);
  return m.history;
}

}  // namespace nacre
