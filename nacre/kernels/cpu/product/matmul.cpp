// matmul and linear: oneDNN for large f32 and bf16 products, our own loops for the rest.
#include <algorithm>
#include <cstring>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/elementwise/elementwise_tiles.h"
#include "nacre/kernels/cpu/kernels.h"
#include "nacre/kernels/cpu/product/matmul_plan.h"
#include "nacre/kernels/cpu/product/matmul_small.h"
#include "nacre/kernels/cpu/work.h"
#include "nacre/ops/define/op_defs.h"

namespace nacre::cpu {

namespace {

// From this many operations on oneDNN is the faster one (measured on Zen 4; bench/matmul_bench.cpp
// shows both).
constexpr double kOneDnnFrom = 2.0 * 64 * 64 * 64;

Shape batch_of(const Shape& s) {
  return Shape(std::span(s.begin(), static_cast<std::size_t>(s.rank() - 2)));
}

std::vector<std::int64_t> batch_offsets(const Shape& operand, const Shape& batch) {
  const std::int64_t matrix = operand.at_back(-1) * operand.at_back(-2);
  std::vector<std::int64_t> offsets;
  op_defs::BroadcastWalk walk(batch_of(operand), batch);
  for (std::int64_t i = 0; i < batch.elements(); ++i, walk.next()) {
    offsets.push_back(walk.offset() * matrix);
  }
  return offsets;
}

Op activation_op(const std::string& name) {
  if (name == "relu") return Op::relu;
  if (name == "sigmoid") return Op::sigmoid;
  if (name == "tanh") return Op::tanh;
  return Op::gelu;
}

// f32 and f64; the 16-bit floats through f32 copies in scratch.
struct OwnProduct {
  ProductPlan plan;
  ProductFn multiply;
  TileFn activate = nullptr;
  std::size_t size;        // of an element that is computed with
  TileFn widen = nullptr;  // of 16-bit floats
  TileFn narrow = nullptr;
  std::size_t elements[3] = {};  // of a, b, bias: what is widened
  std::size_t panel_bytes = 0;
  int workers = 1;

  std::size_t scratch_bytes() const {
    std::size_t bytes = panel_bytes * static_cast<std::size_t>(workers);
    if (widen) {
      bytes += (elements[0] + elements[1] + elements[2] + output_elements()) * sizeof(float);
    }
    return bytes;
  }
  std::size_t output_elements() const {
    return static_cast<std::size_t>(plan.m * plan.n) * plan.a_offsets.size();
  }

  void operator()(void* const* pointers, const RunContext& context) const {
    char* const panels = static_cast<char*>(context.scratch);
    const std::size_t inputs = plan.has_bias ? 3 : 2;
    if (!widen) {
      run(pointers[0], pointers[1], plan.has_bias ? pointers[2] : nullptr, pointers[inputs],
          panels);
      return;
    }
    float* wide =
        reinterpret_cast<float*>(panels + panel_bytes * static_cast<std::size_t>(workers));
    const float* operands[3] = {};
    for (std::size_t i = 0; i < inputs; ++i) {
      const void* from = pointers[i];
      widen(&from, wide, elements[i], 0, nullptr);
      operands[i] = wide;
      wide += elements[i];
    }
    run(operands[0], operands[1], operands[2], wide, panels);
    const void* result = wide;
    narrow(&result, pointers[inputs], output_elements(), 0, nullptr);
  }

