// Ops that copy parts of arrays: slice, slice_update, concat, split, roll, triangle.
#include <algorithm>
#include <cstring>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/kernels.h"
#include "nacre/kernels/cpu/shape/runs.h"
#include "nacre/ops/define/strided.h"

namespace nacre::cpu {
namespace {

using op_defs::AxisView;
using op_defs::Strides;

// A part {start, step} of `whole` as strides over it, and the offset of its first element.
std::int64_t part_of(const Attrs& attrs, const Shape& whole, Strides& strides) {
  const auto& start = attrs.integers("start");
  const auto& step = attrs.integers("step");
  strides = row_major_strides(whole);
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < start.size(); ++i) {
    offset += start[i] * strides[i];
    strides[i] *= step[i];
  }
  return offset;
}

PreparedKernel prepare_slice(const KernelQuery& q) {
  Strides strides;
  const std::int64_t offset = part_of(q.attrs, q.inputs[0].shape, strides);
  const Shape& out = q.outputs[0].shape;
  return make_kernel(
      [copy = BoxCopy(out, size_of(q.inputs[0].dtype), strides, row_major_strides(out), offset, 0),
       workers = workers_to_move(q.outputs, q.threads)](void* const* pointers, const RunContext&) {
        copy.run(pointers[0], pointers[1], workers);
      });
}

PreparedKernel prepare_slice_update(const KernelQuery& q) {
  Strides strides;
  const std::int64_t offset = part_of(q.attrs, q.inputs[0].shape, strides);
  const Shape& part = q.inputs[1].shape;
  return make_kernel(
      [copy =
           BoxCopy(part, size_of(q.inputs[0].dtype), row_major_strides(part), strides, 0, offset),
       bytes = q.outputs[0].bytes(),
       workers = workers_to_move(q.outputs, q.threads)](void* const* pointers, const RunContext&) {
        copy_bytes(pointers[0], pointers[2], bytes, workers);
        copy.run(pointers[1], pointers[2], workers);
      },
      0, 1);
}

// Where each part lies within the joined array, as copies into it or out of it.
std::vector<BoxCopy> part_copies(const KernelQuery& q, const Spec& joined,
                                 std::span<const Spec> parts, bool join) {
  const std::int64_t inner = AxisView(joined.shape, q.attrs.integer("axis")).inner;
  const Strides whole = row_major_strides(joined.shape);
  std::vector<BoxCopy> copies;
  std::int64_t offset = 0;
  for (const Spec& spec : parts) {
    const Strides own = row_major_strides(spec.shape);
    const std::size_t size = size_of(joined.dtype);
    copies.push_back(join ? BoxCopy(spec.shape, size, own, whole, 0, offset)
                          : BoxCopy(spec.shape, size, whole, own, offset, 0));
    offset += AxisView(spec.shape, q.attrs.integer("axis")).length * inner;
  }
  return copies;
}

PreparedKernel prepare_concat(const KernelQuery& q) {
  return make_kernel(
      [copies = part_copies(q, q.outputs[0], q.inputs, true),
       workers = workers_to_move(q.outputs, q.threads)](void* const* pointers, const RunContext&) {
        for (std::size_t i = 0; i < copies.size(); ++i) {
          copies[i].run(pointers[i], pointers[copies.size()], workers);
        }
      });
}

PreparedKernel prepare_split(const KernelQuery& q) {
  return make_kernel(
      [copies = part_copies(q, q.inputs[0], q.outputs, false),
       workers = workers_to_move(q.inputs, q.threads)](void* const* pointers, const RunContext&) {
        for (std::size_t i = 0; i < copies.size(); ++i) {
          copies[i].run(pointers[0], pointers[i + 1], workers);
        }
      });
}

// Along each axis the array is two runs; every combination of runs is one box.
PreparedKernel prepare_roll(const KernelQuery& q) {
  const Shape& in = q.inputs[0].shape;
  const auto& shifts = q.attrs.integers("shifts");
  const Strides strides = row_major_strides(in);
  std::vector<BoxCopy> copies;
  for (unsigned box = 0; box < 1u << in.rank(); ++box) {
    Shape shape = in;
    std::int64_t from = 0;
    std::int64_t to = 0;
    for (int i = 0; i < in.rank(); ++i) {
      const auto k = static_cast<std::size_t>(i);
      const bool wraps = (box >> i & 1u) != 0;
      shape.set(i, wraps ? shifts[k] : in[i] - shifts[k]);
      (wraps ? from : to) += (wraps ? in[i] - shifts[k] : shifts[k]) * strides[k];
    }
    if (shape.elements() == 0) continue;
    copies.emplace_back(shape, size_of(q.inputs[0].dtype), strides, strides, from, to);
  }
  return make_kernel([copies = std::move(copies), workers = workers_to_move(q.outputs, q.threads)](
                         void* const* pointers, const RunContext&) {
    for (const BoxCopy& copy : copies) copy.run(pointers[0], pointers[1], workers);
  });
}

PreparedKernel prepare_triangle(const KernelQuery& q) {
  const Shape& shape = q.inputs[0].shape;
  const std::int64_t rows = shape.at_back(-2);
  const std::int64_t columns = shape.at_back(-1);
  return make_kernel(
      [rows, columns, lines = shape.elements() > 0 ? shape.elements() / columns : 0,
       size = static_cast<std::int64_t>(size_of(q.inputs[0].dtype)), lower = q.attrs.flag("lower"),
       shift = q.attrs.integer("diagonal"),
       workers = workers_to_move(q.outputs, q.threads)](void* const* pointers, const RunContext&) {
        parallel_for(workers, lines, 1, [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t i = begin; i < end; ++i) {
            // Elements first..last-1 of the line stay.
            const std::int64_t edge = i % rows + shift;
            const std::int64_t first = lower ? 0 : std::clamp<std::int64_t>(edge, 0, columns);
            const std::int64_t last =
                lower ? std::clamp<std::int64_t>(edge + 1, 0, columns) : columns;
            const char* from = static_cast<const char*>(pointers[0]) + i * columns * size;
            char* to = static_cast<char*>(pointers[1]) + i * columns * size;
            std::memset(to, 0, static_cast<std::size_t>(first * size));
            if (from != to) {
              std::memcpy(to + first * size, from + first * size,
                          static_cast<std::size_t>((last - first) * size));
            }
            std::memset(to + last * size, 0, static_cast<std::size_t>((columns - last) * size));
          }
        });
      },
      0, 1);
}

bool supports_any(const KernelQuery&) { return true; }

constexpr KernelRow kRows[] = {
    {Op::slice, "runs", supports_any, prepare_slice},
    {Op::slice_update, "runs", supports_any, prepare_slice_update},
    {Op::concat, "runs", supports_any, prepare_concat},
    {Op::split, "runs", supports_any, prepare_split},
    {Op::roll, "runs", supports_any, prepare_roll},
    {Op::triangle, "runs", supports_any, prepare_triangle},
};

}  // namespace

std::span<const KernelRow> part_kernels() { return kRows; }

}  // namespace nacre::cpu
