#include "nacre/run/variable.h"

#include <algorithm>

#include "nacre/ops/elementwise/elementwise.h"
#include "nacre/run/tape_record.h"
#include "nacre/run/trace_session.h"

namespace nacre {
namespace {

// The same elements as a value of its own: gradient tapes tell values by identity, and two
// Variables that start from one tensor, or from each other, are two.
Tensor own_handle(const Tensor& t) {
  return t.defined() && !t.is_traced() ? Tensor(t.spec(), t.buffer()) : t;
}

}  // namespace

Variable::Variable(Tensor value, std::string name, bool trainable)
    : cell_(std::make_shared<VariableCell>(
          VariableCell{std::move(name), own_handle(value), trainable})) {
  // Made from a traced value: the traced function gives it its value, at every call.
  TraceSession* session = TraceSession::current();
  if (session && cell_->value.is_traced()) session->assign(cell_, cell_->value);
}

Variable::Variable(const Variable& other) : cell_(std::make_shared<VariableCell>(*other.cell_)) {
  cell_->value = own_handle(cell_->value);  // tensors are immutable: sharing the elements is a copy
}

Variable::Variable(Variable&& other) noexcept
    : cell_(std::move(other.cell_)), handle_(other.handle_) {
  left();
}

Variable& Variable::operator=(const Variable& other) {
  if (this != &other) *this = Variable(other);
  return *this;
}

Variable& Variable::operator=(Variable&& other) noexcept {
  if (this == &other) return *this;
  const bool stays_frozen = cell_ && !cell_->trainable && !defined() && other.defined();
  left();
  cell_ = std::move(other.cell_);
  handle_ = other.handle_;
  left();
  if (stays_frozen) cell_->trainable = false;
  return *this;
}

Variable Variable::of(VariableRef cell) {
  Variable v;
  v.cell_ = std::move(cell);
  v.handle_ = true;
  return v;
}

Tensor Variable::value() const { return read(cell_); }
void Variable::assign(const Tensor& value) { nacre::assign(cell_, value); }

void Variable::define(Tensor value, std::string name, bool trainable) {
  cell_->name = std::move(name);
  cell_->value = own_handle(value);
  cell_->trainable = trainable && cell_->trainable;
  TraceSession* session = TraceSession::current();
  if (session && cell_->value.is_traced()) session->assign(cell_, cell_->value);
}

Variable& operator+=(Variable& v, const Operand& x) { return v = add({v.value(), x.at()}, x); }
Variable& operator-=(Variable& v, const Operand& x) { return v = sub({v.value(), x.at()}, x); }
Variable& operator*=(Variable& v, const Operand& x) { return v = mul({v.value(), x.at()}, x); }
Variable& operator/=(Variable& v, const Operand& x) { return v = div({v.value(), x.at()}, x); }

bool Variable::trainable() const { return is_trainable(cell_); }

namespace {
thread_local VariableScope* current_scope = nullptr;
}

VariableScope::VariableScope() : outer_(current_scope), replaces_(false) { current_scope = this; }

VariableScope::VariableScope(const std::vector<VariableRef>& cells,
                             const std::vector<Tensor>& values)
    : outer_(current_scope), replaces_(true), cells_(cells), values_(values) {
  current_scope = this;
}

VariableScope::~VariableScope() { current_scope = outer_; }

Tensor* VariableScope::find(const VariableCell* cell) {
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    if (cells_[i].get() == cell) return &values_[i];
  }
  return nullptr;
}

Tensor VariableScope::read_through(VariableScope* scope, const VariableRef& cell) {
  if (!scope) {
    if (TraceSession* session = TraceSession::current()) return session->read(cell);
    if (cell->trainable && cell->value.defined()) watch_on_tapes(cell->value);
    return cell->value;
  }
  if (scope->replaces_) {
    const Tensor* own = scope->find(cell.get());
    return own ? *own : read_through(scope->outer_, cell);
  }
  Tensor value = read_through(scope->outer_, cell);
  const bool own =
      std::find(scope->assigned_.begin(), scope->assigned_.end(), cell) != scope->assigned_.end();
  if (!own && value.defined() && !scope->find(cell.get())) {
    scope->cells_.push_back(cell);
    scope->values_.push_back(value);
  }
  return value;
}

void VariableScope::assign_through(VariableScope* scope, const VariableRef& cell,
                                   const Tensor& value) {
  if (!scope) {
    if (TraceSession* session = TraceSession::current()) {
      session->assign(cell, value);
    } else if (value.is_traced()) {
      throw TraceError("assign: a traced value is assigned to variable \"" + cell->name +
                       "\" outside the traced function");
    } else {
      cell->value = own_handle(value);
    }
  } else if (scope->replaces_) {
    if (Tensor* own = scope->find(cell.get())) {
      *own = value;
    } else {
      scope->cells_.push_back(cell);
      scope->values_.push_back(value);
    }
  } else {
    scope->assigned_.push_back(cell);
    assign_through(scope->outer_, cell, value);
  }
}

bool is_trainable(const VariableRef& cell) {
  if (TraceSession* session = TraceSession::current()) session->depend(cell);
  return cell->trainable;
}

Tensor read(const VariableRef& cell) { return VariableScope::read_through(current_scope, cell); }

void assign(const VariableRef& cell, const Tensor& value) {
  if (cell->value.defined() && !(cell->value.spec() == value.spec())) {
    throw ShapeError(format_error({.op = "assign",
                                   .what = "variable \"" + cell->name + "\" is " +
                                           to_string(cell->value.spec()) + ", the new value is " +
                                           to_string(value.spec())}));
  }
  VariableScope::assign_through(current_scope, cell, value);
}

}  // namespace nacre
