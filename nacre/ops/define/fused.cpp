// fused_elementwise {program}: runs a FusedProgram. Exists only after the fusion pass, so it needs
// no gradient.
#include "nacre/ops/define/fused.h"

#include <fmt/format.h>

#include "nacre/ops/define/op_defs.h"

namespace nacre {

std::size_t FusedProgram::hash() const {
  std::size_t h = mix_hash(inputs_, instructions_.size());
  for (const Instruction& i : instructions_) {
    h = mix_hash(mix_hash(h, static_cast<std::size_t>(i.op)), i.attrs.hash());
    for (const std::uint16_t r : i.arguments) h = mix_hash(h, r);
  }
  return h;
}

bool FusedProgram::equal(const Payload& other) const {
  const auto* p = dynamic_cast<const FusedProgram*>(&other);
  if (!p || inputs_ != p->inputs_ || !(shape_ == p->shape_) || outputs_ != p->outputs_ ||
      instructions_.size() != p->instructions_.size()) {
    return false;
  }
  for (std::size_t i = 0; i < instructions_.size(); ++i) {
    const Instruction& a = instructions_[i];
    const Instruction& b = p->instructions_[i];
    if (a.op != b.op || a.dtype != b.dtype || !(a.attrs == b.attrs) ||
        !std::equal(a.arguments.begin(), a.arguments.end(), b.arguments.begin(),
                    b.arguments.end())) {
      return false;
    }
  }
  return true;
}

std::string FusedProgram::text() const {
  std::string out;
  std::size_t reg = inputs_;
  for (const Instruction& i : instructions_) {
    fmt::format_to(std::back_inserter(out), "{}r{}={}{}({})", out.empty() ? "" : "; ", reg++,
                   name_of(i.op), to_string(i.attrs),
                   fmt::join(i.arguments.begin(), i.arguments.end(), ","));
  }
  return fmt::format("<{} -> {}>", out, fmt::join(outputs_, ","));
}

namespace op_defs {
namespace {

const FusedProgram& program_of(const Attrs& attrs) {
  return static_cast<const FusedProgram&>(attrs.payload("program"));
}

SpecList infer_fused(const InferContext& c) {
  const FusedProgram& p = program_of(c.attrs);
  c.expect_inputs(p.input_count());
  // The instructions state their dtypes; these must be what the inputs lead to.
  std::vector<Spec> registers(c.inputs.begin(), c.inputs.end());
  for (const FusedProgram::Instruction& i : p.instructions()) {
    Spec spec{i.dtype, Shape{}};
    if (i.op != Op::constant) {
      SpecList in;
      for (const std::uint16_t r : i.arguments) in.push_back(registers[r]);
      spec = op_def(i.op).infer({i.op, i.attrs, in, c.location})[0];
    }
    if (spec.dtype != i.dtype) {
      c.fail_dtype(fmt::format("the program's {} gives {}, not {}", name_of(i.op),
                               name_of(spec.dtype), name_of(i.dtype)));
    }
    registers.push_back(spec);
  }
  SpecList out;
  for (const std::uint16_t r : p.outputs()) {
    out.push_back({p.instructions()[r - p.input_count()].dtype, p.shape()});
  }
  return out;
}

// Runs the program one whole tensor at a time through each op's own reference.
void reference_fused(const ReferenceContext& c) {
  const FusedProgram& p = program_of(c.attrs);
  std::vector<Tensor> registers;
  for (std::size_t i = 0; i < p.input_count(); ++i) {
    registers.push_back(
        Tensor(c.in_specs[i], Buffer::borrow(const_cast<void*>(c.in[i]), c.in_specs[i].bytes())));
  }
  for (const FusedProgram::Instruction& i : p.instructions()) {
    if (i.op == Op::constant) {
      registers.push_back(Tensor::scalar(i.attrs.exact("value"), i.dtype));
      continue;
    }
    SpecList in;
    std::vector<const void*> pointers;
    Shape shape;
    for (const std::uint16_t r : i.arguments) {
      in.push_back(registers[r].spec());
      pointers.push_back(registers[r].raw_data());
      const Shape so_far = shape;
      broadcast_shapes(so_far, registers[r].shape(), shape);
    }
    const SpecList out{Spec{i.dtype, shape}};
    Tensor result(out[0]);
    void* target = result.raw_mutable_data();
    op_def(i.op).reference({i.attrs, in, out, pointers.data(), &target});
    registers.push_back(result);
  }
  for (std::size_t i = 0; i < p.outputs().size(); ++i) {
    const Tensor& t = registers[p.outputs()[i]];
    BroadcastWalk walk(t.shape(), p.shape());
    const std::size_t size = size_of(t.dtype());
    for (std::int64_t k = 0; k < p.shape().elements(); ++k, walk.next()) {
      std::copy_n(
          static_cast<const char*>(t.raw_data()) + walk.offset() * static_cast<std::int64_t>(size),
          size, c.out_bytes(i) + k * static_cast<std::int64_t>(size));
    }
  }
}

}  // namespace

const OpDef fused_elementwise = {
    .name = "fused_elementwise",
    .infer = infer_fused,
    .gradient = Gradient::none,
    .gradient_hint = "differentiate before the passes run",
    .reference = reference_fused,
    .cost =
        [](const Attrs& attrs, std::span<const Spec> in, std::span<const Spec> out) {
          const FusedProgram& p = program_of(attrs);
          double bytes = 0;
          for (const Spec& s : in) bytes += static_cast<double>(s.bytes());
          for (const Spec& s : out) bytes += static_cast<double>(s.bytes());
          return Cost{static_cast<double>(p.shape().elements()) *
                          static_cast<double>(p.instructions().size()),
                      bytes};
        },
    .samples = []() -> std::vector<Sample> {
      using I = FusedProgram::Instruction;
      // tanh(a * b + 2), a * b: a full input, a row, a scalar.
      const auto make = [](Shape shape) {
        return PayloadPtr(
            std::make_shared<FusedProgram>(2, shape,
                                           std::vector<I>{{Op::mul, {}, f32, {0, 1}},
                                                          {Op::constant, {{"value", 2.0}}, f32, {}},
                                                          {Op::add, {}, f32, {2, 3}},
                                                          {Op::tanh, {}, f32, {4}}},
                                           std::vector<std::uint16_t>{5, 2}));
      };
      std::vector<Sample> list;
      for (const auto& [a, b] : std::vector<std::pair<Shape, Shape>>{
               {{3, 7}, {3, 7}}, {{33, 65}, {65}}, {{5, 1031}, {}}, {{4, 9}, {4, 1}}}) {
        list.push_back({.inputs = {{{f32, a}}, {{f32, b}}},
                        .attrs = {{"program", make(a)}},
                        .check_gradient = false});
      }
      return list;
    },
};

}  // namespace op_defs
}  // namespace nacre
