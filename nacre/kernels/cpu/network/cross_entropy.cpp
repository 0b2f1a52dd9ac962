// Softmax cross-entropy in f32. Along the last axis it runs on whole
// rows; along another one, lines are gathered into a row first.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/kernels.h"
#include "nacre/kernels/cpu/reduce/rows.h"
#include "nacre/ops/reduce/expect.h"

namespace nacre::cpu {
namespace {

// Below this many elements a second thread costs more than it brings.
constexpr std::int64_t kElementsAThread = 8192;

struct Lines {
  std::int64_t count;   // lines in all
  std::int64_t length;  // elements of a line
  std::int64_t inner;   // distance between them

  Lines(const Attrs& attrs, const Shape& s) : count(0), length(1), inner(1) {
    std::int64_t axis = attrs.integer("axis");
    if (axis < 0) axis += s.rank();
    for (int i = static_cast<int>(axis) + 1; i < s.rank(); ++i) inner *= s[i];
    length = s[static_cast<int>(axis)];
    if (s.elements() > 0) count = s.elements() / length;
  }
  std::int64_t start(std::int64_t line) const {
    return line / inner * length * inner + line % inner;
  }
  // Lines are worked on in place when they are contiguous.
  bool contiguous() const { return inner == 1; }
  std::int64_t grain() const {
    return std::max<std::int64_t>(1, kElementsAThread / std::max<std::int64_t>(1, length));
  }
  std::size_t scratch_bytes(int threads) const {
    return contiguous() ? 0 : static_cast<std::size_t>(threads * padded()) * sizeof(float);
  }
  std::int64_t padded() const { return (length + 15) / 16 * 16; }
};

// Calls body(line, row) with the line's elements in a row that may be written; `store` puts the row
// back into y. Threads take every workers-th block of lines.
template <bool writes, class F>
void for_each_line(const Lines& l, const RunContext& run, const float* x, float* y, F&& body) {
  const std::int64_t blocks = (l.count + l.grain() - 1) / l.grain();
  const std::int64_t workers = std::min<std::int64_t>(run.threads, blocks);
  parallel_for(static_cast<int>(workers), workers, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t slot = begin; slot < end; ++slot) {
      float* row = l.contiguous() ? nullptr : static_cast<float*>(run.scratch) + slot * l.padded();
      const std::int64_t first = l.count * slot / workers;
      const std::int64_t last = l.count * (slot + 1) / workers;
      for (std::int64_t i = first; i < last; ++i) {
        const float* from = x + l.start(i);
        if (l.contiguous()) {
          body(i, from, writes ? y + l.start(i) : nullptr);
          continue;
        }
        for (std::int64_t k = 0; k < l.length; ++k) row[k] = from[k * l.inner];
        body(i, row, row);
        if (!writes) continue;
        float* to = y + l.start(i);
        for (std::int64_t k = 0; k < l.length; ++k) to[k * l.inner] = row[k];
      }
    }
  });
}

std::int64_t label_of(const void* labels, DType dtype, std::int64_t i) {
  return dtype == i64 ? static_cast<const std::int64_t*>(labels)[i]
                      : static_cast<const std::int32_t*>(labels)[i];
}

// The mean of n numbers, whose sum in f32 may overflow.
float mean_of(const RowOps& ops, const float* x, std::size_t n) {
  const float total = ops.sum(x, n);
  if (std::isfinite(total)) return total / static_cast<float>(n);
  return static_cast<float>(std::accumulate(x, x + n, 0.0) / static_cast<double>(n));
}

struct CrossEntropy {
  Lines lines;
  Shape shape;  // of the labels
  DType label_type;
  float smoothing;
  std::int64_t ignore;

  explicit CrossEntropy(const KernelQuery& q)
      : lines(q.attrs, q.inputs[0].shape),
        shape(q.inputs[1].shape),
        label_type(q.inputs[1].dtype),
        smoothing(static_cast<float>(q.attrs.number_or("label_smoothing", 0))),
        ignore(q.attrs.integer_or("ignore_index", -100)) {}

  void check(std::int64_t label, std::int64_t line) const {
    if (label >= 0 && label < lines.length) return;
    op_defs::fail_label("softmax_cross_entropy", lines.length, shape, line,
                        static_cast<double>(label));
  }
};

PreparedKernel prepare_loss(const KernelQuery& q) {
  const CrossEntropy ce(q);
  return make_kernel(
      [ce](void* const* pointers, const RunContext& run) {
        const RowOps& ops = row_ops();
        const auto n = static_cast<std::size_t>(ce.lines.length);
        float* loss = static_cast<float*>(pointers[2]);
        for_each_line<false>(ce.lines, run, static_cast<const float*>(pointers[0]), nullptr,
                             [&](std::int64_t i, const float* x, float*) {
                               const std::int64_t label = label_of(pointers[1], ce.label_type, i);
                               loss[i] = 0;
                               if (label == ce.ignore) return;
                               ce.check(label, i);
                               const float top = ops.max(x, n);
                               const float log_total = std::log(ops.exp_sum(x, top, nullptr, n));
                               loss[i] = (1 - ce.smoothing) * (log_total - (x[label] - top));
                               if (ce.smoothing > 0) {
                                 const float mean = mean_of(ops, x, n);
                                 loss[i] += ce.smoothing * (log_total - (mean - top));
                               }
                             });
      },
      ce.lines.scratch_bytes(q.threads));
}

PreparedKernel prepare_loss_backward(const KernelQuery& q) {
  const CrossEntropy ce(q);
  return make_kernel(
      [ce](void* const* pointers, const RunContext& run) {
        const RowOps& ops = row_ops();
        const auto n = static_cast<std::size_t>(ce.lines.length);
        const float* ct = static_cast<const float*>(pointers[2]);
        for_each_line<true>(ce.lines, run, static_cast<const float*>(pointers[0]),
                            static_cast<float*>(pointers[3]),
                            [&](std::int64_t i, const float* x, float* y) {
                              const std::int64_t label = label_of(pointers[1], ce.label_type, i);
                              if (label == ce.ignore) {
                                std::fill_n(y, n, 0.0f);
                                return;
                              }
                              ce.check(label, i);
                              const float top = ops.max(x, n);
                              const float total = ops.exp_sum(x, top, y, n);
                              const float even = ce.smoothing / static_cast<float>(n);
                              ops.scale(y, ct[i] / total, -ct[i] * even, y, n);
                              y[label] -= ct[i] * (1 - ce.smoothing);
                            });
      },
      ce.lines.scratch_bytes(q.threads), 1);
}

bool is_single(const KernelQuery& q) { return q.inputs[0].dtype == f32; }
bool has_labels(const KernelQuery& q) {
  return is_single(q) && (q.inputs[1].dtype == i64 || q.inputs[1].dtype == i32);
}

constexpr KernelRow kRows[] = {
    {Op::softmax_cross_entropy, "rows", has_labels, prepare_loss},
    {Op::softmax_cross_entropy_backward, "rows", has_labels, prepare_loss_backward},
};

}  // namespace

std::span<const KernelRow> cross_entropy_kernels() { return kRows; }

}  // namespace nacre::cpu
