#include "nacre/ops/reduce/statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "nacre/ops/elementwise/elementwise.h"
#include "nacre/ops/index/sort.h"
#include "nacre/ops/reduce/reduce.h"
#include "nacre/ops/shape/movement.h"
#include "nacre/ops/shape/rearrange.h"
#include "nacre/ops/shape/slice.h"

namespace nacre {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool is_narrow(DType d) { return d == bf16 || d == f16; }

Operand floating(const Operand& x) {
  return {is_floating(x.dtype()) ? x.tensor() : cast(x, f32), x.at()};
}

// How many elements go into each element of what was reduced.
double count_of(const Tensor& whole, const Tensor& reduced) {
  return static_cast<double>(whole.elements()) /
         std::max<double>(1, static_cast<double>(reduced.elements()));
}

Tensor is_nan(const Tensor& x, const Location& at) { return not_equal({x, at}, {x, at}); }

}  // namespace

Tensor variance(const Operand& operand, const Axes& axes, const VarianceOptions& options) {
  const Operand x = floating(operand);
  // Sums of squares have more digits than 16-bit floats hold.
  if (is_narrow(x.dtype())) {
    return cast({variance({cast(x, f32), x.at()}, axes, options), x.at()}, x.dtype());
  }
  const Tensor centred = sub(x, {mean(x, axes, true), x.at()});
  const Tensor result = mean_square({centred, x.at()}, axes, options.keep_dims);
  if (options.correction == 0) return result;
  const double count = count_of(centred, result);
  return mul({result, x.at()}, count / std::max(0.0, count - options.correction));
}

// As a norm, not as the root of the variance: that may overflow where the deviation does not.
// Halves, which are exact, since differences may be twice as large as the numbers; and each element
// has its share of the division, so that the norm is no larger than the result.
Tensor standard_deviation(const Operand& operand, const Axes& axes,
                          const VarianceOptions& options) {
  const Operand x = floating(operand);
  if (is_narrow(x.dtype())) {
    return cast({standard_deviation({cast(x, f32), x.at()}, axes, options), x.at()}, x.dtype());
  }
  const Tensor middle = mean(x, axes, true);
  const double count = count_of(x.tensor(), middle);
  const double share = 2 / std::sqrt(std::max(0.0, count - options.correction));
  const Tensor halves = sub({mul(x, 0.5), x.at()}, {mul({middle, x.at()}, 0.5), x.at()});
  return reduce_norm({mul({halves, x.at()}, share), x.at()}, axes, options.keep_dims);
}

Tensor norm(const Operand& operand, double p, const Axes& axes, bool keep_dims) {
  const Operand x = floating(operand);
  const Location& at = x.at();
  if (std::isnan(p)) {
    throw ValueError(format_error({.op = "norm",
                                   .what = "p is not a number",
                                   .inputs = "input " + to_string(x.tensor().spec()),
                                   .location = at}));
  }
  if (p == kInfinity) return max({abs(x), at}, axes, keep_dims);
  if (p == -kInfinity) return min({abs(x), at}, axes, keep_dims);
  if (p == 0) return cast({count_nonzero(x, axes, keep_dims), at}, x.dtype());
  if (p == 1) return sum({abs(x), at}, axes, keep_dims);
  if (p == 2) return reduce_norm(x, axes, keep_dims);
  if (is_narrow(x.dtype())) {
    return cast({norm({cast(x, f32), at}, p, axes, keep_dims), at}, x.dtype());
  }
  // Relative to the extreme that decides: powers of the others neither overflow nor vanish.
  const Tensor whole = abs(x);
  const auto extreme_of = [&] {
    if (whole.elements() == 0) return sum({whole, at}, axes, true);
    return p > 0 ? max({whole, at}, axes, true) : min({whole, at}, axes, true);
  };
  const Tensor extreme = stop_gradient({extreme_of(), at});
  const Tensor usable =
      logical_and({greater({extreme, at}, 0), at}, {is_finite({extreme, at}), at});
  const Tensor scale = where({usable, at}, {extreme, at}, 1);
  const Tensor size = div({whole, at}, {scale, at});
  const Tensor used = size > 0;
  const Tensor safe = where({used, at}, {size, at}, 1);
  const double of_zero = p > 0 ? 0 : kInfinity;
  const Tensor total = sum({where({used, at}, {pow({safe, at}, p), at}, of_zero), at}, axes, true);
  // A total of 0 (p > 0) or of infinity (p < 0) is a norm of 0.
  const Tensor regular = p > 0 ? not_equal({total, at}, 0) : not_equal({total, at}, kInfinity);
  const Tensor root = pow({where({regular, at}, {total, at}, 1), at}, 1 / p);
  const Tensor result = where({regular, at}, {mul({root, at}, {scale, at}), at}, 0);
  return keep_dims ? result : sum({result, at}, axes);
}

Tensor count_nonzero(const Operand& x, const Axes& axes, bool keep_dims) {
  return sum({not_equal(x, {Tensor::scalar(0, x.dtype()), x.at()}), x.at()}, axes, keep_dims);
}

