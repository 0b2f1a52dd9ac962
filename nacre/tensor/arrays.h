// Arrays: data as fit(), evaluate(), predict() and Dataset::from() take it: a tensor, several, or a
// vector of numbers or of rows.
#pragma once

#include "nacre/tensor/tensor.h"

namespace nacre {

class Arrays {
 public:
  Arrays() = default;
  Arrays(const Tensor& tensor) : tensors_{tensor} {}
  Arrays(std::initializer_list<Tensor> tensors) : tensors_(tensors) {}
  Arrays(Tensors tensors) : tensors_(std::move(tensors)) {}
  // As tensor() makes of it: numbers keep their type.
  template <class T>
  requires requires(const std::vector<T>& v) { tensor(v); }
  Arrays(const std::vector<T>& values) : tensors_{tensor(values)} {}

  const Tensors& tensors() const { return tensors_; }
  bool empty() const { return tensors_.empty(); }

 private:
  Tensors tensors_;
};

}  // namespace nacre
