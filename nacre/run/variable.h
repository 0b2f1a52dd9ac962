// Variable: a named, mutable tensor: what a model learns and what a step carries over to the next.
#pragma once

#include <memory>
#include <string>
#include <vector>

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

// While it lives, sees the Variables that this thread reads: it notes each with the value of its
// first read; with `cells` given, their reads give `values` instead and assignments to any Variable
// stay within the scope. Lets a function be run again as it ran before.
class VariableScope {
 public:
  VariableScope();
  VariableScope(const std::vector<VariableRef>& cells, const std::vector<Tensor>& values);
  ~VariableScope();
  VariableScope(const VariableScope&) = delete;
  VariableScope& operator=(const VariableScope&) = delete;

  const std::vector<VariableRef>& cells() const { return cells_; }
  const std::vector<Tensor>& values() const { return values_; }

 private:
  friend Tensor read(const VariableRef& cell);
  friend void assign(const VariableRef& cell, const Tensor& value);
  Tensor* find(const VariableCell* cell);
  static Tensor read_through(VariableScope* scope, const VariableRef& cell);
  static void assign_through(VariableScope* scope, const VariableRef& cell, const Tensor& value);

  VariableScope* outer_;
  bool replaces_;
  std::vector<VariableRef> cells_;
  std::vector<Tensor> values_;
  std::vector<VariableRef> assigned_;
};

}  // namespace nacre
