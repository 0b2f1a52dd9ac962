// Attention in f32: for each head, blocks of queries whose scores stay in the second-level cache.
// Nothing of the size queries x keys is ever written to memory.
#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <utility>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/kernels.h"
#include "nacre/kernels/cpu/reduce/finite.h"
#include "nacre/kernels/cpu/reduce/rows.h"
#include "nacre/ops/define/op_defs.h"

namespace nacre::cpu {
namespace {

constexpr float kHidden = -std::numeric_limits<float>::infinity();

struct Heads {
  std::int64_t count, queries, keys, features, values;
  std::int64_t block;  // queries at a time
  float scale;
  bool causal;
  std::int64_t window;  // 0: none
  DType mask_type = f32;
  bool masked = false;
  // Where the mask of each head starts, and how it moves along queries and keys.
  std::vector<std::int64_t> mask_start;
  std::int64_t mask_row = 0;
  std::int64_t mask_column = 0;

  Heads(const KernelQuery& q, std::size_t mask) {
    const Shape& a = q.inputs[0].shape;
    queries = a.at_back(-2);
    features = a.at_back(-1);
    keys = q.inputs[1].shape.at_back(-2);
    values = q.inputs[2].shape.at_back(-1);
    count = a.elements() / std::max<std::int64_t>(1, queries * features);
    // Scores and their gradients of a block: 512 KB together.
    block = std::clamp<std::int64_t>(65536 / std::max<std::int64_t>(1, keys) / 6 * 6, 6, 192);
    block = std::min(block, (queries + 5) / 6 * 6);
    scale = static_cast<float>(q.attrs.number("scale"));
    causal = q.attrs.flag_or("causal", false);
    window = q.attrs.integer_or("window", 0);
    if (q.inputs.size() <= mask) return;
    masked = true;
    mask_type = q.inputs[mask].dtype;
    const Shape& m = q.inputs[mask].shape;
    const auto strides = row_major_strides(m);
    const auto step = [&](int from_back) -> std::int64_t {
      if (m.rank() < from_back || m.at_back(-from_back) == 1) return 0;
      return strides[static_cast<std::size_t>(m.rank() - from_back)];
    };
    mask_row = step(2);
    mask_column = step(1);
    Shape lead;
    Shape mask_lead;
    for (int i = 0; i + 2 < a.rank(); ++i) lead.push_back(a[i]);
    for (int i = 0; i + 2 < m.rank(); ++i) mask_lead.push_back(m[i]);
    const std::int64_t plane =
        (m.rank() > 1 ? m.at_back(-2) : 1) * (m.rank() > 0 ? m.at_back(-1) : 1);
    op_defs::BroadcastWalk walk(mask_lead, lead);
    for (std::int64_t i = 0; i < count; ++i, walk.next()) {
      mask_start.push_back(walk.offset() * plane);
    }
  }

