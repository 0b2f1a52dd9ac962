#include "nacre/kernels/cpu/product/matmul_small.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nacre/kernels/cpu/product/matmul_small.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h

#include "nacre/kernels/cpu/simd/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace nacre::cpu::HWY_NAMESPACE {

constexpr std::int64_t kDepth = 256;  // rows of b in one panel
// Tiles of kRows x 2 vectors: as many accumulators as the registers hold beside b and a.
constexpr std::int64_t kRows = HWY_TARGET == HWY_AVX3 ? 12 : 4;
// Only these have masked loads that touch nothing beyond the mask.
constexpr bool kMaskedLoads = HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3;

template <class T>
struct Tile {
  const T* a;
  std::int64_t a_row, a_column;
  const T* b;
  std::int64_t ldb;
  T* c;
  std::int64_t ldc;
  std::int64_t k;
  std::size_t last;  // columns in the last vector
  const T* bias;     // or null
  bool accumulate;   // onto c
};

// One tile of M rows and N vectors, all of k. `kPartial`: the last vector is not full.
template <int M, int N, bool kPartial, class T>
HWY_NOINLINE void multiply_tile(const Tile<T>& t) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  const std::size_t lanes = hn::Lanes(d);
  [[maybe_unused]] const auto mask = hn::FirstN(d, t.last);
  const auto load_b = [&](const T* p, int j) HWY_ATTR {
    const T* from = p + static_cast<std::size_t>(j) * lanes;
    if constexpr (kPartial && kMaskedLoads) {
      if (j == N - 1) return hn::MaskedLoad(mask, d, from);
    }
    return hn::LoadU(d, from);
  };
  const auto load_edge = [&](const T* p, int j) HWY_ATTR {
    const T* from = p + static_cast<std::size_t>(j) * lanes;
    if (kPartial && j == N - 1) return load_some(d, from, t.last);
    return hn::LoadU(d, from);
  };
  V sum[M][N];
  for (int i = 0; i < M; ++i) {
    for (int j = 0; j < N; ++j) {
      if (t.accumulate) {
        sum[i][j] = load_edge(t.c + i * t.ldc, j);
      } else {
        sum[i][j] = t.bias ? load_edge(t.bias, j) : hn::Zero(d);
      }
    }
  }
  const T* a = t.a;
  const T* b = t.b;
  for (std::int64_t k = 0; k < t.k; ++k, a += t.a_column, b += t.ldb) {
    V row[N];
    for (int j = 0; j < N; ++j) row[j] = load_b(b, j);
    for (int i = 0; i < M; ++i) {
      const V x = hn::Set(d, a[i * t.a_row]);
      for (int j = 0; j < N; ++j) sum[i][j] = hn::MulAdd(x, row[j], sum[i][j]);
    }
  }
  for (int i = 0; i < M; ++i) {
    for (int j = 0; j < N; ++j) {
      T* to = t.c + i * t.ldc + static_cast<std::size_t>(j) * lanes;
      if (kPartial && j == N - 1) {
        store_some(d, sum[i][j], to, t.last);
      } else {
        hn::StoreU(sum[i][j], d, to);
      }
    }
  }
}

template <int N, bool kPartial, class T>
void multiply_rows(const Tile<T>& t, std::int64_t rows) {
  switch (rows) {
    case 1:
      return multiply_tile<1, N, kPartial>(t);
    case 2:
      return multiply_tile<2, N, kPartial>(t);
    case 3:
      return multiply_tile<3, N, kPartial>(t);
    case 4:
      return multiply_tile<4, N, kPartial>(t);
#if HWY_TARGET == HWY_AVX3
    case 5:
      return multiply_tile<5, N, kPartial>(t);
    case 6:
      return multiply_tile<6, N, kPartial>(t);
    case 7:
      return multiply_tile<7, N, kPartial>(t);
    case 8:
      return multiply_tile<8, N, kPartial>(t);
    case 9:
      return multiply_tile<9, N, kPartial>(t);
    case 10:
      return multiply_tile<10, N, kPartial>(t);
    case 11:
      return multiply_tile<11, N, kPartial>(t);
    default:
      return multiply_tile<12, N, kPartial>(t);
#else
    default:
      return;
#endif
  }
}

