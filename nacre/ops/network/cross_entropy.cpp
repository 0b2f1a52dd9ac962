// softmax_cross_entropy {axis, label_smoothing, ignore_index}: (logits, integer labels) -> losses;
// softmax_cross_entropy_backward: (logits, labels, ct of the losses) -> ct of the logits.
#include "nacre/ops/network/cross_entropy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"
#include "nacre/ops/elementwise/activation.h"
#include "nacre/ops/elementwise/elementwise.h"
#include "nacre/ops/reduce/expect.h"
#include "nacre/ops/reduce/reduce.h"
#include "nacre/ops/reduce/softmax.h"
#include "nacre/ops/shape/movement.h"

namespace nacre {
namespace {

void check_smoothing(double smoothing, const Tensor& logits, const Location& at) {
  if (smoothing >= 0 && smoothing < 1) return;
  throw ValueError(
      format_error({.op = "softmax_cross_entropy",
                    .what = fmt::format("label_smoothing must be in [0, 1), it is {}", smoothing),
                    .inputs = "input " + to_string(logits.spec()),
                    .location = at}));
}

}  // namespace

Tensor softmax_cross_entropy(const Operand& logits, const Operand& targets,
                             const CrossEntropyOptions& options) {
  const Tensor x = is_floating(logits.dtype()) ? logits.tensor() : cast(logits, f32);
  const Tensor t = targets.tensor();
  check_smoothing(options.label_smoothing, x, logits.at());
  if (!is_floating(t.dtype())) {
    return emit_one(Op::softmax_cross_entropy,
                    {{"axis", options.axis},
                     {"label_smoothing", options.label_smoothing},
                     {"ignore_index", options.ignore_index}},
                    {x, t}, logits.at());
  }
  if (!(t.shape() == x.shape())) {
    throw ShapeError(
        format_error({.op = "softmax_cross_entropy",
                      .what = "probabilities need the shape of the logits",
                      .inputs = "left " + to_string(x.spec()) + ", right " + to_string(t.spec()),
                      .location = logits.at(),
                      .hint = "class numbers must be of an integer type: labels.to(nacre::i64)"}));
  }
  const Location& at = logits.at();
  Tensor p = t;
  if (options.label_smoothing > 0) {
    const double even = options.label_smoothing / static_cast<double>(x.size(options.axis));
    p = add({mul({p, at}, 1 - options.label_smoothing), at}, even);
  }
  const Tensor log_p = log_softmax({x, at}, options.axis);
  return neg({sum({mul({p, at}, {log_p, at}), at}, {options.axis}), at});
}

Tensor binary_cross_entropy_with_logits(const Operand& logits, const Operand& targets,
                                        const Operand& positive_weight) {
  const Location& at = logits.at();
  const Operand x(is_floating(logits.dtype()) ? logits.tensor() : cast(logits, f32), at);
  const Operand t(cast(targets, x.dtype()), at);
  // Each part is exact where it is small, and smooth at 0.
  const Tensor miss = mul({mul(positive_weight, t), at}, {softplus({neg(x), at}), at});
  const Tensor alarm = mul({sub(1, t), at}, {softplus(x), at});
  return add({miss, at}, {alarm, at});
}

namespace op_defs {
namespace {

using G = const VjpContext&;
using L = TensorList;

int axis_of(const Attrs& attrs, int rank) {
  const std::int64_t axis = attrs.integer("axis");
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

// The logits' shape without the axis of the classes; the checks of both ops.
Shape check_labels(const InferContext& c) {
  const Spec& x = c.inputs[0];
  c.expect_floating(0);
  const int axis = c.axis(c.attrs.integer("axis"), x.shape.rank());
  if (!is_integral(c.inputs[1].dtype)) {
    c.fail_dtype(fmt::format("integer labels expected, {} given", name_of(c.inputs[1].dtype)),
                 "class numbers are i32 or i64");
  }
  Shape rest;
  for (int i = 0; i < x.shape.rank(); ++i) {
    if (i != axis) rest.push_back(x.shape[i]);
  }
  if (!(c.inputs[1].shape == rest)) {
    c.fail_shape(fmt::format("labels of shape {} expected, {} given", to_string(rest),
                             to_string(c.inputs[1].shape)),
                 "one class number for each place, without the axis of the classes");
  }
  if (x.shape[axis] == 0) c.fail_shape("there are no classes");
  return rest;
}

SpecList infer_loss(const InferContext& c) {
  c.expect_inputs(2);
  const Shape rest = check_labels(c);
  return {{c.inputs[0].dtype, rest}};
}

SpecList infer_backward(const InferContext& c) {
  c.expect_inputs(3);
  const Spec expected{c.inputs[0].dtype, check_labels(c)};
  if (!(c.inputs[2] == expected)) {
    c.fail_shape(fmt::format("a gradient {} expected, {} given", to_string(expected),
                             to_string(c.inputs[2])));
  }
  return {c.inputs[0]};
}

// The log-probabilities and the target of one place at a time.
struct Lines {
  std::vector<double> x;
  std::vector<double> labels;
  Shape shape;  // of the labels
  std::int64_t classes;
  std::int64_t inner;
  double smoothing;
  double ignore;

  explicit Lines(const ReferenceContext& c)
      : x(c.load(0)),
        labels(c.load(1)),
        shape(c.in_shape(1)),
        smoothing(c.attrs.number_or("label_smoothing", 0)),
        ignore(static_cast<double>(c.attrs.integer_or("ignore_index", -100))) {
    const Shape& s = c.in_shape();
    const int axis = axis_of(c.attrs, s.rank());
    classes = s[axis];
    inner = 1;
    for (int i = axis + 1; i < s.rank(); ++i) inner *= s[i];
  }

  std::size_t element(std::size_t place, std::int64_t k) const {
    const auto p = static_cast<std::int64_t>(place);
    return static_cast<std::size_t>((p / inner * classes + k) * inner + p % inner);
  }
  // Fills log_p; false where the place is ignored.
  bool line(std::size_t place, std::vector<double>& log_p) const {
    if (labels[place] == ignore) return false;
    if (labels[place] < 0 || labels[place] >= static_cast<double>(classes)) {
      fail_label("softmax_cross_entropy", classes, shape, static_cast<std::int64_t>(place),
                 labels[place]);
    }
    log_p.resize(static_cast<std::size_t>(classes));
    double top = x[element(place, 0)];
    for (std::int64_t k = 0; k < classes; ++k) top = std::max(top, x[element(place, k)]);
    double total = 0;
    for (std::int64_t k = 0; k < classes; ++k) total += std::exp(x[element(place, k)] - top);
    for (std::int64_t k = 0; k < classes; ++k) {
      log_p[static_cast<std::size_t>(k)] = x[element(place, k)] - top - std::log(total);
    }
    return true;
  }
  double target(std::size_t place, std::int64_t k) const {
    return smoothing / static_cast<double>(classes) +
           (labels[place] == static_cast<double>(k) ? 1 - smoothing : 0);
  }
};

void reference_loss(const ReferenceContext& c) {
  const Lines lines(c);
  std::vector<double> loss(lines.labels.size());
  std::vector<double> log_p;
  for (std::size_t p = 0; p < loss.size(); ++p) {
    if (!lines.line(p, log_p)) continue;
    for (std::int64_t k = 0; k < lines.classes; ++k) {
      loss[p] -= lines.target(p, k) * log_p[static_cast<std::size_t>(k)];
    }
  }
  c.store(0, loss);
}

void reference_backward(const ReferenceContext& c) {
  const Lines lines(c);
  const std::vector<double> ct = c.load(2);
  std::vector<double> dx(lines.x.size());
  std::vector<double> log_p;
  for (std::size_t p = 0; p < ct.size(); ++p) {
    if (!lines.line(p, log_p)) continue;
    for (std::int64_t k = 0; k < lines.classes; ++k) {
      dx[lines.element(p, k)] =
          ct[p] * (std::exp(log_p[static_cast<std::size_t>(k)]) - lines.target(p, k));
    }
  }
  c.store(0, dx);
}

// dx = ct (p - target); p is the softmax, whose derivative along u is p (u - sum(p u)).
L vjp_backward(G c) {
  const Tensor& x = c.in(0);
  const Tensor& labels = c.in(1);
  const Tensor u = c.ct();
  const int axis = axis_of(c.attrs, x.rank());
  const std::int64_t classes = x.shape()[axis];
  const double smoothing = c.attrs.number_or("label_smoothing", 0);
  std::vector<std::int64_t> along(static_cast<std::size_t>(x.rank()), 1);
  along[static_cast<std::size_t>(axis)] = classes;
  const Tensor numbers = nacre::reshape(arange(classes), along);
  const Tensor column = expand_dims(labels, {axis});
  const Tensor hit = nacre::cast(nacre::equal(column, numbers), x.dtype());
  const Tensor target = hit * (1 - smoothing) + smoothing / static_cast<double>(classes);
  const Tensor counts = nacre::cast(
      nacre::not_equal(column, static_cast<double>(c.attrs.integer_or("ignore_index", -100))),
      x.dtype());
  const Tensor p = nacre::softmax(x, axis);
  Tensor dx;
  Tensor dct;
  if (c.wanted[0]) {
    const Tensor ct = expand_dims(c.in(2), {axis}) * counts;
    dx = ct * p * (u - nacre::sum(p * u, {axis}, true));
  }
  if (c.wanted[2]) dct = nacre::sum(counts * u * (p - target), {axis});
  return {dx, Tensor(), dct};
}

std::vector<Sample> samples_of(bool backward) {
  std::vector<Sample> list;
  const auto add = [&](DType d, Shape x, std::int64_t axis, double smoothing, std::int64_t ignore) {
    Shape rest;
    for (int i = 0; i < x.rank(); ++i) {
      if (i != (axis < 0 ? axis + x.rank() : axis)) rest.push_back(x[i]);
    }
    const double classes =
        static_cast<double>(x[static_cast<int>(axis < 0 ? axis + x.rank() : axis)]);
    Sample s{.inputs = {{{d, x}, -4, 4}, {{i64, rest}, 0, classes, Fill::integers}},
             .attrs = {{"axis", axis}, {"label_smoothing", smoothing}, {"ignore_index", ignore}}};
    if (backward) s.inputs.push_back({{d, rest}});
    list.push_back(std::move(s));
  };
  add(f32, {5, 10}, -1, 0, -100);
  add(f32, {33, 3}, 1, 0.1, -100);
  add(f32, {3, 4, 7}, 1, 0, 2);
  add(f32, {2, 3, 131}, -1, 0.2, 1);
  add(f64, {6, 5}, -1, 0.3, 0);
  add(f32, {9}, 0, 0, -100);
  return list;
}

}  // namespace

const OpDef softmax_cross_entropy = {
    .name = "softmax_cross_entropy",
    .infer = infer_loss,
    .vjp = [](G c) -> L {
      return {emit_one(Op::softmax_cross_entropy_backward, c.attrs, {c.in(0), c.in(1), c.ct()}, {}),
              Tensor()};
    },
    .reference = reference_loss,
    .onnx = "SoftmaxCrossEntropyLoss",
    .samples = [] { return samples_of(false); },
};

const OpDef softmax_cross_entropy_backward = {
    .name = "softmax_cross_entropy_backward",
    .infer = infer_backward,
    .vjp = vjp_backward,
    .reference = reference_backward,
    .samples = [] { return samples_of(true); },
};

}  // namespace op_defs
}  // namespace nacre
