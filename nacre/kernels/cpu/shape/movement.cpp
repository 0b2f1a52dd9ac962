// transpose and broadcast_to: elements move, whatever their type, by their size.
#include <algorithm>
#include <array>
#include <cstring>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/elementwise/broadcast.h"
#include "nacre/kernels/cpu/kernels.h"
#include "nacre/kernels/cpu/shape/runs.h"
#include "nacre/kernels/cpu/work.h"

namespace nacre::cpu {
namespace {

// The output's loops after merging axes that stay neighbours; the last is the innermost.
struct TransposeLoops {
  InlineVector<std::int64_t, kMaxRank> sizes;
  InlineVector<std::int64_t, kMaxRank> from;  // input strides
  InlineVector<std::int64_t, kMaxRank> to;    // output strides
};

TransposeLoops transpose_loops(const Shape& in, const std::vector<std::int64_t>& axes) {
  const auto strides = row_major_strides(in);
  TransposeLoops loops;
  for (std::int64_t a : axes) {
    if (a < 0) a += in.rank();
    const std::int64_t size = in[static_cast<int>(a)];
    const std::int64_t stride = strides[static_cast<std::size_t>(a)];
    if (size == 1) continue;
    const std::size_t rank = loops.sizes.size();
    if (rank > 0 && loops.from[rank - 1] == stride * size) {
      loops.sizes[rank - 1] *= size;
      loops.from[rank - 1] = stride;
    } else {
      loops.sizes.push_back(size);
      loops.from.push_back(stride);
    }
  }
  std::int64_t stride = 1;
  loops.to.resize(loops.sizes.size());
  for (std::size_t d = loops.sizes.size(); d-- > 0;) {
    loops.to[d] = stride;
    stride *= loops.sizes[d];
  }
  return loops;
}

// Two inner loops: the output's innermost one and the one along which the input is contiguous. They
// are done in squares with sides of a cache line: each line of the input is read once as a whole,
// and each of the output written once, so it does not matter that lines a power of two apart fall
// into the same few places of the cache.
template <class T>
struct Transpose {
  TransposeLoops outer;
  std::int64_t rows = 1, row_from = 0, row_to = 0;           // input contiguous along these
  std::int64_t columns = 1, column_from = 0, column_to = 0;  // output contiguous along these
  std::int64_t outer_count = 1;
  int workers = 1;

  static constexpr std::int64_t kSquare = 64 / sizeof(T);

  void operator()(void* const* pointers, const RunContext&) const {
    const T* in = static_cast<const T*>(pointers[0]);
    T* out = static_cast<T*>(pointers[1]);
    const std::int64_t strips = (rows + kSquare - 1) / kSquare;
    parallel_for(workers, outer_count * strips, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t u = begin; u < end; ++u) {
        std::int64_t index = u / strips;
        std::int64_t from = 0;
        std::int64_t to = 0;
        for (std::size_t d = outer.sizes.size(); d-- > 0;) {
          from += index % outer.sizes[d] * outer.from[d];
          to += index % outer.sizes[d] * outer.to[d];
          index /= outer.sizes[d];
        }
        const std::int64_t first = u % strips * kSquare;
        move(in + from, out + to, first, std::min(rows, first + kSquare));
      }
    });
  }

  void move(const T* in, T* out, std::int64_t first, std::int64_t last) const {
    if (column_from == 1) {
      for (std::int64_t r = first; r < last; ++r) {
        std::memcpy(out + r * row_to, in + r * row_from,
                    static_cast<std::size_t>(columns) * sizeof(T));
      }
      return;
    }
    std::int64_t c = 0;
    if (row_from == 1 && last - first == kSquare) {
      for (; c + kSquare <= columns; c += kSquare) {
        square(in + first + c * column_from, out + first * row_to + c);
      }
    }
    for (std::int64_t r = first; r < last; ++r) {
      const T* from = in + r * row_from;
      T* to = out + r * row_to;
      for (std::int64_t k = c; k < columns; ++k) to[k] = from[k * column_from];
    }
  }

  void square(const T* in, T* out) const {
    alignas(64) T lines[kSquare * kSquare];
    for (std::int64_t c = 0; c < kSquare; ++c) {
      std::memcpy(lines + c * kSquare, in + c * column_from, 64);
    }
    for (std::int64_t r = 0; r < kSquare; ++r) {
      alignas(64) T line[kSquare];
      for (std::int64_t c = 0; c < kSquare; ++c) line[c] = lines[c * kSquare + r];
      std::memcpy(out + r * row_to, line, 64);
    }
  }
};

PreparedKernel prepare_transpose(const KernelQuery& q) {
  TransposeLoops loops = transpose_loops(q.inputs[0].shape, q.attrs.integers("axes"));
  return for_size(size_of(q.inputs[0].dtype), [&](auto tag) {
    Transpose<decltype(tag)> t;
    t.workers = workers_for(
        2 * microseconds_to_move(2.0 * static_cast<double>(q.inputs[0].bytes())), q.threads);
    if (q.inputs[0].elements() == 0) {
      t.outer_count = 0;
      return make_kernel(std::move(t));
    }
    const std::size_t rank = loops.sizes.size();
    const std::size_t last = rank > 0 ? rank - 1 : 0;
    std::size_t contiguous = last;
    if (rank > 0) {
      t.columns = loops.sizes[last];
      t.column_from = loops.from[last];
      t.column_to = 1;
      for (std::size_t d = 0; d < last; ++d) {
        if (loops.from[d] == 1) contiguous = d;
      }
      // Rows copied whole: any outer loop serves as the rows.
      if (contiguous == last && last > 0) contiguous = last - 1;
      if (contiguous != last) {
        t.rows = loops.sizes[contiguous];
        t.row_from = loops.from[contiguous];
        t.row_to = loops.to[contiguous];
      }
    } else {
      t.column_from = 1;
    }
    for (std::size_t d = 0; d < last; ++d) {
      if (d == contiguous) continue;
      t.outer.sizes.push_back(loops.sizes[d]);
      t.outer.from.push_back(loops.from[d]);
      t.outer.to.push_back(loops.to[d]);
      t.outer_count *= loops.sizes[d];
    }
    return make_kernel(std::move(t));
  });
}

PreparedKernel prepare_broadcast(const KernelQuery& q) {
  const Shape inputs[1] = {q.inputs[0].shape};
  const std::size_t size = size_of(q.inputs[0].dtype);
  const std::int64_t elements = q.outputs[0].elements();
  const int workers =
      workers_for(microseconds_to_move(static_cast<double>(q.outputs[0].bytes())), q.threads);
  return make_kernel([loops = broadcast_loops(q.outputs[0].shape, inputs), size, elements, workers](
                         void* const* pointers, const RunContext&) {
    parallel_for(workers, elements, 4096, [&](std::int64_t begin, std::int64_t end) {
      expand(loops, 0, pointers[0], size, begin, end - begin,
             static_cast<char*>(pointers[1]) + static_cast<std::size_t>(begin) * size);
    });
  });
}

bool supports_any(const KernelQuery&) { return true; }

constexpr KernelRow kRows[] = {
    {Op::transpose, "direct", supports_any, prepare_transpose},
    {Op::broadcast_to, "direct", supports_any, prepare_broadcast},
};

}  // namespace

std::span<const KernelRow> movement_kernels() { return kRows; }

}  // namespace nacre::cpu
