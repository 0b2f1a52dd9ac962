#include "nacre/kernels/cpu/image/conv_pool.h"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nacre/kernels/cpu/image/conv_pool_loops.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h

#include "nacre/kernels/cpu/simd/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace nacre::cpu::HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
using Bytes = hn::Rebind<std::uint8_t, D>;
constexpr std::size_t K = kStageKernel;
constexpr int kCutOff = 4;

void take_apart(const StageSizes& s, const float* x, float* row, float* streams) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  std::fill_n(row, s.padded_row(), 0.0f);
  const std::size_t width = std::min(s.columns, s.padded_row() - s.left);
  for (std::size_t c = 0; c < s.channels; ++c, x += s.rows * s.columns) {
    for (std::size_t r = 0; r < s.needed_rows(); ++r) {
      const bool inside = r >= s.top && r - s.top < s.rows;
      if (inside) {
        std::memcpy(row + s.left, x + (r - s.top) * s.columns, width * sizeof(float));
      } else {
        std::fill_n(row + s.left, width, 0.0f);
      }
      for (std::size_t p = 0; p < s.lanes_columns; p += lanes) {
        // Lanes beyond the last pooled pixel are zero: what lies there has no part in any sum.
        const auto some = hn::FirstN(d, s.pooled_columns - std::min(p, s.pooled_columns));
        for (std::size_t j = 0; j < kStageStreams; j += 2) {
          V even, odd;
          hn::LoadInterleaved2(d, row + 2 * p + j, even, odd);
          hn::Store(hn::IfThenElseZero(some, even), d, streams + p * kStageStreams + j * lanes);
          hn::Store(hn::IfThenElseZero(some, odd), d,
                    streams + p * kStageStreams + (j + 1) * lanes);
        }
      }
      streams += kStageStreams * s.lanes_columns;
    }
  }
}

HWY_INLINE hn::Mask<D> beats(V v, V top) {
  return hn::Or(hn::Gt(v, top), hn::And(hn::IsNaN(v), hn::Not(hn::IsNaN(top))));
}

void forward(const StageSizes& s, const float* streams, const float* weights, const float* bias,
             float* y, std::uint8_t* which) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  const hn::RebindToSigned<D> di;
  const std::size_t line = kStageStreams * s.lanes_columns;
  for (std::size_t py = 0; py < s.pooled_rows; ++py) {
    for (std::size_t p = 0; p < s.pooled_columns; p += lanes) {
      const float* const here = streams + 2 * py * line + p * kStageStreams;
      const std::size_t n = std::min(lanes, s.pooled_columns - p);
      for (std::size_t o = 0; o < s.outputs; ++o) {
        V a = hn::Set(d, bias ? bias[o] : 0.0f);
        V b = a;
        V c = a;
        V e = a;
        for (std::size_t ch = 0; ch < s.channels; ++ch) {
          const float* const in = here + ch * s.needed_rows() * line;
          const float* const w = weights + (o * s.channels + ch) * K * K;
          const auto at = [&](std::size_t r, std::size_t j)
                              HWY_ATTR { return hn::Load(d, in + r * line + j * lanes); };
          for (std::size_t r = 0; r < K; ++r) {
            const V first[] = {at(r, 0), at(r, 1), at(r, 2), at(r, 3)};
            const V second[] = {at(r + 1, 0), at(r + 1, 1), at(r + 1, 2), at(r + 1, 3)};
            for (std::size_t k = 0; k < K; ++k) {
              const V tap = hn::Set(d, w[r * K + k]);
              a = hn::MulAdd(tap, first[k], a);
              b = hn::MulAdd(tap, first[k + 1], b);
              c = hn::MulAdd(tap, second[k], c);
              e = hn::MulAdd(tap, second[k + 1], e);
            }
          }
        }
        auto place = hn::Zero(di);
        V top = a;
        const auto choose = [&](hn::Mask<D> better, V v, int at) HWY_ATTR {
          top = hn::IfThenElse(better, v, top);
          place = hn::IfThenElse(hn::RebindMask(di, better), hn::Set(di, at), place);
        };
        // A sum without NaN has no addend that is one.
        if (HWY_LIKELY(hn::AllFalse(d, hn::IsNaN(hn::Add(hn::Add(a, b), hn::Add(c, e)))))) {
          choose(hn::Gt(b, top), b, 1);
          choose(hn::Gt(c, top), c, 2);
          choose(hn::Gt(e, top), e, 3);
        } else {
          choose(beats(b, top), b, 1);
          choose(beats(c, top), c, 2);
          choose(beats(e, top), e, 3);
        }
        const auto positive = hn::Gt(top, hn::Zero(d));
        place = hn::IfThenElse(hn::RebindMask(di, positive), place, hn::Set(di, kCutOff));
        // NaN stays.
        top = hn::IfThenZeroElse(hn::Le(top, hn::Zero(d)), top);
        const std::size_t to = (o * s.pooled_rows + py) * s.pooled_columns + p;
        const auto bytes = hn::DemoteTo(Bytes(), place);
        // What goes beyond the row is overwritten by the next one; masked stores are slow.
        if (HWY_LIKELY(n == lanes || py + 1 < s.pooled_rows)) {
          hn::StoreU(top, d, y + to);
          hn::StoreU(bytes, Bytes(), which + to);
        } else {
          store_some(d, top, y + to, n);
          HWY_ALIGN std::uint8_t buffer[hn::MaxLanes(Bytes())];
          hn::Store(bytes, Bytes(), buffer);
          std::memcpy(which + to, buffer, n);
        }
      }
    }
  }
}

