#include "nacre/kernels/cpu/elementwise/broadcast.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace nacre::cpu {

BroadcastLoops broadcast_loops(const Shape& out, std::span<const Shape> inputs) {
  BroadcastLoops loops;
  loops.strides.resize(inputs.size());
  std::vector<std::array<std::int64_t, kMaxRank>> dense;
  for (const Shape& s : inputs) dense.push_back(row_major_strides(s));
  for (int d = 0; d < out.rank(); ++d) {
    if (out[d] == 1) continue;
    InlineVector<std::int64_t, 4> step;
    bool merges = !loops.sizes.empty();
    const std::size_t last = loops.sizes.size() - 1;
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      const int own = d - (out.rank() - inputs[k].rank());
      const bool varies = own >= 0 && inputs[k][own] != 1;
      step.push_back(varies ? dense[k][static_cast<std::size_t>(own)] : 0);
      merges = merges && loops.strides[k][last] == step[k] * out[d];
    }
    if (merges) {
      loops.sizes[last] *= out[d];
      for (std::size_t k = 0; k < inputs.size(); ++k) loops.strides[k][last] = step[k];
    } else {
      loops.sizes.push_back(out[d]);
      for (std::size_t k = 0; k < inputs.size(); ++k) loops.strides[k].push_back(step[k]);
    }
  }
  return loops;
}

namespace {

template <class T>
void expand_elements(const BroadcastLoops& loops, std::size_t k, const T* from, std::int64_t begin,
                     std::int64_t n, T* to) {
  const auto& strides = loops.strides[k];
  const std::size_t rank = loops.sizes.size();
  if (rank == 0) {
    std::fill_n(to, n, *from);
    return;
  }
  std::array<std::int64_t, kMaxRank> at{};
  std::int64_t offset = 0;
  std::int64_t rest = begin;
  for (std::size_t d = rank; d-- > 0;) {
    at[d] = rest % loops.sizes[d];
    rest /= loops.sizes[d];
    offset += at[d] * strides[d];
  }
  const std::size_t last = rank - 1;
  while (n > 0) {
    const std::int64_t run = std::min(n, loops.sizes[last] - at[last]);
    if (strides[last] == 0) {
      std::fill_n(to, run, from[offset]);
    } else {
      for (std::int64_t i = 0; i < run; ++i) to[i] = from[offset + i];
    }
    to += run;
    n -= run;
    at[last] += run;
    offset += run * strides[last];
    for (std::size_t d = last; d > 0 && at[d] == loops.sizes[d]; --d) {
      offset += strides[d - 1] - at[d] * strides[d];
      at[d] = 0;
      ++at[d - 1];
    }
  }
}

}  // namespace

void expand(const BroadcastLoops& loops, std::size_t k, const void* from, std::size_t size,
            std::int64_t begin, std::int64_t n, void* to) {
  const auto as = [&](auto tag) {
    using T = decltype(tag);
    expand_elements(loops, k, static_cast<const T*>(from), begin, n, static_cast<T*>(to));
  };
  switch (size) {
    case 1:
      return as(std::uint8_t{});
    case 2:
      return as(std::uint16_t{});
    case 4:
      return as(std::uint32_t{});
    default:
      return as(std::uint64_t{});
  }
}

}  // namespace nacre::cpu
