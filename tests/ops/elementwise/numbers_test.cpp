// Numbers beside tensors: whole ones are exact, beyond 2^53 too, and one that an integer dtype does
// not hold is an error. In every way a number can come in, eagerly and compiled.
#include "nacre/base/number.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "nacre/kernels/registry.h"
#include "nacre/nacre.h"
#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/structural.h"
#include "tests/support/errors.h"

namespace nacre {
namespace {

using test::text_of;
using Longs = std::vector<std::int64_t>;
using Bools = std::vector<std::int8_t>;

constexpr std::int64_t kOdd = (std::int64_t{1} << 53) + 1;  // no double
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();

Tensor longs(const Longs& values) { return Tensor::from(values); }
Bools truths(const Tensor& t) { return t.to(i8).to_vector<std::int8_t>(); }

TEST(Number, KeepsWholeNumbersAndKnowsWhatFits) {
  EXPECT_EQ(Number(kOdd).as<std::int64_t>(), kOdd);
  EXPECT_EQ(Number(kLeast).as<std::int64_t>(), kLeast);
  EXPECT_EQ(Number(~std::uint64_t{0}).as<std::uint64_t>(), ~std::uint64_t{0});
  EXPECT_FALSE(Number(~std::uint64_t{0}).as<std::int64_t>());
  EXPECT_FALSE(Number(300).as<std::uint8_t>());
  EXPECT_FALSE(Number(-1).as<std::uint64_t>());
  EXPECT_FALSE(Number(0x1p63).as<std::int64_t>());
  EXPECT_EQ(Number(-0x1p63).as<std::int64_t>(), kLeast);
  EXPECT_FALSE(Number(std::nan("")).as<std::int32_t>());
  EXPECT_EQ(Number(-2.7).as<std::int32_t>(), -2);
  EXPECT_EQ(Number(2.5).as<bool>(), true);
  EXPECT_EQ(to_string(Number(kOdd)), "9007199254740993");
  EXPECT_EQ(to_string(Number(~std::uint64_t{0})), "18446744073709551615");
}

TEST(Numbers, ElementsComeBackExactly) {
  for (const std::int64_t v : {kOdd, kMost, kLeast, -kOdd}) {
    EXPECT_EQ(Tensor::scalar(v, i64).item<std::int64_t>(), v);
    EXPECT_EQ(longs({v}).item<std::int64_t>(), v);
    EXPECT_EQ(longs({v, v}).to_vector<std::int64_t>(), (Longs{v, v}));
    EXPECT_EQ(full({2}, v, i64).to_vector<std::int64_t>(), (Longs{v, v}));
    EXPECT_EQ(tensor({v, v - (v == kLeast ? 0 : 1)}, i64).to_vector<std::int64_t>()[0], v);
    EXPECT_EQ(to_string(longs({v})), "[" + std::to_string(v) + "]");
  }
  EXPECT_EQ(full({}, kOdd, f64).item<double>(), 0x1p53);
  EXPECT_EQ(ones({1}, i64).item<float>(), 1.0f);
}

TEST(Numbers, AnElementThatATypeDoesNotHoldIsAnError) {
  EXPECT_EQ(text_of([] {
              static_cast<void>(longs({300}).item<std::uint8_t>({"net.cpp", 7}));
            }),
            "item: the element 300 is outside of the range of the type asked for\n"
            "  called at net.cpp:7\n  hint: ask for std::int64_t or double");
  EXPECT_THROW(static_cast<void>(tensor({3e9}, f64).item<int>()), ValueError);
  EXPECT_THROW(static_cast<void>(full({}, std::nan(""), f32).item<std::int64_t>()), ValueError);
  EXPECT_THROW(static_cast<void>(longs({1, 300}).to_vector<std::uint8_t>()), ValueError);
  EXPECT_THROW(static_cast<void>(tensor({1e19}, f64).to_vector<std::int64_t>()), ValueError);
  EXPECT_EQ(tensor({-2.7}, f64).item<int>(), -2);
}

TEST(Numbers, SequencesAreExact) {
  EXPECT_EQ(arange(kOdd, kOdd + 3, 1, i64).to_vector<std::int64_t>(),
            (Longs{kOdd, kOdd + 1, kOdd + 2}));
  EXPECT_EQ(arange(kMost - 1, kMost, 1, i64).to_vector<std::int64_t>(), (Longs{kMost - 1}));
  EXPECT_EQ(arange(kMost, kLeast, kLeast, i64).to_vector<std::int64_t>(), (Longs{kMost, -1}));
  EXPECT_EQ(arange(5, 0, 2, i32).elements(), 0);
  EXPECT_EQ(linspace(kOdd, kOdd + 4, 3, i64).to_vector<std::int64_t>(),
            (Longs{kOdd, kOdd + 2, kOdd + 4}));
  EXPECT_EQ(linspace(kLeast, kMost, 2, i64).to_vector<std::int64_t>(), (Longs{kLeast, kMost}));
  EXPECT_EQ(linspace(-3, 4, 5, i32).to_vector<std::int64_t>(), (Longs{-3, -1, 0, 2, 4}));
  EXPECT_THROW(arange(250, 260, 1, u8), ValueError);
  EXPECT_THROW(arange(0, 1e300), ValueError);
  EXPECT_THROW(linspace(0, 300, 4, u8), ValueError);
}

TEST(Numbers, OneThatDoesNotFitIsAnErrorEverywhere) {
  EXPECT_EQ(text_of([] { Tensor::scalar(300, u8); }),
            "number: the number 300 is no u8, which goes from 0 to 255\n"
            "  hint: convert the tensor to a dtype that holds it first: x.to(nacre::i64); to cut a "
            "value to the range, clamp it");
  const Tensor bytes = zeros({2}, u8);
  const Tensor ints = zeros({2}, i32);
  const std::string text = text_of([&] { add(bytes, {300, Location("net.cpp", 7)}); });
  EXPECT_NE(text.find("called at net.cpp:7"), std::string::npos) << text;
  EXPECT_THROW(Tensor::scalar(3e9, i32), ValueError);
  EXPECT_THROW(Tensor::scalar(std::nan(""), i32), ValueError);
  EXPECT_THROW(Tensor::scalar(~std::uint64_t{0}, i64), ValueError);
  EXPECT_THROW(full({2}, -1, u8), ValueError);
  EXPECT_THROW(full_like(bytes, 256), ValueError);
  EXPECT_THROW(tensor({1, 128}, i8), ValueError);
  EXPECT_THROW(bytes * 256, ValueError);
  EXPECT_THROW(ints + std::int64_t{3000000000}, ValueError);
  EXPECT_THROW(where(ints == 0, ints, std::int64_t{3000000000}), ValueError);
  EXPECT_THROW(masked_fill(bytes, bytes == 0, -1), ValueError);
  EXPECT_THROW(pad(bytes, {{1, 1}}, {.value = 256}), ValueError);
  EXPECT_THROW(scatter_add(bytes, tensor({0}, i64), 999), ValueError);
  EXPECT_THROW(maximum(bytes, 256), ValueError);
  EXPECT_NO_THROW(tensor({1e30}, f16));  // floats round, here to infinity
  EXPECT_EQ(full({}, 300, boolean).to(i64).item<std::int64_t>(), 1);
  // Elements saturate in cast; only numbers are refused.
  EXPECT_EQ(tensor({3e9, -3e9, std::nan("")}, f64).to(i32).to_vector<std::int64_t>(),
            (Longs{2147483647, -2147483648, 0}));
}

TEST(Numbers, OpsTakeThemExactly) {
  const auto check = [](auto f, const Tensor& x, const Longs& expected) {
    EXPECT_EQ(f(x).template to_vector<std::int64_t>(), expected);
    auto compiled = compile(f);
    EXPECT_EQ(compiled(x).template to_vector<std::int64_t>(), expected) << "compiled";
  };
  const Tensor zero = zeros({2}, i64);
  check([](const Tensor& x) { return x + kOdd; }, zero, {kOdd, kOdd});
  check([](const Tensor& x) { return kOdd - x; }, zero, {kOdd, kOdd});
  check([](const Tensor& x) { return (x + 1) * kOdd; }, zero, {kOdd, kOdd});
  check([](const Tensor& x) { return where(x == 0, x, kOdd); }, longs({0, 5}), {0, kOdd});
  check([](const Tensor& x) { return masked_fill(x, x == 0, kOdd); }, longs({0, 5}), {kOdd, 5});
  check([](const Tensor& x) { return full_like(x, kOdd); }, zero, {kOdd, kOdd});
  check([](const Tensor& x) { return full_like(x, kOdd) + x; }, zero, {kOdd, kOdd});
  check([](const Tensor& x) { return broadcast_to(full_like(sum(x), kOdd), {2}) - x; }, zero,
        {kOdd, kOdd});
  check([](const Tensor& x) { return clamp(x, kOdd, kOdd + 1); }, longs({0, kMost}),
        {kOdd, kOdd + 1});
  check([](const Tensor& x) { return clamp(x + 0, -kOdd, kOdd) - 1; }, longs({kLeast, kMost}),
        {-kOdd - 1, kOdd - 1});
  check([](const Tensor& x) { return clamp(x, -1e300, 1e300).to(i64); }, longs({3, 4}), {3, 4});
  check([](const Tensor& x) { return pad(x, {{0, 1}}, {.value = kOdd}); }, zero, {0, 0, kOdd});
  check([](const Tensor& x) { return remainder(x, kOdd); }, longs({kOdd, kOdd + 1}), {0, 1});
  check([](const Tensor& x) { return floor_divide(x, kOdd); }, longs({kOdd - 1, kOdd}), {0, 1});
  check([](const Tensor& x) { return bitwise_and(x, kOdd); }, longs({-1, 1}), {kOdd, 1});
  check([](const Tensor& x) { return index_update(x, {Index(1)}, kOdd); }, zero, {0, kOdd});
  check([](const Tensor& x) { return maximum(x, kOdd); }, longs({kOdd - 1, kMost}), {kOdd, kMost});
}

TEST(Numbers, ComparisonsWithIntegersAreExact) {
  const Tensor x = longs({kOdd - 1, kOdd, kOdd + 1});
  EXPECT_EQ(truths(x == kOdd), (Bools{0, 1, 0}));
  EXPECT_EQ(truths(x != kOdd), (Bools{1, 0, 1}));
  EXPECT_EQ(truths(x < kOdd), (Bools{1, 0, 0}));
  EXPECT_EQ(truths(kOdd < x), (Bools{0, 0, 1}));
  // A double is a number like any other: nothing is rounded to f32 first.
  EXPECT_EQ(truths(x == 0x1p53), (Bools{1, 0, 0}));
  EXPECT_EQ(truths(x > 0x1p53), (Bools{0, 1, 1}));
  const Tensor n = tensor({-3, -2, 2, 3}, i32);
  EXPECT_EQ(truths(n < 2.5), (Bools{1, 1, 1, 0}));
  EXPECT_EQ(truths(n >= 2.5), (Bools{0, 0, 0, 1}));
  EXPECT_EQ(truths(n <= -2.5), (Bools{1, 0, 0, 0}));
  EXPECT_EQ(truths(n > -2.5), (Bools{0, 1, 1, 1}));
  EXPECT_EQ(truths(2.5 > n), (Bools{1, 1, 1, 0}));
  EXPECT_EQ(truths(n == 2.5), (Bools{0, 0, 0, 0}));
  EXPECT_EQ(truths(n != 2.5), (Bools{1, 1, 1, 1}));
  const double infinity = std::numeric_limits<double>::infinity();
  const double nan = std::nan("");
  const Tensor b = tensor({0, 255}, u8);
  EXPECT_EQ(truths(b < 256), (Bools{1, 1}));
  EXPECT_EQ(truths(b == 256), (Bools{0, 0}));
  EXPECT_EQ(truths(b != -1), (Bools{1, 1}));
  EXPECT_EQ(truths(b > -1), (Bools{1, 1}));
  EXPECT_EQ(truths(b > -0.5), (Bools{1, 1}));
  EXPECT_EQ(truths(b < 255.5), (Bools{1, 1}));
  EXPECT_EQ(truths(b < infinity), (Bools{1, 1}));
  EXPECT_EQ(truths(b <= -infinity), (Bools{0, 0}));
  EXPECT_EQ(truths(b < nan), (Bools{0, 0}));
  EXPECT_EQ(truths(b >= nan), (Bools{0, 0}));
  EXPECT_EQ(truths(b != nan), (Bools{1, 1}));
  EXPECT_EQ(truths(is_close(x, longs({kOdd, kOdd, kOdd}), 0, 0)), (Bools{0, 1, 0}));
  EXPECT_EQ(truths(is_close(longs({kLeast, kMost}), longs({kMost, kMost}), 0, 10)), (Bools{0, 1}));
  EXPECT_EQ(searchsorted(tensor({1, 2, 3}, i64), 2.5).item<std::int64_t>(), 2);
  EXPECT_EQ(searchsorted(tensor({1, 2, 3}, i64), 2.5, {.right = true}).item<std::int64_t>(), 2);
  EXPECT_EQ(searchsorted(tensor({1, 2, 3}, u8), 300).item<std::int64_t>(), 3);
  EXPECT_EQ(searchsorted(longs({kOdd, kOdd + 1}), kOdd, {.right = true}).item<std::int64_t>(), 1);
}

// The reference kernels, which fold constants and check the others, must not go through double.
TEST(Numbers, ReferencesAreExactBeyondTwoToThe53) {
  const auto both = [](Op op, const Attrs& attrs, const Tensors& inputs, const Longs& expected) {
    for (const bool reference : {true, false}) {
      SpecList in;
      std::vector<void*> pointers;
      for (const Tensor& t : inputs) {
        in.push_back(t.spec());
        pointers.push_back(const_cast<void*>(t.raw_data()));
      }
      const SpecList out = infer_specs(op, attrs, in, {});
      Tensors results;
      for (const Spec& spec : out) {
        results.emplace_back(spec);
        pointers.push_back(results.back().raw_mutable_data());
      }
      const PreparedKernel kernel = prepare_kernel({op, attrs, in, out, 1}, reference);
      const Buffer scratch = Buffer::allocate(kernel.scratch_bytes);
      kernel.run(kernel.state.get(), pointers.data(), {1, scratch.data()});
      EXPECT_EQ(results[0].to_vector<std::int64_t>(), expected)
          << name_of(op) << (reference ? " reference" : " kernel");
    }
  };
  const Longs axes = {0};
  const Attrs over{{"axes", axes}, {"keep_dims", false}};
  const Tensor x = longs({kOdd, kOdd + 1, 1});
  both(Op::reduce_sum, over, {x}, {2 * kOdd + 2});
  both(Op::reduce_sum, over, {longs({kMost, 2})}, {kLeast + 1});
  both(Op::reduce_max, over, {x}, {kOdd + 1});
  both(Op::reduce_min, over, {longs({kOdd + 1, kOdd})}, {kOdd});
  both(Op::reduce_prod, over, {longs({kOdd, 3})}, {3 * kOdd});
  const Attrs along{{"axis", std::int64_t{0}}, {"keep_dims", false}};
  both(Op::argmax, along, {longs({kOdd - 1, kOdd})}, {1});
  both(Op::argmin, along, {longs({kOdd, kOdd - 1})}, {1});
  const Attrs scan{{"axis", std::int64_t{0}}, {"exclusive", false}, {"reverse", false}};
  both(Op::cumsum, scan, {longs({kMost, 1})}, {kMost, kLeast});
  both(Op::cumprod, scan, {longs({kOdd, 3})}, {kOdd, 3 * kOdd});
  const Attrs flags{{"transpose_a", false}, {"transpose_b", false}};
  both(Op::matmul, flags, {longs({kOdd, 1}).reshape({1, 2}), longs({1, kOdd}).reshape({2, 1})},
       {2 * kOdd});
  both(Op::sort, {{"axis", std::int64_t{0}}, {"descending", false}},
       {longs({kOdd + 1, kOdd, kOdd - 1})}, {kOdd - 1, kOdd, kOdd + 1});
  both(Op::remainder, {}, {longs({kMost}), longs({kOdd})}, {kMost % kOdd});
  both(Op::floor_divide, {}, {longs({kLeast}), longs({2})}, {kLeast / 2});
  both(Op::pow, {}, {longs({3}), longs({39})}, {4052555153018976267});
  both(Op::clamp, {{"low", kOdd}, {"high", kOdd + 2}}, {longs({kOdd - 1, kOdd + 3})},
       {kOdd, kOdd + 2});
  both(Op::fill, {{"dtype", i64}, {"shape", Longs{2}}, {"value", kOdd}}, {}, {kOdd, kOdd});
}

}  // namespace
}  // namespace nacre
