// Products through oneDNN's matmul primitive, with bias and activation (but relu) as its
// post-operations.
#include <algorithm>
#include <limits>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/onednn/onednn.h"
#include "nacre/kernels/cpu/onednn/relu_after.h"
#include "nacre/kernels/cpu/product/matmul_plan.h"

namespace nacre::cpu {
namespace {

using onednn::engine;
using Dims = dnnl::memory::dims;

// Dense, row-major; the last two axes stored the other way round where `transposed`.
dnnl::memory::desc describe(Dims dims, dnnl::memory::data_type type, bool transposed) {
  const std::size_t rank = dims.size();
  Dims stored = dims;
  if (transposed) std::swap(stored[rank - 1], stored[rank - 2]);
  Dims strides(rank, 1);
  for (std::size_t d = rank - 1; d-- > 0;) strides[d] = strides[d + 1] * stored[d + 1];
  if (transposed) std::swap(strides[rank - 1], strides[rank - 2]);
  return {dims, type, strides};
}

// The batch axes of an operand, brought to the rank of the output's; then rows and columns.
Dims matrix_dims(const Shape& operand, const Shape& batch, std::int64_t rows,
                 std::int64_t columns) {
  Dims dims;
  const int lead = batch.rank() - (operand.rank() - 2);
  for (int d = 0; d < batch.rank(); ++d) dims.push_back(d < lead ? 1 : operand[d - lead]);
  dims.push_back(rows);
  dims.push_back(columns);
  return dims;
}

void add_activation(dnnl::primitive_attr& attr, const std::string& name) {
  dnnl::post_ops ops;
  if (name == "sigmoid") ops.append_eltwise(1, dnnl::algorithm::eltwise_logistic, 0, 0);
  if (name == "tanh") ops.append_eltwise(1, dnnl::algorithm::eltwise_tanh, 0, 0);
  if (name == "gelu") ops.append_eltwise(1, dnnl::algorithm::eltwise_gelu_erf, 0, 0);
  attr.set_post_ops(ops);
}

// A bound primitive. Its memory objects are pointed at the operands of each run, so one kernel
// serves one thread at a time, as plans and the eager cache have it.
struct OneDnnProduct {
  dnnl::matmul primitive;
  mutable dnnl::stream stream;
  mutable std::unordered_map<int, dnnl::memory> arguments;
  bool has_bias;
  bool has_scratch;
  int threads;
  std::optional<ReluAfter> relu = {};
  mutable bool ran = false;

  void operator()(void* const* pointers, const RunContext& context) const try {
    const LibraryTeam team(threads);
    if (!ran) onednn::expect_memory_for_code();
    arguments.at(DNNL_ARG_SRC).set_data_handle(pointers[0]);
    arguments.at(DNNL_ARG_WEIGHTS).set_data_handle(pointers[1]);
    if (has_bias) arguments.at(DNNL_ARG_BIAS).set_data_handle(pointers[2]);
    arguments.at(DNNL_ARG_DST).set_data_handle(pointers[has_bias ? 3 : 2]);
    if (has_scratch) arguments.at(DNNL_ARG_SCRATCHPAD).set_data_handle(context.scratch);
    primitive.execute(stream, arguments);
    ran = true;
    if (relu) (*relu)(pointers[has_bias ? 3 : 2]);
  } catch (const dnnl::error& error) {
    onednn::rethrow(error);
  }
};

}  // namespace

std::optional<PreparedKernel> prepare_onednn_product(const KernelQuery& q, const ProductPlan& p) {
  if (p.m == 0 || p.n == 0 || p.k == 0) return std::nullopt;
  // The library's kernels count in 32 bits.
  if (std::max({p.m, p.n, p.k}) > std::numeric_limits<std::int32_t>::max()) return std::nullopt;
  using Type = dnnl::memory::data_type;
  const Type type = p.dtype == f32 ? Type::f32 : Type::bf16;
  const bool folded = p.batch.rank() == 0;
  const Shape matrix{1, 1};
  const auto dims = [&](std::size_t i, std::int64_t rows, std::int64_t columns) {
    return matrix_dims(folded ? matrix : q.inputs[i].shape, p.batch, rows, columns);
  };
  Dims out(p.batch.begin(), p.batch.end());
  out.push_back(p.m);
  out.push_back(p.n);
  const auto source = describe(dims(0, p.m, p.k), type, p.transpose_a);
  const auto weights = describe(dims(1, p.k, p.n), type, p.transpose_b);
  const auto target = describe(out, type, false);
  dnnl::memory::desc bias;
  if (p.has_bias) {
    Dims bias_dims(out.size(), 1);
    bias_dims.back() = p.n;
    bias = describe(bias_dims, type, false);
  }
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  add_activation(attr, p.activation);
  try {
    const onednn::Preparing preparing(q.threads);
    const auto desc = p.has_bias ? dnnl::matmul::desc(source, weights, bias, target)
                                 : dnnl::matmul::desc(source, weights, target);
    const dnnl::matmul::primitive_desc chosen(desc, attr, engine());
    if (std::string(chosen.impl_info_str()).find("ref") != std::string::npos) return std::nullopt;
    const auto scratch = chosen.scratchpad_desc();
    const auto memory = [](const dnnl::memory::desc& d) {
      return dnnl::memory(d, engine(), DNNL_MEMORY_NONE);
    };
    OneDnnProduct product{dnnl::matmul(chosen), dnnl::stream(engine()), {},
                          p.has_bias,           scratch.get_size() > 0, q.threads};
    if (p.activation == "relu") product.relu.emplace(q.outputs[0], q.threads);
    product.arguments = {{DNNL_ARG_SRC, memory(source)},
                         {DNNL_ARG_WEIGHTS, memory(weights)},
                         {DNNL_ARG_DST, memory(target)}};
    if (p.has_bias) product.arguments.emplace(DNNL_ARG_BIAS, memory(bias));
    if (product.has_scratch) product.arguments.emplace(DNNL_ARG_SCRATCHPAD, memory(scratch));
    return make_kernel(std::move(product), scratch.get_size());
  } catch (const dnnl::error& error) {
    if (error.status == dnnl_out_of_memory) onednn::rethrow(error);
    return std::nullopt;  // a case that it has no kernel for
  }
}

}  // namespace nacre::cpu