Tensor quantile(const Operand& operand, double q, const Axes& axes, bool keep_dims,
                Interpolation interpolation) {
  const Operand x = floating(operand);
  const Location& at = x.at();
  const Tensor t = x.tensor();
  const auto fail = [&](const std::string& what) {
    throw ValueError(format_error({.op = "quantile",
                                   .what = what,
                                   .inputs = "input " + to_string(t.spec()),
                                   .location = at}));
  };
  if (!(q >= 0 && q <= 1)) fail(fmt::format("q is {}, from 0 to 1 expected", q));
  std::vector<bool> reduced(static_cast<std::size_t>(t.rank()), axes.empty());
  for (const int a : axes) {
    if (a < -t.rank() || a >= t.rank()) {
      fail(fmt::format("axis {} is out of range for rank {}", a, t.rank()));
    }
    reduced[static_cast<std::size_t>(a < 0 ? a + t.rank() : a)] = true;
  }
  // The reduced axes go last, as one.
  std::vector<int> order;
  Shape lanes;
  Shape result;
  std::int64_t n = 1;
  for (int i = 0; i < t.rank(); ++i) {
    const bool gone = reduced[static_cast<std::size_t>(i)];
    if (gone) n *= t.shape()[i];
    if (!gone) {
      order.push_back(i);
      lanes.push_back(t.shape()[i]);
    }
    if (!gone || keep_dims) result.push_back(gone ? 1 : t.shape()[i]);
  }
  for (int i = 0; i < t.rank(); ++i) {
    if (reduced[static_cast<std::size_t>(i)]) order.push_back(i);
  }
  if (n == 0) fail("there are no elements");
  lanes.push_back(n);
  const Tensor moved = std::is_sorted(order.begin(), order.end()) ? t : transpose({t, at}, order);
  const Tensor sorted = sort({reshape({moved, at}, lanes), at});
  const double place = q * static_cast<double>(n - 1);
  const auto element = [&](double i) {
    const auto k = static_cast<std::int64_t>(i);
    return reshape({slice_axis({sorted, at}, -1, {k, k + 1}), at}, result);
  };
  const Tensor low = element(std::floor(place));
  const Tensor high = element(std::ceil(place));
  double weight = place - std::floor(place);
  if (interpolation == Interpolation::lower) weight = 0;
  if (interpolation == Interpolation::higher) weight = 1;
  if (interpolation == Interpolation::nearest) weight = std::nearbyint(place) - std::floor(place);
  if (interpolation == Interpolation::midpoint && weight > 0) weight = 0.5;
  const auto between = [&] {
    // In f32 for 16-bit floats, whose differences overflow.
    const DType dtype = is_narrow(t.dtype()) ? f32 : t.dtype();
    const Operand a(cast({low, at}, dtype), at);
    const Operand b(cast({high, at}, dtype), at);
    const Tensor way = sub(b, a);
    const Tensor near = add(a, {mul({way, at}, weight), at});
    // Where the difference overflows or is that of equal infinities.
    const Tensor far = add({mul(a, 1 - weight), at}, {mul(b, weight), at});
    return cast({where({is_finite({way, at}), at}, {near, at}, {far, at}), at}, t.dtype());
  };
  const Tensor out = weight == 0 ? low : weight == 1 ? high : between();
  // NaN is sorted to the end: the last element tells.
  const Tensor last = element(static_cast<double>(n - 1));
  return where({is_nan(last, at), at}, {last, at}, {out, at});
}

Tensor median(const Operand& x, const Axes& axes, bool keep_dims) {
  return quantile(x, 0.5, axes, keep_dims);
}

Tensor nansum(const Operand& operand, const Axes& axes, bool keep_dims) {
  const Operand x = floating(operand);
  const Tensor t = x.tensor();
  return sum({where({is_nan(t, x.at()), x.at()}, 0, {t, x.at()}), x.at()}, axes, keep_dims);
}

Tensor nanmean(const Operand& operand, const Axes& axes, bool keep_dims) {
  const Operand x = floating(operand);
  const Tensor t = x.tensor();
  if (is_narrow(t.dtype())) {
    return cast({nanmean({cast(x, f32), x.at()}, axes, keep_dims), x.at()}, t.dtype());
  }
  const Location& at = x.at();
  const Tensor nan = is_nan(t, at);
  const Tensor values = where({nan, at}, 0, {t, at});
  const Tensor held = cast({logical_not({nan, at}), at}, t.dtype());
  const Tensor total = sum({values, at}, axes, keep_dims);
  const Tensor plain = div({total, at}, {sum({held, at}, axes, keep_dims), at});
  // Where the sum overflows the mean need not.
  const Tensor by_means =
      div({mean({values, at}, axes, keep_dims), at}, {mean({held, at}, axes, keep_dims), at});
  return where({is_finite({total, at}), at}, {plain, at}, {by_means, at});
}

// An extreme with NaN replaced by the value that never wins; NaN where there is nothing else.
Tensor nanmax(const Operand& operand, const Axes& axes, bool keep_dims) {
  const Operand x = floating(operand);
  const Tensor nan = is_nan(x.tensor(), x.at());
  const Tensor out = max({where({nan, x.at()}, -kInfinity, x), x.at()}, axes, keep_dims);
  const Tensor none = all({nan, x.at()}, axes, keep_dims);
  return where({none, x.at()}, std::numeric_limits<double>::quiet_NaN(), {out, x.at()});
}

Tensor nanmin(const Operand& operand, const Axes& axes, bool keep_dims) {
  const Operand x = floating(operand);
  return neg({nanmax({neg(x), x.at()}, axes, keep_dims), x.at()});
}

}  // namespace nacre
