// Reads index tensors for gather and scatter: integers of any dtype, checked, counted from the
// front, a block at a time, so that the loops which move elements know one type only.
#pragma once

#include "nacre/kernels/registry.h"
#include "nacre/ops/index/indexed.h"

namespace nacre::cpu {

class Places {
 public:
  static constexpr std::int64_t kBlock = 256;

  // The places that input `indices` of a gather or scatter addresses in input 0.
  Places(const KernelQuery& q, op_defs::Addressing how, std::size_t indices = 1);
  // Class numbers below `classes`, from -classes on when `negative`, else from 0.
  Places(Op op, const Spec& indices, std::int64_t classes, bool negative);

  // The number of places: index tuples where several make up one.
  std::int64_t count() const { return count_; }
  // Writes places first..first+n-1 of the index tensor at `data`, n <= kBlock: the index along the
  // axis, or for several coordinates the number of the slab. Throws ValueError on an index out of
  // range.
  void read(const void* data, std::int64_t first, std::int64_t n, std::int64_t* places) const;
  // Throws what read throws for any of them.
  void check(const void* data) const;

 private:
  struct Axis {
    int axis;
    std::int64_t size, stride;
  };
  template <class I>
  void read_as(const I* data, std::int64_t first, std::int64_t n, std::int64_t* places) const;
  [[noreturn]] void fail(std::int64_t value, std::int64_t flat, const Axis& axis) const;

  Op op_;
  DType dtype_;
  Shape shape_;
  std::vector<Axis> axes_;  // one a coordinate
  std::int64_t count_;
  bool negative_ = true;
  bool classes_ = false;  // what is addressed, for the error: classes or rows, not an axis
};

}  // namespace nacre::cpu
