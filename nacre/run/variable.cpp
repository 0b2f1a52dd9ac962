#include "nacre/run/variable.h"

#include "nacre/run/tape.h"
#include "nacre/run/trace_session.h"

namespace nacre {

Variable::Variable(Tensor value, std::string name, bool trainable)
    : cell_(std::make_shared<VariableCell>(
          VariableCell{std::move(name), std::move(value), trainable})) {}

Variable::Variable(const Variable& other)
    : cell_(std::make_shared<VariableCell>(*other.cell_)) {
}  // tensors are immutable: sharing is a copy

Variable& Variable::operator=(const Variable& other) {
  if (this != &other) cell_ = std::make_shared<VariableCell>(*other.cell_);
  return *this;
}

Variable Variable::of(VariableRef cell) {
  Variable v;
  v.cell_ = std::move(cell);
  return v;
}

Tensor Variable::value() const { return read(cell_); }
void Variable::assign(const Tensor& value) { nacre::assign(cell_, value); }

Tensor read(const VariableRef& cell) {
  if (TraceSession* session = TraceSession::current()) return session->read(cell);
  if (cell->trainable && cell->value.defined()) watch_on_tapes(cell->value);
  return cell->value;
}

void assign(const VariableRef& cell, const Tensor& value) {
  if (cell->value.defined() && !(cell->value.spec() == value.spec())) {
    throw ShapeError(format_error({.op = "assign",
                                   .what = "variable \"" + cell->name + "\" is " +
                                           to_string(cell->value.spec()) + ", the new value is " +
                                           to_string(value.spec())}));
  }
  if (TraceSession* session = TraceSession::current()) {
    session->assign(cell, value);
  } else if (value.is_traced()) {
    throw TraceError("assign: a traced value is assigned to variable \"" + cell->name +
                     "\" outside the traced function");
  } else {
    cell->value = value;
  }
}

}  // namespace nacre
