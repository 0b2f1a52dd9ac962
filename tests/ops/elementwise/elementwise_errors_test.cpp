// The text of every check of the elementwise and random ops.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <regex>

#include "nacre/base/layer_scope.h"
#include "nacre/nacre.h"
#include "nacre/ops/define/emit.h"
#include "tests/support/errors.h"

namespace nacre {
namespace {

constexpr const char* kPlace = "\n  called at elementwise_errors_test.cpp:N";
constexpr const char* kConvert = "\n  hint: convert it with x.to(nacre::f32)";

// The text of the exception E that f throws, with N for the line's number.
template <class E = Error, class F>
std::string error_of(F&& f) {
  return std::regex_replace(test::text_of<E>(f), std::regex("_test.cpp:[0-9]+"), "_test.cpp:N");
}

std::string text(const std::string& what, const std::string& inputs, const std::string& hint = "") {
  return what + "\n  " + inputs + kPlace + (hint.empty() ? "" : "\n  hint: " + hint);
}

Location here(std::source_location at = std::source_location::current()) { return at; }
Tensor key() { return Tensor::from(std::vector<std::int64_t>{1, 2}); }

const std::vector<Op> kFloatingOfOne = {
    Op::sqrt,  Op::rsqrt, Op::cbrt,  Op::reciprocal, Op::exp,        Op::exp2,
    Op::expm1, Op::log,   Op::log2,  Op::log10,      Op::log1p,      Op::sin,
    Op::cos,   Op::tan,   Op::asin,  Op::acos,       Op::atan,       Op::sinh,
    Op::cosh,  Op::tanh,  Op::asinh, Op::acosh,      Op::atanh,      Op::sigmoid,
    Op::silu,  Op::erf,   Op::erfc,  Op::erfinv,     Op::lgamma,     Op::digamma,
    Op::floor, Op::ceil,  Op::round, Op::trunc,      Op::leaky_relu, Op::gelu};
const std::vector<Op> kNumberOfOne = {Op::neg, Op::abs, Op::sign, Op::square, Op::relu};
const std::vector<Op> kNumberOfTwo = {Op::add,  Op::sub, Op::floor_divide, Op::remainder,
                                      Op::fmod, Op::pow, Op::maximum,      Op::minimum};
const std::vector<Op> kFloatingOfTwo = {Op::div,
                                        Op::atan2,
                                        Op::hypot,
                                        Op::logaddexp,
                                        Op::xlogy,
                                        Op::copysign,
                                        Op::random_gamma_derivative};
const std::vector<Op> kComparisons = {Op::equal,       Op::not_equal,  Op::less,
                                      Op::less_equal,  Op::greater,    Op::greater_equal,
                                      Op::logical_and, Op::logical_or, Op::logical_xor};
const std::vector<Op> kBits = {Op::bitwise_and, Op::bitwise_or, Op::bitwise_xor};
const std::vector<Op> kShifts = {Op::shift_left, Op::shift_right};
const std::vector<Op> kTests = {Op::is_nan, Op::is_inf, Op::is_finite, Op::logical_not};

TEST(ElementwiseErrors, DTypesOfOneInput) {
  for (const Op op : kFloatingOfOne) {
    EXPECT_EQ(error_of<DTypeError>([&] { emit_one(op, {ones({2}, i32)}, here()); }),
              fmt::format("{}: floating point expected, i32 given\n  input i32[2]{}{}", name_of(op),
                          kPlace, kConvert));
  }
  for (const Op op : kNumberOfOne) {
    EXPECT_EQ(error_of<DTypeError>([&] { emit_one(op, {ones({2}, boolean)}, here()); }),
              fmt::format("{}: a number expected, bool given\n  input bool[2]{}{}", name_of(op),
                          kPlace, kConvert));
  }
  EXPECT_EQ(error_of<DTypeError>([] { clamp(ones({2}, boolean), 0, true); }), "no error");
  EXPECT_EQ(error_of<DTypeError>([] {
              emit_one(Op::clamp, {{"low", 0.0}, {"high", 1.0}}, {ones({2}, boolean)}, here());
            }),
            text("clamp: a number expected, bool given", "input bool[2]",
                 "convert it with x.to(nacre::f32)"));
  EXPECT_EQ(error_of<DTypeError>([] { bitwise_not(ones({2})); }),
            text("bitwise_not: an integer or bool expected, f32 given", "input f32[2]",
                 "compare first (x > 0), or convert with x.to(nacre::i64)"));
}

TEST(ElementwiseErrors, DTypesOfTwoInputs) {
  for (const Op op : kNumberOfTwo) {
    EXPECT_EQ(error_of<DTypeError>([&] {
                emit_one(op, {ones({2}, boolean), ones({2}, boolean)}, here());
              }),
              fmt::format("{}: numbers expected, bool given\n  left bool[2], right bool[2]{}{}",
                          name_of(op), kPlace, kConvert));
  }
  for (const Op op : kFloatingOfTwo) {
    EXPECT_EQ(error_of<DTypeError>([&] {
                emit_one(op, {ones({2}, i64), ones({2}, i64)}, here());
              }),
              fmt::format("{}: floating point expected, i64 given\n  left i64[2], right i64[2]{}{}",
                          name_of(op), kPlace, kConvert));
  }
  for (const Op op : kBits) {
    EXPECT_EQ(error_of<DTypeError>([&] {
                emit_one(op, {ones({2}), ones({2})}, here());
              }),
              text(fmt::format("{}: integers or bool expected, f32 given", name_of(op)),
                   "left f32[2], right f32[2]",
                   "compare first (x > 0), or convert with x.to(nacre::i64)"));
  }
  for (const Op op : kShifts) {
    EXPECT_EQ(error_of<DTypeError>([&] {
                emit_one(op, {ones({2}, boolean), ones({2}, boolean)}, here());
              }),
              text(fmt::format("{}: integers expected, bool given", name_of(op)),
                   "left bool[2], right bool[2]",
                   "multiply by a power of two, or convert with x.to(nacre::i64)"));
  }
}

TEST(ElementwiseErrors, PairsMustAgree) {
  std::vector<Op> pairs = {Op::mul};
  for (const auto& list : {kNumberOfTwo, kFloatingOfTwo, kComparisons}) {
    pairs.insert(pairs.end(), list.begin(), list.end());
  }
  for (const Op op : pairs) {
    EXPECT_EQ(error_of<DTypeError>([&] {
                emit_one(op, {ones({2}), ones({2}, f64)}, here());
              }),
              text(fmt::format("{}: dtypes differ (f32 vs f64)", name_of(op)),
                   "left f32[2], right f64[2]", "convert one of them with x.to(dtype)"));
    EXPECT_EQ(error_of<ShapeError>([&] {
                emit_one(op, {ones({2}), ones({4, 3})}, here());
              }),
              text(fmt::format("{}: shapes [2] and [4,3] do not broadcast", name_of(op)),
                   "left f32[2], right f32[4,3]",
                   "dimensions are compared from the last; each pair must be equal or one of "
                   "them 1"));
  }
  for (const auto& list : {kBits, kShifts}) {
    for (const Op op : list) {
      EXPECT_EQ(
          error_of<ShapeError>([&] {
            emit_one(op, {ones({2}, i8), ones({3}, i8)}, here());
          }),
          text(fmt::format("{}: shapes [2] and [3] do not broadcast", name_of(op)),
               "left i8[2], right i8[3]",
               "dimensions are compared from the last; each pair must be equal or one of them 1"));
    }
  }
}

TEST(ElementwiseErrors, CountsOfInputs) {
  for (const auto& list : {kFloatingOfOne, kNumberOfOne, kTests}) {
    for (const Op op : list) {
      EXPECT_EQ(error_of<ValueError>([&] {
                  emit_one(op, {ones({2}), ones({2})}, here());
                }),
                text(fmt::format("{}: 1 inputs expected, 2 given", name_of(op)),
                     "left f32[2], right f32[2]"));
    }
  }
  for (const auto& list : {kNumberOfTwo, kFloatingOfTwo, kComparisons, kBits, kShifts}) {
    for (const Op op : list) {
      EXPECT_EQ(error_of<ValueError>([&] { emit_one(op, {ones({2})}, here()); }),
                text(fmt::format("{}: 2 inputs expected, 1 given", name_of(op)), "input f32[2]"));
    }
  }
}

TEST(ElementwiseErrors, NameTheLineAndTheLayer) {
  const LayerScope outer("encoder");
  const LayerScope inner("gate");
  unsigned line = 0;
  try {
    line = __LINE__ + 1;
    add(ones({2}), ones({3}));
    FAIL() << "no error";
  } catch (const ShapeError& e) {
    EXPECT_EQ(std::string(e.what()),
              fmt::format("add: shapes [2] and [3] do not broadcast\n  left f32[2], right f32[3]\n"
                          "  in layer \"encoder/gate\", called at elementwise_errors_test.cpp:{}\n"
                          "  hint: dimensions are compared from the last; each pair must be equal "
                          "or one of them 1",
                          line));
  }
}

TEST(ElementwiseErrors, Where) {
  EXPECT_EQ(error_of<DTypeError>([] { where(ones({2}), ones({2}), 0); }),
            text("where: the condition is f32, bool expected", "inputs f32[2], f32[2], f32[]",
                 "compare it: x > 0"));
  EXPECT_EQ(error_of<DTypeError>([] {
              emit_one(Op::where, {ones({2}, boolean), ones({2}), ones({2}, f64)}, here());
            }),
            text("where: the two choices have different dtypes", "inputs bool[2], f32[2], f64[2]",
                 "convert one with x.to(dtype)"));
  EXPECT_EQ(
      error_of<ShapeError>([] { where(ones({3}, boolean), ones({2}), 0); }),
      text("where: shapes [3] and [2] do not broadcast", "inputs bool[3], f32[2], f32[]",
           "dimensions are compared from the last; each pair must be equal or one of them 1"));
}

TEST(ElementwiseErrors, Values) {
  EXPECT_EQ(
      error_of<ValueError>([] { clamp(ones({2}), 3, 1.5); }),
      text("clamp: low 3 is above high 1.5", "input f32[2]", "the order is clamp(x, low, high)"));
  EXPECT_EQ(error_of<ValueError>([] { pow(ones({2}, i32), -1); }),
            text("pow: an integer to the negative power -1", "input i32[2]",
                 "convert it first: pow(x.to(nacre::f32), -1)"));
  EXPECT_EQ(error_of<ValueError>([] { softplus(ones({2}), 0); }),
            text("softplus: beta 0 is not positive", "input f32[2]",
                 "beta 1 gives log(1 + exp(x)); a larger one comes closer to relu"));
  EXPECT_EQ(error_of<ValueError>([] { celu(ones({2}), 0); }),
            text("elu: alpha is 0", "input f32[2]", "celu divides by alpha; relu(x) is its limit"));
  EXPECT_EQ(error_of<ValueError>([] { polygamma(0, ones({2})); }),
            text("polygamma: order 0 is outside 1..20", "input f32[2]", "order 0 is digamma(x)"));
  EXPECT_EQ(error_of<ValueError>([] { polygamma(21, ones({2})); }),
            text("polygamma: order 21 is outside 1..20", "input f32[2]"));
  EXPECT_EQ(error_of<ValueError>([] { hard_shrink(ones({2}), -1); }),
            text("hard_shrink: lambda -1 is negative", "input f32[2]",
                 "lambda is the half width of the zone that becomes 0"));
  EXPECT_EQ(error_of<ValueError>([] { soft_shrink(ones({2}), -1); }),
            text("soft_shrink: lambda -1 is negative", "input f32[2]",
                 "lambda is the half width of the zone that becomes 0"));
  EXPECT_EQ(error_of<ShapeError>([] {
              prelu(ones({2, 3}), ones({2}));
            }),
            text("prelu: [2] slopes for 3 channels", "left f32[2,3], right f32[2]",
                 "give one slope, or one for each channel (axis 1 of the input)"));
  EXPECT_EQ(error_of<ShapeError>([] { prelu(ones({}), ones({2})); }),
            text("prelu: several slopes for a scalar", "left f32[], right f32[2]",
                 "give one slope, or one for each channel (axis 1 of the input)"));
}

TEST(RandomErrors, Keys) {
  const char* hint = "take a key from a generator: generator.next_key()";
  EXPECT_EQ(error_of<DTypeError>([] { random_uniform(ones({2}), {3}); }),
            text("random_uniform: the key is f32[2], i64[2] expected", "input f32[2]", hint));
  EXPECT_EQ(error_of<ShapeError>([] { random_normal(ones({3}, i64), {3}); }),
            text("random_normal: the key is i64[3], i64[2] expected", "input i64[3]", hint));
  EXPECT_EQ(error_of<DTypeError>([] { random_permutation(ones({2}), 3); }),
            text("random_permutation: the key is f32[2], i64[2] expected", "input f32[2]", hint));
  EXPECT_EQ(
      error_of<DTypeError>([] { random_gamma(ones({2}), {3}, 1); }),
      text("random_gamma: the key is f32[2], i64[2] expected", "left f32[2], right f32[]", hint));
  EXPECT_EQ(error_of<DTypeError>([] { random_bernoulli(ones({2}), {3}, 1); }),
            text("random_bernoulli: the key is f32[2], i64[2] expected", "left f32[2], right f64[]",
                 hint));
  EXPECT_EQ(error_of<DTypeError>([] { random_categorical(ones({2}), ones({3})); }),
            text("random_categorical: the key is f32[2], i64[2] expected",
                 "left f32[2], right f32[3]", hint));
  EXPECT_EQ(error_of<ShapeError>([] { dropout(ones({2}), 0.5, ones({}, i64)); }),
            text("dropout: the key is i64[], i64[2] expected", "left f32[2], right i64[]", hint));
}

TEST(RandomErrors, Ranges) {
  const std::string order = "the order is low, high; high itself is never drawn";
  EXPECT_EQ(error_of<ValueError>([] { random_uniform(key(), {3}, 1, 1); }),
            text("random_uniform: low 1 is not below high 1", "input i64[2]", order));
  EXPECT_EQ(error_of<ValueError>([] { random_truncated_normal(key(), {3}, 0, 1, 2, -2); }),
            text("random_truncated_normal: low 2 is not below high -2", "input i64[2]", order));
  EXPECT_EQ(error_of<ValueError>([] { random_integers(key(), {3}, 5, 5); }),
            text("random_integers: low 5 is not below high 5", "input i64[2]", order));
  EXPECT_EQ(error_of<ValueError>([] { random_integers(key(), {3}, 0, 257, u8); }),
            text("random_integers: u8 holds 0 to 255, not 0 to 256", "input i64[2]",
                 "ask for a wider dtype"));
  EXPECT_EQ(
      error_of<ValueError>([] { random_normal(key(), {3}, 0, -1); }),
      text("random_normal: stddev -1 is negative", "input i64[2]", "give its size, at least 0"));
  EXPECT_EQ(error_of<ValueError>([] { random_truncated_normal(key(), {3}, 0, -1); }),
            text("random_truncated_normal: stddev -1 is negative", "input i64[2]",
                 "give its size, at least 0"));
  EXPECT_EQ(error_of<ValueError>([] { random_bernoulli(key(), {3}, 1.5); }),
            text("random_bernoulli: probability 1.5 is outside [0, 1]", "key i64[2]",
                 "for odds in logits take sigmoid(logits) first"));
  EXPECT_EQ(error_of<ValueError>([] { random_gamma(key(), {3}, 0); }),
            text("random_gamma: concentration 0 is not positive", "key i64[2]",
                 "a tensor that may reach 0 can be kept above by softplus or exp"));
  EXPECT_EQ(error_of<ValueError>([] { random_permutation(key(), -1); }),
            text("random_permutation: count -1 is negative", "input i64[2]"));
  EXPECT_EQ(error_of<ValueError>([] { random_categorical(key(), ones({3}), -2); }),
            text("random_categorical: -2 samples asked for", "left i64[2], right f32[3]",
                 "ask for at least 1"));
  EXPECT_EQ(error_of<ValueError>([] { dropout(ones({2}), 1.5, key()); }),
            text("dropout: rate 1.5 is outside [0, 1]", "left f32[2], right i64[2]",
                 "rate is the share of elements that become 0"));
  EXPECT_EQ(error_of<ValueError>([] { alpha_dropout(ones({2}), 1, key()); }),
            text("alpha_dropout: rate 1 is outside [0, 1)", "input f32[2]",
                 "rate is the share of elements that are dropped"));
}

TEST(RandomErrors, DTypesAndShapes) {
  for (const auto& [name, f] : std::vector<std::pair<std::string, void (*)()>>{
           {"random_uniform", [] { random_uniform(key(), {3}, 0, 1, i32); }},
           {"random_normal", [] { random_normal(key(), {3}, 0, 1, i32); }},
           {"random_truncated_normal",
            [] { random_truncated_normal(key(), {3}, 0, 1, -2, 2, i32); }},
           {"random_exponential", [] { random_exponential(key(), {3}, i32); }}}) {
    EXPECT_EQ(error_of<DTypeError>(f),
              text(name + ": a floating dtype expected, i32 asked for", "input i64[2]",
                   "for whole numbers use random_integers"));
  }
  EXPECT_EQ(error_of<DTypeError>([] { random_integers(key(), {3}, 0, 2, f32); }),
            text("random_integers: an integer dtype expected, f32 asked for", "input i64[2]",
                 "for fractions use random_uniform, for bool random_bernoulli"));
  EXPECT_EQ(
      error_of<ShapeError>([] { random_bernoulli(key(), {3}, ones({2})); }),
      text("random_bernoulli: probabilities [2] do not broadcast to [3]",
           "left i64[2], right f32[2]", "ask for the shape of the probabilities, or a larger one"));
  EXPECT_EQ(
      error_of<ShapeError>([] { random_gamma(key(), {}, ones({2})); }),
      text("random_gamma: concentrations [2] do not broadcast to []", "left i64[2], right f32[2]",
           "ask for the shape of the concentrations, or a larger one"));
  EXPECT_EQ(error_of<ShapeError>([] {
              random_categorical(key(), ones({2, 0}));
            }),
            text("random_categorical: the logits have no classes along their last axis",
                 "left i64[2], right f32[2,0]", "give at least one logit a row: [batch, classes]"));
  EXPECT_EQ(error_of<ShapeError>([] {
              dropout(ones({2, 3}), 0.5, key(), {2});
            }),
            text("dropout: noise_shape [2] does not fit [2,3]", "left f32[2,3], right i64[2]",
                 "give each axis of the input, as 1 (one decision for all) or -1 (one for each)"));
  EXPECT_EQ(error_of<ShapeError>([] {
              dropout(ones({2, 3}), 0.5, key(), {2, 4});
            }),
            text("dropout: noise_shape [2,4] does not fit [2,3]", "left f32[2,3], right i64[2]",
                 "give each axis of the input, as 1 (one decision for all) or -1 (one for each)"));
}

TEST(ElementwiseErrors, WhatHasNoGradientSaysWhatToUse) {
  const auto no_gradient = [](std::string_view op, const std::string& inputs,
                              const std::string& hint) {
    return text(fmt::format("{}: it has no gradient, and the result depends on what is "
                            "differentiated only through it",
                            op),
                inputs, hint);
  };
  const std::string straight =
      "pass the gradient straight through: x + stop_gradient(round(x) - x)";
  const std::string logic =
      "truth values and bits have no gradient; weigh the alternatives with where or a sigmoid";
  const std::string smooth = "compare outside the loss, or use a smooth measure";
  struct Case {
    Op op;
    std::string hint;
  };
  for (const Case& c :
       {Case{Op::floor, straight}, Case{Op::ceil, straight}, Case{Op::round, straight},
        Case{Op::trunc, straight}, Case{Op::sign, "use a smooth step: tanh(x / width)"},
        Case{Op::is_nan, "test outside the loss"}, Case{Op::is_inf, "test outside the loss"},
        Case{Op::is_finite, "test outside the loss"}, Case{Op::logical_not, logic}}) {
    const auto f = [&](const Tensor& x) { return sum(emit_one(c.op, {x}, here()).to(f32)); };
    EXPECT_EQ(error_of<GradientError>([&] { grad(f)(ones({2})); }),
              no_gradient(name_of(c.op), "input f32[2]", c.hint));
  }
  for (const Case& c :
       {Case{Op::equal, smooth}, Case{Op::not_equal, smooth}, Case{Op::less, smooth},
        Case{Op::less_equal, smooth}, Case{Op::greater, smooth}, Case{Op::greater_equal, smooth},
        Case{Op::logical_and, logic}, Case{Op::logical_or, logic}, Case{Op::logical_xor, logic},
        Case{Op::floor_divide, "divide with / and keep the fraction"}}) {
    const auto f = [&](const Tensor& x) {
      return sum(emit_one(c.op, {x, ones({2})}, here()).to(f32));
    };
    EXPECT_EQ(error_of<GradientError>([&] { grad(f)(ones({2})); }),
              no_gradient(name_of(c.op), "input f32[2], f32[2]", c.hint));
  }
  EXPECT_EQ(
      error_of<GradientError>([] {
        grad([](const Tensor& x) { return sum(random_bernoulli(key(), {2}, x)); })(full({2}, 0.5));
      }),
      no_gradient("random_bernoulli", "input i64[2], f32[2]",
                  "a draw has no gradient; for a normal, differentiate mean + scale * draw; "
                  "for a choice, use gumbel_softmax"));
  EXPECT_EQ(
      error_of<GradientError>([] {
        grad([](const Tensor& x) { return sum(random_categorical(key(), x).to(f32)); })(ones({2}));
      }),
      no_gradient("random_categorical", "input i64[2], f32[2]",
                  "a choice has no gradient; use gumbel_softmax, or the log-probability of "
                  "what was drawn"));
}

}  // namespace
}  // namespace nacre
