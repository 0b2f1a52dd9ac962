#include "nacre/kernels/cpu/reduce/rows.h"

#include <algorithm>
#include <cstring>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nacre/kernels/cpu/reduce/rows.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
//
#include <hwy/contrib/math/math-inl.h>

HWY_BEFORE_NAMESPACE();
namespace nacre::cpu::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// The first n < Lanes elements, zeros behind; touches nothing beyond them.
HWY_INLINE V load_tail(D d, const float* p, std::size_t n) {
#if HWY_TARGET <= HWY_AVX2
  return hn::MaskedLoad(hn::FirstN(d, n), d, p);
#else
  HWY_ALIGN float buffer[hn::MaxLanes(d)] = {};
  std::memcpy(buffer, p, n * sizeof(float));
  return hn::Load(d, buffer);
#endif
}

HWY_INLINE void store_tail(D d, V v, float* p, std::size_t n) {
#if HWY_TARGET <= HWY_AVX2
  hn::BlendedStore(v, hn::FirstN(d, n), d, p);
#else
  HWY_ALIGN float buffer[hn::MaxLanes(d)];
  hn::Store(v, d, buffer);
  std::memcpy(p, buffer, n * sizeof(float));
#endif
}

// Access to whole vectors and to the tail in one form.
struct Full {
  D d;
  HWY_INLINE V load(const float* p) const { return hn::LoadU(d, p); }
  HWY_INLINE void store(V v, float* p) const { hn::StoreU(v, d, p); }
  HWY_INLINE V only(V v, V) const { return v; }
};
struct Tail {
  D d;
  std::size_t n;
  HWY_INLINE V load(const float* p) const { return load_tail(d, p, n); }
  HWY_INLINE void store(V v, float* p) const { store_tail(d, v, p, n); }
  // v in the lanes that count, `other` in the rest.
  HWY_INLINE V only(V v, V other) const { return hn::IfThenElse(hn::FirstN(d, n), v, other); }
};

// body(offset, access) over whole vectors, then the tail.
template <class F>
HWY_INLINE void each(std::size_t n, F&& body) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) body(i, Full{d});
  if (i < n) body(i, Tail{d, n - i});
}

// Sums `term(offset, access)` over a row in four independent sums.
template <class F>
HWY_INLINE float sum_of(std::size_t n, F&& term) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  V s0 = hn::Zero(d);
  V s1 = s0;
  V s2 = s0;
  V s3 = s0;
  std::size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    s0 = hn::Add(s0, term(i, Full{d}));
    s1 = hn::Add(s1, term(i + lanes, Full{d}));
    s2 = hn::Add(s2, term(i + 2 * lanes, Full{d}));
    s3 = hn::Add(s3, term(i + 3 * lanes, Full{d}));
  }
  for (; i + lanes <= n; i += lanes) s0 = hn::Add(s0, term(i, Full{d}));
  if (i < n) {
    const Tail tail{d, n - i};
    s1 = hn::Add(s1, tail.only(term(i, tail), hn::Zero(d)));
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3))));
}

float sum(const float* x, std::size_t n) {
  return sum_of(n, [&](std::size_t i, auto m) HWY_ATTR { return m.load(x + i); });
}

float max(const float* x, std::size_t n) {
  const D d;
  const V low = hn::Set(d, -std::numeric_limits<float>::infinity());
  V top = low;
  each(n, [&](std::size_t i, auto m) HWY_ATTR {
    const V v = m.only(m.load(x + i), low);
    // NaN stays, whichever side it is on.
    top = hn::IfThenElse(hn::Or(hn::Gt(v, top), hn::IsNaN(v)), v, top);
  });
  const auto nan = hn::IsNaN(top);
  if (!hn::AllFalse(d, nan)) return std::numeric_limits<float>::quiet_NaN();
  return hn::GetLane(hn::MaxOfLanes(d, top));
}

