// grad and value_and_grad over nests and Variables, and the gradient tape.
#include <gtest/gtest.h>

#include "nacre/nacre.h"
#include "tests/support/errors.h"

namespace nacre {
namespace {

using test::text_of;
using Floats = std::vector<float>;

#define EXPECT_TEXT(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

// Runs f eagerly and compiled; both must agree.
template <class F, class... Args>
Tensor both_ways(F f, const Args&... args) {
  const Tensor eager = f(args...);
  const Tensor compiled = compile(f)(args...);
  EXPECT_EQ(eager.to_vector<double>(), compiled.to_vector<double>());
  return eager;
}

TEST(Grad, NestsOfEveryKind) {
  using Nest = std::pair<std::vector<Tensor>, std::map<std::string, Tensor>>;
  const auto f = [](const Nest& n) {
    return sum(n.first[0] * n.first[1] * n.second.at("a")) + sum(square(n.second.at("b")));
  };
  const Nest x{{tensor({1, 2}), tensor({3, 4})}, {{"a", tensor({5, 6})}, {"b", tensor({7})}}};
  const auto [value, g] = value_and_grad(f)(x);
  EXPECT_FLOAT_EQ(value.item(), 15 + 48 + 49);
  EXPECT_EQ(g.first[0].to_vector<float>(), (Floats{15, 24}));
  EXPECT_EQ(g.first[1].to_vector<float>(), (Floats{5, 12}));
  EXPECT_EQ(g.second.at("a").to_vector<float>(), (Floats{3, 8}));
  EXPECT_EQ(g.second.at("b").to_vector<float>(), (Floats{14}));
}

TEST(Grad, OneTensorTwiceIsTwoArguments) {
  const Tensor x = tensor({2.0});
  const auto g = grad([](const std::pair<Tensor, Tensor>& p) {
    return sum(p.first * square(p.second));
  })(std::pair(x, x));
  EXPECT_FLOAT_EQ(g.first.item(), 4);
  EXPECT_FLOAT_EQ(g.second.item(), 8);
}

TEST(Grad, AuxiliaryResultsAreHandedThrough) {
  const auto f = [](const Tensor& x, float scale) {
    const Tensor y = x * scale;
    return std::pair(sum(square(y)), std::pair(y, std::string("kept")));
  };
  const auto [result, g] = value_and_grad(f)(tensor({1, 2}), 3.0f);
  EXPECT_FLOAT_EQ(result.first.item(), 45);
  EXPECT_EQ(result.second.first.to_vector<float>(), (Floats{3, 6}));
  EXPECT_EQ(result.second.second, "kept");
  EXPECT_EQ(g.to_vector<float>(), (Floats{18, 36}));
}

TEST(Grad, WithRespectToVariables) {
  Variable w(tensor({3.0}));
  Variable b(tensor({1.0}));
  Variable unused(tensor({5.0}));
  const auto f = [&](const Tensor& x) { return sum(square(w * x + b)); };
  const auto [value, g] =
      value_and_grad(f, std::vector<VariableRef>{w.cell(), b.cell(), unused.cell()})(tensor({2}));
  EXPECT_FLOAT_EQ(value.item(), 49);
  EXPECT_FLOAT_EQ(g[0].item(), 28);
  EXPECT_FLOAT_EQ(g[1].item(), 14);
  EXPECT_FLOAT_EQ(g[2].item(), 0);
  EXPECT_FLOAT_EQ(grad(f, w)(tensor({2})).item(), 28);
  EXPECT_FLOAT_EQ(grad(f, std::array{b.cell()})(tensor({2}))[0].item(), 14);
  EXPECT_FLOAT_EQ(grad(f, std::tie(w, b))(tensor({2}))[1].item(), 14);
  const auto compiled = compile([&](const Tensor& x) { return grad(f, w)(x); })(tensor({2}));
  EXPECT_FLOAT_EQ(compiled.item(), 28);
}

TEST(Grad, FrozenVariableCanBeAskedFor) {
  Variable w(tensor({3.0}), "w", false);
  EXPECT_FLOAT_EQ(grad([&] { return sum(square(w)); }, w)().item(), 6);
}

TEST(Grad, CopiesOfAVariableAreVariablesOfTheirOwn) {
  Variable w(tensor({3.0}));
  Variable copy = w;
  Variable assigned(tensor({0.0}));
  assigned.assign(w.value());
  GradientTape tape;
  const Tensor loss = sum(w * copy * assigned);
  const auto [a, b, c] = tape.gradient(loss, w, copy, assigned);
  EXPECT_FLOAT_EQ(a.item() + b.item() + c.item(), 27);
  EXPECT_FLOAT_EQ(a.item(), 9);
}

TEST(Grad, HigherOrder) {
  const auto f = [](const Tensor& x) { return sum(x * x * x * x); };
  const auto d3 = [=](const Tensor& x) {
    const auto d1 = [=](const Tensor& t) { return sum(grad(f)(t)); };
    const auto d2 = [=](const Tensor& t) { return sum(grad(d1)(t)); };
    return grad(d2)(x);
  };
  EXPECT_EQ(both_ways(d3, tensor({1, 2})).to_vector<float>(), (Floats{24, 48}));
}

TEST(Grad, SecondDerivativeOfReluIsZero) {
  const auto f = [](const Tensor& x) { return sum(relu(x)); };
  const auto g = [=](const Tensor& x) { return sum(grad(f)(x)); };
  EXPECT_EQ(both_ways(grad(g), tensor({1, -2})).to_vector<float>(), (Floats{0, 0}));
}

TEST(Grad, StopGradientGivesZeros) {
  const auto f = [](const Tensor& x) { return sum(stop_gradient(x) * 2); };
  EXPECT_EQ(both_ways(grad(f), tensor({1, -2})).to_vector<float>(), (Floats{0, 0}));
}

TEST(Grad, OfACompiledFunction) {
  Variable w(tensor({3.0}));
  auto f = compile([&](const Tensor& x) { return sum(square(x) * w); });
  EXPECT_FLOAT_EQ(f(tensor({2})).item(), 12);
  EXPECT_FLOAT_EQ(grad(f)(tensor({2})).item(), 12);
  EXPECT_FLOAT_EQ(grad(f, w)(tensor({2})).item(), 4);
}

TEST(Grad, ConcreteArgumentWithinATrace) {
  const Tensor c = tensor({5.0});
  auto f = compile(
      [&](const Tensor& x) { return grad([&](const Tensor& t) { return sum(t * t * x); })(c); });
  EXPECT_FLOAT_EQ(f(tensor({3})).item(), 30);
}

TEST(GradErrors, LossThatIsNotANumber) {
  const std::string text = text_of<ShapeError>([] {
    grad([](const Tensor& x) { return x * 2; })(ones({2, 3}));
  });
  EXPECT_EQ(text,
            "grad: the function gives f32[2,3], one number is expected\n"
            "  hint: reduce it with mean or sum, or use vjp or jacobian");
}

TEST(GradErrors, IntegerArgument) {
  const std::string text =
      text_of<DTypeError>([] { grad([](const Tensor& x) { return sum(x).to(f32); })(arange(3)); });
  EXPECT_EQ(text,
            "grad: only floating point can be differentiated, an argument is i64[3]\n"
            "  hint: convert it with x.to(nacre::f32), or make it a later argument");
}

TEST(GradErrors, LossFromArgmaxNamesOpLineAndHint) {
  const auto f = [](const Tensor& x) {
    return mean(not_equal(argmax(x, 1), 0).to(f32));  // the line to name
  };
  const std::string line = std::to_string(__LINE__ - 2);
  for (const bool traced : {false, true}) {
    const std::string text = text_of<GradientError>([&] {
      if (traced) {
        compile(grad(f))(ones({2, 3}));
      } else {
        grad(f)(ones({2, 3}));
      }
    });
    EXPECT_TEXT(text, "argmax: it has no gradient");
    EXPECT_TEXT(text, "input f32[2,3]");
    EXPECT_TEXT(text, "grad_test.cpp:" + line);
    EXPECT_TEXT(text, "hint: ");
  }
}

TEST(GradErrors, IntegerTarget) {
  GradientTape tape;
  const Tensor x = tape.watch(ones({2}));
  const std::string text = text_of<DTypeError>([&] { tape.gradient(ones({2}, i64), {x}); });
  EXPECT_TEXT(text, "gradient: the target is i64[2]; only floating point can be differentiated");
}

TEST(GradErrors, IntegerSource) {
  GradientTape tape;
  const std::string text = text_of<DTypeError>([&] { tape.gradient(ones({}), {arange(3)}); });
  EXPECT_TEXT(text, "gradient: the source is i64[3]; only floating point can be differentiated");
}

TEST(GradErrors, CotangentOfAnotherShape) {
  GradientTape tape({.persistent = true});
  const Tensor x = tape.watch(ones({2}));
  EXPECT_TEXT(text_of<ShapeError>([&] { tape.gradient(x * 2, {x}, ones({3})); }),
              "gradient: the cotangent is f32[3], the target f32[2]");
  EXPECT_TEXT(text_of<DTypeError>([&] { tape.gradient(x * 2, {x}, ones({2}, f64)); }),
              "gradient: the cotangent is f64[2], the target f32[2]");
}

TEST(Tape, ServesOnceUnlessPersistent) {
  Variable w(tensor({3.0}));
  GradientTape once;
  const Tensor loss = sum(square(w));
  once.gradient(loss, w);
  EXPECT_TEXT(text_of<ValueError>([&] { once.gradient(loss, w); }),
              "hint: make it with GradientTape tape({.persistent = true})");
  GradientTape many({.persistent = true});
  const Tensor again = sum(square(w));
  EXPECT_FLOAT_EQ(many.gradient(again, w).item(), 6);
  EXPECT_FLOAT_EQ(many.gradient(again * 2, w).item(), 12);
}

TEST(Tape, PersistentTapeDifferentiatesItsOwnGradient) {
  const auto f = [](const Tensor& in) {
    GradientTape tape({.persistent = true});
    const Tensor x = tape.watch(in);
    const Tensor first = tape.gradient(sum(x * x * x), x);
    return tape.gradient(first, x);
  };
  EXPECT_EQ(both_ways(f, tensor({2, 3})).to_vector<float>(), (Floats{12, 18}));
}

TEST(Tape, StoppedTapeRecordsNothingMore) {
  const auto f = [](const Tensor& in) {
    GradientTape tape;
    const Tensor x = tape.watch(in);
    const Tensor y = x * 2;
    tape.stop();
    return tape.gradient(sum(y) + sum(y * y), x);
  };
  EXPECT_EQ(both_ways(f, tensor({2, 3})).to_vector<float>(), (Floats{0, 0}));
}

TEST(Tape, SeesOnlyItsOwnTime) {
  const auto f = [](const Tensor& in) {
    const Tensor y = in * in;
    GradientTape tape;
    const Tensor x = tape.watch(in);
    return tape.gradient(sum(y * x), x);
  };
  EXPECT_EQ(both_ways(f, tensor({2, 3})).to_vector<float>(), (Floats{4, 9}));
}

TEST(Tape, NestedTapes) {
  const auto f = [](const Tensor& in) {
    GradientTape outer;
    const Tensor x = outer.watch(in);
    Tensor first;
    {
      GradientTape inner;
      inner.watch(x);
      first = inner.gradient(sum(x * x * x), x);
    }
    return outer.gradient(first, x);
  };
  EXPECT_EQ(both_ways(f, tensor({2, 3})).to_vector<float>(), (Floats{12, 18}));
}

TEST(Tape, GradientWhileRecordingTraining) {
  Variable w(tensor({1.0}));
  for (int i = 0; i < 3; ++i) {
    GradientTape tape;
    const Tensor loss = sum(square(w - 5));
    w.assign(w - 0.5 * tape.gradient(loss, w));
  }
  EXPECT_FLOAT_EQ(w.value().item(), 5);
}

TEST(Tape, MemoryIsReleasedByGradient) {
  const Tensor x = ones({1 << 16});
  GradientTape tape;
  tape.watch(x);
  const std::size_t before = pool_statistics().in_use;
  {
    Tensor y = x;
    for (int i = 0; i < 8; ++i) y = y * 1.5;
    const Tensor loss = sum(y);
    EXPECT_GE(pool_statistics().in_use, before + 8 * x.spec().bytes());
    tape.gradient(loss, x);
  }
  EXPECT_LT(pool_statistics().in_use, before + x.spec().bytes());
}

TEST(Tape, UnwatchedVariablesWhenAskedSo) {
  Variable w(tensor({3.0}));
  GradientTape tape({.watch_variables = false});
  EXPECT_FLOAT_EQ(tape.gradient(sum(square(w)), w).item(), 0);
}

}  // namespace
}  // namespace nacre
