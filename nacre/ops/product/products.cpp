#include "nacre/ops/product/products.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "nacre/ops/elementwise/rules.h"
#include "nacre/ops/product/contract.h"
#include "nacre/ops/shape/movement.h"

namespace nacre {
namespace {

struct Pair {
  Tensor a;
  Tensor b;
};

Pair promoted(const Operand& a, const Operand& b) {
  DType dtype = promote(a.dtype(), b.dtype());
  if (a.is_number() != b.is_number()) dtype = common_dtype(a, b);
  if (dtype == boolean) dtype = i64;
  const auto as = [&](const Operand& x) {
    return x.is_number() ? x.tensor(dtype) : cast(x, dtype);
  };
  return {as(a), as(b)};
}

}  // namespace

Tensor tensordot(const Operand& a, const Operand& b, const std::vector<int>& axes_a,
                 const std::vector<int>& axes_b) {
  const auto [x, y] = promoted(a, b);
  const std::string inputs = "left " + to_string(x.spec()) + ", right " + to_string(y.spec());
  const auto fail = [&](const std::string& what) {
    throw ShapeError(
        format_error({.op = "tensordot", .what = what, .inputs = inputs, .location = a.at()}));
  };
  if (axes_a.size() != axes_b.size()) {
    fail(fmt::format("{} axes on the left, {} on the right", axes_a.size(), axes_b.size()));
  }
  std::vector<int> labels_a(static_cast<std::size_t>(x.rank()));
  std::vector<int> labels_b(static_cast<std::size_t>(y.rank()));
  std::iota(labels_a.begin(), labels_a.end(), 0);
  std::iota(labels_b.begin(), labels_b.end(), kMaxRank);
  std::vector<int> keep = labels_a;
  keep.insert(keep.end(), labels_b.begin(), labels_b.end());
  for (std::size_t i = 0; i < axes_a.size(); ++i) {
    const int p = axes_a[i] < 0 ? axes_a[i] + x.rank() : axes_a[i];
    const int q = axes_b[i] < 0 ? axes_b[i] + y.rank() : axes_b[i];
    if (p < 0 || p >= x.rank() || q < 0 || q >= y.rank()) {
      fail(fmt::format("axes {} and {} do not both exist", axes_a[i], axes_b[i]));
    }
    if (x.shape()[p] != y.shape()[q]) {
      fail(fmt::format("axis {} of the left has size {}, axis {} of the right {}", p, x.shape()[p],
                       q, y.shape()[q]));
    }
    if (labels_b[static_cast<std::size_t>(q)] < kMaxRank ||
        std::find(keep.begin(), keep.end(), p) == keep.end()) {
      fail("an axis is given twice");
    }
    labels_b[static_cast<std::size_t>(q)] = p;
    std::erase(keep, p);
  }
  return contract({x, labels_a}, {y, labels_b}, keep, a.at()).tensor;
}

Tensor tensordot(const Operand& a, const Operand& b, int count) {
  const int rank = a.is_number() ? 0 : a.tensor().rank();
  std::vector<int> of_a;
  std::vector<int> of_b;
  for (int i = 0; i < count; ++i) {
    of_a.push_back(rank - count + i);
    of_b.push_back(i);
  }
  return tensordot(a, b, of_a, of_b);
}

Tensor dot(const Operand& a, const Operand& b) {
  const int left = a.tensor().rank();
  const int right = b.tensor().rank();
  if (left == 0 || right == 0) return mul(a, b);
  return tensordot(a, b, std::vector<int>{-1}, std::vector<int>{right == 1 ? -1 : -2});
}

Tensor inner(const Operand& a, const Operand& b) {
  if (a.tensor().rank() == 0 || b.tensor().rank() == 0) return mul(a, b);
  return tensordot(a, b, std::vector<int>{-1}, std::vector<int>{-1});
}

Tensor outer(const Operand& a, const Operand& b) {
  const auto [x, y] = promoted(a, b);
  const Tensor column = reshape({x, a.at()}, Shape{x.elements(), 1});
  const Tensor row = reshape({y, a.at()}, Shape{1, y.elements()});
  return mul({column, a.at()}, {row, a.at()});
}

Tensor kron(const Operand& a, const Operand& b) {
  const auto [x, y] = promoted(a, b);
  const int rank = std::max(x.rank(), y.rank());
  std::vector<std::int64_t> of_a;
  std::vector<std::int64_t> of_b;
  std::vector<std::int64_t> of_both;
  Shape result;
  for (int i = 0; i < rank; ++i) {
    const int p = i - (rank - x.rank());
    const int q = i - (rank - y.rank());
    const std::int64_t n = p < 0 ? 1 : x.shape()[p];
    const std::int64_t m = q < 0 ? 1 : y.shape()[q];
    // Axis i of the result runs over a's axis and, within it, b's; ones take no axis of their own.
    if (n != 1 || m != 1) {
      const bool both = n != 1 && m != 1;
      of_a.push_back(n);
      of_b.push_back(both ? 1 : m);
      if (both) {
        of_a.push_back(1);
        of_b.push_back(m);
      }
    }
    result.push_back(n * m);
  }
  const Tensor blocks =
      mul({reshape({x, a.at()}, Shape(of_a)), a.at()}, {reshape({y, a.at()}, Shape(of_b)), a.at()});
  return reshape({blocks, a.at()}, result);
}

}  // namespace nacre
