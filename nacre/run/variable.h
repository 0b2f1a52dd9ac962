// Variable: a named, mutable tensor: what a model learns and what a step carries over to the next.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "nacre/ops/define/operand.h"

namespace nacre {

// The place a Variable's value lives; optimisers and traces refer to it.
struct VariableCell {
  std::string name;
  Tensor value;
  bool trainable = true;
  // Rises when the Variable it belongs to is moved, replaced or destroyed: what was traced through
  // that Variable may mean another one then.
  std::uint32_t moves = 0;
};
using VariableRef = std::shared_ptr<VariableCell>;

// Copying a Variable copies its value (a module's copy is a deep copy); moving keeps the cell, and
// so what an optimizer knows of it. A compiled function notices when a Variable that it used is
// replaced or freezes, and is traced again.
// Within a traced function a read makes the variable an input of the graph, an assignment an
// output.
class Variable {
 public:
  Variable() : cell_(std::make_shared<VariableCell>()) {}
  Variable(Tensor value, std::string name = "", bool trainable = true);  // NOLINT: implicit
  Variable(const Variable& other);
  Variable(Variable&& other) noexcept;
  Variable& operator=(const Variable& other);
  // One that was frozen before it had a value stays frozen.
  Variable& operator=(Variable&& other) noexcept;
  // assign(): the Variable stays the one it is.
  Variable& operator=(const Tensor& value) {
    assign(value);
    return *this;
  }
  ~Variable() { left(); }

  bool defined() const { return cell_->value.defined(); }
  Tensor value() const;
  operator Tensor() const { return value(); }
  Tensor operator[](std::int64_t i) const { return value()[i]; }
  Tensor sum(const Axes& axes = {}, bool keep_dims = false,
             Location at = std::source_location::current()) const {
    return value().sum(axes, keep_dims, at);
  }
  Tensor mean(const Axes& axes = {}, bool keep_dims = false,
              Location at = std::source_location::current()) const {
    return value().mean(axes, keep_dims, at);
  }
  template <class T = float>
  T item(Location at = std::source_location::current()) const {
    return value().item<T>(at);
  }
  // Replaces the value. Throws ShapeError / DTypeError when the spec changes.
  void assign(const Tensor& value);
  // Its first value and name, in the cell it has: who holds that, and what was said of it before
  // (set_trainable), stays. It is trainable when `trainable` and nobody froze it.
  void define(Tensor value, std::string name, bool trainable = true);
  const Spec& spec() const { return cell_->value.spec(); }
  const Shape& shape() const { return spec().shape; }
  DType dtype() const { return spec().dtype; }
  int rank() const { return shape().rank(); }
  int ndim() const { return rank(); }
  std::int64_t size(int axis) const { return cell_->value.size(axis); }
  std::int64_t numel() const { return spec().elements(); }
  const std::string& name() const { return cell_->name; }
  void set_name(std::string name) { cell_->name = std::move(name); }
  bool trainable() const;
  void set_trainable(bool trainable) { cell_->trainable = trainable; }

  const VariableRef& cell() const { return cell_; }
  // A Variable over an existing cell (not a copy).
  static Variable of(VariableRef cell);
  // It is a member of a module from now on, also when it was made by of().
  void adopt() { handle_ = false; }

  void is_tensor_readable() const {}

 private:
  // Tells functions traced through this Variable to check it again.
  void left() noexcept {
    if (cell_ && !handle_) ++cell_->moves;
  }

  VariableRef cell_;
  bool handle_ = false;  // made by of(): its coming and going means nothing
};

// v += x is v.assign(v + x).
Variable& operator+=(Variable& v, const Operand& x);
Variable& operator-=(Variable& v, const Operand& x);
Variable& operator*=(Variable& v, const Operand& x);
Variable& operator/=(Variable& v, const Operand& x);

// Whether training changes a cell; a trace that asks depends on the answer.
bool is_trainable(const VariableRef& cell);
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