float dot(const float* x, const float* y, std::size_t n) {
  return sum_of(
      n, [&](std::size_t i, auto m) HWY_ATTR { return hn::Mul(m.load(x + i), m.load(y + i)); });
}

float squares(const float* x, float shift, std::size_t n) {
  const V s = hn::Set(D(), shift);
  return sum_of(n, [&](std::size_t i, auto m) HWY_ATTR {
    const V v = hn::Sub(m.load(x + i), s);
    return hn::Mul(v, v);
  });
}

float exp_sum(const float* x, float shift, float* y, std::size_t n) {
  const D d;
  const V s = hn::Set(d, shift);
  return sum_of(n, [&](std::size_t i, auto m) HWY_ATTR {
    const V e = hn::Exp(d, hn::Sub(m.load(x + i), s));
    if (y) m.store(e, y + i);
    return e;
  });
}

void normalize(const float* x, float shift, float scale, const float* w, const float* b, float* y,
               std::size_t n) {
  const D d;
  const V vs = hn::Set(d, shift);
  const V vm = hn::Set(d, scale);
  each(n, [&](std::size_t i, auto m) HWY_ATTR {
    V v = hn::Mul(hn::Sub(m.load(x + i), vs), vm);
    if (w) v = hn::Mul(v, m.load(w + i));
    if (b) v = hn::Add(v, m.load(b + i));
    m.store(v, y + i);
  });
}

void scale(const float* x, float factor, float shift, float* y, std::size_t n) {
  const D d;
  const V f = hn::Set(d, factor);
  const V s = hn::Set(d, shift);
  each(n, [&](std::size_t i, auto m) HWY_ATTR { m.store(hn::MulAdd(m.load(x + i), f, s), y + i); });
}

void norm_sums(const float* ct, const float* x, float mean, float r, const float* w, float* sums,
               float* dw, float* db, std::size_t n) {
  const D d;
  const V vm = hn::Set(d, mean);
  const V vr = hn::Set(d, r);
  V s0 = hn::Zero(d);
  V s1 = hn::Zero(d);
  each(n, [&](std::size_t i, auto m) HWY_ATTR {
    const V c = m.load(ct + i);
    const V xhat = hn::Mul(hn::Sub(m.load(x + i), vm), vr);
    if (dw) m.store(hn::MulAdd(c, xhat, m.load(dw + i)), dw + i);
    if (db) m.store(hn::Add(c, m.load(db + i)), db + i);
    const V g = w ? hn::Mul(c, m.load(w + i)) : c;
    s0 = hn::Add(s0, g);
    s1 = hn::MulAdd(g, xhat, s1);
  });
  sums[0] += hn::GetLane(hn::SumOfLanes(d, s0));
  sums[1] += hn::GetLane(hn::SumOfLanes(d, s1));
}

void norm_gradient(const float* ct, const float* x, float mean, float r, const float* w,
                   float weight, float factor, float a, float b, float* dx, std::size_t n) {
  const D d;
  const V vw = hn::Set(d, weight);
  const V vm = hn::Set(d, mean);
  const V vr = hn::Set(d, r * b);
  const V va = hn::Set(d, a);
  const V vf = hn::Set(d, factor);
  each(n, [&](std::size_t i, auto m) HWY_ATTR {
    const V g = hn::Mul(m.load(ct + i), w ? m.load(w + i) : vw);
    const V along = hn::MulAdd(hn::Sub(m.load(x + i), vm), vr, va);
    m.store(hn::Mul(vf, hn::Sub(g, along)), dx + i);
  });
}

void column_add(const float* x, float* sums, std::size_t n) {
  each(n, [&](std::size_t i, auto m)
              HWY_ATTR { m.store(hn::Add(m.load(sums + i), m.load(x + i)), sums + i); });
}

void column_squares(const float* x, const float* mean, float* sums, std::size_t n) {
  each(n, [&](std::size_t i, auto m) HWY_ATTR {
    const V v = hn::Sub(m.load(x + i), m.load(mean + i));
    m.store(hn::MulAdd(v, v, m.load(sums + i)), sums + i);
  });
}

