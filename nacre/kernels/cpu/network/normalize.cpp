// normalize and its gradient in f32 and f64. The shape is brought to
// [kept, reduced, kept, reduced]: layer norm is [rows, 1, 1, features], batch norm [1, batch,
// channels, space]. With a last dimension of 1 the statistics run along columns, else along rows.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/kernels.h"
#include "nacre/kernels/cpu/network/norm_rows.h"

namespace nacre::cpu {
namespace {

constexpr std::int64_t kColumns = 64;  // columns that one pass holds on the stack
constexpr std::int64_t kElementsAThread = 8192;

// Sizes of the four dimensions, and how far the weight moves along each.
struct Form {
  std::array<std::int64_t, 4> size{1, 1, 1, 1};
  std::array<std::int64_t, 4> step{0, 0, 0, 0};
  bool weighted = false;
  bool center = true;
  double epsilon = 0;
  std::int64_t weights = 0;
  double count = 1;  // elements a statistic

  bool columns() const { return size[3] == 1 && size[2] > 1; }
  std::int64_t offset(std::int64_t k0, std::int64_t r0, std::int64_t k1) const {
    return ((k0 * size[1] + r0) * size[2] + k1) * size[3];
  }
  std::int64_t weight(std::int64_t k0, std::int64_t r0, std::int64_t k1) const {
    return k0 * step[0] + r0 * step[1] + k1 * step[2];
  }
  std::int64_t statistics() const { return size[0] * size[2]; }
  int workers(int threads, std::int64_t items) const {
    const std::int64_t elements = size[0] * size[1] * size[2] * size[3];
    return static_cast<int>(
        std::clamp<std::int64_t>(std::min(items, elements / kElementsAThread), 1, threads));
  }
};

// Nothing when the axes alternate more often, or the weight moves in a way the loops do not know.
std::optional<Form> form_of(const Attrs& attrs, const Shape& x, const Shape* weight) {
  Form f;
  f.weighted = weight != nullptr;
  f.center = attrs.flag_or("center", true);
  f.epsilon = attrs.number("epsilon");
  std::array<bool, kMaxRank> reduced{};
  for (const std::int64_t a : attrs.integers("axes")) {
    reduced[static_cast<std::size_t>(a < 0 ? a + x.rank() : a)] = true;
  }
  std::array<std::int64_t, kMaxRank> steps{};
  if (weight) {
    f.weights = weight->elements();
    const auto strides = row_major_strides(*weight);
    const int lead = x.rank() - weight->rank();
    for (int i = 0; i < weight->rank(); ++i) {
      if ((*weight)[i] != 1) {
        steps[static_cast<std::size_t>(i + lead)] = strides[static_cast<std::size_t>(i)];
      }
    }
  }
  std::size_t slot = 0;
  bool any = false;
  for (int i = 0; i < x.rank(); ++i) {
    const auto k = static_cast<std::size_t>(i);
    if (x[i] == 1) continue;
    const bool is_reduced = slot % 2 == 1;
    const bool joins = any && reduced[k] == is_reduced && f.step[slot] == steps[k] * x[i];
    if (!joins) {
      if (any) ++slot;
      if ((slot % 2 == 1) != reduced[k]) ++slot;
      if (slot > 3) return std::nullopt;
    }
    any = true;
    f.size[slot] *= x[i];
    f.step[slot] = steps[k];
  }
  if (f.size[2] == 1 && f.size[3] == 1) {
    // What is reduced lies innermost: one row, not a column of rows of one element.
    std::swap(f.size[1], f.size[3]);
    std::swap(f.step[1], f.step[3]);
  }
  f.count = static_cast<double>(std::max<std::int64_t>(1, f.size[1] * f.size[3]));
  if (x.elements() == 0) return std::nullopt;
  if (f.step[3] > 1) return std::nullopt;
  if (f.weighted && f.columns() && (f.step[0] != 0 || f.step[1] != 0 || f.step[2] != 1)) {
    return std::nullopt;
  }
  return f;
}

template <class T>
struct Operands {
  const T* x;
  const T* w;
  const T* b;
  T* y;
  T* mean;
  T* variance;
};

// Whether a variance in T can be worked with: not one whose squares overflowed, nor one that
// vanished where nothing is added to it.
template <class T>
bool is_regular(const Form& f, T variance) {
  return std::isfinite(variance) && (f.epsilon > 0 || variance >= std::numeric_limits<T>::min());
}

// The statistic (k0, k1) of numbers whose squares T does not hold: once more, in long double.
using Wide = long double;
struct WideStatistic {
  Wide mean = 0;
  Wide variance = 0;
  Wide r = 0;
};

// Calls body(offset of the element, offset of its weight) for each element of a statistic.
template <class Body>
void for_each_element(const Form& f, std::int64_t k0, std::int64_t k1, Body&& body) {
  for (std::int64_t r0 = 0; r0 < f.size[1]; ++r0) {
    const std::int64_t at = f.offset(k0, r0, k1);
    const std::int64_t w = f.weight(k0, r0, k1);
    for (std::int64_t i = 0; i < f.size[3]; ++i) body(at + i, w + i * f.step[3]);
  }
}

template <class T>
WideStatistic wide_statistic(const Form& f, const T* x, std::int64_t k0, std::int64_t k1) {
  WideStatistic s;
  const auto count = static_cast<Wide>(f.count);
  if (f.center) {
    for_each_element(f, k0, k1, [&](std::int64_t i, std::int64_t) { s.mean += x[i] / count; });
  }
  for_each_element(f, k0, k1, [&](std::int64_t i, std::int64_t) {
    s.variance += (x[i] - s.mean) * (x[i] - s.mean) / count;
  });
  s.r = 1 / std::sqrt(s.variance + static_cast<Wide>(f.epsilon));
  return s;
}

template <class T>
void forward_wide(const Form& f, const Operands<T>& p, std::int64_t k0, std::int64_t k1) {
  const WideStatistic s = wide_statistic(f, p.x, k0, k1);
  p.mean[k0 * f.size[2] + k1] = static_cast<T>(s.mean);
  p.variance[k0 * f.size[2] + k1] = static_cast<T>(s.variance);
  for_each_element(f, k0, k1, [&](std::int64_t i, std::int64_t w) {
    const Wide y = (p.x[i] - s.mean) * s.r * (p.w ? p.w[w] : T(1));
    p.y[i] = static_cast<T>(p.b ? y + p.b[w] : y);
  });
}

template <class T>
void forward_rows(const Form& f, const Operands<T>& p, const RunContext& run) {
  const auto& ops = norm_rows<T>();
  const auto n = static_cast<std::size_t>(f.size[3]);
  const std::int64_t items = f.statistics();
  parallel_for(f.workers(run.threads, items), items, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t k0 = i / f.size[2];
      const std::int64_t k1 = i % f.size[2];
      double total = 0;
      for (std::int64_t r0 = 0; f.center && r0 < f.size[1]; ++r0) {
        total += ops.sum(p.x + f.offset(k0, r0, k1), n);
      }
      const auto mean = static_cast<T>(total / f.count);
      total = 0;
      for (std::int64_t r0 = 0; r0 < f.size[1]; ++r0) {
        total += ops.squares(p.x + f.offset(k0, r0, k1), mean, n);
      }
      const auto variance = static_cast<T>(total / f.count);
      p.mean[i] = mean;
      p.variance[i] = variance;
      if (!is_regular(f, variance)) {
        forward_wide(f, p, k0, k1);
        continue;
      }
      const T r = 1 / std::sqrt(variance + static_cast<T>(f.epsilon));
      for (std::int64_t r0 = 0; r0 < f.size[1]; ++r0) {
        const std::int64_t at = f.offset(k0, r0, k1);
        const std::int64_t w = f.weight(k0, r0, k1);
        if (f.step[3] == 1 || !p.w) {
          ops.normalize(p.x + at, mean, r, p.w ? p.w + w : nullptr, p.b ? p.b + w : nullptr,
                        p.y + at, n);
        } else {
          ops.normalize(p.x + at, mean, r * p.w[w], nullptr, nullptr, p.y + at, n);
          if (p.b) ops.scale(p.y + at, 1, p.b[w], p.y + at, n);
        }
      }
    }
  });
}