void backward(const StageSizes& s, const float* streams, const float* ct, const std::uint8_t* which,
              float* sums, float* bias_sums) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  const hn::RebindToSigned<D> di;
  const std::size_t line = kStageStreams * s.lanes_columns;
  const std::size_t plane = s.pooled_rows * s.pooled_columns;
  for (std::size_t o = 0; o < s.outputs; ++o) {
    for (std::size_t ch = 0; ch < s.channels; ++ch) {
      const bool count = ch == 0 && bias_sums != nullptr;
      float* const to = sums + (o * s.channels + ch) * K * K * lanes;
      V total[K * K];
      for (std::size_t k = 0; k < K * K; ++k) total[k] = hn::LoadU(d, to + k * lanes);
      V all = count ? hn::LoadU(d, bias_sums + o * lanes) : hn::Zero(d);
      for (std::size_t py = 0; py < s.pooled_rows; ++py) {
        const float* const in = streams + (ch * s.needed_rows() + 2 * py) * line;
        for (std::size_t p = 0; p < s.pooled_columns; p += lanes) {
          const std::size_t n = std::min(lanes, s.pooled_columns - p);
          const std::size_t from = o * plane + py * s.pooled_columns + p;
          const V g = n == lanes ? hn::LoadU(d, ct + from) : load_some(d, ct + from, n);
          // Lanes beyond the row do not matter: their g is zero.
          hn::Vec<Bytes> bytes;
          if (from + lanes <= s.outputs * plane) {
            bytes = hn::LoadU(Bytes(), which + from);
          } else {
            HWY_ALIGN std::uint8_t buffer[hn::MaxLanes(Bytes())] = {};
            std::memcpy(buffer, which + from, n);
            bytes = hn::Load(Bytes(), buffer);
          }
          const auto place = hn::PromoteTo(di, bytes);
          const auto part = [&](int k) HWY_ATTR {
            return hn::IfThenElseZero(hn::RebindMask(d, hn::Eq(place, hn::Set(di, k))), g);
          };
          const V a = part(0);
          const V b = part(1);
          const V c = part(2);
          const V e = part(3);
          if (count) all = hn::Add(all, hn::Add(hn::Add(a, b), hn::Add(c, e)));
          const auto at = [&](std::size_t r, std::size_t j) HWY_ATTR {
            return hn::Load(d, in + r * line + p * kStageStreams + j * lanes);
          };
          for (std::size_t r = 0; r < K; ++r) {
            const V first[] = {at(r, 0), at(r, 1), at(r, 2), at(r, 3)};
            const V second[] = {at(r + 1, 0), at(r + 1, 1), at(r + 1, 2), at(r + 1, 3)};
            for (std::size_t k = 0; k < K; ++k) {
              V& sum = total[r * K + k];
              sum = hn::MulAdd(a, first[k], sum);
              sum = hn::MulAdd(b, first[k + 1], sum);
              sum = hn::MulAdd(c, second[k], sum);
              sum = hn::MulAdd(e, second[k + 1], sum);
            }
          }
        }
      }
      for (std::size_t k = 0; k < K * K; ++k) hn::StoreU(total[k], d, to + k * lanes);
      if (count) hn::StoreU(all, d, bias_sums + o * lanes);
    }
  }
}

void reduce(const float* from, std::size_t n, float* to) {
  const D d;
  for (std::size_t i = 0; i < n; ++i) {
    to[i] = hn::GetLane(hn::SumOfLanes(d, hn::LoadU(d, from + i * hn::Lanes(d))));
  }
}

}  // namespace

const StageFunctions* stage_table() {
  static const StageFunctions kTable = {hn::Lanes(D()), take_apart, forward, backward, reduce};
  return &kTable;
}

}  // namespace nacre::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nacre::cpu {

HWY_EXPORT(stage_table);

const StageFunctions& stage_functions() {
  static const StageFunctions& table = *HWY_DYNAMIC_DISPATCH(stage_table)();
  return table;
}

}  // namespace nacre::cpu
#endif