  // Floats of scratch memory for a worker: keys and values transposed, two blocks of scores.
  std::int64_t scratch(bool backward) const {
    const std::int64_t n = keys * features + block * keys;
    return ((backward ? n + keys * values + block * keys : n) + 15) / 16 * 16;
  }
  // Keys begin ... end - 1.
  struct Range {
    std::int64_t begin, end;
    std::int64_t size() const { return end - begin; }
  };
  // Those that query i may see but for the mask.
  Range seen_by(std::int64_t i) const {
    Range r{0, keys};
    if (window > 0) r = {i - window + 1, i + window};
    if (causal) r.end = std::min(r.end, i + 1);
    r.begin = std::clamp<std::int64_t>(r.begin, 0, keys);
    r.end = std::clamp(r.end, r.begin, keys);
    return r;
  }
  // Those that any of `rows` queries from `first` on may see; for the last ones of many queries
  // there may be none.
  Range seen_by(std::int64_t first, std::int64_t rows) const {
    const Range last = seen_by(first + rows - 1);
    return {std::min(seen_by(first).begin, last.begin), last.end};
  }
  // Whether query i does not see key j.
  bool hides(const void* mask, std::int64_t head, std::int64_t i, std::int64_t j) const {
    if (const Range r = seen_by(i); j < r.begin || j >= r.end) return true;
    if (!masked) return false;
    const std::int64_t at =
        mask_start[static_cast<std::size_t>(head)] + i * mask_row + j * mask_column;
    return mask_type == boolean ? !static_cast<const bool*>(mask)[at]
                                : static_cast<const float*>(mask)[at] == kHidden;
  }
};

std::size_t to_size(std::int64_t n) { return static_cast<std::size_t>(n); }

GemmArguments product(std::int64_t m, std::int64_t n, std::int64_t k, const float* a,
                      std::int64_t a_row, std::int64_t a_col, const float* b, std::int64_t b_row,
                      float* c, std::int64_t c_row, bool add) {
  return {to_size(m),     to_size(n), to_size(k),     a,  to_size(a_row), to_size(a_col), b,
          to_size(b_row), c,          to_size(c_row), add};
}

// The softmax of `rows` queries from `first` on, into p; only the keys `seen` are looked at.
void probabilities(const Heads& h, std::int64_t head, std::int64_t first, std::int64_t rows,
                   Heads::Range seen, const float* q, const float* k_transposed, const void* mask,
                   float* p) {
  const RowOps& ops = row_ops();
  ops.gemm(product(rows, seen.size(), h.features, q + first * h.features, h.features, 1,
                   k_transposed + seen.begin, h.keys, p + seen.begin, h.keys, false));
  for (std::int64_t i = 0; i < rows; ++i) {
    const Heads::Range own = h.seen_by(first + i);
    float* row = p + i * h.keys;
    std::fill(row + seen.begin, row + own.begin, 0.0f);
    std::fill(row + own.end, row + seen.end, 0.0f);
    const std::int64_t n = own.size();
    if (n == 0) continue;
    row += own.begin;
    ops.scale(row, h.scale, 0, row, to_size(n));
    if (h.masked) {
      const std::int64_t at =
          h.mask_start[to_size(head)] + (first + i) * h.mask_row + own.begin * h.mask_column;
      if (h.mask_type == boolean) {
        const bool* m = static_cast<const bool*>(mask) + at;
        for (std::int64_t j = 0; j < n; ++j) row[j] = m[j * h.mask_column] ? row[j] : kHidden;
      } else {
        const float* m = static_cast<const float*>(mask) + at;
        for (std::int64_t j = 0; j < n; ++j) {
          const float extra = m[j * h.mask_column];
          row[j] = extra == kHidden ? kHidden : row[j] + extra;
        }
      }
    }
    const float top = ops.max(row, to_size(n));
    if (top == kHidden) {
      std::fill_n(row, n, 0.0f);
    } else {
      ops.scale(row, 1 / ops.exp_sum(row, top, row, to_size(n)), 0, row, to_size(n));
    }
  }
}

// Products with the probability 0 of a hidden key would let its NaN and infinities through. Where
// keys are hidden and some operand is not finite, these loops leave hidden pairs out instead.
bool needs_care(const Heads& h,
                std::initializer_list<std::pair<const float*, std::int64_t>> arrays) {
  return (h.causal || h.masked || h.window > 0) &&
         !std::all_of(arrays.begin(), arrays.end(),
                      [](const auto& a) { return all_finite(a.first, to_size(a.second)); });
}

// o = p v for `rows` queries from `first` on.
void careful_forward(const Heads& h, const void* mask, std::int64_t head, std::int64_t first,
                     std::int64_t rows, const float* p, const float* v, float* o) {
  std::fill_n(o, rows * h.values, 0.0f);
  for (std::int64_t i = 0; i < rows; ++i) {
    const Heads::Range seen = h.seen_by(first + i);
    for (std::int64_t j = seen.begin; j < seen.end; ++j) {
      if (h.hides(mask, head, first + i, j)) continue;
      for (std::int64_t f = 0; f < h.values; ++f) {
        o[i * h.values + f] += p[i * h.keys + j] * v[j * h.values + f];
      }
    }
  }
}

// The gradients of `rows` queries from `first` on; those of k and v are added to.
struct Operands {
  const float *q, *k, *v, *g;  // g: the cotangents, from `first` on
  float *dq, *dk, *dv, *dmask;
};
void careful_backward(const Heads& h, const void* mask, std::int64_t head, std::int64_t first,
                      std::int64_t rows, const Operands& a, const float* p, float* ds) {
  std::fill_n(a.dq + first * h.features, rows * h.features, 0.0f);
  if (a.dmask) std::fill_n(a.dmask + first * h.keys, rows * h.keys, 0.0f);
  for (std::int64_t i = 0; i < rows; ++i) {
    const float* p_row = p + i * h.keys;
    const float* g = a.g + i * h.values;
    float along = 0;
    const auto each_seen = [&](auto&& f) {
      const Heads::Range seen = h.seen_by(first + i);
      for (std::int64_t j = seen.begin; j < seen.end; ++j) {
        if (!h.hides(mask, head, first + i, j)) f(j);
      }
    };
    each_seen([&](std::int64_t j) {
      float dp = 0;
      for (std::int64_t f = 0; f < h.values; ++f) {
        dp += g[f] * a.v[j * h.values + f];
        a.dv[j * h.values + f] += p_row[j] * g[f];
      }
      ds[j] = dp;
      along += p_row[j] * dp;
    });
    each_seen([&](std::int64_t j) {
      const float change = p_row[j] * (ds[j] - along);
      if (a.dmask) a.dmask[(first + i) * h.keys + j] = change;
      for (std::int64_t f = 0; f < h.features; ++f) {
        a.dq[(first + i) * h.features + f] += h.scale * change * a.k[j * h.features + f];
        a.dk[j * h.features + f] += h.scale * change * a.q[(first + i) * h.features + f];
      }
    });
  }
}

// Calls body(head, scratch) for all heads, each on one thread.
template <class F>
void for_each_head(const Heads& h, const RunContext& run, bool backward, F&& body) {
  const std::int64_t workers = std::clamp<std::int64_t>(h.count, 1, run.threads);
  parallel_for(static_cast<int>(workers), workers, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t slot = begin; slot < end; ++slot) {
      float* scratch = static_cast<float*>(run.scratch) + slot * h.scratch(backward);
      for (std::int64_t i = h.count * slot / workers; i < h.count * (slot + 1) / workers; ++i) {
        body(i, scratch);
      }
    }
  });
}

