// ctc_loss {blank}: (logits, labels, steps) -> losses; ctc_loss_backward: (logits, labels, steps,
// ct of the losses) -> ct of the logits.
#include "nacre/ops/network/ctc.h"

#include <fmt/format.h>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"
#include "nacre/ops/elementwise/elementwise.h"
#include "nacre/ops/network/ctc_lattice.h"
#include "nacre/ops/shape/movement.h"

namespace nacre {

Tensor ctc_loss(const Operand& logits, const Operand& labels, const CtcOptions& options,
                const Tensor& steps) {
  const Tensor x = is_floating(logits.dtype()) ? logits.tensor() : cast(logits, f32);
  Tensor counts = steps;
  // A wrong rank is reported by the op.
  if (!counts.defined()) {
    counts = x.rank() == 3 ? full({x.size(0)}, x.size(1), i64) : zeros({0}, i64);
  }
  return emit_one(Op::ctc_loss, {{"blank", options.blank}}, {x, labels.tensor(i64), counts},
                  logits.at());
}

namespace op_defs {
namespace {

using G = const VjpContext&;
using L = TensorList;

Spec check(const InferContext& c) {
  c.expect_floating(0);
  c.expect_rank(0, 3);
  const Shape& x = c.inputs[0].shape;
  for (const std::size_t i : {1u, 2u}) {
    if (is_integral(c.inputs[i].dtype)) continue;
    c.fail_dtype(fmt::format("integer {} expected, {} given", i == 1 ? "labels" : "steps",
                             name_of(c.inputs[i].dtype)),
                 "class numbers and counts are i32 or i64");
  }
  if (c.inputs[1].shape.rank() != 2 || c.inputs[1].shape[0] != x[0]) {
    c.fail_shape(
        fmt::format("labels [{}, length] expected, {} given", x[0], to_string(c.inputs[1].shape)),
        "one row of labels a sequence, padded with -1");
  }
  if (!(c.inputs[2].shape == Shape{x[0]})) {
    c.fail_shape(fmt::format("steps [{}] expected, {} given", x[0], to_string(c.inputs[2].shape)));
  }
  if (x[1] == 0 || x[2] == 0) c.fail_shape("there are no steps or no classes");
  const std::int64_t blank = c.attrs.integer("blank");
  if (blank < 0 || blank >= x[2]) {
    c.fail_value(fmt::format("the blank {} is not one of {} classes", blank, x[2]));
  }
  return {c.inputs[0].dtype, {x[0]}};
}

SpecList infer_loss(const InferContext& c) {
  c.expect_inputs(3);
  return {check(c)};
}

SpecList infer_backward(const InferContext& c) {
  c.expect_inputs(4);
  const Spec expected = check(c);
  if (!(c.inputs[3] == expected)) {
    c.fail_shape(fmt::format("a gradient {} expected, {} given", to_string(expected),
                             to_string(c.inputs[3])));
  }
  return {c.inputs[0]};
}

// Calls body(sequence, lattice) with the lattice of each sequence.
template <class F>
void for_each_sequence(const ReferenceContext& c, F body) {
  const Shape& x = c.in_shape(0);
  const std::int64_t length = c.in_shape(1)[1];
  const CtcSizes sizes{x[1], x[2], length, c.attrs.integer("blank")};
  std::vector<double> workspace(sizes.workspace_bytes() / sizeof(double));
  CtcLattice lattice(sizes, workspace.data());
  const std::vector<double> labels = c.load(1);
  const std::vector<double> steps = c.load(2);
  for (std::int64_t b = 0; b < x[0]; ++b) {
    std::vector<std::int64_t> row;
    for (std::int64_t i = 0; i < length; ++i) {
      row.push_back(static_cast<std::int64_t>(labels[static_cast<std::size_t>(b * length + i)]));
    }
    lattice.set_labels(row.data(), static_cast<std::int64_t>(steps[static_cast<std::size_t>(b)]));
    body(b, lattice);
  }
}

void reference_loss(const ReferenceContext& c) {
  const std::vector<double> x = c.load(0);
  const std::int64_t each = c.in_shape(0)[1] * c.in_shape(0)[2];
  std::vector<double> loss;
  for_each_sequence(c, [&](std::int64_t b, CtcLattice& lattice) {
    loss.push_back(lattice.loss(x.data() + b * each));
  });
  c.store(0, loss);
}

void reference_backward(const ReferenceContext& c) {
  const std::vector<double> x = c.load(0);
  const std::vector<double> ct = c.load(3);
  const std::int64_t each = c.in_shape(0)[1] * c.in_shape(0)[2];
  std::vector<double> dx(x.size());
  for_each_sequence(c, [&](std::int64_t b, CtcLattice& lattice) {
    lattice.gradient(x.data() + b * each, ct[static_cast<std::size_t>(b)], dx.data() + b * each);
  });
  c.store(0, dx);
}

std::vector<Sample> samples_of(bool backward) {
  std::vector<Sample> list;
  // The blank is the last class; labels from -1 on end rows early.
  const auto add = [&](DType d, std::int64_t batch, std::int64_t time, std::int64_t classes,
                       std::int64_t length) {
    const auto last = static_cast<double>(classes - 1);
    Sample s{.inputs = {{{d, {batch, time, classes}}},
                        {{i64, {batch, length}}, -1, last, Fill::integers},
                        {{i64, {batch}},
                         static_cast<double>(2 * length),
                         static_cast<double>(time + 1),
                         Fill::integers}},
             .attrs = {{"blank", classes - 1}}};
    if (backward) {
      s.inputs.push_back({{d, {batch}}});
      s.check_gradient = false;
    }
    list.push_back(std::move(s));
  };
  add(f32, 3, 9, 5, 3);
  add(f32, 2, 40, 17, 7);
  add(f64, 4, 7, 4, 2);
  add(f32, 1, 3, 2, 1);
  return list;
}

Cost cost(const Attrs&, std::span<const Spec> in, std::span<const Spec>) {
  const Shape& x = in[0].shape;
  const double states = static_cast<double>(2 * in[1].shape[1] + 1 + x[2]);
  // An exp or log counts as twenty operations.
  return {static_cast<double>(x[0] * x[1]) * states * 60, static_cast<double>(in[0].bytes())};
}

}  // namespace

const OpDef ctc_loss = {
    .name = "ctc_loss",
    .infer = infer_loss,
    .vjp = [](G c) -> L {
      return {emit_one(Op::ctc_loss_backward, c.attrs, {c.in(0), c.in(1), c.in(2), c.ct()}, {}),
              Tensor(), Tensor()};
    },
    .reference = reference_loss,
    .cost = cost,
    .samples = [] { return samples_of(false); },
    .second_order = false,
};

const OpDef ctc_loss_backward = {
    .name = "ctc_loss_backward",
    .infer = infer_backward,
    .gradient = Gradient::none,
    .gradient_hint = "ctc_loss has a first gradient only",
    .reference = reference_backward,
    .cost = cost,
    .samples = [] { return samples_of(true); },
};

}  // namespace op_defs
}  // namespace nacre
