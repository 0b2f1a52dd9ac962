// Declares every definition, so that each op file only defines; and helpers that several share.
#pragma once

#include "nacre/ops/define/op_def.h"

namespace nacre::op_defs {

#define NACRE_OP(name) extern const OpDef name;
#include "nacre/ops/define/ops.def"
#undef NACRE_OP

// A reference kernel that applies a captureless double -> double function to each element.
template <auto F>
void map_reference(const ReferenceContext& c) {
  std::vector<double> x = c.load(0);
  for (double& v : x) v = F(v);
  c.store(0, x);
}

// Walks the elements of `out` in order with the offset of the broadcast element of `in`.
class BroadcastWalk {
 public:
  BroadcastWalk(const Shape& in, const Shape& out);
  std::int64_t offset() const { return offset_; }
  void next();

 private:
  Shape out_;
  std::array<std::int64_t, kMaxRank> strides_{};
  std::array<std::int64_t, kMaxRank> position_{};
  std::int64_t offset_ = 0;
};

// The same for a function of two broadcast inputs.
template <auto F>
void zip_reference(const ReferenceContext& c) {
  const std::vector<double> a = c.load(0);
  const std::vector<double> b = c.load(1);
  std::vector<double> out(static_cast<std::size_t>(c.out_shape().elements()));
  BroadcastWalk wa(c.in_shape(0), c.out_shape());
  BroadcastWalk wb(c.in_shape(1), c.out_shape());
  for (double& v : out) {
    v = F(a[static_cast<std::size_t>(wa.offset())], b[static_cast<std::size_t>(wb.offset())]);
    wa.next();
    wb.next();
  }
  c.store(0, out);
}

}  // namespace nacre::op_defs