// Rows [k0, k0 + depth) and columns [j, j + width) of b, `padded` columns a row.
template <class T>
void pack(const ProductArguments& p, std::int64_t j, std::int64_t width, std::int64_t padded,
          std::int64_t k0, std::int64_t depth, T* panel) {
  const T* b = static_cast<const T*>(p.b) + k0 * p.b_row + j * p.b_column;
  if (p.b_column == 1) {
    for (std::int64_t k = 0; k < depth; ++k) {
      const T* from = b + k * p.b_row;
      T* to = panel + k * padded;
      for (std::int64_t c = 0; c < width; ++c) to[c] = from[c];
      for (std::int64_t c = width; c < padded; ++c) to[c] = 0;
    }
    return;
  }
  // Four columns of b at once, so that four neighbours are written together.
  std::int64_t c = 0;
  for (; c + 4 <= width; c += 4) {
    const T* b0 = b + c * p.b_column;
    const T* b1 = b0 + p.b_column;
    const T* b2 = b1 + p.b_column;
    const T* b3 = b2 + p.b_column;
    T* to = panel + c;
    std::int64_t k = 0;
    if constexpr (sizeof(T) == 4) {
      if (p.b_row == 1) {
        const hn::Full128<T> d;
        for (; k + 4 <= depth; k += 4) {
          const auto r0 = hn::LoadU(d, b0 + k);
          const auto r1 = hn::LoadU(d, b1 + k);
          const auto r2 = hn::LoadU(d, b2 + k);
          const auto r3 = hn::LoadU(d, b3 + k);
          const auto low02 = hn::InterleaveLower(d, r0, r2);
          const auto low13 = hn::InterleaveLower(d, r1, r3);
          const auto high02 = hn::InterleaveUpper(d, r0, r2);
          const auto high13 = hn::InterleaveUpper(d, r1, r3);
          hn::StoreU(hn::InterleaveLower(d, low02, low13), d, to + k * padded);
          hn::StoreU(hn::InterleaveUpper(d, low02, low13), d, to + (k + 1) * padded);
          hn::StoreU(hn::InterleaveLower(d, high02, high13), d, to + (k + 2) * padded);
          hn::StoreU(hn::InterleaveUpper(d, high02, high13), d, to + (k + 3) * padded);
        }
      }
    }
    for (; k < depth; ++k) {
      to[k * padded] = b0[k * p.b_row];
      to[k * padded + 1] = b1[k * p.b_row];
      to[k * padded + 2] = b2[k * p.b_row];
      to[k * padded + 3] = b3[k * p.b_row];
    }
  }
  for (; c < padded; ++c) {
    for (std::int64_t k = 0; k < depth; ++k) {
      panel[k * padded + c] = c < width ? b[k * p.b_row + c * p.b_column] : T(0);
    }
  }
}

// Rows of a times rows of a transposed b as inner products: for results too narrow for a vector,
// where packing b would cost more than the product. Each sum is added up in the same order whatever
// tile it is in.
constexpr std::int64_t kDotRows = HWY_TARGET == HWY_AVX3 ? 4 : 2;
constexpr std::int64_t kDotColumns = 4;
constexpr std::int64_t kDotDepth = 128;  // from here on it pays

template <std::int64_t M, std::int64_t N, class T>
HWY_NOINLINE void dot_tile(const ProductArguments& p, std::int64_t i, std::int64_t j) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const T* a = static_cast<const T*>(p.a) + i * p.a_row;
  const T* b = static_cast<const T*>(p.b) + j * p.b_column;
  hn::Vec<decltype(d)> sum[M][N];
  for (std::int64_t r = 0; r < M; ++r) {
    for (std::int64_t c = 0; c < N; ++c) sum[r][c] = hn::Zero(d);
  }
  const auto add = [&](auto load) HWY_ATTR {
    hn::Vec<decltype(d)> row[N];
    for (std::int64_t c = 0; c < N; ++c) row[c] = load(b + c * p.b_column);
    for (std::int64_t r = 0; r < M; ++r) {
      const auto x = load(a + r * p.a_row);
      for (std::int64_t c = 0; c < N; ++c) sum[r][c] = hn::MulAdd(x, row[c], sum[r][c]);
    }
  };
  std::int64_t k = 0;
  for (; k + lanes <= p.k; k += lanes) {
    add([&](const T* from) HWY_ATTR { return hn::LoadU(d, from + k); });
  }
  if (k < p.k) {
    const auto rest = static_cast<std::size_t>(p.k - k);
    add([&](const T* from) HWY_ATTR { return load_some(d, from + k, rest); });
  }
  const T* bias = static_cast<const T*>(p.bias);
  for (std::int64_t r = 0; r < M; ++r) {
    for (std::int64_t c = 0; c < N; ++c) {
      const T total = hn::GetLane(hn::SumOfLanes(d, sum[r][c]));
      static_cast<T*>(p.c)[(i + r) * p.ldc + j + c] = bias ? total + bias[j + c] : total;
    }
  }
}

