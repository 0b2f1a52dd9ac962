#include "nacre/train/model.h"

#include <fmt/format.h>

#include <cmath>

#include "nacre/ops/api.h"
#include "nacre/run/mode.h"
#include "nacre/train/model_impl.h"
#include "nacre/train/tensor_source.h"

namespace nacre {

Model::Impl::Impl(nn::Layer net)
    : network(std::move(net)), train({}), gather({}), test({}), infer({}) {
  nn::name_layers(nn::visit_fn(network));
  make_functions();
}

Model::Impl::Impl(const Impl& other)
    : network(other.network),
      options(other.options),
      evaluated(other.evaluated),
      input_count(other.input_count),
      train({}),
      gather({}),
      test({}),
      infer({}),
      history(other.history),
      steps(other.steps),
      position(other.position) {
  make_functions();
}

void Model::Impl::make_functions() {
  train = CompiledFunction([this](const Tensors& t) { return step(Step::train, t); });
  gather = CompiledFunction([this](const Tensors& t) { return step(Step::gather, t); });
  test = CompiledFunction([this](const Tensors& t) { return step(Step::test, t); });
  infer = CompiledFunction([this](const Tensors& t) { return Tensors{network(t)}; });
}

const ModelOptions& Model::Impl::compiled_options(const char* who) const {
  if (!options) {
    throw ValueError(fmt::format(
        "{}: the model was not compiled\n  hint: call model.compile({{.optimizer = optim::Adam(), "
        ".loss = ...}}) first",
        who));
  }
  return *options;
}

// One step on {inputs..., target, weights?}. Gives {loss, weight, what metrics observe...}.
Tensors Model::Impl::step(Step kind, const Tensors& flat) {
  const auto inputs = flat.begin() + static_cast<std::ptrdiff_t>(input_count);
  const Tensors x(flat.begin(), inputs);
  const Tensor& target = flat[input_count];
  const Tensor weights = flat.size() > input_count + 1 ? flat.back() : Tensor();
  const auto forward = [&](Tensor& prediction) {
    prediction = network(x);
    const Tensor loss = options->loss(Operand(prediction, Location()), target, weights);
    return loss.rank() == 0 ? loss : mean(loss);
  };
  Tensor prediction;
  Tensor loss;
  if (kind == Step::test) {
    const TrainingScope mode(false);
    loss = forward(prediction);
  } else {
    const auto [value, gradients] =
        nn::value_and_grad(network, [&] { return forward(prediction); });
    loss = value;
    if (kind == Step::train) {
      options->optimizer.apply(parameters(), gradients);
    } else {
      options->optimizer.accumulate(parameters(), gradients);
    }
  }
  const double samples = static_cast<double>(x[0].rank() > 0 ? x[0].size(0) : 1);
  Tensors out{loss, weights.defined() ? sum(weights.to(f64)) : Tensor::scalar(samples, f64)};
  for (const metric::Metric& metric : options->metrics) {
    for (Tensor& t : metric.measure().observe(Operand(prediction, Location()), target, weights)) {
      out.push_back(std::move(t));
    }
  }
  return out;
}

double Model::Impl::run_batch(Step kind, const data::Batch& batch, Sums& total,
                              std::vector<metric::Metric>& metrics) {
  if (batch.targets.size() != 1) {
    throw ValueError(fmt::format("model: a batch has {} target tensors; exactly one is needed",
                                 batch.targets.size()));
  }
  input_count = batch.inputs.size();
  Tensors flat = batch.inputs;
  flat.push_back(batch.targets[0]);
  if (batch.weights.defined()) flat.push_back(batch.weights);
  CompiledFunction& function = kind == Step::train ? train : kind == Step::gather ? gather : test;
  const Tensors out = options->run_eagerly ? step(kind, flat) : function(flat);
  const double loss = out[0].item<double>();
  const double weight = out[1].item<double>();
  total.loss += loss * weight;
  total.weight += weight;
  std::size_t at = 2;
  for (metric::Metric& m : metrics) {
    const std::size_t count = m.measure().observed_count();
    m.measure().add(std::span(out).subspan(at, count));
    at += count;
  }
  return loss;
}

Logs Model::Impl::evaluate(data::BatchSource& source) {
  evaluated = options->metrics;
  for (metric::Metric& m : evaluated) m.reset();
  Sums total;
  source.reset(0);
  data::Batch batch;
  while (source.next(batch)) run_batch(Step::test, batch, total, evaluated);
  Logs logs;
  logs.set("loss", total.mean());
  for (const metric::Metric& m : evaluated) logs.set(m.name(), m.result());
  return logs;
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
  if (!options.loss) {
    throw ValueError(
        "compile: there is no loss\n  hint: set .loss = loss::mse() or another of loss/loss.h");
  }
  if (options.accumulate < 1) {
    throw ValueError(fmt::format("compile: accumulate {} is below 1", options.accumulate));
  }
  impl_->options.emplace(std::move(options));
  impl_->make_functions();
  return *this;
}

Logs Model::evaluate(const Tensor& x, const Tensor& y, const EvaluateOptions& options) {
  return evaluate(Tensors{x}, y, options);
}
Logs Model::evaluate(const Tensors& x, const Tensor& y, const EvaluateOptions& options) {
  TensorSource source(x, {y}, options.sample_weights, {.batch_size = options.batch_size});
  const Logs logs = evaluate(source);
  if (options.verbose > 0) fmt::print("{}\n", to_string(logs));
  return logs;
}
Logs Model::evaluate(data::BatchSource& source) {
  impl_->compiled_options("evaluate");
  return impl_->evaluate(source);
}

Tensor Model::predict(const Tensor& x, const PredictOptions& options) {
  return predict(Tensors{x}, options);
}
Tensor Model::predict(const Tensors& x, const PredictOptions& options) {
  TensorSource source(x, {}, {}, {.batch_size = options.batch_size});
  return predict(source);
}

Tensor Model::predict(data::BatchSource& source) {
  const TrainingScope mode(false);
  const bool eagerly = impl_->options && impl_->options->run_eagerly;
  Tensors parts;
  std::int64_t count = 0;
  source.reset(0);
  data::Batch batch;
  while (source.next(batch)) {
    parts.push_back(eagerly ? impl_->network(batch.inputs) : impl_->infer(batch.inputs)[0]);
    count += parts.back().rank() > 0 ? parts.back().size(0) : 1;
  }
  if (parts.empty()) throw ValueError("predict: there are no samples");
  if (parts.size() == 1) return parts[0];
  Shape shape = parts[0].shape();
  shape.set(0, count);
  Tensor out(Spec{parts[0].dtype(), shape});
  char* to = static_cast<char*>(out.raw_mutable_data());
  for (const Tensor& part : parts) {
    std::copy_n(static_cast<const char*>(part.raw_data()), part.spec().bytes(), to);
    to += part.spec().bytes();
  }
  return out;
}

nn::Layer& Model::network() { return impl_->network; }
optim::Optimizer& Model::optimizer() {
  impl_->compiled_options("optimizer");
  return impl_->options->optimizer;
}
const loss::Loss& Model::loss() const { return impl_->compiled_options("loss").loss; }
const std::vector<metric::Metric>& Model::metrics() const { return impl_->evaluated; }
nn::NamedVariables Model::parameters() { return impl_->parameters(); }
nn::NamedVariables Model::state() { return nn::state(impl_->network); }
void Model::load_state(const nn::StateMap& values, bool strict) {
  nn::load_state(impl_->network, values, strict);
}
nn::Summary Model::summary(const std::vector<Spec>& inputs) {
  return nn::summarize(impl_->network, inputs);
}
nn::StateMap Model::training_state() { return impl_->training_state(); }
std::string Model::step_text() const { return impl_->train.plan_text(); }

}  // namespace nacre
