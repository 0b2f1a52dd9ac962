// Making tensors, asking them, indexing them; see one_liners.h.
#include "one_liners.h"

using namespace nacre;

namespace {

TEST(OneLiners, Making) {
  const Tensor a = tensor({{1, 2, 3}, {4, 5, 6}});
  const Tensor v = tensor({3, 1, 2});
  IS(zeros(2, 3), 0, 0, 0, 0, 0, 0);
  IS(zeros({2, 1}), 0, 0);
  IS(zeros(2), 0, 0);
  IS(ones(3), 1, 1, 1);
  IS(ones(1, 2).shape(), 1, 2);
  IS(ones({2}, i64), 1, 1);
  IS(full({2}, 7), 7, 7);
  IS(eye(2), 1, 0, 0, 1);
  IS(eye(1, 2), 1, 0);
  IS(zeros(2, 3, f64).dtype() == f64, 1);
  IS(ones(2, i64), 1, 1);
  IS(randn(2, 3, f64).dtype() == f64, 1);
  IS(full(2, 1.5), 1.5, 1.5);
  IS(randint(0, 1, 3), 0, 0, 0);
  IS(arange(3), 0, 1, 2);
  IS(arange(1, 4), 1, 2, 3);
  IS(arange(0, 1, 0.5), 0, 0.5);
  IS(linspace(0, 1, 3), 0, 0.5, 1);
  IS(zeros_like(v), 0, 0, 0);
  IS(ones_like(v), 1, 1, 1);
  IS(full_like(v, 5), 5, 5, 5);
  IS(empty(2, 3).shape(), 2, 3);
  IS(empty_like(a).shape(), 2, 3);
  IS(tensor(3.5), 3.5);
  IS(tensor({1, 2}), 1, 2);
  IS(tensor({{1, 2}, {3, 4}}).shape(), 2, 2);
  IS(tensor({1, 2}, i64), 1, 2);
  IS(tensor(std::vector<float>{1, 2}), 1, 2);
  IS(tensor(std::vector<int>{1, 2}).dtype() == i32, 1);
  IS(tensor(std::vector<double>{0.5}).dtype() == f64, 1);
  IS(tensor(std::vector<bool>{true, false}), 1, 0);
  IS(tensor(std::vector<std::vector<float>>{{1, 2}, {3, 4}}).shape(), 2, 2);
  IS(tensor(std::vector<int>{1, 2}, f32).dtype() == f32, 1);
  IS(Tensor::from(std::vector<float>{1, 2, 3, 4}, {2, 2}).shape(), 2, 2);
  IS(rand(2, 3).shape(), 2, 3);
  IS(randn(2, 3).shape(), 2, 3);
  IS(rand({4}).shape(), 4);
  IS(randn(5).shape(), 5);
  IS(rand_like(a).shape(), 2, 3);
  IS(randn_like(a).shape(), 2, 3);
  IS(randint(0, 1, {3}), 0, 0, 0);
  IS(randint(1, {2, 2}), 0, 0, 0, 0);
  IS(randperm(4).sum(), 6);
  IS(meshgrid({tensor({1, 2}), tensor({3, 4})})[0], 1, 1, 2, 2);
  IS(diag(tensor({1, 2})), 1, 0, 0, 2);
  IS(a.clone(), 1, 2, 3, 4, 5, 6);
}

TEST(OneLiners, Asking) {
  const Tensor a = tensor({{1, 2, 3}, {4, 5, 6}});
  IS(a.numel(), 6);
  IS(a.ndim(), 2);
  IS(a.dim(), 2);
  IS(a.rank(), 2);
  IS(a.len(), 2);
  IS(a.size(0), 2);
  IS(a.size(-1), 3);
  IS(a.shape(), 2, 3);
  IS(a.shape()[1], 3);
  IS(a.sizes(), 2, 3);
  IS(a.sum().item(), 21);
  IS(a.sum().item<double>(), 21);
  IS(a[0].to_vector(), 1, 2, 3);
  IS(a[0].tolist(), 1, 2, 3);
  IS(a.dtype() == f32, 1);
  IS(numel(a), 6);
  IS(ndim(a), 2);
}

TEST(OneLiners, Indexing) {
  const Tensor a = tensor({{1, 2, 3}, {4, 5, 6}});
  const Tensor v = tensor({3, 1, 2});
  IS(a[0], 1, 2, 3);
  IS(a[-1], 4, 5, 6);
  IS(a[1][2], 6);
  IS(a[1][2].item(), 6);
  IS(a[slice(0, 1)], 1, 2, 3);
  IS((a[{0, 1}]), 2);
  IS((a[{slice(), 0}]), 1, 4);
  IS((a[{slice(), slice(1, none)}]), 2, 3, 5, 6);
  IS((a[{ellipsis, -1}]), 3, 6);
  IS((a[{newaxis}].shape()), 1, 2, 3);
  IS(a[a > 3], 4, 5, 6);
  IS(v[tensor({2, 0}, i64)], 2, 3);
  IS(a.index({1, slice(0, 2)}), 4, 5);
  IS(index_update(v, {0}, 9), 9, 1, 2);
  IS(a.take(tensor({1}, i64)), 4, 5, 6);
  IS(a.index_select(1, tensor({0}, i64)), 1, 4);
  IS(index_select(a, 1, tensor({0}, i64)), 1, 4);
  IS(a.gather(1, tensor({{0}, {2}}, i64)), 1, 6);
  IS(gather(a, 1, tensor({{0}, {2}}, i64)), 1, 6);
  IS(v.scatter(0, tensor({1}, i64), 9), 3, 9, 2);
  IS(scatter(v, 0, tensor({1}, i64), 9), 3, 9, 2);
  IS(scatter(v, 0, tensor({1}, i64), tensor({8})), 3, 8, 2);
  IS(v.scatter_add(0, tensor({0, 0}, i64), tensor({1, 1})), 5, 1, 2);
  IS(take_along_axis(v, argsort(v), 0), 1, 2, 3);
  IS(one_hot(tensor({1, 0}, i64), 2), 0, 1, 1, 0);
  IS(a.masked_fill(a > 2, 0), 1, 2, 0, 0, 0, 0);
  IS(masked_fill(v, v > 1, -1), -1, 1, -1);
  IS(a.masked_select(a > 4), 5, 6);
  IS(tensor({0, 1, 1}).nonzero(), 1, 2);
  IS(where(v > 1, 1, 0), 1, 0, 1);
  IS(where(v > 1, 1, 0).dtype() == i64, 1);
  IS(where(v > 1, v, 0), 3, 0, 2);
  IS(where(v > 1, 1.0, 0.0).dtype() == f32, 1);
  IS(v.where(v > 1, -1), 3, -1, 2);
  double total = 0;
  for (const Tensor& row : a) total = total * 10 + row.sum().item();
  IS(total, 75);
  for (Tensor row : a) total += row[0].item<double>();
  IS(total, 80);
}

}  // namespace
