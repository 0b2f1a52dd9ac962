#include "nacre/ops/product/contract.h"

#include <algorithm>

#include "nacre/ops/elementwise/elementwise.h"
#include "nacre/ops/product/matmul.h"
#include "nacre/ops/reduce/reduce.h"
#include "nacre/ops/shape/movement.h"

namespace nacre {
namespace {

using Labels = std::vector<int>;

bool has(const Labels& labels, int label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

template <class Keep>
Labels filtered(const Labels& labels, Keep keep) {
  Labels out;
  std::copy_if(labels.begin(), labels.end(), std::back_inserter(out), keep);
  return out;
}

Labels joined(Labels a, const Labels& b, const Labels& c = {}) {
  a.insert(a.end(), b.begin(), b.end());
  a.insert(a.end(), c.begin(), c.end());
  return a;
}

std::int64_t size_of_label(const Labelled& x, int label) {
  const auto at = std::find(x.labels.begin(), x.labels.end(), label) - x.labels.begin();
  return x.tensor.shape()[static_cast<int>(at)];
}

std::int64_t product(const Labelled& x, const Labels& labels) {
  std::int64_t n = 1;
  for (const int l : labels) n *= size_of_label(x, l);
  return n;
}

}  // namespace

Tensor ordered(const Labelled& x, const Labels& labels, const Location& at) {
  if (x.labels == labels) return x.tensor;
  std::vector<int> axes;
  for (const int l : labels) {
    axes.push_back(
        static_cast<int>(std::find(x.labels.begin(), x.labels.end(), l) - x.labels.begin()));
  }
  return transpose({x.tensor, at}, axes);
}

Labelled sum_labels(const Labelled& x, const Labels& keep, const Location& at) {
  std::vector<int> axes;
  for (std::size_t i = 0; i < x.labels.size(); ++i) {
    if (!has(keep, x.labels[i])) axes.push_back(static_cast<int>(i));
  }
  if (axes.empty()) return x;
  const Tensor total = cast({sum({x.tensor, at}, axes), at}, x.tensor.dtype());
  return {total, filtered(x.labels, [&](int l) { return has(keep, l); })};
}

Labelled contract(const Labelled& left, const Labelled& right, const Labels& keep,
                  const Location& at) {
  // What only one side has and nobody wants is summed before the product.
  const Labelled a = sum_labels(left, joined(keep, right.labels), at);
  const Labelled b = sum_labels(right, joined(keep, left.labels), at);
  const auto kept = [&](int l) { return has(keep, l); };
  const Labels both = filtered(a.labels, [&](int l) { return has(b.labels, l); });
  const Labels batch = filtered(both, kept);
  const Labels inner = filtered(both, [&](int l) { return !kept(l); });
  const Labels rows = filtered(a.labels, [&](int l) { return !has(b.labels, l); });
  const Labels columns = filtered(b.labels, [&](int l) { return !has(a.labels, l); });
  const std::int64_t batches = product(a, batch);
  const std::int64_t m = product(a, rows);
  const std::int64_t k = product(a, inner);
  const std::int64_t n = product(b, columns);
  Shape shape;
  for (const int l : batch) shape.push_back(size_of_label(a, l));
  for (const int l : rows) shape.push_back(size_of_label(a, l));
  for (const int l : columns) shape.push_back(size_of_label(b, l));
  const Labels result = joined(batch, rows, columns);
  const auto matrix = [&](const Tensor& t, std::int64_t first, std::int64_t second) {
    return reshape({t, at}, batch.empty() ? Shape{first, second} : Shape{batches, first, second});
  };
  if (inner.empty()) {
    const Tensor x = matrix(ordered(a, joined(batch, rows), at), m, 1);
    const Tensor y = matrix(ordered(b, joined(batch, columns), at), 1, n);
    return {reshape({mul({x, at}, {y, at}), at}, shape), result};
  }
  // An operand that already has its matrix the other way round is left so.
  const bool ta = a.labels == joined(batch, inner, rows) && !rows.empty();
  const bool tb = b.labels == joined(batch, columns, inner) && !columns.empty();
  const Tensor x =
      ta ? matrix(a.tensor, k, m) : matrix(ordered(a, joined(batch, rows, inner), at), m, k);
  const Tensor y =
      tb ? matrix(b.tensor, n, k) : matrix(ordered(b, joined(batch, inner, columns), at), k, n);
  const Tensor out = matmul({x, at}, {y, at}, {.transpose_a = ta, .transpose_b = tb});
  return {reshape({out, at}, shape), result};
}

}  // namespace nacre