template <class T>
void forward_columns(const Form& f, const Operands<T>& p, const RunContext& run) {
  const auto& ops = norm_rows<T>();
  const std::int64_t blocks = (f.size[2] + kColumns - 1) / kColumns;
  const std::int64_t items = f.size[0] * blocks;
  parallel_for(f.workers(run.threads, items), items, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t k0 = i / blocks;
      const std::int64_t k1 = i % blocks * kColumns;
      const std::int64_t width = std::min(kColumns, f.size[2] - k1);
      const auto n = static_cast<std::size_t>(width);
      T* mean = p.mean + k0 * f.size[2] + k1;
      T* variance = p.variance + k0 * f.size[2] + k1;
      // Runs of rows are summed apart: f32 would lose digits over a long column.
      const auto reduce = [&](T* to, auto&& add_row) {
        double totals[kColumns] = {};
        for (std::int64_t r0 = 0; r0 < f.size[1];) {
          T part[kColumns] = {};
          for (const std::int64_t stop = std::min(f.size[1], r0 + 256); r0 < stop; ++r0) {
            add_row(p.x + f.offset(k0, r0, k1), part);
          }
          for (std::int64_t c = 0; c < width; ++c) totals[c] += part[c];
        }
        for (std::int64_t c = 0; c < width; ++c) to[c] = static_cast<T>(totals[c] / f.count);
      };
      std::fill_n(mean, width, T(0));
      if (f.center) {
        reduce(mean, [&](const T* row, T* part) { ops.column_add(row, part, n); });
      }
      reduce(variance, [&](const T* row, T* part) { ops.column_squares(row, mean, part, n); });
      if (!std::all_of(variance, variance + width, [&](T v) { return is_regular(f, v); })) {
        for (std::int64_t c = 0; c < width; ++c) forward_wide(f, p, k0, k1 + c);
        continue;
      }
      T factor[kColumns];
      for (std::int64_t c = 0; c < width; ++c) {
        factor[c] = (p.w ? p.w[k1 + c] : 1) / std::sqrt(variance[c] + static_cast<T>(f.epsilon));
      }
      for (std::int64_t r0 = 0; r0 < f.size[1]; ++r0) {
        const std::int64_t at = f.offset(k0, r0, k1);
        ops.column_normalize(p.x + at, mean, factor, p.b ? p.b + k1 : nullptr, p.y + at, n);
      }
    }
  });
}