  void run(const void* a, const void* b, const void* bias, void* c, char* panels) const {
    const auto batches = static_cast<std::int64_t>(plan.a_offsets.size());
    if (workers == 1) {
      for (std::int64_t i = 0; i < batches; ++i)
        part(a, b, bias, c, panels, i, 0, plan.m, 0, plan.n);
      return;
    }
    // Split batches if there are enough, else the longer side of the output.
    const bool by_batch = batches >= workers;
    const bool by_rows = plan.m >= plan.n;
    const std::int64_t count = by_batch ? batches : by_rows ? plan.m : plan.n;
    const std::int64_t grain = by_batch ? 1 : by_rows ? 12 : 64;
    const std::int64_t grains = (count + grain - 1) / grain;
    const std::int64_t step = (grains + workers - 1) / workers * grain;
    parallel_for(workers, workers, 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t w = first; w < last; ++w) {
        const std::int64_t begin = std::min(count, w * step);
        const std::int64_t end = std::min(count, begin + step);
        char* const panel = panels + static_cast<std::size_t>(w) * panel_bytes;
        if (begin >= end) continue;
        for (std::int64_t i = by_batch ? begin : 0; i < (by_batch ? end : batches); ++i) {
          if (by_batch) {
            part(a, b, bias, c, panel, i, 0, plan.m, 0, plan.n);
          } else if (by_rows) {
            part(a, b, bias, c, panel, i, begin, end, 0, plan.n);
          } else {
            part(a, b, bias, c, panel, i, 0, plan.m, begin, end);
          }
        }
      }
    });
  }

  // Rows [m0, m1) and columns [n0, n1) of the product of one batch.
  void part(const void* a, const void* b, const void* bias, void* c, void* panel,
            std::int64_t batch, std::int64_t m0, std::int64_t m1, std::int64_t n0,
            std::int64_t n1) const {
    const auto at = [&](const void* p, std::int64_t element) {
      return static_cast<const char*>(p) + static_cast<std::size_t>(element) * size;
    };
    ProductArguments p;
    p.m = m1 - m0;
    p.n = n1 - n0;
    p.k = plan.k;
    p.a_row = plan.transpose_a ? 1 : plan.k;
    p.a_column = plan.transpose_a ? plan.m : 1;
    p.b_row = plan.transpose_b ? 1 : plan.n;
    p.b_column = plan.transpose_b ? plan.k : 1;
    p.ldc = plan.n;
    p.panel = panel;
    p.a = at(a, plan.a_offsets[static_cast<std::size_t>(batch)] + m0 * p.a_row);
    p.b = at(b, plan.b_offsets[static_cast<std::size_t>(batch)] + n0 * p.b_column);
    p.bias = bias ? at(bias, n0) : nullptr;
    p.c = const_cast<char*>(at(c, (batch * plan.m + m0) * plan.n + n0));
    multiply(p);
    if (!activate) return;
    constexpr double kNumbers[kTileNumbers] = {};
    if (p.n == plan.n) {
      const void* from = p.c;
      activate(&from, p.c, static_cast<std::size_t>(p.m * p.n), 0, kNumbers);
      return;
    }
    for (std::int64_t i = 0; i < p.m; ++i) {
      void* row = const_cast<char*>(at(p.c, i * p.ldc));
      const void* from = row;
      activate(&from, row, static_cast<std::size_t>(p.n), 0, kNumbers);
    }
  }
};

PreparedKernel prepare_own(const KernelQuery& q, ProductPlan plan) {
  const DType computed = q.inputs[0].dtype == f64 ? f64 : f32;
  OwnProduct product{};
  product.multiply = product_function(computed);
  product.size = size_of(computed);
  if (plan.activation != "none")
    product.activate = find_tile(activation_op(plan.activation), computed);
  if (plan.dtype != computed) {
    product.widen = find_cast(plan.dtype, computed);
    product.narrow = find_cast(computed, plan.dtype);
    for (std::size_t i = 0; i < q.inputs.size(); ++i) {
      product.elements[i] = static_cast<std::size_t>(q.inputs[i].elements());
    }
  }
  product.panel_bytes = product_panel_bytes();
  product.workers = workers_for(plan.operations() / (computed == f64 ? 2e4 : 4e4), q.threads);
  product.plan = std::move(plan);
  const std::size_t scratch = product.scratch_bytes();
  return make_kernel(std::move(product), scratch);
}