template <std::int64_t M, class T>
void dot_rows(const ProductArguments& p, std::int64_t i) {
  std::int64_t j = 0;
  for (; j + kDotColumns <= p.n; j += kDotColumns) dot_tile<M, kDotColumns, T>(p, i, j);
  for (; j < p.n; ++j) dot_tile<M, 1, T>(p, i, j);
}

template <class T>
void multiply_by_dots(const ProductArguments& p) {
  std::int64_t i = 0;
  for (; i + kDotRows <= p.m; i += kDotRows) dot_rows<kDotRows, T>(p, i);
  for (; i < p.m; ++i) dot_rows<1, T>(p, i);
}

template <class T>
void multiply(const ProductArguments& p) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  if (p.b_row == 1 && p.a_column == 1 && p.n < lanes && p.k >= kDotDepth) {
    return multiply_by_dots<T>(p);
  }
  // Few rows leave registers for more columns, which a single chain of additions needs.
  const std::int64_t block = (p.m <= 2 ? 4 : 2) * lanes;
  T* const panel = static_cast<T*>(p.panel);
  T* const c = static_cast<T*>(p.c);
  for (std::int64_t j = 0; j < p.n; j += block) {
    const std::int64_t width = std::min(block, p.n - j);
    const std::int64_t vectors = (width + lanes - 1) / lanes;
    const bool partial = width < vectors * lanes;
    const bool packs = p.b_column != 1 || (partial && !kMaskedLoads) || p.m > 4 * kRows;
    for (std::int64_t k0 = 0; k0 == 0 || k0 < p.k; k0 += kDepth) {
      const std::int64_t depth = std::min(kDepth, p.k - k0);
      Tile<T> t{};
      t.a_row = p.a_row;
      t.a_column = p.a_column;
      t.ldc = p.ldc;
      t.k = depth;
      t.last = static_cast<std::size_t>(width - (vectors - 1) * lanes);
      t.bias = p.bias ? static_cast<const T*>(p.bias) + j : nullptr;
      t.accumulate = k0 > 0;
      if (packs) {
        pack(p, j, width, vectors * lanes, k0, depth, panel);
        t.b = panel;
        t.ldb = vectors * lanes;
      } else {
        t.b = static_cast<const T*>(p.b) + k0 * p.b_row + j;
        t.ldb = p.b_row;
      }
      for (std::int64_t i = 0; i < p.m; i += kRows) {
        const std::int64_t rows = std::min(kRows, p.m - i);
        t.a = static_cast<const T*>(p.a) + i * p.a_row + k0 * p.a_column;
        t.c = c + i * p.ldc + j;
        if (vectors > 2) {
          // m <= 2 here.
          if (vectors == 4) {
            if (rows == 1) {
              partial ? multiply_tile<1, 4, true>(t) : multiply_tile<1, 4, false>(t);
            } else {
              partial ? multiply_tile<2, 4, true>(t) : multiply_tile<2, 4, false>(t);
            }
          } else if (rows == 1) {
            partial ? multiply_tile<1, 3, true>(t) : multiply_tile<1, 3, false>(t);
          } else {
            partial ? multiply_tile<2, 3, true>(t) : multiply_tile<2, 3, false>(t);
          }
        } else if (vectors == 2) {
          partial ? multiply_rows<2, true>(t, rows) : multiply_rows<2, false>(t, rows);
        } else {
          partial ? multiply_rows<1, true>(t, rows) : multiply_rows<1, false>(t, rows);
        }
      }
    }
  }
}

std::size_t PanelBytes() {
  return static_cast<std::size_t>(kDepth) * 4 * hn::Lanes(hn::ScalableTag<float>()) * sizeof(float);
}

ProductFn Function(DType dtype) { return dtype == f32 ? multiply<float> : multiply<double>; }

}  // namespace nacre::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nacre::cpu {
HWY_EXPORT(Function);
HWY_EXPORT(PanelBytes);
ProductFn product_function(DType dtype) { return HWY_DYNAMIC_DISPATCH(Function)(dtype); }
std::size_t product_panel_bytes() { return HWY_DYNAMIC_DISPATCH(PanelBytes)(); }
}  // namespace nacre::cpu
#endif
