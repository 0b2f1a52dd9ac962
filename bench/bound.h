// A kernel with memory of its own, to be run again and again.
#pragma once

#include "nacre/base/threads.h"
#include "nacre/kernels/registry.h"
#include "nacre/nacre.h"
#include "nacre/ops/define/emit.h"

namespace nacre {

// A kernel bound as a plan binds it.
class BoundKernel {
 public:
  BoundKernel(Op op, const Attrs& attrs, Tensors inputs, int threads = 1, bool reference = false)
      : inputs_(std::move(inputs)) {
    SpecList in;
    for (const Tensor& t : inputs_) {
      in.push_back(t.spec());
      pointers_.push_back(const_cast<void*>(t.raw_data()));
    }
    const SpecList out = infer_specs(op, attrs, in, {});
    for (const Spec& spec : out) {
      outputs_.push_back(Tensor(spec));
      pointers_.push_back(outputs_.back().raw_mutable_data());
    }
    kernel_ = prepare_kernel({op, attrs, in, out, threads}, reference);
    scratch_ = Buffer::allocate(kernel_.scratch_bytes);
    context_ = {threads, scratch_.data()};
  }
  std::size_t bytes() const {
    std::size_t total = 0;
    for (const Tensor& t : inputs_) total += t.spec().bytes();
    for (const Tensor& t : outputs_) total += t.spec().bytes();
    return total;
  }
  void run() { kernel_.run(kernel_.state.get(), pointers_.data(), context_); }

 private:
  Tensors inputs_;
  Tensors outputs_;
  std::vector<void*> pointers_;
  PreparedKernel kernel_;
  Buffer scratch_;
  RunContext context_;
};

}  // namespace nacre