void column_normalize(const float* x, const float* mean, const float* factor, const float* b,
                      float* y, std::size_t n) {
  each(n, [&](std::size_t i, auto m) HWY_ATTR {
    V v = hn::Mul(hn::Sub(m.load(x + i), m.load(mean + i)), m.load(factor + i));
    if (b) v = hn::Add(v, m.load(b + i));
    m.store(v, y + i);
  });
}

void column_sums(const float* ct, const float* x, const float* mean, const float* r, float* sums,
                 float* products, std::size_t n) {
  each(n, [&](std::size_t i, auto m) HWY_ATTR {
    const V c = m.load(ct + i);
    const V xhat = hn::Mul(hn::Sub(m.load(x + i), m.load(mean + i)), m.load(r + i));
    m.store(hn::Add(m.load(sums + i), c), sums + i);
    m.store(hn::MulAdd(c, xhat, m.load(products + i)), products + i);
  });
}

void column_gradient(const float* ct, const float* x, const float* mean, const float* r,
                     const float* factor, const float* a, const float* b, float* dx,
                     std::size_t n) {
  each(n, [&](std::size_t i, auto m) HWY_ATTR {
    const V xhat = hn::Mul(hn::Sub(m.load(x + i), m.load(mean + i)), m.load(r + i));
    const V along = hn::MulAdd(xhat, m.load(b + i), m.load(a + i));
    m.store(hn::Mul(m.load(factor + i), hn::Sub(m.load(ct + i), along)), dx + i);
  });
}

void softmax_gradient(const float* p, const float* dp, float along, float factor, float* ds,
                      std::size_t n) {
  const D d;
  const V va = hn::Set(d, along);
  const V vf = hn::Set(d, factor);
  each(n, [&](std::size_t i, auto m) HWY_ATTR {
    m.store(hn::Mul(hn::Mul(m.load(p + i), vf), hn::Sub(m.load(dp + i), va)), ds + i);
  });
}

void transpose(const float* x, std::size_t x_row, float* y, std::size_t y_row, std::size_t rows,
               std::size_t columns) {
  constexpr std::size_t kTile = 16;
  for (std::size_t i0 = 0; i0 < rows; i0 += kTile) {
    const std::size_t i1 = i0 + kTile < rows ? i0 + kTile : rows;
    for (std::size_t j = 0; j < columns; ++j) {
      for (std::size_t i = i0; i < i1; ++i) y[j * y_row + i] = x[i * x_row + j];
    }
  }
}

// `rows` rows of c, two vectors wide (one when `narrow`), through registers.
template <std::size_t rows, bool narrow, class Access>
HWY_INLINE void gemm_tile(const GemmArguments& g, const float* a, const float* b, float* c,
                          Access last) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  V first[rows];
  V second[rows];
  for (std::size_t i = 0; i < rows; ++i) {
    if (g.add) {
      first[i] = narrow ? last.load(c + i * g.c_row) : hn::LoadU(d, c + i * g.c_row);
      if constexpr (!narrow) second[i] = last.load(c + i * g.c_row + lanes);
    } else {
      first[i] = hn::Zero(d);
      if constexpr (!narrow) second[i] = hn::Zero(d);
    }
  }
  for (std::size_t k = 0; k < g.k; ++k) {
    const float* row = b + k * g.b_row;
    const V b0 = narrow ? last.load(row) : hn::LoadU(d, row);
    V b1 = b0;
    if constexpr (!narrow) b1 = last.load(row + lanes);
    for (std::size_t i = 0; i < rows; ++i) {
      const V s = hn::Set(d, a[i * g.a_row + k * g.a_col]);
      first[i] = hn::MulAdd(s, b0, first[i]);
      if constexpr (!narrow) second[i] = hn::MulAdd(s, b1, second[i]);
    }
  }
  for (std::size_t i = 0; i < rows; ++i) {
    if (narrow) {
      last.store(first[i], c + i * g.c_row);
    } else {
      hn::StoreU(first[i], d, c + i * g.c_row);
      if constexpr (!narrow) last.store(second[i], c + i * g.c_row + lanes);
    }
  }
}

