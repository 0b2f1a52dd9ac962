// Variable: a named, mutable tensor: what a model learns and what a step carries over to the next.
#pragma once

#include <memory>
#include <string>

#include "nacre/ops/operand.h"

namespace nacre {

// The place a Variable's value lives; optimisers and traces refer to it.
struct VariableCell {
  std::string name;
  Tensor value;
  bool trainable = true;
};
using VariableRef = std::shared_ptr<VariableCell>;

// Copying a Variable copies its value (a module's copy is a deep copy); moving keeps the cell.
// Within a traced function a read makes the variable an input of the graph, an assignment an
// output.
class Variable {
 public:
  Variable() : cell_(std::make_shared<VariableCell>()) {}
  explicit Variable(Tensor value, std::string name = "", bool trainable = true);
  Variable(const Variable& other);
  Variable(Variable&&) noexcept = default;
  Variable& operator=(const Variable& other);
  Variable& operator=(Variable&&) noexcept = default;

  bool defined() const { return cell_->value.defined(); }
  Tensor value() const;
  operator Tensor() const { return value(); }
  // Replaces the value. Throws ShapeError / DTypeError when the spec changes.
  void assign(const Tensor& value);
  const Spec& spec() const { return cell_->value.spec(); }
  const Shape& shape() const { return spec().shape; }
  const std::string& name() const { return cell_->name; }
  void set_name(std::string name) { cell_->name = std::move(name); }
  bool trainable() const { return cell_->trainable; }
  void set_trainable(bool trainable) { cell_->trainable = trainable; }

  const VariableRef& cell() const { return cell_; }
  // A Variable over an existing cell (not a copy).
  static Variable of(VariableRef cell);

  void is_tensor_readable() const {}

 private:
  VariableRef cell_;
};

// Reading and writing of a cell, tracing respected.
Tensor read(const VariableRef& cell);
void assign(const VariableRef& cell, const Tensor& value);

}  // namespace nacre
