// The adapter to oneDNN: engine, descriptors, and programs of primitives bound once and run without
// set-up. Only sources of this folder include it: the library's header is heavy.
#pragma once

#include <initializer_list>
#include <oneapi/dnnl/dnnl.hpp>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "nacre/kernels/cpu/round_blocked.h"
#include "nacre/kernels/registry.h"

namespace nacre::cpu::onednn {

dnnl::engine& engine();
// The calling thread's stream.
dnnl::stream& stream();

// True for the element types that the library computes in here.
bool has_type(DType dtype);
dnnl::memory::data_type type_of(DType dtype);
dnnl::memory::dims dims_of(const Shape& shape);
// A dense row-major array.
dnnl::memory::desc row_major(const Spec& spec);
// [batch, channels, 1 to 3 spatial axes]: the logical dims and the tag of a dense image.
dnnl::memory::desc image(const Spec& spec, bool channels_last);
dnnl::memory::desc image_any(const Spec& spec, bool channels_last);
// Weights [output, input / groups, kernel...]; with groups > 1 the library wants a groups axis.
dnnl::memory::desc weights(const Spec& spec, std::int64_t groups, bool any);

// False for the library's naive implementations, hundreds of times slower than the others.
bool is_fast(const char* implementation);

// Attributes that put the primitive's scratch memory into our hands.
dnnl::primitive_attr attributes();

// A sequence of primitives over a kernel's operands and its scratch memory.
class Program {
 public:
  // A memory of the program.
  struct Id {
    std::size_t index;
  };

  // Operand `pointer` (inputs, then outputs) seen through a descriptor.
  Id operand(std::size_t pointer, const dnnl::memory::desc& desc);
  Id scratch(const dnnl::memory::desc& desc);
  // `from` in another layout: itself when the layouts are the same, else reordered into scratch.
  Id reordered(Id from, const dnnl::memory::desc& desc);
  void reorder(Id from, Id to);
  // Appends a primitive; `scratchpad` is its descriptor's scratchpad_desc().
  void add(const dnnl::primitive& primitive, std::initializer_list<std::pair<int, Id>> arguments,
           const dnnl::memory::desc& scratchpad);

  std::size_t scratch_bytes() const { return scratch_bytes_; }
  void run(void* const* pointers, const RunContext& context) const;

 private:
  struct Place {
    dnnl::memory memory;
    bool is_operand;
    std::size_t at;  // pointer or scratch offset
  };
  // A reorder by our own loops.
  struct Rounding {
    std::size_t from, to;  // places
    std::size_t batch, blocks, batch_stride;
    RoundedImage image;
  };
  struct Call {
    dnnl::primitive primitive;
    std::vector<dnnl_exec_arg_t> arguments;
    std::optional<Rounding> rounding = {};  // instead of the primitive
  };
  bool add_rounding(Id from, Id to);
  void* data(const Place& place, void* const* pointers, const RunContext& context) const;
  std::vector<Place> places_;
  std::vector<Call> calls_;
  std::size_t scratch_bytes_ = 0;
};

PreparedKernel to_kernel(Program program);

}  // namespace nacre::cpu::onednn