// All columns of `rows` rows.
template <std::size_t rows>
void gemm_strip(const GemmArguments& g, const float* a, float* c) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t j = 0;
  for (; j + 2 * lanes <= g.n; j += 2 * lanes) {
    gemm_tile<rows, false>(g, a, g.b + j, c + j, Full{d});
  }
  const std::size_t rest = g.n - j;
  if (rest > lanes) {
    gemm_tile<rows, false>(g, a, g.b + j, c + j, Tail{d, rest - lanes});
  } else if (rest == lanes) {
    gemm_tile<rows, true>(g, a, g.b + j, c + j, Full{d});
  } else if (rest > 0) {
    gemm_tile<rows, true>(g, a, g.b + j, c + j, Tail{d, rest});
  }
}

void gemm(const GemmArguments& g) {
  std::size_t i = 0;
  for (; i + 6 <= g.m; i += 6) gemm_strip<6>(g, g.a + i * g.a_row, g.c + i * g.c_row);
  for (; i + 2 <= g.m; i += 2) gemm_strip<2>(g, g.a + i * g.a_row, g.c + i * g.c_row);
  for (; i < g.m; ++i) gemm_strip<1>(g, g.a + i * g.a_row, g.c + i * g.c_row);
}

void add_scaled(const float* x, float factor, float* y, std::size_t n) {
  const V f = hn::Set(D(), factor);
  each(n, [&](std::size_t i, auto m)
              HWY_ATTR { m.store(hn::MulAdd(m.load(x + i), f, m.load(y + i)), y + i); });
}

// The lanes in which v takes the place of the maximum so far.
template <class Vector>
HWY_INLINE auto beats(Vector v, Vector top) {
  return hn::Or(hn::Gt(v, top), hn::And(hn::IsNaN(v), hn::Not(hn::IsNaN(top))));
}

void pool_max(const float* x, float* top, std::size_t n) {
  each(n, [&](std::size_t i, auto m) HWY_ATTR {
    const V v = m.load(x + i);
    const V t = m.load(top + i);
    m.store(hn::IfThenElse(beats(v, t), v, t), top + i);
  });
}

void pool_route(const float* x, const float* top, float* left, float* dx, std::size_t n) {
  each(n, [&](std::size_t i, auto m) HWY_ATTR {
    const V v = m.load(x + i);
    const V ct = m.load(left + i);
    const auto hit = hn::Or(hn::Eq(v, m.load(top + i)), hn::IsNaN(v));
    m.store(hn::Add(m.load(dx + i), hn::IfThenElseZero(hit, ct)), dx + i);
    m.store(hn::IfThenZeroElse(hit, ct), left + i);
  });
}

// Calls f(tag, i) for vectors that together cover [0, n), the last one moved back over its
// neighbour: rows of pictures are often shorter than the widest vector. Returns how many elements
// are covered: all of them unless n < 4.
template <class F>
std::size_t cover(std::size_t n, F&& f) {
  const auto all = [&](auto d) HWY_ATTR {
    const std::size_t lanes = hn::Lanes(d);
    for (std::size_t i = 0; i < n; i += lanes) f(d, std::min(i, n - lanes));
    return n;
  };
  const D d;
  const hn::CappedTag<float, 8> d8;
  const hn::CappedTag<float, 4> d4;
  if (n >= hn::Lanes(d)) return all(d);
  if (n >= hn::Lanes(d8)) return all(d8);
  if (n >= hn::Lanes(d4)) return all(d4);
  return 0;
}

