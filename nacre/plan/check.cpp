// The checked replays of NACRE_DEBUG=nan, =reference and =poison.
#include <fmt/format.h>

#include <cmath>

#include "nacre/graph/query.h"
#include "nacre/plan/plan.h"

namespace nacre {
namespace {

// The bytes at an address of a space where the host reads them.
Buffer copy_on_host(MemorySpace& space, const void* from, std::size_t bytes) {
  Buffer here = Buffer::allocate(bytes);
  space.to_host(here.data(), from, bytes);
  return here;
}

std::vector<double> as_doubles(const Spec& spec, const Buffer& memory) {
  const void* const data = memory.data();
  std::vector<double> out(static_cast<std::size_t>(spec.elements()));
  visit_dtype(spec.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* values = static_cast<const T*>(data);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<double>(values[i]);
  });
  return out;
}

// How far a fast kernel may be from the reference: sums of many terms differ in order.
double tolerance(DType dtype) {
  switch (dtype) {
    case f64:
      return 1e-8;
    case f32:
      return 2e-3;
    case bf16:
    case f16:
      return 5e-2;
    default:
      return 0;
  }
}

[[noreturn]] void fail(const Graph& graph, NodeId n, std::string_view kernel,
                       const std::string& what, std::string_view hint) {
  const Node& node = graph.node(n);
  std::string inputs;
  for (const ValueId v : graph.inputs(node)) {
    inputs += (inputs.empty() ? "inputs " : ", ") + to_string(graph.spec(v));
  }
  throw ValueError(format_error({.op = name_of(node.op),
                                 .what = fmt::format("{} (kernel \"{}\")", what, kernel),
                                 .inputs = inputs,
                                 .layer = graph.layer(node),
                                 .location = node.location,
                                 .hint = hint}));
}

}  // namespace

void Plan::run_checked() {
  // The kernels poison their own outputs and scratch; this is for what lies between them.
  if (poison_) space_->fill(arena_.data(), 0xFF, arena_.bytes());
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    at_ = i;
    if (check_reference_) {
      check_reference(i);
    } else {
      run_step(i);
    }
    if (check_finite_) check_finite(i);
  }
}

void Plan::check_finite(std::size_t step) const {
  const NodeId n = infos_[step].node;
  const Node& node = graph_.node(n);
  for (std::uint32_t k = 0; k < node.output_count; ++k) {
    const Spec& spec = graph_.spec(graph_.output(n, k));
    if (!is_floating(spec.dtype)) continue;
    const std::vector<double> values = as_doubles(
        spec, copy_on_host(*space_, steps_[step].pointers[node.input_count + k], spec.bytes()));
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (std::isfinite(values[i])) continue;
      fail(graph_, n, infos_[step].kernel,
           fmt::format("the first value that is not finite is element {} of its output {}: {}", i,
                       to_string(spec), values[i]),
           "look at its inputs: a logarithm or root of 0, a division by 0, a learning rate too "
           "high");
    }
  }
}

// Runs the reference into memory of its own first: the step may work in place.
void Plan::check_reference(std::size_t step) {
  const NodeId n = infos_[step].node;
  const Node& node = graph_.node(n);
  const NodeSpecs specs = specs_of(graph_, node);
  const auto& [in, out] = specs;
  std::vector<void*> pointers(steps_[step].pointers, steps_[step].pointers + node.input_count);
  std::vector<Buffer> inputs;
  for (std::size_t i = 0; i < in.size() && !space_->host_reads(); ++i) {
    inputs.push_back(copy_on_host(*space_, pointers[i], in[i].bytes()));
    pointers[i] = inputs[i].data();
  }
  std::vector<Buffer> wanted;
  for (const Spec& spec : out) {
    wanted.push_back(Buffer::allocate(spec.bytes()));
    pointers.push_back(wanted.back().data());
  }
  const bool has_reference = op_def(node.op).reference != nullptr;
  if (has_reference) {
    const BackendScope here(cpu_backend());
    const PreparedKernel reference =
        prepare_kernel({node.op, node.attrs, in, out, 1}, /*reference_only=*/true);
    reference.run(reference.state.get(), pointers.data(), {1, nullptr});
  }
  run_step(step);
  for (std::uint32_t k = 0; has_reference && k < node.output_count; ++k) {
    const std::vector<double> right = as_doubles(out[k], wanted[k]);
    const std::vector<double> got = as_doubles(
        out[k], copy_on_host(*space_, steps_[step].pointers[node.input_count + k], out[k].bytes()));
    double scale = 1;
    for (const double x : right) {
      if (std::isfinite(x)) scale = std::max(scale, std::fabs(x));
    }
    for (std::size_t i = 0; i < right.size(); ++i) {
      const bool same = std::isfinite(right[i])
                            ? std::fabs(right[i] - got[i]) <= tolerance(out[k].dtype) * scale
                            : std::isnan(right[i]) == std::isnan(got[i]);
      if (same) continue;
      fail(graph_, n, infos_[step].kernel,
           fmt::format("step {} is the first that differs from the reference: element {} of {} is "
                       "{}, should be {}",
                       step, i, to_string(out[k]), got[i], right[i]),
           "this is a mistake in a kernel of Nacre: please report it");
    }
  }
}

}  // namespace nacre