std::optional<Form> forward_form(const KernelQuery& q) {
  if (q.inputs[0].dtype != f32 && q.inputs[0].dtype != f64) return std::nullopt;
  if (q.inputs.size() == 3 && !(q.inputs[1].shape == q.inputs[2].shape)) return std::nullopt;
  return form_of(q.attrs, q.inputs[0].shape, q.inputs.size() > 1 ? &q.inputs[1].shape : nullptr);
}

template <class T>
void forward(const Form& f, const Operands<T>& p, const RunContext& run) {
  (f.columns() ? forward_columns<T> : forward_rows<T>)(f, p, run);
}

template <class T>
PreparedKernel prepare_forward_as(const KernelQuery& q) {
  return make_kernel([f = *forward_form(q), inputs = q.inputs.size()](void* const* pointers,
                                                                      const RunContext& run) {
    const auto at = [&](std::size_t i) { return static_cast<T*>(pointers[i]); };
    forward<T>(f,
               {at(0), inputs > 1 ? at(1) : nullptr, inputs > 2 ? at(2) : nullptr, at(inputs),
                at(inputs + 1), at(inputs + 2)},
               run);
  });
}

PreparedKernel prepare_forward(const KernelQuery& q) {
  return q.inputs[0].dtype == f32 ? prepare_forward_as<float>(q) : prepare_forward_as<double>(q);
}

template <class T>
struct Gradients {
  const T* ct;
  const T* x;
  const T* mean;
  const T* variance;
  const T* w;
  T* dx;
  T* dw;
  T* db;
};

// The gradient through one statistic; dw and db, unless null, are added to.
template <class T>
void backward_wide(const Form& f, const Gradients<T>& p, std::int64_t k0, std::int64_t k1, T* dw,
                   T* db) {
  const WideStatistic s = wide_statistic(f, p.x, k0, k1);
  const auto xhat = [&](std::int64_t i) { return (p.x[i] - s.mean) * s.r; };
  const auto weighed = [&](std::int64_t i, std::int64_t w) {
    return p.w ? static_cast<Wide>(p.ct[i]) * p.w[w] : static_cast<Wide>(p.ct[i]);
  };
  Wide plain = 0;
  Wide along = 0;
  for_each_element(f, k0, k1, [&](std::int64_t i, std::int64_t w) {
    plain += weighed(i, w);
    along += weighed(i, w) * xhat(i);
    if (dw) dw[w] += static_cast<T>(p.ct[i] * xhat(i));
    if (db) db[w] += p.ct[i];
  });
  const Wide a = f.center ? plain / static_cast<Wide>(f.count) : 0;
  const Wide b = along / static_cast<Wide>(f.count);
  for_each_element(f, k0, k1, [&](std::int64_t i, std::int64_t w) {
    p.dx[i] = static_cast<T>(s.r * (weighed(i, w) - a - xhat(i) * b));
  });
}

