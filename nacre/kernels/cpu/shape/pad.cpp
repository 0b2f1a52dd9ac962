// pad and unpad: rows of the padded array, each two edges and a contiguous middle.
#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <string_view>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/kernels.h"
#include "nacre/kernels/cpu/shape/runs.h"
#include "nacre/kernels/cpu/work.h"
#include "nacre/ops/define/strided.h"

namespace nacre::cpu {
namespace {

// Which element of an axis of size n stands at place i; -1 where the constant does.
std::int64_t source_of(std::string_view mode, std::int64_t i, std::int64_t n) {
  if (i >= 0 && i < n) return i;
  if (mode == "constant") return -1;
  if (mode == "edge") return i < 0 ? 0 : n - 1;
  if (mode == "reflect") return i < 0 ? -i : 2 * (n - 1) - i;
  if (mode == "symmetric") return i < 0 ? -i - 1 : 2 * n - 1 - i;
  return i < 0 ? i + n : i - n;
}

struct Axis {
  std::int64_t inner, padded, low;
  std::int64_t inner_stride, padded_stride;  // elements
  std::vector<std::int64_t> source;          // of each padded place
};

// The axes up to the last that is padded; those behind it make up its `unit`.
struct PadLoops {
  std::vector<Axis> outer;
  Axis row;
  std::int64_t unit = 1;  // elements

  PadLoops(const Attrs& attrs, const Shape& inner, const Shape& padded) {
    const auto& low = attrs.integers("low");
    const std::string& mode = attrs.text("mode");
    int last = inner.rank() - 1;
    while (last > 0 && inner[last] == padded[last]) unit *= inner[last--];
    std::int64_t inner_stride = unit;
    std::int64_t padded_stride = unit;
    std::vector<Axis> axes;
    for (int i = last; i >= 0; --i) {
      const std::int64_t before = low[static_cast<std::size_t>(i)];
      Axis axis{inner[i], padded[i], before, inner_stride, padded_stride, {}};
      inner_stride *= inner[i];
      padded_stride *= padded[i];
      // Neighbouring axes that are not padded are one.
      while (i > 0 && i < last && axis.inner == axis.padded && inner[i - 1] == padded[i - 1]) {
        --i;
        axis.inner = axis.padded *= inner[i];
        inner_stride *= inner[i];
        padded_stride *= padded[i];
      }
      for (std::int64_t p = 0; p < axis.padded; ++p) {
        axis.source.push_back(source_of(mode, p - before, axis.inner));
      }
      axes.push_back(std::move(axis));
    }
    row = axes.empty() ? Axis{1, 1, 0, 1, 1, {0}} : std::move(axes.front());
    for (std::size_t k = axes.size(); k-- > 1;) outer.push_back(std::move(axes[k]));
  }
};

struct Pad {
  PadLoops loops;
  std::size_t size;
  bool constant;
  std::array<char, 8> value{};
  std::int64_t rows = 1;
  int workers = 1;

  void operator()(void* const* pointers, const RunContext&) const {
    const auto bytes = static_cast<std::int64_t>(size);
    const std::int64_t length = loops.row.padded * loops.unit * bytes;
    // Rows filled with the constant before what is inside is copied over it, in the near cache.
    const std::int64_t block =
        std::max<std::int64_t>(1, (std::int64_t{1} << 14) / std::max<std::int64_t>(1, length));
    parallel_for(workers, rows, 1, [&](std::int64_t begin, std::int64_t end) {
      std::array<std::int64_t, kMaxRank> at{};  // along each outer axis
      std::int64_t rest = begin;
      for (std::size_t d = loops.outer.size(); d-- > 0;) {
        at[d] = rest % loops.outer[d].padded;
        rest /= loops.outer[d].padded;
      }
      for (std::int64_t r = begin; r < end; ++r) {
        char* to = static_cast<char*>(pointers[1]) + r * length;
        if (constant && (r - begin) % block == 0) {
          fill_elements(to, value.data(), size,
                        std::min(block, end - r) * loops.row.padded * loops.unit);
        }
        std::int64_t from = 0;
        bool outside = false;
        for (std::size_t d = 0; d < loops.outer.size(); ++d) {
          const std::int64_t source = loops.outer[d].source[static_cast<std::size_t>(at[d])];
          outside = outside || source < 0;
          from += source * loops.outer[d].inner_stride;
        }
        if (!outside) line(static_cast<const char*>(pointers[0]) + from * bytes, to);
        for (std::size_t d = loops.outer.size(); d-- > 0;) {
          if (++at[d] < loops.outer[d].padded) break;
          at[d] = 0;
        }
      }
    });
  }

  void line(const char* from, char* to) const {
    const Axis& row = loops.row;
    const std::int64_t unit = loops.unit * static_cast<std::int64_t>(size);
    if (!constant) {
      edge(from, to, 0, row.low);
      edge(from, to, row.low + row.inner, row.padded);
    }
    if (row.inner > 0) {
      std::memcpy(to + row.low * unit, from, static_cast<std::size_t>(row.inner * unit));
    }
  }

