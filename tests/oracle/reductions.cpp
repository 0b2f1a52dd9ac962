#include <limits>

#include "tests/oracle/oracle.h"

namespace nacre::oracle {
namespace {

// F: any function of (x, axes).
template <class F>
Function over_axes(F function) {
  return [function](const Tensors& x, const Args& a) { return function(x[0], ints(a, "axes")); };
}
template <class F>
Function along(F function) {
  return [function](const Tensors& x, const Args& a) {
    return function(x[0], a.at("axis").get<int>());
  };
}

using Widths = std::vector<std::pair<std::int64_t, std::int64_t>>;

Function padded(PadMode mode) {
  return [mode](const Tensors& x, const Args& a) {
    return pad(x[0], a.at("pads").get<Widths>(), {.mode = mode, .value = a.value("value", 0.0)});
  };
}

}  // namespace

void add_reductions_and_movement(Functions& f) {
  using Axes = std::vector<int>;
  f["sum"] = over_axes([](const Tensor& x, const Axes& k) { return sum(x, k); });
  f["mean"] = over_axes([](const Tensor& x, const Axes& k) { return mean(x, k); });
  f["max"] = over_axes([](const Tensor& x, const Axes& k) { return max(x, k); });
  f["min"] = over_axes([](const Tensor& x, const Axes& k) { return min(x, k); });
  f["prod"] = over_axes([](const Tensor& x, const Axes& k) { return prod(x, k); });
  f["any"] = over_axes([](const Tensor& x, const Axes& k) { return any(x, k); });
  f["all"] = over_axes([](const Tensor& x, const Axes& k) { return all(x, k); });
  f["logsumexp"] = over_axes([](const Tensor& x, const Axes& k) { return logsumexp(x, k); });
  f["variance"] = over_axes([](const Tensor& x, const Axes& k) { return variance(x, k); });
  f["std"] = [](const Tensors& x, const Args& a) {
    return standard_deviation(x[0], ints(a, "axes"),
                              {.correction = a.at("correction").get<double>()});
  };
  f["norm"] = over_axes([](const Tensor& x, const Axes& k) { return norm(x, 2, k); });
  f["norm_1"] = over_axes([](const Tensor& x, const Axes& k) { return norm(x, 1, k); });
  f["norm_3"] = over_axes([](const Tensor& x, const Axes& k) { return norm(x, 3, k); });
  f["norm_inf"] = over_axes([](const Tensor& x, const Axes& k) {
    return norm(x, std::numeric_limits<double>::infinity(), k);
  });
  f["argmax"] = along([](const Tensor& x, int k) { return argmax(x, k); });
  f["argmin"] = along([](const Tensor& x, int k) { return argmin(x, k); });
  f["cumsum"] = along([](const Tensor& x, int k) { return cumsum(x, k); });
  f["cumprod"] = along([](const Tensor& x, int k) { return cumprod(x, k); });
  f["softmax"] = along([](const Tensor& x, int k) { return softmax(x, k); });
  f["log_softmax"] = along([](const Tensor& x, int k) { return log_softmax(x, k); });
  f["sort"] = along([](const Tensor& x, int k) { return sort(x, {.axis = k}); });
  f["argsort"] = along([](const Tensor& x, int k) { return argsort(x, {.axis = k}); });
  f["top_k"] = [](const Tensors& x, const Args& a) {
    return top_k(x[0], a.at("k").get<std::int64_t>()).values;
  };

  f["matmul"] = [](const Tensors& x, const Args&) { return matmul(x[0], x[1]); };
  f["dot"] = [](const Tensors& x, const Args&) { return dot(x[0], x[1]); };
  f["outer"] = [](const Tensors& x, const Args&) { return outer(x[0], x[1]); };
  f["kron"] = [](const Tensors& x, const Args&) { return kron(x[0], x[1]); };
  f["einsum"] = [](const Tensors& x, const Args& a) {
    const std::string spec = a.at("spec");
    return x.size() == 1 ? einsum(spec, {x[0]}) : einsum(spec, {x[0], x[1]});
  };
  f["tensordot"] = [](const Tensors& x, const Args& a) {
    return tensordot(x[0], x[1], a.at("axes").get<int>());
  };

  f["transpose"] = over_axes([](const Tensor& x, const Axes& k) { return transpose(x, k); });
  f["flip"] = over_axes([](const Tensor& x, const Axes& k) { return flip(x, k); });
  f["reshape"] = [](const Tensors& x, const Args& a) {
    return reshape(x[0], a.at("shape").get<std::vector<std::int64_t>>());
  };
  f["broadcast_to"] = [](const Tensors& x, const Args& a) {
    return broadcast_to(x[0], a.at("shape").get<std::vector<std::int64_t>>());
  };
  f["concatenate"] = [](const Tensors& x, const Args& a) {
    return concatenate({x[0], x[1]}, a.at("axis").get<int>());
  };
  f["stack"] = [](const Tensors& x, const Args& a) {
    return stack({x[0], x[1]}, a.at("axis").get<int>());
  };
  f["split_second"] = [](const Tensors& x, const Args& a) {
    return split(x[0], a.at("sizes").get<std::vector<std::int64_t>>(), a.at("axis").get<int>())[1];
  };
  f["pad_constant"] = padded(PadMode::constant);
  f["pad_reflect"] = padded(PadMode::reflect);
  f["pad_edge"] = padded(PadMode::edge);
  f["pad_circular"] = padded(PadMode::circular);
  f["roll"] = [](const Tensors& x, const Args& a) {
    return roll(x[0], {a.at("shift").get<std::int64_t>()}, {a.at("axis").get<int>()});
  };
  f["tile"] = [](const Tensors& x, const Args& a) {
    return tile(x[0], a.at("repeats").get<std::vector<std::int64_t>>());
  };
  f["repeat"] = [](const Tensors& x, const Args& a) {
    return repeat(x[0], a.at("repeats").get<std::int64_t>(), a.at("axis").get<int>());
  };
  f["tril"] = [](const Tensors& x, const Args& a) { return tril(x[0], a.at("k").get<int>()); };
  f["triu"] = [](const Tensors& x, const Args& a) { return triu(x[0], a.at("k").get<int>()); };
  f["diagonal"] = [](const Tensors& x, const Args& a) {
    return diagonal(x[0], a.at("offset").get<int>());
  };
  f["slice"] = [](const Tensors& x, const Args& a) {
    return x[0].index({slice(a.at("start").get<std::int64_t>(), a.at("stop").get<std::int64_t>(),
                             a.at("step").get<std::int64_t>())});
  };
  f["slice_back"] = [](const Tensors& x, const Args&) {
    return x[0].index({slice(none, none, -2)});
  };
  f["squeeze"] = along([](const Tensor& x, int k) { return squeeze(x, {k}); });
  f["expand_dims"] = along([](const Tensor& x, int k) { return expand_dims(x, {k}); });
  f["take"] = [](const Tensors& x, const Args&) { return gather(x[0], x[1], 0); };
  f["embedding"] = [](const Tensors& x, const Args&) { return embedding(x[1], x[0]); };
  f["take_along_axis"] = [](const Tensors& x, const Args&) {
    return take_along_axis(x[0], x[1], 1);
  };
  f["scatter_add"] = [](const Tensors& x, const Args&) {
    return put_along_axis(x[0], x[1], x[2], 1, ScatterMode::add);
  };
  f["one_hot"] = [](const Tensors& x, const Args& a) {
    return one_hot(x[0], a.at("classes").get<std::int64_t>());
  };
  f["masked_fill"] = [](const Tensors& x, const Args& a) {
    return masked_fill(x[0], x[1], a.at("value").get<double>());
  };
}

}  // namespace nacre::oracle