// Each worker sums the weight's gradients into its own part of the scratch memory.
template <class T>
void backward_rows(const Form& f, const Gradients<T>& p, const RunContext& run) {
  const auto& ops = norm_rows<T>();
  const auto n = static_cast<std::size_t>(f.size[3]);
  const std::int64_t items = f.statistics();
  const int workers = f.workers(run.threads, items);
  T* parts = static_cast<T*>(run.scratch);
  parallel_for(workers, workers, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t slot = first; slot < last; ++slot) {
      T* dw = f.weighted ? parts + 2 * slot * f.weights : nullptr;
      T* db = f.weighted ? dw + f.weights : nullptr;
      if (dw) std::fill_n(dw, 2 * f.weights, T(0));
      for (std::int64_t i = items * slot / workers; i < items * (slot + 1) / workers; ++i) {
        const std::int64_t k0 = i / f.size[2];
        const std::int64_t k1 = i % f.size[2];
        if (!is_regular(f, p.variance[i])) {
          backward_wide(f, p, k0, k1, dw, db);
          continue;
        }
        const T mean = f.center ? p.mean[i] : 0;
        const T r = 1 / std::sqrt(p.variance[i] + static_cast<T>(f.epsilon));
        const bool vector = f.step[3] == 1;
        double sums[2] = {};
        for (std::int64_t r0 = 0; r0 < f.size[1]; ++r0) {
          const std::int64_t at = f.offset(k0, r0, k1);
          const std::int64_t w = f.weight(k0, r0, k1);
          T part[2] = {};
          ops.norm_sums(p.ct + at, p.x + at, mean, r, vector && p.w ? p.w + w : nullptr, part,
                        vector && dw ? dw + w : nullptr, vector && db ? db + w : nullptr, n);
          const T factor = vector || !p.w ? 1 : p.w[w];
          if (!vector && dw) {
            db[w] += part[0];
            dw[w] += part[1];
          }
          sums[0] += factor * part[0];
          sums[1] += factor * part[1];
        }
        const T a = f.center ? static_cast<T>(sums[0] / f.count) : 0;
        const auto b = static_cast<T>(sums[1] / f.count);
        for (std::int64_t r0 = 0; r0 < f.size[1]; ++r0) {
          const std::int64_t at = f.offset(k0, r0, k1);
          const std::int64_t w = f.weight(k0, r0, k1);
          ops.norm_gradient(p.ct + at, p.x + at, mean, r, vector && p.w ? p.w + w : nullptr,
                            vector || !p.w ? 1 : p.w[w], r, a, b, p.dx + at, n);
        }
      }
    }
  });
  if (!f.weighted) return;
  std::copy_n(parts, f.weights, p.dw);
  std::copy_n(parts + f.weights, f.weights, p.db);
  for (int slot = 1; slot < workers; ++slot) {
    const auto n_weights = static_cast<std::size_t>(f.weights);
    ops.column_add(parts + 2 * slot * f.weights, p.dw, n_weights);
    ops.column_add(parts + (2 * slot + 1) * f.weights, p.db, n_weights);
  }
}