PreparedKernel prepare_forward(const KernelQuery& query) {
  const Heads heads(query, 3);
  return make_kernel(
      [h = heads](void* const* pointers, const RunContext& run) {
        const RowOps& ops = row_ops();
        const void* mask = h.masked ? pointers[3] : nullptr;
        for_each_head(h, run, false, [&](std::int64_t head, float* scratch) {
          const float* q = static_cast<const float*>(pointers[0]) + head * h.queries * h.features;
          const float* k = static_cast<const float*>(pointers[1]) + head * h.keys * h.features;
          const float* v = static_cast<const float*>(pointers[2]) + head * h.keys * h.values;
          float* o = static_cast<float*>(pointers[h.masked ? 4 : 3]) + head * h.queries * h.values;
          float* k_transposed = scratch;
          float* p = scratch + h.keys * h.features;
          const bool care = needs_care(h, {{v, h.keys * h.values}});
          ops.transpose(k, to_size(h.features), k_transposed, to_size(h.keys), to_size(h.keys),
                        to_size(h.features));
          for (std::int64_t first = 0; first < h.queries; first += h.block) {
            const std::int64_t rows = std::min(h.block, h.queries - first);
            const Heads::Range seen = h.seen_by(first, rows);
            probabilities(h, head, first, rows, seen, q, k_transposed, mask, p);
            if (care) {
              careful_forward(h, mask, head, first, rows, p, v, o + first * h.values);
              continue;
            }
            ops.gemm(product(rows, h.values, seen.size(), p + seen.begin, h.keys, 1,
                             v + seen.begin * h.values, h.values, o + first * h.values, h.values,
                             false));
          }
        });
      },
      to_size(heads.scratch(false) * query.threads) * sizeof(float));
}

