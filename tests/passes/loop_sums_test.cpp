// Gradients of a loop's weights are one product after it, with the value of the sums.
#include <gtest/gtest.h>

#include "nacre/nacre.h"
#include "tests/support/samples.h"

namespace nacre {
namespace {

using testing::difference;

struct Gradients {
  Tensors compiled, eager;
  std::string text;
};

// The gradients of a loop by the given tensors, both ways, and the graph that runs.
template <class F>
Gradients gradients_of(F&& f, const Tensors& arguments) {
  const auto differentiate = [&](const Tensors& all) {
    GradientTape tape;
    Tensors own;
    for (const Tensor& t : all) own.push_back(tape.watch(t));
    return tape.gradient(f(own), own);
  };
  auto compiled = compile(differentiate);
  Gradients out{compiled(arguments), differentiate(arguments), {}};
  out.text = compiled.function().graph_text();
  return out;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != text.npos; ++at) ++n;
  return n;
}

Tensor rows() { return Generator(1).normal({50, 3, 4}).to(f64); }
Tensor input_weights() { return Generator(2).normal({4, 5}, 0, 0.4).to(f64); }
Tensor state_weights() { return Generator(3).normal({5, 5}, 0, 0.4).to(f64); }
Tensor bias() { return Generator(4).normal({5}, 0, 0.4).to(f64); }

Tensor recurrent(const Tensors& in, const LoopOptions& options = {}) {
  const auto out = scan(
      [&](const Tensor& h, const Tensor& x) {
        const Tensor next = tanh(matmul(x, in[0]) + matmul(h, in[1]) + in[2]);
        return std::pair(next, next);
      },
      zeros({3, 5}, f64), rows(), options);
  return sum(square(out.second)) + sum(out.first);
}

TEST(LoopSums, WeightsOfALoopHaveOneProduct) {
  for (const bool reverse : {false, true}) {
    const Gradients g =
        gradients_of([&](const Tensors& in) { return recurrent(in, {.reverse = reverse}); },
                     {input_weights(), state_weights(), bias()});
    for (std::size_t i = 0; i < g.eager.size(); ++i) {
      EXPECT_EQ(difference(g.compiled[i], g.eager[i], 1e-11, 1e-11), "") << i;
    }
    // 150 rows of all steps make the gradients of both weights.
    EXPECT_GE(count(g.text, "f64[150,5]"), 2u) << g.text;
    // The carries of the loop backward: nothing of the shape of the weights goes from step to step.
    EXPECT_NE(g.text.find("carry=1"), std::string::npos) << g.text;
  }
}

TEST(LoopSums, PartsOfTheLoopHaveTheirProducts) {
  const Gradients g =
      gradients_of([&](const Tensors& in) { return recurrent(in, {.checkpoint = 10}); },
                   {input_weights(), state_weights(), bias()});
  for (std::size_t i = 0; i < g.eager.size(); ++i) {
    EXPECT_EQ(difference(g.compiled[i], g.eager[i], 1e-11, 1e-11), "") << i;
  }
}

// What is no such sum stays as it is: a carry that each step reads, sums that are results of every
// step, a weight that is multiplied.
TEST(LoopSums, OtherCarriesStay) {
  const auto running = [&](const Tensors& in) {
    const auto out = scan(
        [&](const Tensor& total, const Tensor& x) {
          const Tensor next = total + matmul(transpose(x), x) * 0.1;
          return std::pair(next, sum(total * in[0]));
        },
        zeros({4, 4}, f64), rows());
    return sum(out.second) + sum(square(out.first));
  };
  const Gradients g = gradients_of(running, {Generator(5).normal({4, 4}).to(f64)});
  EXPECT_EQ(difference(g.compiled[0], g.eager[0], 1e-10, 1e-10), "");
  const auto powers = [&](const Tensors& in) {
    const Tensor out = scan([&](const Tensor& h, const Tensor&) { return std::pair(h * in[0], h); },
                            ones({3, 5}, f64), rows())
                           .first;
    return sum(out);
  };
  const Gradients h = gradients_of(powers, {full({3, 5}, 0.99, f64)});
  EXPECT_EQ(difference(h.compiled[0], h.eager[0], 1e-10, 1e-10), "");
}

// A loop that computes nothing but a sum of products is not asked for its rows either.
TEST(LoopSums, AForwardSumIsOneProduct) {
  const auto gram = [](const Tensor& all) {
    return scan([](const Tensor& total,
                   const Tensor& x) { return std::pair(total + matmul(transpose(x), x), sum(x)); },
                ones({4, 4}, f64), all)
        .first;
  };
  auto f = compile(gram);
  EXPECT_EQ(difference(f(rows()), gram(rows()), 1e-11, 1e-11), "");
  EXPECT_NE(f.function().graph_text().find("f64[150,4]"), std::string::npos)
      << f.function().graph_text();
}

}  // namespace
}  // namespace nacre