template <class T>
void backward_columns(const Form& f, const Gradients<T>& p, const RunContext& run) {
  const auto& ops = norm_rows<T>();
  const std::int64_t blocks = (f.size[2] + kColumns - 1) / kColumns;
  parallel_for(
      f.workers(run.threads, blocks), blocks, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t block = begin; block < end; ++block) {
          const std::int64_t k1 = block * kColumns;
          const std::int64_t width = std::min(kColumns, f.size[2] - k1);
          const auto n = static_cast<std::size_t>(width);
          if (f.weighted) std::fill_n(p.dw + k1, width, T(0));
          if (f.weighted) std::fill_n(p.db + k1, width, T(0));
          for (std::int64_t k0 = 0; k0 < f.size[0]; ++k0) {
            const T* variance = p.variance + k0 * f.size[2] + k1;
            if (!std::all_of(variance, variance + width, [&](T v) { return is_regular(f, v); })) {
              T* dw = f.weighted ? p.dw : nullptr;
              T* db = f.weighted ? p.db : nullptr;
              for (std::int64_t c = 0; c < width; ++c) backward_wide(f, p, k0, k1 + c, dw, db);
              continue;
            }
            T mean[kColumns];
            T r[kColumns];
            for (std::int64_t c = 0; c < width; ++c) {
              const std::int64_t i = k0 * f.size[2] + k1 + c;
              mean[c] = f.center ? p.mean[i] : 0;
              r[c] = 1 / std::sqrt(variance[c] + static_cast<T>(f.epsilon));
            }
            double sums[kColumns] = {};
            double products[kColumns] = {};
            for (std::int64_t r0 = 0; r0 < f.size[1];) {
              T part[kColumns] = {};
              T part_products[kColumns] = {};
              for (const std::int64_t stop = std::min(f.size[1], r0 + 256); r0 < stop; ++r0) {
                const std::int64_t at = f.offset(k0, r0, k1);
                ops.column_sums(p.ct + at, p.x + at, mean, r, part, part_products, n);
              }
              for (std::int64_t c = 0; c < width; ++c) {
                sums[c] += part[c];
                products[c] += part_products[c];
              }
            }
            // The weight is the same all along a column, so it factors out of the means.
            T factor[kColumns];
            T a[kColumns];
            T b[kColumns];
            for (std::int64_t c = 0; c < width; ++c) {
              factor[c] = r[c] * (f.weighted ? p.w[k1 + c] : 1);
              a[c] = f.center ? static_cast<T>(sums[c] / f.count) : 0;
              b[c] = static_cast<T>(products[c] / f.count);
              if (f.weighted) p.db[k1 + c] += static_cast<T>(sums[c]);
              if (f.weighted) p.dw[k1 + c] += static_cast<T>(products[c]);
            }
            for (std::int64_t r0 = 0; r0 < f.size[1]; ++r0) {
              const std::int64_t at = f.offset(k0, r0, k1);
              ops.column_gradient(p.ct + at, p.x + at, mean, r, factor, a, b, p.dx + at, n);
            }
          }
        }
      });
}

std::optional<Form> backward_form(const KernelQuery& q) {
  if (q.inputs[1].dtype != f32 && q.inputs[1].dtype != f64) return std::nullopt;
  return form_of(q.attrs, q.inputs[1].shape, q.inputs.size() > 4 ? &q.inputs[4].shape : nullptr);
}

template <class T>
void backward(const Form& f, const Gradients<T>& p, const RunContext& run) {
  (f.columns() ? backward_columns<T> : backward_rows<T>)(f, p, run);
}

// The weights' gradients of every worker.
std::int64_t parts_of(const Form& f, int threads) {
  return f.weighted && !f.columns() ? 2 * threads * f.weights : 0;
}

template <class T>
PreparedKernel prepare_backward_as(const KernelQuery& q) {
  const Form form = *backward_form(q);
  return make_kernel(
      [f = form](void* const* pointers, const RunContext& run) {
        const auto at = [&](std::size_t i) { return static_cast<T*>(pointers[i]); };
        const std::size_t out = f.weighted ? 5 : 4;
        backward<T>(f,
                    {at(0), at(1), at(2), at(3), f.weighted ? at(4) : nullptr, at(out),
                     f.weighted ? at(out + 1) : nullptr, f.weighted ? at(out + 2) : nullptr},
                    run);
      },
      static_cast<std::size_t>(parts_of(form, q.threads)) * sizeof(T));
}

PreparedKernel prepare_backward(const KernelQuery& q) {
  return q.inputs[1].dtype == f32 ? prepare_backward_as<float>(q) : prepare_backward_as<double>(q);
}

constexpr KernelRow kRows[] = {
    {Op::normalize, "rows", [](const KernelQuery& q) { return forward_form(q).has_value(); },
     prepare_forward},
    {Op::normalize_backward, "rows",
     [](const KernelQuery& q) { return backward_form(q).has_value(); }, prepare_backward},
};

}  // namespace

std::span<const KernelRow> normalize_kernels() { return kRows; }

}  // namespace nacre::cpu