// Integers wrap. Plain loops, rows of b innermost.
template <class T>
struct IntegerProduct {
  ProductPlan plan;

  void operator()(void* const* pointers, const RunContext&) const {
    using U = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
    const auto& p = plan;
    for (std::size_t batch = 0; batch < p.a_offsets.size(); ++batch) {
      const T* a = static_cast<const T*>(pointers[0]) + p.a_offsets[batch];
      const T* b = static_cast<const T*>(pointers[1]) + p.b_offsets[batch];
      T* c = static_cast<T*>(pointers[2]) + static_cast<std::int64_t>(batch) * p.m * p.n;
      for (std::int64_t i = 0; i < p.m; ++i) {
        T* row = c + i * p.n;
        std::fill_n(row, p.n, T(0));
        for (std::int64_t k = 0; k < p.k; ++k) {
          const U x = static_cast<U>(a[p.transpose_a ? k * p.m + i : i * p.k + k]);
          for (std::int64_t j = 0; j < p.n; ++j) {
            const U y = static_cast<U>(b[p.transpose_b ? j * p.k + k : k * p.n + j]);
            row[j] = static_cast<T>(static_cast<U>(row[j]) + x * y);
          }
        }
      }
    }
  }
};

PreparedKernel prepare_integer(const KernelQuery& q) {
  const ProductPlan plan = plan_product(q);
  switch (q.inputs[0].dtype) {
    case DType::i8:
      return make_kernel(IntegerProduct<std::int8_t>{plan});
    case DType::u8:
      return make_kernel(IntegerProduct<std::uint8_t>{plan});
    case DType::i32:
      return make_kernel(IntegerProduct<std::int32_t>{plan});
    default:
      return make_kernel(IntegerProduct<std::int64_t>{plan});
  }
}

bool supports_floats(const KernelQuery& q) { return is_floating(q.inputs[0].dtype); }
bool supports_integers(const KernelQuery& q) { return is_integral(q.inputs[0].dtype); }

PreparedKernel prepare_floats(const KernelQuery& q) {
  ProductPlan plan = plan_product(q);
  if ((plan.dtype == f32 || plan.dtype == bf16) && plan.operations() >= kOneDnnFrom) {
    if (auto kernel = prepare_onednn_product(q, plan)) return *kernel;
  }
  return prepare_own(q, std::move(plan));
}

constexpr KernelRow kRows[] = {
    {Op::matmul, "product", supports_floats, prepare_floats},
    {Op::linear, "product", supports_floats, prepare_floats},
    {Op::matmul, "direct", supports_integers, prepare_integer},
};

}  // namespace

ProductPlan plan_product(const KernelQuery& q) {
  const Shape& a = q.inputs[0].shape;
  const Shape& b = q.inputs[1].shape;
  ProductPlan p{};
  p.transpose_a = q.attrs.flag("transpose_a");
  p.transpose_b = q.attrs.flag("transpose_b");
  p.m = a.at_back(p.transpose_a ? -1 : -2);
  p.k = a.at_back(p.transpose_a ? -2 : -1);
  p.n = b.at_back(p.transpose_b ? -2 : -1);
  p.dtype = q.inputs[0].dtype;
  p.batch = batch_of(q.outputs[0].shape);
  if (q.op == Op::linear) {
    p.has_bias = true;
    p.activation = q.attrs.text("activation");
  }
  const std::int64_t batches = p.batch.elements();
  const bool b_is_shared = batch_of(b).elements() == 1;
  const bool a_is_dense = batch_of(a).elements() == batches;
  if (b_is_shared && a_is_dense && !p.transpose_a) {
    p.m *= batches;
    p.batch = Shape{};
    p.a_offsets = p.b_offsets = {0};
  } else {
    p.a_offsets = batch_offsets(a, p.batch);
    p.b_offsets = batch_offsets(b, p.batch);
  }
  return p;
}

std::span<const KernelRow> matmul_kernels() { return kRows; }

}  // namespace nacre::cpu
