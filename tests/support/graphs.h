// Graphs for the tests of passes and plans: traced functions, random ones, and running them.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

#include "nacre/nacre.h"
#include "nacre/ops/define/emit.h"
#include "nacre/passes/pipeline.h"
#include "nacre/plan/plan.h"
#include "nacre/run/trace_session.h"

namespace nacre::testing {

using TensorFunction = std::function<Tensors(const Tensors&)>;

inline Graph trace_graph(const std::vector<Spec>& specs, const TensorFunction& f) {
  TraceSession session;
  Tensors symbols;
  for (const Spec& s : specs) symbols.push_back(session.argument(s));
  std::vector<ValueId> ids;
  for (const Tensor& t : f(symbols)) ids.push_back(value_in(session.trace(), t));
  session.trace()->graph.set_results(ids);
  return session.trace()->graph;
}

// The text without layers and lines.
inline std::string plain_text(const Graph& graph) {
  std::string out;
  const std::string text = to_text(graph);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    const std::string line = text.substr(at, end - at);
    out += line.substr(0, line.find("  #")) + "\n";
    at = end + 1;
  }
  return out;
}

inline Tensors run_plan(Plan& plan, const Tensors& arguments) {
  std::vector<void*> in;
  std::vector<void*> out;
  Tensors results;
  for (const Tensor& t : arguments) in.push_back(const_cast<void*>(t.raw_data()));
  for (const ValueId v : plan.graph().results()) {
    results.emplace_back(plan.graph().spec(v));
    out.push_back(results.back().raw_mutable_data());
  }
  plan.replay(in, out);
  return results;
}

inline Tensors run_graph(const Graph& graph, const Tensors& arguments) {
  Plan plan(graph, {});
  return run_plan(plan, arguments);
}

inline Tensor random_tensor(const Shape& shape, std::mt19937& random) {
  Tensor t(Spec{f32, shape});
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (float& x : t.mutable_data<float>()) x = uniform(random);
  return t;
}

inline void expect_close(const Tensor& got, const Tensor& want, double tolerance,
                         const std::string& what) {
  ASSERT_EQ(got.spec(), want.spec()) << what;
  const std::vector<double> a = got.to_vector<double>();
  const std::vector<double> b = want.to_vector<double>();
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_NEAR(a[i], b[i], tolerance * std::max(1.0, std::fabs(b[i]))) << what << " at " << i;
  }
}

// A function of four f32[n,n] tensors: `length` random ops over what there is, n = 6. Values stay
// within [-8, 8]. The same seed is the same function.
inline TensorFunction random_function(unsigned seed, int length) {
  return [=](const Tensors& arguments) {
    std::mt19937 random(seed);
    const auto below = [&](std::size_t n) {
      return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
    };
    Tensors pool = arguments;
    const auto pick = [&] {
      return pool[pool.size() - 1 - below(std::min<std::size_t>(pool.size(), 8))];
    };
    const Shape full_shape = arguments[0].shape();
    for (int i = 0; i < length; ++i) {
      const Tensor a = pick();
      const Tensor b = pick();
      Tensor out;
      switch (below(18)) {
        case 0:
          out = (a + b) * 0.5;
          break;
        case 1:
          out = a - b * 0.5;
          break;
        case 2:
          out = tanh(a) * b;
          break;
        case 3:
          out = sigmoid(a) + 0;
          break;
        case 4:
          out = relu(a) * 1;
          break;
        case 5:
          out = where(a > b, a, -b);
          break;
        case 6:
          out = maximum(a, b) / 2;
          break;
        case 7:
          out = matmul(a.transpose(), b) * 0.2;
          break;
        case 8:
          out = matmul(a, b) * 0.2 + a.sum({0}) * 0.1;
          break;
        case 9:
          out = a - a.mean({1}, true);
          break;
        case 10:
          out = a.reshape({full_shape.elements()}).reshape(full_shape) + ones_like(b);
          break;
        case 11:
          out = a.transpose().transpose() * zeros_like(b) + tanh(b);
          break;
        case 12:
          out = pow(a, 2) * 0.25;
          break;
        case 13:
          out = relu(matmul(a, b) * 0.2 + broadcast_to(b.sum({0}) * 0.1, full_shape));
          break;
        case 14:
          out = softmax(a, 1) - stop_gradient(b) * 0.25;
          break;
        case 15:
          out = neg(-a) + full(Shape{}, 0.5);
          break;
        case 16:
          out = exp(a * 0.1) - broadcast_to(a.sum() * 0.01, full_shape);
          break;
        default:
          out = where(zeros_like(a) > 1, a, b) * (1 - square(tanh(a)));
      }
      pool.push_back(tanh(out * 0.125) * 8);
      if (below(3) == 0) pool.push_back(out * 0.5 / (1 + square(out)));
    }
    Tensors results;
    for (int i = 0; i < 3; ++i) results.push_back(pick());
    results.push_back(pool.back().sum());
    return results;
  };
}

}  // namespace nacre::testing
