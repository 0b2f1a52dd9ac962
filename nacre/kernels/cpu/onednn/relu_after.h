// relu over what oneDNN computed. As the library's own post-operation it would make 0 of NaN, and a
// network that broke would look alive; the pass costs less than 1% of a product worth the library.
#pragma once

#include "nacre/kernels/registry.h"

namespace nacre::cpu {

class ReluAfter {
 public:
  // For a result of f32 or bf16, on at most `threads` threads.
  ReluAfter(const Spec& result, int threads);
  void operator()(void* result) const;

 private:
  DType dtype_;
  std::int64_t count_;
  int workers_;
};

}  // namespace nacre::cpu
