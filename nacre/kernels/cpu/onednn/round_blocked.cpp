#include "nacre/kernels/cpu/onednn/round_blocked.h"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nacre/kernels/cpu/onednn/round_blocked.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h

#include "nacre/kernels/cpu/simd/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace nacre::cpu::HWY_NAMESPACE {
namespace {

using DF = hn::ScalableTag<float>;
using DU = hn::ScalableTag<std::uint32_t>;
using VU = hn::Vec<DU>;
constexpr std::size_t kC = kBlockChannels;

// The upper halves are the rounded values; the lower halves are rubbish.
HWY_INLINE VU rounded(VU bits) {
  const DU d;
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(d, 1u));
  const auto up = hn::Add(bits, hn::Add(odd, hn::Set(d, 0x7fffu)));
  const auto is_nan = hn::IsNaN(hn::BitCast(DF(), bits));
  const auto quiet = hn::Or(bits, hn::Set(d, 0x400000u));
  return hn::IfThenElse(hn::RebindMask(d, is_nan), quiet, up);
}

// Block k of v (four 32-bit lanes: eight channels) goes to pixel 4 k.
template <class D, class V>
HWY_INLINE void scatter_blocks(D d, V v, std::uint16_t* to) {
  if constexpr (hn::MaxLanes(D()) <= 4) {
    hn::StoreU(v, d, reinterpret_cast<std::uint32_t*>(to));
  } else {
    const hn::Half<D> half;
    scatter_blocks(half, hn::LowerHalf(half, v), to);
    scatter_blocks(half, hn::UpperHalf(half, v), to + hn::MaxLanes(half) * kC);
  }
}

// Lanes(d) pixels of 16 channels.
template <class Load>
HWY_INLINE void round_tile(Load load, std::uint16_t* to) {
  const DU d;
  const hn::Repartition<std::uint64_t, DU> d64;
  for (std::size_t c = 0; c < kC; c += 8) {
    // Two channels in each lane.
    const auto pair = [&](std::size_t k) HWY_ATTR {
      const VU low = hn::ShiftRight<16>(rounded(load(c + 2 * k)));
      const VU high = hn::And(rounded(load(c + 2 * k + 1)), hn::Set(d, 0xffff0000u));
      return hn::Or(low, high);
    };
    const VU p0 = pair(0);
    const VU p1 = pair(1);
    const VU p2 = pair(2);
    const VU p3 = pair(3);
    const auto a = hn::BitCast(d64, hn::InterleaveLower(d, p0, p1));
    const auto b = hn::BitCast(d64, hn::InterleaveLower(d, p2, p3));
    const auto e = hn::BitCast(d64, hn::InterleaveUpper(d, p0, p1));
    const auto f = hn::BitCast(d64, hn::InterleaveUpper(d, p2, p3));
    scatter_blocks(d, hn::BitCast(d, hn::InterleaveLower(d64, a, b)), to + c);
    scatter_blocks(d, hn::BitCast(d, hn::InterleaveUpper(d64, a, b)), to + kC + c);
    scatter_blocks(d, hn::BitCast(d, hn::InterleaveLower(d64, e, f)), to + 2 * kC + c);
    scatter_blocks(d, hn::BitCast(d, hn::InterleaveUpper(d64, e, f)), to + 3 * kC + c);
  }
}

void round_row(const float* from, std::size_t channel_stride, std::size_t n, std::uint16_t* to) {
  const DF d;
  const DU du;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t i = 0; i < n; i += lanes) {
    if (n >= lanes) {
      const std::size_t at = std::min(i, n - lanes);  // the last vector may overlap
      round_tile(
          [&](std::size_t c)
              HWY_ATTR { return hn::BitCast(du, hn::LoadU(d, from + c * channel_stride + at)); },
          to + at * kC);
      continue;
    }
    HWY_ALIGN std::uint16_t tile[hn::MaxLanes(DF()) * kC];
    round_tile([&](std::size_t c)
                   HWY_ATTR { return hn::BitCast(du, load_some(d, from + c * channel_stride, n)); },
               tile);
    std::memcpy(to, tile, n * kC * sizeof(std::uint16_t));
  }
}

void round_image(const RoundedImage& image, const float* from, std::uint16_t* to) {
  if (image.columns == image.row_stride) {
    round_row(from, image.channel_stride, image.rows * image.columns, to);
    return;
  }
  for (std::size_t r = 0; r < image.rows; ++r) {
    round_row(from + r * image.row_stride, image.channel_stride, image.columns,
              to + r * image.columns * kC);
  }
}

}  // namespace

RoundBlockFn round_block_of_target() { return round_image; }

}  // namespace nacre::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nacre::cpu {

HWY_EXPORT(round_block_of_target);

RoundBlockFn round_block() {
  static const RoundBlockFn f = HWY_DYNAMIC_DISPATCH(round_block_of_target)();
  return f;
}

}  // namespace nacre::cpu
#endif
