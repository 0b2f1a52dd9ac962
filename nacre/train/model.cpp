#include "nacre/train/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "nacre/base/output.h"
#include "nacre/base/user_call.h"
#include "nacre/base/utf8.h"
#include "nacre/ops/api.h"
#include "nacre/run/mode.h"
#include "nacre/train/model_impl.h"
#include "nacre/train/tensor_source.h"

namespace nacre {
namespace {

// Batches one after another; scalars become a row each.
Tensor joined_rows(const Tensors& given) {
  const Tensors parts = on_host(given);
  if (parts.size() == 1) return parts[0];
  std::int64_t count = 0;
  for (const Tensor& part : parts) count += part.rank() > 0 ? part.size(0) : 1;
  Shape shape = parts[0].shape();
  if (shape.rank() == 0) shape.push_back(0);
  shape.set(0, count);
  Tensor out(Spec{parts[0].dtype(), shape});
  char* to = static_cast<char*>(out.raw_mutable_data());
  for (const Tensor& here : parts) {
    std::copy_n(static_cast<const char*>(here.raw_data()), here.spec().bytes(), to);
    to += here.spec().bytes();
  }
  return out;
}

// What each epoch tells stands under names in logs, histories and their files: each once, and none
// under that of something else.
void check_keys(const std::vector<std::string>& keys) {
  constexpr std::string_view kReserved[] = {"epoch", "step", "seconds", "learning_rate", "loss"};
  std::set<std::string_view> seen;
  for (const std::string& key : keys) {
    const bool reserved =
        std::find(std::begin(kReserved), std::end(kReserved), key) != std::end(kReserved) ||
        key.starts_with("val_");
    const bool again = !seen.insert(key).second;
    if (!reserved && !again) continue;
    throw ValueError(format_error(
        {.op = "compile",
         .what = again ? fmt::format("two metrics are called \"{}\"", printable(key))
                       : fmt::format("\"{}\" is a name of the logs, a metric cannot have it",
                                     printable(key)),
         .hint = "give it another name: metric.named(\"...\")"}));
  }
}

}  // namespace

Model::Impl::Impl(nn::Layer net)
    : network(std::move(net)), train({}), accumulate({}), gradients({}), test({}), infer({}) {
  nn::name_layers(nn::visit_fn(network));
  make_functions();
}

Model::Impl::Impl(const Impl& other)
    : network(other.network),
      options(other.options),
      heads(other.heads),
      lbfgs(other.lbfgs),
      evaluated(other.evaluated),
      input_count(other.input_count),
      train({}),
      accumulate({}),
      gradients({}),
      test({}),
      infer({}),
      sample(other.sample),
      info(other.info),
      history(other.history),
      steps(other.steps),
      position(other.position) {
  // The state of the other network's Variables is that of their copies here.
  if (options) optimizer().load_state(nn::values_of(other.options->optimizer->state()));
  make_functions();
}

void Model::Impl::make_functions() {
  const CompileOptions how{.precision = options ? options->precision : Precision::f32};
  const auto function = [&](StepKind kind) {
    return CompiledFunction([this, kind](const Tensors& t) { return step(kind, t); }, how);
  };
  train = function(StepKind::train);
  accumulate = function(StepKind::accumulate);
  gradients = function(StepKind::gradients);
  test = function(StepKind::test);
  infer = CompiledFunction([this](const Tensors& t) { return network.outputs(t); }, how);
}

const ModelOptions& Model::Impl::compiled_options(const char* who) const {
  if (!options) {
    throw ValueError(format_error(
        {.op = who,
         .what = "the model was not compiled",
         .hint = "call model.compile({.optimizer = optim::Adam(), .loss = ...}) first"}));
  }
  return *options;
}

// The loss of a batch, with the predictions and the loss of each output that it is made of.
Tensor Model::Impl::forward(const StepInputs& in, Forward& parts) {
  parts.predictions = network.outputs(in.x);
  if (parts.predictions.size() != heads.size()) {
    throw ValueError(fmt::format(
        "model: the network gives {} outputs, compile() has losses for {}\n  hint: give "
        ".outputs one entry for each output",
        parts.predictions.size(), heads.size()));
  }
  parts.losses.clear();
  Tensor total;
  for (std::size_t i = 0; i < heads.size(); ++i) {
    const Operand prediction(parts.predictions[i], Location());
    parts.losses.push_back(heads[i].loss.weighed(prediction, in.targets[i], in.weights));
    Tensor& loss = parts.losses[i].loss;
    if (loss.rank() > 0) loss = mean(loss);
    const Tensor part = heads[i].weight == 1 ? loss : loss * heads[i].weight;
    total = total.defined() ? total + part : part;
  }
  return total;
}

// Gives the gradients to the optimizer, which updates the parameters or adds the gradients up.
void Model::Impl::use_gradients(StepKind kind, const Tensors& gradients, const Forward& parts) {
  const TapePause pause;
  optim::AccumulateOptions share{.weight = parts.losses[0].weight, .sum = true};
  for (std::size_t i = 0; i < heads.size(); ++i) {
    if (i > 0) share.weight = share.weight + parts.losses[i].weight;
    share.sum = share.sum && heads[i].loss.reduction() == loss::Reduction::sum;
  }
  if (kind == StepKind::train) {
    optimizer().apply(network, gradients, share);
  } else {
    optimizer().accumulate(parameters(), gradients, share);
  }
}

// One step on {inputs..., targets..., weights?}. Gives {loss, loss and weight of each output...,
// what metrics observe..., gradients where the step is about them...}.
Tensors Model::Impl::step(StepKind kind, const Tensors& flat) {
  const auto inputs = flat.begin() + static_cast<std::ptrdiff_t>(input_count);
  const bool weighted = flat.size() > input_count + heads.size();
  const StepInputs in{Tensors(flat.begin(), inputs),
                      Tensors(inputs, inputs + static_cast<std::ptrdiff_t>(heads.size())),
                      weighted ? flat.back() : Tensor()};
  Forward parts;
  Tensor loss;
  Tensors gradients;
  if (kind == StepKind::test) {
    const TrainingScope mode(false);
    loss = forward(in, parts);
  } else {
    const TrainingScope mode;
    std::tie(loss, gradients) = value_and_grad([&] { return forward(in, parts); }, network)();
    if (kind != StepKind::gradients) use_gradients(kind, gradients, parts);
  }
  Tensors out{loss};
  for (const loss::Loss::Weighed& l : parts.losses) out.insert(out.end(), {l.loss, l.weight});
  std::size_t metric = 0;
  for (std::size_t i = 0; i < heads.size(); ++i) {
    const Operand prediction(parts.predictions[i], Location());
    for (const std::size_t end = metric + heads[i].metrics; metric < end; ++metric) {
      const auto& measure = options->metrics[metric].measure();
      for (Tensor& t : measure.observe(prediction, in.targets[i], in.weights)) {
        out.push_back(std::move(t));
      }
    }
  }
  if (kind == StepKind::gradients) out.insert(out.end(), gradients.begin(), gradients.end());
  return out;
}

Tensors Model::Impl::call(StepKind kind, const Tensors& flat) {
  if (options->run_eagerly) return step(kind, flat);
  // Which of the tensors are inputs is part of what the step is.
  switch (kind) {
    case StepKind::train:
      return train(flat, input_count);
    case StepKind::accumulate:
      return accumulate(flat, input_count);
    case StepKind::gradients:
      return gradients(flat, input_count);
    default:
      return test(flat, input_count);
  }
}

Tensors Model::Impl::minimize(const Tensors& flat) {
  // The first call also makes the parameters of layers that were never called.
  Tensors first = call(StepKind::gradients, flat);
  bool fresh = true;
  lbfgs->minimize(parameters(), [&] {
    Tensors out = fresh ? first : call(StepKind::gradients, flat);
    fresh = false;
    const auto count = static_cast<std::ptrdiff_t>(parameters().size());
    return std::pair(out[0], Tensors(out.end() - count, out.end()));
  });
  first.resize(first.size() - parameters().size());
  return first;
}

Model::Impl::Unread Model::Impl::run_batch(StepKind kind, const data::Batch& batch) {
  if (batch.targets.size() != heads.size()) {
    throw ValueError(fmt::format("model: a batch has {} target tensors, {} expected: one an output",
                                 batch.targets.size(), heads.size()));
  }
  input_count = batch.inputs.size();
  if (sample.shape.rank() == 0 && input_count == 1 && batch.inputs[0].rank() > 1) {
    const Shape& first = batch.inputs[0].shape();
    sample = {batch.inputs[0].dtype(), Shape(std::span(first.begin() + 1, first.end()))};
  }
  Tensors flat = batch.inputs;
  flat.insert(flat.end(), batch.targets.begin(), batch.targets.end());
  if (batch.weights.defined()) flat.push_back(batch.weights);
  return {.out = kind == StepKind::gradients ? minimize(flat) : call(kind, flat), .finite = {}};
}

Model::Model(nn::Layer network) : impl_(std::make_unique<Impl>(std::move(network))) {}
Model::Model(const Model& other) : impl_(std::make_unique<Impl>(*other.impl_)) {}
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(const Model& other) {
  if (this != &other) impl_ = std::make_unique<Impl>(*other.impl_);
  return *this;
}
Model& Model::operator=(Model&&) noexcept = default;
Model::~Model() = default;

Model& Model::compile(ModelOptions options) {
  if (options.accumulate < 1) {
    throw ValueError(fmt::format("compile: accumulate {} is below 1", options.accumulate));
  }
  if (options.lbfgs && options.optimizer) {
    throw ValueError("compile: .optimizer and .lbfgs are both given: one of them trains");
  }
  if (options.run_eagerly && options.precision == Precision::bf16) {
    throw ValueError("compile: .run_eagerly computes in f32: precision bf16 has no use with it");
  }
  if (!options.optimizer) options.optimizer = optim::Adam();
  if (options.lbfgs && options.accumulate > 1) {
    throw ValueError(
        "compile: accumulate has no use with lbfgs, which takes the whole data at once");
  }
  std::vector<Impl::Head> heads;
  if (options.outputs.empty()) {
    heads.push_back({"", options.loss, 1, options.metrics.size()});
  } else if (options.loss || !options.metrics.empty()) {
    throw ValueError("compile: .outputs stands instead of .loss and .metrics: give one of them");
  }
  for (std::size_t i = 0; i < options.outputs.size(); ++i) {
    const OutputOptions& o = options.outputs[i];
    const std::string name = o.name.empty() ? fmt::format("output_{}", i + 1) : o.name;
    for (const Impl::Head& other : heads) {
      if (other.name == name) throw ValueError("compile: two outputs are called \"" + name + '"');
    }
    if (!std::isfinite(o.weight)) {
      throw ValueError(fmt::format("compile: the weight of \"{}\" is {}", name, o.weight));
    }
    heads.push_back({name, o.loss, o.weight, o.metrics.size()});
    for (const metric::Metric& m : o.metrics) {
      options.metrics.push_back(m.named(name + "_" + m.name()));
    }
  }
  for (const Impl::Head& head : heads) {
    if (head.loss) continue;
    throw ValueError(fmt::format(
        "compile: there is no loss{}\n  hint: set .loss = loss::mse() or another of loss/loss.h",
        head.name.empty() ? std::string() : " for \"" + head.name + '"'));
  }
  std::vector<std::string> keys;
  for (const Impl::Head& head : heads) {
    if (heads.size() > 1) keys.push_back(head.name + "_loss");
  }
  for (const metric::Metric& m : options.metrics) keys.push_back(m.name());
  check_keys(keys);
  // What a loss knows of its predictions, the metrics beside it must know, too.
  auto metric = options.metrics.begin();
  for (const Impl::Head& head : heads) {
    const auto end = metric + static_cast<std::ptrdiff_t>(head.metrics);
    for (; metric != end; ++metric) {
      metric->measure().expect(head.loss.traits());
    }
  }
  if (!options.check_finite) options.optimizer->check_gradients(false);
  uses_bfloat16(options.precision);  // throws where there is none
  impl_->heads = std::move(heads);
  impl_->lbfgs.reset();
  if (options.lbfgs) {
    impl_->lbfgs.emplace(*options.lbfgs);
    options.optimizer->set_learning_rate(1);  // what logs tell: the first length of a line search
  }
  impl_->options.emplace(std::move(options));
  impl_->make_functions();
  return *this;
}

Logs Model::evaluate(const Arrays& x, const Arrays& y, const EvaluateOptions& options,
                     Location at) {
  const UserCall scope(at);
  expect_verbose("evaluate", options.verbose);
  TensorSource source(x.tensors(), y.tensors(),
                      sample_weights_for(y.tensors(), options.sample_weights),
                      {.batch_size = options.batch_size});
  const Logs logs = evaluate(source, at);
  if (options.verbose > 0) write_output(printable(to_string(logs)) + "\n");
  return logs;
}
Logs Model::evaluate(data::BatchSource& source, Location at) {
  const UserCall scope(at);
  impl_->compiled_options("evaluate");
  return impl_->evaluate(source);
}

Tensor Model::predict(const Arrays& x, const PredictOptions& options, Location at) {
  const UserCall scope(at);
  TensorSource source(x.tensors(), {}, {}, {.batch_size = options.batch_size});
  return predict(source, at);
}
Tensor Model::predict(data::BatchSource& source, Location at) {
  const UserCall scope(at);
  Tensors outputs = predict_outputs(source, at);
  if (outputs.size() == 1) return std::move(outputs[0]);
  throw ValueError(format_error(
      {.op = "predict",
       .what = fmt::format("the network gives {} outputs, one is expected", outputs.size()),
       .hint = "predict_outputs() gives all"}));
}

Tensors Model::predict_outputs(const Arrays& x, const PredictOptions& options, Location at) {
  const UserCall scope(at);
  TensorSource source(x.tensors(), {}, {}, {.batch_size = options.batch_size});
  return predict_outputs(source, at);
}

Tensors Model::predict_outputs(data::BatchSource& source, Location at) {
  const UserCall scope(at);
  const TrainingScope mode(false);
  const bool eagerly = impl_->options && impl_->options->run_eagerly;
  std::vector<Tensors> parts;  // of each output
  source.reset(0);
  data::Batch batch;
  while (source.next(batch)) {
    Tensors outputs = eagerly ? impl_->network.outputs(batch.inputs) : impl_->infer(batch.inputs);
    parts.resize(outputs.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) parts[i].push_back(std::move(outputs[i]));
  }
  if (parts.empty()) {
    throw ValueError(format_error({.op = "predict", .what = "there are no samples"}));
  }
  Tensors joined;
  for (Tensors& list : parts) joined.push_back(joined_rows(list));
  return joined;
}

nn::Layer& Model::network() { return impl_->network; }
nn::Sequential& Model::layers() {
  if (auto* list = impl_->network.get_if<nn::Sequential>()) return *list;
  throw ValueError(format_error(
      {.op = "model",
       .what = "the network is a " + impl_->network.kind() + ", which has no list of layers",
       .hint = "network().get_if<T>() gives a module of type T"}));
}
nn::Layer& Model::layer(std::string_view name) { return layers().layer(name); }
void Model::visit(nn::ModuleVisitor& visitor) { impl_->network.visit(visitor); }
optim::Optimizer& Model::optimizer() {
  impl_->compiled_options("optimizer");
  return impl_->optimizer();
}
const loss::Loss& Model::loss() const {
  impl_->compiled_options("loss");
  return impl_->heads[0].loss;
}
const std::vector<metric::Metric>& Model::metrics() const { return impl_->evaluated; }
nn::NamedVariables Model::parameters() { return impl_->parameters(); }
nn::NamedVariables Model::state() { return nn::state(impl_->network); }
void Model::load_state(const nn::StateMap& values, bool strict) {
  nn::load_state(impl_->network, values, strict);
}
nn::Summary Model::summary(const std::vector<Spec>& inputs) {
  return nn::summarize(impl_->network, inputs);
}
nn::Summary Model::summary() {
  if (impl_->sample.shape.rank() == 0) {
    throw ValueError(format_error({.op = "summary",
                                   .what = "no sample was seen",
                                   .hint = "give the shape of a batch: summary({f32, {1, 784}})"}));
  }
  Shape batch{1};
  for (const std::int64_t d : impl_->sample.shape) batch.push_back(d);
  return summary(Spec{impl_->sample.dtype, batch});
}
Tensors Model::get_weights() { return nn::get_weights(impl_->network); }
void Model::set_weights(const Tensors& weights) { nn::set_weights(impl_->network, weights); }
std::int64_t Model::count_params() {
  std::int64_t count = 0;
  for (const Tensor& t : get_weights()) count += t.elements();
  return count;
}
nn::StateMap Model::training_state() { return impl_->training_state(); }
std::string Model::step_text() const { return impl_->train.plan_text(); }

}  // namespace nacre