void max_2x2(const float* first, const float* second, float* y, std::size_t n) {
  std::size_t i = cover(n, [&](auto d, std::size_t at) HWY_ATTR {
    hn::Vec<decltype(d)> a0, a1, b0, b1;
    hn::LoadInterleaved2(d, first + 2 * at, a0, a1);
    hn::LoadInterleaved2(d, second + 2 * at, b0, b1);
    auto top = hn::IfThenElse(beats(a1, a0), a1, a0);
    top = hn::IfThenElse(beats(b0, top), b0, top);
    top = hn::IfThenElse(beats(b1, top), b1, top);
    hn::StoreU(top, d, y + at);
  });
  for (; i < n; ++i) {
    float top = first[2 * i];
    for (const float v : {first[2 * i + 1], second[2 * i], second[2 * i + 1]}) {
      if (v > top || (v != v && top == top)) top = v;
    }
    y[i] = top;
  }
}

void max_2x2_gradient(const float* first, const float* second, const float* ct, float* dfirst,
                      float* dsecond, std::size_t n, bool relu) {
  std::size_t i = cover(n, [&](auto d, std::size_t at) HWY_ATTR {
    hn::Vec<decltype(d)> a0, a1, b0, b1;
    hn::LoadInterleaved2(d, first + 2 * at, a0, a1);
    hn::LoadInterleaved2(d, second + 2 * at, b0, b1);
    auto g = hn::LoadU(d, ct + at);
    const auto w1 = beats(a1, a0);
    auto top = hn::IfThenElse(w1, a1, a0);
    const auto w2 = beats(b0, top);
    top = hn::IfThenElse(w2, b0, top);
    const auto w3 = beats(b1, top);
    if (relu) {
      top = hn::IfThenElse(w3, b1, top);
      g = hn::IfThenElseZero(hn::Gt(top, hn::Zero(d)), g);
    }
    // Each takes the gradient from those before it.
    const auto g3 = hn::IfThenElseZero(w3, g);
    const auto rest2 = hn::IfThenZeroElse(w3, g);
    const auto g2 = hn::IfThenElseZero(w2, rest2);
    const auto rest1 = hn::IfThenZeroElse(w2, rest2);
    hn::StoreInterleaved2(hn::IfThenZeroElse(w1, rest1), hn::IfThenElseZero(w1, rest1), d,
                          dfirst + 2 * at);
    hn::StoreInterleaved2(g2, g3, d, dsecond + 2 * at);
  });
  for (; i < n; ++i) {
    const float v[4] = {first[2 * i], first[2 * i + 1], second[2 * i], second[2 * i + 1]};
    std::size_t best = 0;
    for (std::size_t k = 1; k < 4; ++k) {
      if (v[k] > v[best] || (v[k] != v[k] && v[best] == v[best])) best = k;
    }
    const float g = !relu || v[best] > 0 ? ct[i] : 0;
    dfirst[2 * i] = best == 0 ? g : 0;
    dfirst[2 * i + 1] = best == 1 ? g : 0;
    dsecond[2 * i] = best == 2 ? g : 0;
    dsecond[2 * i + 1] = best == 3 ? g : 0;
  }
}

}  // namespace

const RowOps* rows_table() {
  static constexpr RowOps kOps = {sum,
                                  max,
                                  dot,
                                  squares,
                                  exp_sum,
                                  normalize,
                                  scale,
                                  norm_sums,
                                  norm_gradient,
                                  column_add,
                                  column_squares,
                                  column_normalize,
                                  column_sums,
                                  column_gradient,
                                  softmax_gradient,
                                  transpose,
                                  gemm,
                                  add_scaled,
                                  pool_max,
                                  pool_route,
                                  max_2x2,
                                  max_2x2_gradient};
  return &kOps;
}

}  // namespace nacre::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nacre::cpu {

HWY_EXPORT(rows_table);

const RowOps& row_ops() {
  static const RowOps& table = *HWY_DYNAMIC_DISPATCH(rows_table)();
  return table;
}

}  // namespace nacre::cpu
#endif