  void edge(const char* from, char* to, std::int64_t begin, std::int64_t end) const {
    const std::int64_t unit = loops.unit * static_cast<std::int64_t>(size);
    for (std::int64_t p = begin; p < end; ++p) {
      std::memcpy(to + p * unit, from + loops.row.source[static_cast<std::size_t>(p)] * unit,
                  static_cast<std::size_t>(unit));
    }
  }
};

PreparedKernel prepare_pad(const KernelQuery& q) {
  Pad pad{PadLoops(q.attrs, q.inputs[0].shape, q.outputs[0].shape),
          size_of(q.inputs[0].dtype),
          q.attrs.text("mode") == "constant",
          {},
          1,
          workers_to_move(q.outputs, q.threads)};
  std::memcpy(pad.value.data(),
              Tensor::scalar(q.attrs.exact("value"), q.inputs[0].dtype).raw_data(), pad.size);
  for (const Axis& axis : pad.loops.outer) pad.rows *= axis.padded;
  if (q.outputs[0].elements() == 0) pad.rows = 0;
  return make_kernel(std::move(pad));
}

// The padded places of each element of an axis, in order: those of element i are
// places[first[i]..first[i + 1]).
struct Copies {
  std::vector<std::size_t> first;
  std::vector<std::int64_t> places;

  explicit Copies(const Axis& axis)
      : first(static_cast<std::size_t>(axis.inner) + 1), places(axis.source.size()) {
    for (const std::int64_t i : axis.source) ++first[static_cast<std::size_t>(i) + 1];
    std::partial_sum(first.begin(), first.end(), first.begin());
    std::vector<std::size_t> next = first;
    for (std::size_t p = 0; p < places.size(); ++p) {
      places[next[static_cast<std::size_t>(axis.source[p])]++] = static_cast<std::int64_t>(p);
    }
  }
};

// What was copied to several places is summed in double, one row of the result at a time.
template <class T>
struct Unpad {
  PadLoops loops;
  std::vector<Copies> copies;  // one an outer axis
  std::int64_t rows = 1;
  int workers = 1;

  void operator()(void* const* pointers, const RunContext& context) const {
    const std::int64_t n = loops.row.inner * loops.unit;
    const std::int64_t part = (rows + workers - 1) / workers;
    parallel_for(workers, workers, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t w = begin; w < end; ++w) {
        double* sums = static_cast<double*>(context.scratch) + w * n;
        for (std::int64_t r = w * part; r < std::min(rows, (w + 1) * part); ++r) {
          std::fill_n(sums, n, 0.0);
          add_up(static_cast<const T*>(pointers[0]), r, sums);
          T* out = static_cast<T*>(pointers[1]) + r * n;
          for (std::int64_t i = 0; i < n; ++i) {
            // Through f32, as the conversion to 16 bits starts from there.
            if constexpr (sizeof(T) == 2) {
              out[i] = T(static_cast<float>(sums[i]));
            } else {
              out[i] = static_cast<T>(sums[i]);
            }
          }
        }
      }
    });
  }

  // Adds every padded row that row r was copied to.
  void add_up(const T* in, std::int64_t r, double* sums) const {
    std::array<std::size_t, kMaxRank> begin{}, end{}, at{};
    for (std::size_t d = copies.size(); d-- > 0;) {
      const auto i = static_cast<std::size_t>(r % loops.outer[d].inner);
      r /= loops.outer[d].inner;
      begin[d] = at[d] = copies[d].first[i];
      end[d] = copies[d].first[i + 1];
    }
    while (true) {
      const T* from = in;
      for (std::size_t d = 0; d < copies.size(); ++d) {
        from += copies[d].places[at[d]] * loops.outer[d].padded_stride;
      }
      add(from, sums);
      std::size_t d = copies.size();
      for (; d > 0; --d) {
        if (++at[d - 1] < end[d - 1]) break;
        at[d - 1] = begin[d - 1];
      }
      if (d == 0) return;
    }
  }

  void add(const T* from, double* sums) const {
    const Axis& row = loops.row;
    const std::int64_t unit = loops.unit;
    const T* middle = from + row.low * unit;
    for (std::int64_t i = 0; i < row.inner * unit; ++i) sums[i] += static_cast<double>(middle[i]);
    for (std::int64_t p = 0; p < row.padded; ++p) {
      if (p == row.low) p += row.inner;
      if (p == row.padded) break;
      double* to = sums + row.source[static_cast<std::size_t>(p)] * unit;
      for (std::int64_t u = 0; u < unit; ++u) to[u] += static_cast<double>(from[p * unit + u]);
    }
  }
};

PreparedKernel prepare_unpad(const KernelQuery& q) {
  return visit_dtype(q.inputs[0].dtype, [&](auto tag) -> PreparedKernel {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T>) {
      throw InternalError("unpad: floats expected");
    } else {
      Unpad<T> unpad{PadLoops(q.attrs, q.outputs[0].shape, q.inputs[0].shape), {}, 1, 1};
      unpad.workers = workers_to_move(q.inputs, q.threads);
      for (const Axis& axis : unpad.loops.outer) {
        unpad.copies.emplace_back(axis);
        unpad.rows *= axis.inner;
      }
      if (q.outputs[0].elements() == 0) unpad.rows = 0;
      const std::int64_t sums = unpad.loops.row.inner * unpad.loops.unit * unpad.workers;
      return make_kernel(std::move(unpad), static_cast<std::size_t>(sums) * sizeof(double));
    }
  });
}

bool is_repeating(const KernelQuery& q) { return q.attrs.text("mode") != "constant"; }
bool supports_any(const KernelQuery&) { return true; }

constexpr KernelRow kRows[] = {
    {Op::pad, "runs", supports_any, prepare_pad},
    {Op::unpad, "runs", is_repeating, prepare_unpad},
};

}  // namespace

std::span<const KernelRow> pad_kernels() { return kRows; }

}  // namespace nacre::cpu
