// ctc_loss in f32 and f64: the reference's recursions, a thread for some sequences each.
#include <algorithm>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/kernels.h"
#include "nacre/kernels/cpu/work.h"
#include "nacre/ops/network/ctc_lattice.h"

namespace nacre::cpu {
namespace {

struct Ctc {
  CtcSizes sizes;
  std::int64_t batch;
  DType label_type;
  DType step_type;

  explicit Ctc(const KernelQuery& q)
      : sizes{q.inputs[0].shape[1], q.inputs[0].shape[2], q.inputs[1].shape[1],
              q.attrs.integer("blank")},
        batch(q.inputs[0].shape[0]),
        label_type(q.inputs[1].dtype),
        step_type(q.inputs[2].dtype) {}

  static std::int64_t at(const void* numbers, DType dtype, std::int64_t i) {
    return dtype == i64 ? static_cast<const std::int64_t*>(numbers)[i]
                        : static_cast<const std::int32_t*>(numbers)[i];
  }
  // A lattice and a row of labels for each thread, on cache lines of their own.
  std::size_t workspace_bytes() const {
    const std::size_t bytes =
        sizes.workspace_bytes() + static_cast<std::size_t>(sizes.length) * sizeof(std::int64_t);
    return (bytes + 63) / 64 * 64;
  }
  std::int64_t workers(int threads) const {
    const double states = static_cast<double>(sizes.most_states() + sizes.classes);
    const double microseconds = 0.03 * static_cast<double>(batch * sizes.time) * states;
    return std::min<std::int64_t>(workers_for(microseconds, threads), batch);
  }
  std::size_t scratch_bytes(int threads) const {
    return static_cast<std::size_t>(workers(threads)) * workspace_bytes();
  }
  // Calls body(sequence, lattice).
  template <class F>
  void for_each(void* const* pointers, const RunContext& run, F&& body) const {
    const std::int64_t all = workers(run.threads);
    parallel_for(static_cast<int>(all), all, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t slot = begin; slot < end; ++slot) {
        char* workspace =
            static_cast<char*>(run.scratch) + static_cast<std::size_t>(slot) * workspace_bytes();
        CtcLattice lattice(sizes, workspace);
        auto* labels = reinterpret_cast<std::int64_t*>(workspace + sizes.workspace_bytes());
        for (std::int64_t b = batch * slot / all; b < batch * (slot + 1) / all; ++b) {
          for (std::int64_t i = 0; i < sizes.length; ++i) {
            labels[i] = at(pointers[1], label_type, b * sizes.length + i);
          }
          lattice.set_labels(labels, at(pointers[2], step_type, b));
          body(b, lattice);
        }
      }
    });
  }
  std::int64_t each() const { return sizes.time * sizes.classes; }
};

template <class T>
PreparedKernel loss_of(const Ctc& ctc, int threads) {
  return make_kernel(
      [ctc](void* const* pointers, const RunContext& run) {
        const auto* x = static_cast<const T*>(pointers[0]);
        auto* loss = static_cast<T*>(pointers[3]);
        ctc.for_each(pointers, run, [&](std::int64_t b, CtcLattice& lattice) {
          loss[b] = static_cast<T>(lattice.loss(x + b * ctc.each()));
        });
      },
      ctc.scratch_bytes(threads));
}

template <class T>
PreparedKernel gradient_of(const Ctc& ctc, int threads) {
  return make_kernel(
      [ctc](void* const* pointers, const RunContext& run) {
        const auto* x = static_cast<const T*>(pointers[0]);
        const auto* ct = static_cast<const T*>(pointers[3]);
        auto* dx = static_cast<T*>(pointers[4]);
        ctc.for_each(pointers, run, [&](std::int64_t b, CtcLattice& lattice) {
          lattice.gradient(x + b * ctc.each(), static_cast<double>(ct[b]), dx + b * ctc.each());
        });
      },
      ctc.scratch_bytes(threads));
}

bool supports(const KernelQuery& q) {
  const auto number = [](DType d) { return d == i64 || d == i32; };
  return (q.inputs[0].dtype == f32 || q.inputs[0].dtype == f64) && number(q.inputs[1].dtype) &&
         number(q.inputs[2].dtype) && q.inputs[0].shape[0] > 0;
}

PreparedKernel prepare_loss(const KernelQuery& q) {
  return q.inputs[0].dtype == f32 ? loss_of<float>(Ctc(q), q.threads)
                                  : loss_of<double>(Ctc(q), q.threads);
}
PreparedKernel prepare_gradient(const KernelQuery& q) {
  return q.inputs[0].dtype == f32 ? gradient_of<float>(Ctc(q), q.threads)
                                  : gradient_of<double>(Ctc(q), q.threads);
}

constexpr KernelRow kRows[] = {
    {Op::ctc_loss, "lattice", supports, prepare_loss},
    {Op::ctc_loss_backward, "lattice", supports, prepare_gradient},
};

}  // namespace

std::span<const KernelRow> ctc_kernels() { return kRows; }

}  // namespace nacre::cpu
