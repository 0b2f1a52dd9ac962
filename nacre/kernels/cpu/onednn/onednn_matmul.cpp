// Products through oneDNN's matmul primitive, with bias and activation (but relu) as its
// post-operations.
#include <algorithm>
#include <limits>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/onednn/onednn.h"
#include "nacre/kernels/cpu/onednn/relu_after.h"
#include "nacre/kernels/cpu/product/matmul_plan.h"
#include "nacre/kernels/cpu/work.h"

namespace nacre::cpu {
namespace {

using onednn::engine;
using Dims = dnnl::memory::dims;

// Row-major; the last two axes stored the other way round where `transposed`. Rows are `padding`
// elements apart from each other.
dnnl::memory::desc describe(Dims dims, dnnl::memory::data_type type, bool transposed,
                            std::int64_t padding = 0) {
  const std::size_t rank = dims.size();
  Dims stored = dims;
  if (transposed) std::swap(stored[rank - 1], stored[rank - 2]);
  Dims strides(rank, 1);
  for (std::size_t d = rank - 1; d-- > 0;) {
    strides[d] = strides[d + 1] * stored[d + 1] + (d + 2 == rank ? padding : 0);
  }
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

// The rows of an operand, moved apart. Where rows of the inner dimension stand a multiple of 1 KiB
// apart, the library's copies of its panels meet the same few sets of the first-level cache:
// [2048, 1024]^T [2048, 256] reached 29 GF/s on one core of a Zen 3, padded 65, of 2048 x 1040 75.
struct MovedRows {
  std::size_t argument;  // 0 or 1
  int name;              // the library's
  std::int64_t rows, columns;
  std::size_t offset;  // in the scratch, bytes

  static constexpr std::int64_t kPadding = 16;
  std::size_t bytes() const {
    return static_cast<std::size_t>(rows * (columns + kPadding)) * sizeof(float);
  }
  float* move(const void* from, void* scratch, int threads) const {
    float* to = reinterpret_cast<float*>(static_cast<char*>(scratch) + offset);
    const auto* source = static_cast<const float*>(from);
    const int workers = workers_for(microseconds_to_move(static_cast<double>(bytes())), threads);
    parallel_for(workers, rows, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        std::copy_n(source + r * columns, columns, to + r * (columns + kPadding));
      }
    });
    return to;
  }
};

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
  std::vector<MovedRows> moved = {};
  mutable bool ran = false;

  void operator()(void* const* pointers, const RunContext& context) const try {
    const LibraryTeam team(threads);
    if (!ran) onednn::expect_memory_for_code();
    arguments.at(DNNL_ARG_SRC).set_data_handle(pointers[0]);
    arguments.at(DNNL_ARG_WEIGHTS).set_data_handle(pointers[1]);
    for (const MovedRows& m : moved) {
      arguments.at(m.name).set_data_handle(m.move(pointers[m.argument], context.scratch, threads));
    }
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

// Which operands are worth it: the copy costs as much as about 50 columns of the result.
std::vector<MovedRows> rows_to_move(const ProductPlan& p) {
  std::vector<MovedRows> out;
  if (p.batch.rank() != 0 || p.dtype != f32 || p.k < 128) return out;
  const auto meets = [](std::int64_t columns) { return columns % 256 == 0; };
  constexpr std::int64_t kLeast = 192;
  if (p.transpose_a && meets(p.m) && p.n >= kLeast) {
    out.push_back({0, DNNL_ARG_SRC, p.k, p.m, 0});
  }
  if (!p.transpose_b && meets(p.n) && p.m >= kLeast && p.transpose_a) {
    out.push_back({1, DNNL_ARG_WEIGHTS, p.k, p.n, 0});
  }
  return out;
}

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
  std::vector<MovedRows> moved = rows_to_move(p);
  const auto padding = [&](int name) {
    const bool any =
        std::any_of(moved.begin(), moved.end(), [&](const MovedRows& m) { return m.name == name; });
    return any ? MovedRows::kPadding : 0;
  };
  const auto source = describe(dims(0, p.m, p.k), type, p.transpose_a, padding(DNNL_ARG_SRC));
  const auto weights = describe(dims(1, p.k, p.n), type, p.transpose_b, padding(DNNL_ARG_WEIGHTS));
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
    std::size_t bytes = (scratch.get_size() + 63) / 64 * 64;
    for (MovedRows& m : moved) {
      m.offset = bytes;
      bytes += (m.bytes() + 63) / 64 * 64;
    }
    product.moved = std::move(moved);
    return make_kernel(std::move(product), bytes);
  } catch (const dnnl::error& error) {
    if (error.status == dnnl_out_of_memory) onednn::rethrow(error);
    return std::nullopt;  // a case that it has no kernel for
  }
}

}  // namespace nacre::cpu