PreparedKernel prepare_backward(const KernelQuery& query) {
  const Heads heads(query, 4);
  const bool mask_gradient = query.outputs.size() == 4;
  return make_kernel(
      [h = heads, mask_gradient](void* const* pointers, const RunContext& run) {
        const RowOps& ops = row_ops();
        const void* mask = h.masked ? pointers[4] : nullptr;
        void* const* out = pointers + (h.masked ? 5 : 4);
        for_each_head(h, run, true, [&](std::int64_t head, float* scratch) {
          const std::int64_t q_at = head * h.queries * h.features;
          const std::int64_t k_at = head * h.keys * h.features;
          const std::int64_t v_at = head * h.keys * h.values;
          const float* q = static_cast<const float*>(pointers[0]) + q_at;
          const float* k = static_cast<const float*>(pointers[1]) + k_at;
          const float* v = static_cast<const float*>(pointers[2]) + v_at;
          const float* ct = static_cast<const float*>(pointers[3]) + head * h.queries * h.values;
          float* dq = static_cast<float*>(out[0]) + q_at;
          float* dk = static_cast<float*>(out[1]) + k_at;
          float* dv = static_cast<float*>(out[2]) + v_at;
          float* dmask =
              mask_gradient ? static_cast<float*>(out[3]) + head * h.queries * h.keys : nullptr;
          float* k_transposed = scratch;
          float* v_transposed = k_transposed + h.keys * h.features;
          float* p = v_transposed + h.keys * h.values;
          float* ds = p + h.block * h.keys;
          ops.transpose(k, to_size(h.features), k_transposed, to_size(h.keys), to_size(h.keys),
                        to_size(h.features));
          ops.transpose(v, to_size(h.values), v_transposed, to_size(h.keys), to_size(h.keys),
                        to_size(h.values));
          const bool care = needs_care(h, {{q, h.queries * h.features},
                                           {k, h.keys * h.features},
                                           {v, h.keys * h.values},
                                           {ct, h.queries * h.values}});
          std::fill_n(dk, h.keys * h.features, 0.0f);
          std::fill_n(dv, h.keys * h.values, 0.0f);
          for (std::int64_t first = 0; first < h.queries; first += h.block) {
            const std::int64_t rows = std::min(h.block, h.queries - first);
            const Heads::Range seen = h.seen_by(first, rows);
            const std::int64_t n = seen.size();
            const float* g = ct + first * h.values;
            probabilities(h, head, first, rows, seen, q, k_transposed, mask, p);
            if (care) {
              careful_backward(h, mask, head, first, rows, {q, k, v, g, dq, dk, dv, dmask}, p, ds);
              continue;
            }
            ops.gemm(product(n, h.values, rows, p + seen.begin, 1, h.keys, g, h.values,
                             dv + seen.begin * h.values, h.values, true));
            ops.gemm(product(rows, n, h.values, g, h.values, 1, v_transposed + seen.begin, h.keys,
                             ds + seen.begin, h.keys, false));
            for (std::int64_t i = 0; i < rows; ++i) {
              float* row = ds + i * h.keys + seen.begin;
              const float* p_row = p + i * h.keys + seen.begin;
              const float along = ops.dot(p_row, row, to_size(n));
              if (dmask) {
                float* to = dmask + (first + i) * h.keys;
                std::fill(to, to + seen.begin, 0.0f);
                ops.softmax_gradient(p_row, row, along, 1, to + seen.begin, to_size(n));
                std::fill(to + seen.end, to + h.keys, 0.0f);
              }
              ops.softmax_gradient(p_row, row, along, h.scale, row, to_size(n));
            }
            ops.gemm(product(rows, h.features, n, ds + seen.begin, h.keys, 1,
                             k + seen.begin * h.features, h.features, dq + first * h.features,
                             h.features, false));
            ops.gemm(product(n, h.features, rows, ds + seen.begin, 1, h.keys,
                             q + first * h.features, h.features, dk + seen.begin * h.features,
                             h.features, true));
          }
        });
      },
      to_size(heads.scratch(true) * query.threads) * sizeof(float));
}

bool supports(const KernelQuery& q) {
  for (std::size_t i = 0; i < q.inputs.size(); ++i) {
    const bool mask = i == (q.op == Op::attention ? 3u : 4u);
    if (q.inputs[i].dtype != f32 && !(mask && q.inputs[i].dtype == boolean)) return false;
    if (q.inputs[i].elements() == 0) return false;
  }
  return true;
}

constexpr KernelRow kRows[] = {
    {Op::attention, "tiled", supports, prepare_forward},
    {Op::attention_backward, "tiled", supports, prepare_backward},
};

}  // namespace

std::span<const KernelRow> attention_kernels() { return kRows; }

}  // namespace nacre::cpu
