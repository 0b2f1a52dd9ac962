// What kernels do with NaN, infinities, zeros of both signs and denormal numbers; and which ops
// have no kernel but their reference.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <string>

#include "nacre/kernels/registry.h"
#include "nacre/nacre.h"
#include "nacre/ops/define/emit.h"
#include "tests/support/samples.h"

namespace nacre::testing {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::vector<double> special_values(DType dtype) {
  const double least = dtype == f64 ? 2.3e-308 : 1.2e-38;
  return {0.0,    -0.0,   kNan,  kInfinity, -kInfinity, least,  -least, least / 8, -least / 8,
          1e-20,  -1e-20, 1.0,   -1.0,      2.5,        -2.5,   0.5,    -0.5,      20.0,
          -20.0,  87.0,   -87.0, 88.8,      -88.8,      -100.0, -104.5, 127.5,     128.0,
          -126.5, -149.0, 1e6,   -1e6,      3e38,       -3e38,  1 / 3.0};
}

Tensor run_one(Op op, const Attrs& attrs, const Tensors& inputs, bool reference) {
  SpecList in;
  std::vector<void*> pointers;
  for (const Tensor& t : inputs) {
    in.push_back(t.spec());
    pointers.push_back(const_cast<void*>(t.raw_data()));
  }
  const SpecList out = infer_specs(op, attrs, in, {});
  Tensor result(out[0]);
  pointers.push_back(result.raw_mutable_data());
  const PreparedKernel kernel = prepare_kernel({op, attrs, in, out, 1}, reference);
  const Buffer scratch = Buffer::allocate(kernel.scratch_bytes);
  kernel.run(kernel.state.get(), pointers.data(), {1, scratch.data()});
  return result;
}

bool agree(double actual, double expected, DType dtype) {
  if (std::isnan(expected)) return std::isnan(actual);
  if (std::isinf(expected)) return actual == expected;
  const double relative = dtype == f64 ? 1e-12 : 1e-6;
  // Below the normal range only whole steps of the denormal spacing are left.
  const double absolute = dtype == f64 ? 1e-300 : 5e-8;
  return std::fabs(actual - expected) <= relative * std::fabs(expected) + absolute;
}

class UnaryValues : public ::testing::TestWithParam<std::pair<Op, Attrs>> {};

TEST_P(UnaryValues, EqualTheReferences) {
  const auto& [op, attrs] = GetParam();
  for (const DType dtype : {f32, f64}) {
    std::vector<double> values = special_values(dtype);
    const Tensor x =
        Tensor::from(values, Shape{static_cast<std::int64_t>(values.size())}).to(dtype);
    const auto actual = run_one(op, attrs, {x}, false).to_vector<double>();
    const auto expected = run_one(op, attrs, {x}, true).to_vector<double>();
    const auto given = x.to_vector<double>();
    for (std::size_t i = 0; i < values.size(); ++i) {
      EXPECT_TRUE(agree(actual[i], expected[i], dtype))
          << name_of(op) << "(" << given[i] << ") of " << name_of(dtype) << ": " << actual[i]
          << " instead of " << expected[i];
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kernels, UnaryValues,
    ::testing::Values(
        std::pair{Op::neg, Attrs()}, std::pair{Op::abs, Attrs()}, std::pair{Op::sign, Attrs()},
        std::pair{Op::square, Attrs()}, std::pair{Op::sqrt, Attrs()},
        std::pair{Op::reciprocal, Attrs()}, std::pair{Op::exp, Attrs()},
        std::pair{Op::exp2, Attrs()}, std::pair{Op::expm1, Attrs()}, std::pair{Op::log, Attrs()},
        std::pair{Op::log2, Attrs()}, std::pair{Op::log10, Attrs()}, std::pair{Op::log1p, Attrs()},
        std::pair{Op::tanh, Attrs()}, std::pair{Op::sigmoid, Attrs()}, std::pair{Op::relu, Attrs()},
        std::pair{Op::sinh, Attrs()}, std::pair{Op::cosh, Attrs()}, std::pair{Op::floor, Attrs()},
        std::pair{Op::ceil, Attrs()}, std::pair{Op::round, Attrs()}, std::pair{Op::trunc, Attrs()},
        std::pair{Op::is_nan, Attrs()}, std::pair{Op::is_inf, Attrs()},
        std::pair{Op::is_finite, Attrs()}, std::pair{Op::erf, Attrs()},
        std::pair{Op::erfc, Attrs()}, std::pair{Op::sin, Attrs()}, std::pair{Op::cos, Attrs()},
        std::pair{Op::leaky_relu, Attrs{{"slope", 0.1}}},
        std::pair{Op::clamp, Attrs{{"low", -1.0}, {"high", 1.0}}},
        std::pair{Op::elu, Attrs{{"alpha", 1.0}, {"scale", 1.0}, {"input_scale", 1.0}}},
        std::pair{Op::softplus, Attrs{{"beta", 1.0}}}),
    [](const auto& info) { return std::string(name_of(info.param.first)); });

TEST(BinaryValues, EqualTheReferences) {
  const std::vector<double> values = special_values(f32);
  const auto n = static_cast<std::int64_t>(values.size());
  const Tensor row = Tensor::from(values, Shape{1, n}).to(f32);
  const Tensor column = Tensor::from(values, Shape{n, 1}).to(f32);
  for (const Op op :
       {Op::add, Op::sub, Op::mul, Op::div, Op::maximum, Op::minimum, Op::pow, Op::equal,
        Op::not_equal, Op::less, Op::greater_equal, Op::logical_and, Op::copysign}) {
    const auto actual = run_one(op, {}, {row, column}, false).to_vector<double>();
    const auto expected = run_one(op, {}, {row, column}, true).to_vector<double>();
    for (std::size_t i = 0; i < actual.size(); ++i) {
      const auto across = static_cast<std::size_t>(n);
      EXPECT_TRUE(agree(actual[i], expected[i], f32))
          << name_of(op) << "(" << values[i % across] << ", " << values[i / across]
          << "): " << actual[i] << " instead of " << expected[i];
    }
  }
}

TEST(ReducedValues, NanIsKeptAndInfinitiesCount) {
  for (const std::int64_t n : {5, 17, 64, 5000}) {
    for (const double special : {kNan, kInfinity, -kInfinity}) {
      std::vector<float> values(static_cast<std::size_t>(n), 1.5f);
      values[static_cast<std::size_t>(n - 2)] = static_cast<float>(special);
      for (const Shape& shape : {Shape{n}, Shape{n, 1, 1}}) {
        const Tensor x = Tensor::from(values, shape);
        for (const Op op : {Op::reduce_sum, Op::reduce_max, Op::reduce_min}) {
          const Attrs attrs{{"axes", std::vector<std::int64_t>{0}}, {"keep_dims", false}};
          const double actual = run_one(op, attrs, {x}, false).to_vector<double>()[0];
          const double expected = run_one(op, attrs, {x}, true).to_vector<double>()[0];
          EXPECT_TRUE(agree(actual, expected, f32)) << name_of(op) << " of " << n << " values";
        }
      }
    }
  }
}

TEST(ReducedValues, LongSumsStayExact) {
  // 0.1f is off by 1.5e-9; a running f32 sum of a million of them is off by 1%.
  const Tensor x = full({1 << 20}, 0.1);
  const double exact = (1 << 20) * static_cast<double>(0.1f);
  EXPECT_NEAR(sum(x).item<double>(), exact, exact * 5e-7);
  const Tensor tall = full({1 << 17, 3}, 0.1);
  const double third = (1 << 17) * static_cast<double>(0.1f);
  for (const double v : sum(tall, {0}).to_vector<double>()) EXPECT_NEAR(v, third, third * 5e-7);
}

TEST(Products, EveryShapeUpToTheTileAndBeyond) {
  for (const std::int64_t m : {1, 2, 3, 5, 8, 12, 13, 25, 50}) {
    for (const std::int64_t n : {1, 4, 15, 16, 17, 32, 33, 64, 65, 130}) {
      for (const std::int64_t k : {1, 7, 64, 300}) {
        const Tensor a = fill_input({{f32, {m, k}}}, 1);
        const Tensor b = fill_input({{f32, {n, k}}}, 2);
        const Attrs attrs{{"transpose_a", false}, {"transpose_b", true}};
        EXPECT_EQ(difference(run_one(Op::matmul, attrs, {a, b}, false),
                             run_one(Op::matmul, attrs, {a, b}, true), 1e-5, 1e-4),
                  "")
            << m << " " << n << " " << k;
        const Tensor bt = transpose(b);
        const Attrs plain{{"transpose_a", false}, {"transpose_b", false}};
        EXPECT_EQ(difference(run_one(Op::matmul, plain, {a, bt}, false),
                             run_one(Op::matmul, plain, {a, bt}, true), 1e-5, 1e-4),
                  "")
            << m << " " << n << " " << k;
      }
    }
  }
}

// A fused activation hides nothing: the first sample is NaN, the others are as they should be.
void expect_nan_stays(const Tensor& y, const std::string& what) {
  const std::vector<float> values = y.to(f32).to_vector<float>();
  const std::size_t first = values.size() / static_cast<std::size_t>(y.size(0));
  for (std::size_t i = 0; i < values.size(); ++i) {
    ASSERT_EQ(std::isnan(values[i]), i < first) << what << ", element " << i;
    ASSERT_FALSE(values[i] < 0) << what << ", element " << i;
  }
}

TEST(Products, ReluKeepsNan) {
  const auto f = compile(
      [](const Tensor& x, const Tensor& w, const Tensor& b) { return relu(matmul(x, w) + b); });
  for (const DType d : {f32, bf16}) {
    for (const std::int64_t k : {4, 64, 784}) {
      for (const std::int64_t m : {2, 32, 256}) {
        Tensor x = fill_input({{f32, {m, k}}}, 1);
        x = where(arange(m).reshape({m, 1}) == 0, kNan, x).to(d);
        const Tensor w = fill_input({{f32, {k, 64}}}, 2).to(d);
        expect_nan_stays(f(x, w, zeros({64}, d)), fmt::format("{} x {} {}", m, k, name_of(d)));
      }
    }
  }
}

TEST(Convolutions, ReluKeepsNan) {
  for (const bool pool : {false, true}) {
    const auto f = compile([pool](const Tensor& x, const Tensor& w, const Tensor& b) {
      const Tensor y = relu(conv(x, w, b));
      return pool ? max_pool(y) : y;
    });
    for (const DType d : {f32, bf16}) {
      for (const std::int64_t c : {1, 3, 16}) {
        Tensor x = fill_input({{f32, {3, c, 16, 16}}}, 1);
        x = where(arange(3).reshape({3, 1, 1, 1}) == 0, kNan, x).to(d);
        const Tensor w = fill_input({{f32, {32, c, 3, 3}}}, 2).to(d);
        expect_nan_stays(f(x, w, zeros({32}, d)),
                         fmt::format("{} channels {}, pool {}", c, name_of(d), pool));
      }
    }
  }
}

// This list may only get shorter.
TEST(KernelTable, ElementwiseOpsOnF32HaveFastKernels) {
  const std::set<std::string_view> reference_only = {"polygamma", "random_gamma_derivative"};
  for (int i = 0; i < kOpCount; ++i) {
    const Op op = static_cast<Op>(i);
    const OpDef& def = op_def(op);
    if (!def.elementwise || def.is_view) continue;
    for (const Sample& sample : def.samples()) {
      SpecList in;
      bool has_f32 = false;
      for (const SampleInput& input : sample.inputs) {
        in.push_back(input.spec);
        has_f32 = has_f32 || input.spec.dtype == f32;
      }
      if (!has_f32) continue;
      const SpecList out = infer_specs(op, sample.attrs, in, {});
      const PreparedKernel kernel = prepare_kernel({op, sample.attrs, in, out, 1});
      EXPECT_EQ(kernel.name == "reference", reference_only.contains(def.name)) << def.name;
    }
  }
}

}  // namespace
}  // namespace nacre::testing
