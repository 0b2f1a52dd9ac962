// scan, cond and while_loop as users write them: compiled as eager, gradients, Variables, memory.
#include <gtest/gtest.h>

#include "nacre/nacre.h"
#include "nacre/nn/api.h"
#include "tests/support/errors.h"
#include "tests/support/samples.h"

namespace nacre {
namespace {

using testing::difference;

void expect_near(const Tensor& actual, const Tensor& expected, double tolerance = 1e-10) {
  EXPECT_EQ(difference(actual, expected, tolerance, tolerance), "");
}

struct Cell {
  Tensor w, u, b;
};

Cell make_cell(std::int64_t inputs, std::int64_t units, DType dtype = f64) {
  Generator g(7);
  return {g.normal({inputs, units}, 0, 0.4).to(dtype), g.normal({units, units}, 0, 0.4).to(dtype),
          g.normal({units}, 0, 0.4).to(dtype)};
}

// A simple recurrent net; {last state, all states}.
std::pair<Tensor, Tensor> run_cell(const Cell& c, const Tensor& h, const Tensor& xs,
                                   const LoopOptions& options = {}) {
  return scan(
      [&](const Tensor& state, const Tensor& x) {
        const Tensor next = tanh(matmul(x, c.w) + matmul(state, c.u) + c.b);
        return std::pair(next, next * 2.0);
      },
      h, xs, options);
}

// The same written out.
std::pair<Tensor, Tensor> unroll_cell(const Cell& c, Tensor h, const Tensor& xs, bool reverse) {
  Tensors states(static_cast<std::size_t>(xs.size(0)));
  for (std::int64_t k = 0; k < xs.size(0); ++k) {
    const std::int64_t t = reverse ? xs.size(0) - 1 - k : k;
    h = tanh(matmul(xs.index({t}), c.w) + matmul(h, c.u) + c.b);
    states[static_cast<std::size_t>(t)] = h * 2.0;
  }
  return {h, stack(states)};
}

Tensor loss_of(const std::pair<Tensor, Tensor>& out) {
  const Tensor& ys = out.second;
  return sum(square(out.first)) + sum(ys * ys * ys) * 0.1;
}

TEST(Scan, CompiledIsEagerIsWrittenOut) {
  const Cell c = make_cell(3, 4);
  const Tensor xs = Generator(1).normal({6, 2, 3}).to(f64);
  const Tensor h = Generator(2).normal({2, 4}).to(f64);
  for (const bool reverse : {false, true}) {
    const auto expected = unroll_cell(c, h, xs, reverse);
    const auto eager = run_cell(c, h, xs, {.reverse = reverse});
    auto f = compile([&](const Tensor& h0, const Tensor& x) {
      return run_cell(c, h0, x, {.reverse = reverse});
    });
    for (int repeat = 0; repeat < 2; ++repeat) {
      const auto compiled = f(h, xs);
      expect_near(compiled.first, expected.first);
      expect_near(compiled.second, expected.second);
    }
    expect_near(eager.first, expected.first);
    expect_near(eager.second, expected.second);
  }
}

TEST(Scan, GradientsOfTwoOrders) {
  const Tensor xs = Generator(1).normal({5, 2, 3}).to(f64);
  const Tensor h = Generator(2).normal({2, 4}).to(f64);
  const Cell c = make_cell(3, 4);
  for (const bool reverse : {false, true}) {
    for (const std::int64_t checkpoint : {0, 2, 5}) {
      const auto by_scan = [&](const Tensors& p) {
        return loss_of(run_cell({p[0], p[1], p[2]}, p[3], p[4],
                                {.reverse = reverse, .checkpoint = checkpoint}));
      };
      const auto written_out = [&](const Tensors& p) {
        return loss_of(unroll_cell({p[0], p[1], p[2]}, p[3], p[4], reverse));
      };
      const Tensors at{c.w, c.u, c.b, h, xs};
      const auto first = [](auto f) { return grad(f); };
      const auto second = [](auto f) {
        return grad([g = grad(f)](const Tensors& p) {
          Tensor total = zeros({}, f64);
          for (const Tensor& t : g(p)) total = total + sum(t * t);
          return total;
        });
      };
      const Tensors expected1 = first(written_out)(at);
      const Tensors expected2 = second(written_out)(at);
      const Tensors compiled1 = compile(first(by_scan))(at);
      const Tensors compiled2 = compile(second(by_scan))(at);
      const Tensors eager1 = first(by_scan)(at);
      for (std::size_t i = 0; i < at.size(); ++i) {
        expect_near(compiled1[i], expected1[i]);
        expect_near(eager1[i], expected1[i]);
        expect_near(compiled2[i], expected2[i], 1e-8);
      }
    }
  }
}

TEST(Scan, WithoutRowsAndWithoutResults) {
  const auto doubled = [](const Tensor& x) {
    return scan([](const Tensor& c,
                   const std::tuple<>&) { return std::pair(c * 2.0, std::tuple<>()); },
                x, std::tuple<>(), {.length = 5})
        .first;
  };
  EXPECT_EQ(doubled(ones({2})).to_vector<float>(), (std::vector<float>{32, 32}));
  EXPECT_EQ(compile(doubled)(ones({2})).to_vector<float>(), (std::vector<float>{32, 32}));
  const auto powers = [](const Tensor& x) {
    return for_loop(
        4, [](const Tensor& i, const Tensor& c) { return c + cast(i, f32); }, x);
  };
  EXPECT_EQ(powers(zeros({})).item<float>(), 6);
  EXPECT_EQ(compile(powers)(zeros({})).item<float>(), 6);
}

TEST(Scan, NoStepsGiveTheBeginningAndEmptyRows) {
  const auto f = [](const Tensor& h, const Tensor& xs) {
    return scan([](const Tensor& c, const Tensor& x) { return std::pair(c + x, c); }, h, xs);
  };
  const Tensor h = tensor({1, 2, 3});
  const Tensor none = zeros({0, 3});
  for (const auto& [last, ys] : {f(h, none), compile(f)(h, none)}) {
    EXPECT_EQ(last.to_vector<float>(), h.to_vector<float>());
    EXPECT_EQ(ys.shape(), (Shape{0, 3}));
  }
}

TEST(Scan, VariablesCarryTheirValuesOn) {
  Variable count(zeros({}, f32), "count");
  const auto f = [&](const Tensor& xs) {
    return scan(
               [&](const Tensor& c, const Tensor& x) {
                 count.assign(count.value() + 1.0);
                 return std::pair(c + x * count.value(), count.value());
               },
               zeros({2}), xs)
        .second;
  };
  const Tensor xs = ones({3, 2});
  EXPECT_EQ(f(xs).to_vector<float>(), (std::vector<float>{1, 2, 3}));
  auto g = compile(f);
  EXPECT_EQ(g(xs).to_vector<float>(), (std::vector<float>{4, 5, 6}));
  EXPECT_EQ(g(xs).to_vector<float>(), (std::vector<float>{7, 8, 9}));
  EXPECT_EQ(count.value().item<float>(), 9);
}

TEST(Scan, APlanKnowsWhatItsBodyAsked) {
  Variable v(ones({}), "v");
  auto f = compile([&](const Tensor& x) {
    return scan([&](const Tensor& c,
                    const Tensor& r) { return std::pair(v.trainable() ? c + r : c - r, c); },
                zeros({}), x)
        .first;
  });
  EXPECT_EQ(f(ones({3})).item<float>(), 3);
  v.set_trainable(false);
  EXPECT_EQ(f(ones({3})).item<float>(), -3);
}

TEST(Scan, GeneratorsDrawAsOutside) {
  const auto draws = [](Generator& g) {
    return scan([&](const Tensor& c, const std::tuple<>&) { return std::pair(c, g.normal({3})); },
                zeros({}), std::tuple<>(), {.length = 4})
        .second;
  };
  Generator a(3);
  Generator b(3);
  const Tensor eager = draws(a);
  const Tensor compiled = compile([&] { return draws(b); })();
  EXPECT_EQ(difference(compiled, eager, 0, 0), "");
  EXPECT_EQ(difference(b.normal({2}), a.normal({2}), 0, 0), "");
}

TEST(Scan, LearnsVariablesThatItsBodyReads) {
  nn::Dense layer({.units = 2});
  const Tensor xs = Generator(1).normal({5, 3, 2});
  const auto loss = [&] {
    const auto [last, ys] = scan(
        [&](const Tensor& h, const Tensor& x) {
          const Tensor next = tanh(layer(h) + x);
          return std::pair(next, next);
        },
        zeros({3, 2}), xs);
    return mean(square(ys));
  };
  loss();
  const auto [eager_value, eager] = value_and_grad(loss, layer)();
  const auto [value, gradients] = compile([&] { return value_and_grad(loss, layer)(); })();
  expect_near(value, eager_value, 1e-6);
  ASSERT_EQ(gradients.size(), eager.size());
  for (std::size_t i = 0; i < eager.size(); ++i) expect_near(gradients[i], eager[i], 1e-5);
  EXPECT_GT(max(abs(eager[0])).item<float>(), 1e-4f);
}

TEST(Scan, InsideOfScan) {
  const auto f = [](const Tensor& x) {
    return scan(
               [&](const Tensor& outer, const Tensor& row) {
                 const auto [inner, ys] =
                     scan([&](const Tensor& c,
                              const Tensor& v) { return std::pair(c * 0.5 + v * outer, c); },
                          outer, row);
                 return std::pair(inner, sum(ys));
               },
               ones({}, f64), x)
        .second;
  };
  const Tensor x = Generator(4).normal({3, 4}).to(f64);
  expect_near(compile(f)(x), f(x));
  const auto g = grad([&](const Tensor& t) { return sum(square(f(t))); });
  expect_near(compile(g)(x), g(x));
}

TEST(Scan, AGradientWithinTheBody) {
  // Steps of descent on (w a - 1)^2, and the derivative of where they end with respect to a.
  const auto descend = [](const Tensor& a) {
    return for_loop(
        5,
        [&](const Tensor&, const Tensor& w) {
          const auto slope = grad([&](const Tensor& v) { return square(v * a - 1.0); })(w);
          return w - slope * 0.1;
        },
        zeros({}, f64));
  };
  const Tensor a = Tensor::scalar(0.7, f64);
  expect_near(compile(descend)(a), descend(a));
  expect_near(compile(grad(descend))(a), grad(descend)(a));
}

TEST(Scan, ALongOnePlansAsAShortOne) {
  const Cell c = make_cell(3, 4, f32);
  const auto step = [&](const Tensor& xs) {
    return grad([&](const Tensor& x) { return loss_of(run_cell(c, zeros({2, 4}), x)); })(xs);
  };
  auto f = compile(step);
  f(zeros({10, 2, 3}));
  const std::string graph = f.function().trace_text();
  const auto lines = [](const std::string& s) { return std::count(s.begin(), s.end(), '\n'); };
  f(zeros({1000, 2, 3}));
  EXPECT_EQ(lines(f.function().trace_text()), lines(graph));
}

TEST(Scan, ACheckpointIntervalKeepsTheRootOfTheCarries) {
  const Cell c = make_cell(16, 64, f32);
  const auto arena = [&](std::int64_t checkpoint) {
    auto f = compile(grad([&](const Tensor& u) {
      return sum(square(
          run_cell({c.w, u, c.b}, zeros({8, 64}), zeros({400, 8, 16}), {.checkpoint = checkpoint})
              .first));
    }));
    f(c.u);
    return f.function().statistics().plan_bytes;
  };
  const std::size_t kept = std::size_t{400} * 8 * 64 * 4;
  EXPECT_GT(arena(0), kept);
  EXPECT_LT(arena(20), kept);
}

TEST(Scan, LeavesOutWhatIsTheSameInEveryStep) {
  const Cell c = make_cell(3, 4, f32);
  auto f = compile([&](const Tensor& xs, const Tensor& w, const Tensor& u) {
    return run_cell({w, u * 2.0, c.b}, zeros({2, 4}), xs).first;
  });
  f(zeros({6, 2, 3}), c.w, c.u);
  const std::string text = f.function().graph_text();
  // The product of all rows with w, before the loop.
  EXPECT_NE(text.find("f32[12,3]"), std::string::npos) << text;
  // Nobody reads the carries of all steps, nor the rows of ys.
  EXPECT_NE(text.find("carries=false"), std::string::npos) << text;
  EXPECT_EQ(text.find("f32[6,2,4], "), std::string::npos) << text;
}

TEST(Scan, ErrorsNameTheLine) {
  const auto changing = [](const Tensor& x) {
    return scan(
               [](const Tensor& c, const Tensor& r) {
                 return std::pair(concatenate({c, r}), c);
               },
               zeros({2}), x)
        .first;
  };
  for (const bool compiled : {false, true}) {
    const std::string text = test::text_of<ShapeError>([&] {
      compiled ? compile(changing)(zeros({3, 2})) : changing(zeros({3, 2}));
    });
    EXPECT_NE(text.find("the carry 0 begins as f32[2] and becomes f32[4]"), std::string::npos)
        << text;
    EXPECT_NE(text.find("control_test.cpp:"), std::string::npos) << text;
  }
  // A running step finds it: the line of the body's op is named.
  const Tensor table = ones({3, 2});
  auto lookup = compile([&](const Tensor& indices) {
    return scan([&](const Tensor& c,
                    const Tensor& i) { return std::pair(c + sum(gather(table, i)), c); },
                zeros({}), indices)
        .first;
  });
  const std::string text = test::text_of<ValueError>([&] { lookup(arange(4).reshape({4, 1})); });
  EXPECT_NE(text.find("gather"), std::string::npos) << text;
  EXPECT_NE(text.find("control_test.cpp:"), std::string::npos) << text;
  EXPECT_THROW(scan([](const Tensor& c, const Tensor&) { return std::pair(c, c); }, zeros({}),
                    zeros({2}), {.length = 3}),
               ShapeError);
}

TEST(Cond, ChoosesAndDifferentiatesOneBranch) {
  const auto f = [](const Tensor& x) {
    return cond(
        sum(x) > 0, [&] { return square(x); }, [&] { return log(neg(x)) * 3.0; });
  };
  auto g = compile(f);
  const auto slope = grad([&](const Tensor& x) { return sum(f(x)); });
  auto compiled_slope = compile(slope);
  const auto curvature = grad([&](const Tensor& x) { return sum(square(slope(x))); });
  auto compiled_curvature = compile(curvature);
  for (const double v : {1.5, -1.5}) {
    const Tensor x = full({3}, v, f64);
    expect_near(g(x), f(x));
    expect_near(compiled_slope(x), slope(x));
    expect_near(compiled_curvature(x), curvature(x));
  }
}

TEST(Cond, GivesVariablesTheirValueInBothBranches) {
  Variable hits(zeros({}), "hits");
  Variable misses(zeros({}), "misses");
  auto f = compile([&](const Tensor& x) {
    return cond(
        x > 0,
        [&] {
          hits.assign(hits.value() + 1.0);
          return x;
        },
        [&] {
          misses.assign(misses.value() + 1.0);
          return neg(x);
        });
  });
  for (const double v : {1.0, -2.0, 3.0})
    EXPECT_EQ(f(Tensor::scalar(v)).item<double>(), std::fabs(v));
  EXPECT_EQ(hits.value().item<float>(), 2);
  EXPECT_EQ(misses.value().item<float>(), 1);
}

TEST(Cond, RefusesBranchesThatDiffer) {
  auto f = compile([](const Tensor& x) {
    return cond(
        sum(x) > 0, [&] { return x; }, [&] { return sum(x); });
  });
  const std::string text = test::text_of<ShapeError>([&] { f(ones({3})); });
  EXPECT_NE(text.find("result 0 is f32[3] in the first branch and f32[] in the second"),
            std::string::npos)
      << text;
}

TEST(WhileLoop, RunsUntilItsConditionFails) {
  const auto halvings = [](const Tensor& x) {
    return while_loop([](const std::pair<Tensor, Tensor>& c) { return c.first > 1; },
                      [](const std::pair<Tensor, Tensor>& c) {
                        return std::pair(c.first * 0.5, c.second + Tensor::scalar(1, i64));
                      },
                      std::pair(x, Tensor::scalar(0, i64)));
  };
  auto f = compile([&](const Tensor& x) { return halvings(x).second; });
  for (const double v : {0.5, 3.0, 1000.0}) {
    const Tensor x = Tensor::scalar(v);
    EXPECT_EQ(f(x).item<std::int64_t>(), halvings(x).second.item<std::int64_t>());
  }
  EXPECT_EQ(f(Tensor::scalar(1000)).item<std::int64_t>(), 10);
}

TEST(WhileLoop, CompiledHasNoGradientAndSaysSo) {
  auto f = compile(grad([](const Tensor& x) {
    return while_loop([](const Tensor& c) { return c > 1; },
                      [](const Tensor& c) { return c * 0.5; }, x);
  }));
  const std::string text = test::text_of<GradientError>([&] { f(Tensor::scalar(8)); });
  EXPECT_NE(text.find("use scan"), std::string::npos) << text;
}

TEST(Control, TextAndGraphvizShowBodies) {
  auto f = compile([](const Tensor& x) {
    return scan([](const Tensor& c, const Tensor& v) { return std::pair(sin(c) + v, c); },
                zeros({2}), x);
  });
  f(ones({4, 2}));
  EXPECT_NE(f.function().trace_text().find("    %2 = sin"), std::string::npos)
      << f.function().trace_text();
  EXPECT_NE(f.function().trace_dot().find("subgraph cluster_"), std::string::npos);
  EXPECT_NE(f.function().plan_text().find("4 times, each"), std::string::npos)
      << f.function().plan_text();
  EXPECT_NE(profile(f, ones({4, 2})).to_text().find("4 iterations of"), std::string::npos);
}

}  // namespace
}  // namespace nacre
