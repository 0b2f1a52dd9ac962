// FusedProgram: a region of elementwise ops as one node. Made by the fusion pass, run by a kernel
// that interprets it over tiles that stay in the first-level cache.
#pragma once

#include "nacre/ops/define/op_def.h"

namespace nacre {

// A straight-line program over registers. Registers 0..inputs-1 hold the (broadcast) inputs; each
// instruction writes the next register. All instructions work at the region's shape.
class FusedProgram final : public Payload {
 public:
  struct Instruction {
    Op op;                                     // an elementwise op, or `constant` for a scalar
    Attrs attrs;                               // of the op (cast: to; constant: value)
    DType dtype;                               // of the register it writes
    InlineVector<std::uint16_t, 3> arguments;  // registers
  };

  FusedProgram(std::size_t inputs, Shape shape, std::vector<Instruction> instructions,
               std::vector<std::uint16_t> outputs)
      : inputs_(inputs),
        shape_(shape),
        instructions_(std::move(instructions)),
        outputs_(std::move(outputs)) {}

  std::size_t input_count() const { return inputs_; }
  const Shape& shape() const { return shape_; }
  const std::vector<Instruction>& instructions() const { return instructions_; }
  // The registers that are the node's outputs, in order.
  const std::vector<std::uint16_t>& outputs() const { return outputs_; }

  std::size_t hash() const override;
  bool equal(const Payload& other) const override;
  std::string text() const override;

 private:
  std::size_t inputs_;
  Shape shape_;
  std::vector<Instruction> instructions_;
  std::vector<std::uint16_t> outputs_;
};

}  // namespace nacre
