#include "nacre/run/transforms.h"

#include <fmt/format.h>

#include "nacre/ops/define/structural.h"
#include "nacre/ops/shape/concat.h"
#include "nacre/ops/shape/movement.h"
#include "nacre/run/trace_session.h"

namespace nacre::detail {
namespace {

void require_like(std::string_view op, const Tensors& given, const Tensors& like,
                  const Location& at) {
  if (given.size() != like.size()) {
    throw ValueError(format_error(
        {.op = op,
         .what = fmt::format("{} tensors expected, {} given", like.size(), given.size()),
         .location = at}));
  }
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (given[i].spec() == like[i].spec()) continue;
    const std::string text =
        format_error({.op = op,
                      .what = fmt::format("vector {} is {}, its input {}", i,
                                          to_string(given[i].spec()), to_string(like[i].spec())),
                      .location = at});
    if (given[i].shape() == like[i].shape()) throw DTypeError(text);
    throw ShapeError(text);
  }
}

// The outputs a gradient can be asked of, with cotangents in their order.
Tensors zeros_like_all(const Tensors& tensors) {
  Tensors out;
  for (const Tensor& t : tensors) out.push_back(zeros_like(t));
  return out;
}

}  // namespace

void require_scalar(const Tensor& loss) {
  if (loss.elements() == 1) return;
  throw ShapeError(format_error(
      {.op = "grad",
       .what = "the function gives " + to_string(loss.spec()) + ", one number is expected",
       .hint = "reduce it with mean or sum, or use vjp or jacobian"}));
}

Tensors watch_all(GradientTape& tape, const Tensors& tensors) {
  Tensors own;
  for (const Tensor& t : tensors) {
    if (!is_floating(t.dtype())) {
      throw DTypeError(
          format_error({.op = "grad",
                        .what = "only floating point can be differentiated, an argument is " +
                                to_string(t.spec()),
                        .hint = "convert it with x.to(nacre::f32), or make it a later argument"}));
    }
    own.push_back(tape.watch(identity(t)));
  }
  return own;
}

VariableWatch::VariableWatch(const std::vector<VariableRef>& cells) {
  for (const VariableRef& cell : cells) {
    if (cell->value.defined()) values_.try_emplace(cell.get(), tape_.watch(read(cell)));
  }
}

Tensors VariableWatch::gradients(const Tensor& loss, const std::vector<VariableRef>& cells) {
  Tensors values;
  for (const VariableRef& cell : cells) {
    const auto watched = values_.find(cell.get());
    values.push_back(watched != values_.end() ? watched->second : read(cell));
  }
  return tape_.gradient(loss, values);
}

Pullback pullback(const TensorFunction& f, const Tensors& inputs) {
  // Variables within f are constants here: only x is differentiated.
  const auto tape = std::make_shared<GradientTape>(
      GradientTapeOptions{.persistent = true, .watch_variables = false});
  const Tensors own = watch_all(*tape, inputs);
  Pullback result;
  result.outputs = f(own);
  tape->stop();
  result.run = [tape, own, outputs = result.outputs](const Tensors& cotangents) {
    return tape->gradient(outputs, own, cotangents);
  };
  return result;
}

std::pair<Tensors, Tensors> jvp(const TensorFunction& f, const Tensors& inputs,
                                const Tensors& tangents, const Location& at) {
  require_like("jvp", tangents, inputs, at);
  const Pullback back = pullback(f, inputs);
  GradientTape tape({.watch_variables = false});
  // The product is linear in the cotangents: where it is differentiated does not matter.
  const Tensors cotangents = watch_all(tape, zeros_like_all(back.outputs));
  const Tensors gradients = back.run(cotangents);
  return {back.outputs, tape.gradient(gradients, cotangents, tangents, at)};
}

Tensors hvp(const TensorFunction& f, const Tensors& inputs, const Tensors& vectors,
            const Location& at) {
  require_like("hvp", vectors, inputs, at);
  GradientTape outer({.watch_variables = false});
  const Tensors own = watch_all(outer, inputs);
  const Pullback back = pullback(f, own);
  require_scalar(back.outputs[0]);
  const Tensors gradients = back.run({ones_like(back.outputs[0])});
  return outer.gradient(gradients, own, vectors, at);
}

Tensors jacobian(const TensorFunction& f, const Tensors& inputs) {
  const Pullback back = pullback(f, inputs);
  const Tensor& y = back.outputs[0];
  const std::int64_t rows = y.elements();
  std::vector<Tensors> parts(inputs.size());
  for (std::int64_t i = 0; i < rows; ++i) {
    std::vector<double> unit(static_cast<std::size_t>(rows));
    unit[static_cast<std::size_t>(i)] = 1;
    const Tensors row = back.run({cast(Tensor::from(unit, y.shape()), y.dtype())});
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      parts[k].push_back(reshape(row[k], Shape{1, row[k].elements()}));
    }
  }
  Tensors result;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    Shape shape = y.shape();
    for (const std::int64_t d : inputs[k].shape()) shape.push_back(d);
    result.push_back(rows > 0 ? reshape(concatenate(parts[k]), shape)
                              : zeros(shape, inputs[k].dtype()));
  }
  return result;
}

}  // namespace nacre::detail
