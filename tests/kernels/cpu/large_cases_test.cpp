// Kernels on arrays large enough to be shared out between threads, which samples are not: the
// reference's values, and the same bits for every number of threads.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "nacre/kernels/registry.h"
#include "nacre/nacre.h"
#include "nacre/ops/define/emit.h"
#include "tests/support/samples.h"

namespace nacre::testing {
namespace {

using I = std::vector<std::int64_t>;

struct Case {
  Op op;
  Attrs attrs;
  std::vector<SampleInput> inputs;
  double tolerance = 0;  // relative, and absolute for values around 1
};

Tensors run_case(const Case& c, const Tensors& inputs, bool reference, int threads) {
  SpecList in;
  std::vector<void*> pointers;
  for (const Tensor& t : inputs) {
    in.push_back(t.spec());
    pointers.push_back(const_cast<void*>(t.raw_data()));
  }
  const SpecList out = infer_specs(c.op, c.attrs, in, {});
  Tensors results;
  for (const Spec& spec : out) {
    results.push_back(Tensor(spec));
    std::memset(results.back().raw_mutable_data(), 0x5a, spec.bytes());
    pointers.push_back(results.back().raw_mutable_data());
  }
  const PreparedKernel kernel = prepare_kernel({c.op, c.attrs, in, out, threads}, reference);
  EXPECT_EQ(kernel.name == "reference", reference) << name_of(c.op);
  const Buffer scratch = Buffer::allocate(kernel.scratch_bytes);
  kernel.run(kernel.state.get(), pointers.data(), {threads, scratch.data()});
  return results;
}

SampleInput floats(Shape shape, DType dtype = f32) { return {{dtype, shape}}; }
SampleInput whole(Shape shape, double low, double high, DType dtype = i64) {
  return {{dtype, shape}, low, high, Fill::integers};
}

std::vector<Case> movement_cases() {
  const auto slice = [](I start, I size, I step) {
    return Attrs{{"start", start}, {"size", size}, {"step", step}};
  };
  const auto pad = [](const char* mode) {
    return Attrs{{"low", I{2, 3, 0}}, {"high", I{1, 0, 0}}, {"mode", mode}, {"value", 1.5}};
  };
  const auto merge = [](const char* mode) { return Attrs{{"axis", 1}, {"reduce", mode}}; };
  std::vector<Case> cases = {
      {Op::slice, slice({1, 300}, {1500, 301}, {1, 2}), {floats({1501, 907})}},
      {Op::slice, slice({1499, 906}, {1500, 907}, {-1, -1}), {floats({1500, 907}, bf16)}},
      {Op::slice, slice({7}, {3000001}, {1}), {floats({3000011})}},
      {Op::slice_update,
       {{"start", I{5, 3}}, {"step", I{2, 1}}},
       {floats({1501, 907}), floats({700, 900})}},
      {Op::concat,
       {{"axis", 1}},
       {floats({3000, 3}), floats({3000, 250}), floats({3000, 1}), floats({3000, 77})}},
      {Op::split, {{"axis", -1}, {"sizes", I{3, 250, 1, 77}}}, {floats({3000, 331}, f64)}},
      {Op::roll, {{"shifts", I{0, 33, 1}}}, {floats({30, 120, 101})}},
      {Op::pad, pad("constant"), {floats({40, 150, 61})}},
      {Op::pad, pad("reflect"), {floats({40, 150, 61})}},
      {Op::pad,
       {{"low", I{3, 5}}, {"high", I{2, 9}}, {"mode", "circular"}, {"value", 0.0}},
       {floats({900, 333})}},
      {Op::unpad, pad("edge"), {floats({43, 153, 61})}, 1e-6},
      {Op::unpad, pad("reflect"), {floats({43, 153, 61}, bf16)}},
      {Op::triangle, {{"lower", true}, {"diagonal", 3}}, {floats({3, 601, 500})}},
      {Op::gather, {{"axis", 0}}, {floats({1000, 64}), whole({5000}, -1000, 1000)}},
      {Op::gather, {{"axis", 1}}, {floats({300, 500, 1}), whole({31, 50}, 0, 500, i32)}},
      {Op::gather, {{"axis", 0}}, {floats({1000, 3}), whole({90001}, -1000, 1000)}},
      {Op::take_along_axis, {{"axis", 1}}, {floats({300, 500}), whole({300, 901}, 0, 500)}},
      {Op::take_along_axis, {{"axis", 0}}, {floats({500, 300}), whole({901, 300}, 0, 500, i32)}},
      {Op::take_along_axis, {{"axis", 1}}, {floats({9, 50, 300}), whole({9, 91, 300}, 0, 50)}},
      {Op::gather_nd, {}, {floats({60, 50, 20}), whole({9000, 2}, -50, 50)}},
      {Op::gather_nd, {}, {floats({60, 60}), whole({200000, 2}, 0, 60)}},
      {Op::one_hot, {{"depth", 100}, {"axis", -1}, {"dtype", f32}}, {whole({9001}, 0, 100)}},
      {Op::one_hot,
       {{"depth", 10}, {"axis", 1}, {"dtype", u8}, {"negative", true}},
       {whole({90, 1031}, -10, 10)}},
  };
  for (const char* mode : {"set", "add", "max", "min"}) {
    const double tolerance = std::string(mode) == "add" ? 1e-4 : 0;
    const Attrs first = {{"axis", 0}, {"reduce", mode}};
    const Attrs no_axis = {{"reduce", mode}};
    cases.push_back({Op::scatter,
                     first,
                     {floats({500, 64}), whole({9000}, 0, 500), floats({9000, 64})},
                     tolerance});
    cases.push_back({Op::scatter,
                     merge(mode),
                     {floats({50, 30, 7}), whole({700}, -30, 30), floats({50, 700, 7})},
                     tolerance});
    cases.push_back({Op::put_along_axis,
                     merge(mode),
                     {floats({300, 500}), whole({300, 901}, 0, 500), floats({300, 901})},
                     tolerance});
    cases.push_back({Op::put_along_axis,
                     first,
                     {floats({500, 300}), whole({901, 300}, 0, 500), floats({901, 300})},
                     tolerance});
    cases.push_back({Op::scatter_nd,
                     no_axis,
                     {floats({60, 50, 20}), whole({9000, 2}, -50, 50), floats({9000, 20})},
                     tolerance});
    cases.push_back(
        {Op::scatter,
         first,
         {whole({500}, -9, 9, i32), whole({90000}, 0, 500), whole({90000}, -9, 9, i32)}});
    cases.push_back({Op::scatter,
                     first,
                     {floats({500}, bf16), whole({90000}, 0, 500), floats({90000}, bf16)},
                     tolerance * 100});
  }
  return cases;
}

std::vector<Case> reduction_cases() {
  const auto axes = [](I which) { return Attrs{{"axes", which}, {"keep_dims", false}}; };
  const auto scan = [](int axis, bool exclusive, bool reverse) {
    return Attrs{{"axis", axis}, {"exclusive", exclusive}, {"reverse", reverse}};
  };
  const auto frames = [](const char* name, std::int64_t n, bool reflect) {
    return Attrs{{name, n}, {"hop", 100}, {"pad", 200}, {"reflect", reflect}};
  };
  const SampleInput near_one = {{f32, {300, 700}}, 0.9, 1.1};
  std::vector<Case> cases;
  for (const I& over : {I{0}, I{1}, I{}}) {
    cases.push_back({Op::reduce_prod, axes(over), {near_one}, 1e-5});
    cases.push_back({Op::reduce_prod, axes(over), {whole({300, 700}, -9, 9)}});
    cases.push_back({Op::reduce_any, axes(over), {{{boolean, {300, 700}}, 0, 1, Fill::booleans}}});
    cases.push_back({Op::reduce_all, axes(over), {{{boolean, {300, 700}}, 0, 1, Fill::booleans}}});
    cases.push_back({Op::logsumexp, axes(over), {floats({300, 700})}, 1e-6});
    cases.push_back({Op::logsumexp, axes(over), {floats({300, 700}, f64)}, 1e-13});
    cases.push_back({Op::logsumexp, axes(over), {floats({301, 555}, bf16)}, 1e-2});
  }
  cases.push_back({Op::logsumexp, axes({0, 2}), {floats({33, 40, 129})}, 1e-6});
  for (const int axis : {0, 1}) {
    for (const bool flag : {false, true}) {
      cases.push_back({Op::cumsum, scan(axis, flag, flag), {floats({301, 555})}, 1e-6});
      cases.push_back({Op::cumsum, scan(axis, flag, !flag), {whole({301, 555}, -9, 9)}});
      cases.push_back({Op::cumprod, scan(axis, flag, !flag), {near_one}, 1e-6});
      cases.push_back({Op::cumsum, scan(axis, flag, false), {floats({301, 555}, bf16)}});
    }
    cases.push_back({Op::cummax, {{"axis", axis}}, {floats({301, 555})}});
    cases.push_back({Op::cummin, {{"axis", axis}}, {whole({301, 555}, -9, 9, i32)}});
  }
  for (const bool reflect : {false, true}) {
    cases.push_back({Op::frame, frames("length", 400, reflect), {floats({3, 20000})}});
    cases.push_back(
        {Op::overlap_add, frames("size", 20000, reflect), {floats({3, 201, 400})}, 1e-6});
    cases.push_back(
        {Op::overlap_add, frames("size", 20000, reflect), {floats({3, 201, 400}, bf16)}, 1e-2});
  }
  return cases;
}

std::vector<Case> order_cases() {
  const auto sort = [](int axis, bool descending) {
    return Attrs{{"axis", axis}, {"descending", descending}};
  };
  const auto top = [](std::int64_t k, int axis, bool largest) {
    return Attrs{{"k", k}, {"axis", axis}, {"largest", largest}};
  };
  std::vector<Case> cases;
  for (const bool flag : {false, true}) {
    for (const DType dtype : {f32, f64, bf16}) {
      cases.push_back({Op::sort, sort(1, flag), {floats({20, 3001}, dtype)}});
      cases.push_back({Op::sort, sort(0, flag), {floats({900, 30}, dtype)}});
      cases.push_back({Op::top_k, top(5, 1, flag), {floats({50, 3001}, dtype)}});
      cases.push_back({Op::top_k, top(900, 1, flag), {floats({50, 1001}, dtype)}});
    }
    for (const DType dtype : {i64, i32, i8}) {  // many ties
      cases.push_back({Op::sort, sort(1, flag), {whole({20, 3001}, -99, 99, dtype)}});
      cases.push_back({Op::top_k, top(7, 0, flag), {whole({3001, 20}, -99, 99, dtype)}});
    }
    cases.push_back({Op::sort, sort(0, flag), {whole({70001}, -1000000, 1000000)}});
    cases.push_back({Op::searchsorted, {{"right", flag}}, {floats({1}), floats({50000})}});
  }
  return cases;
}

std::vector<Case> random_cases() {
  const SampleInput key = {{i64, {2}}, 0, 1000, Fill::random_key};
  std::vector<Case> cases;
  for (const DType dtype : {f32, f64, bf16}) {
    const I shape = {100, 301};
    const double tolerance = dtype == f32 ? 1e-7 : 0;
    const Attrs plain = {{"dtype", dtype}, {"shape", shape}};
    cases.push_back({Op::random_exponential, plain, {key}, tolerance});
    for (const double side : {-1.0, 1.0}) {
      const double low = side < 0 ? -2.5 : 0.5;
      cases.push_back({Op::random_truncated_normal,
                       {{"mean", 3.0},
                        {"stddev", 2.0},
                        {"low", low},
                        {"high", low + 2},
                        {"dtype", dtype},
                        {"shape", shape}},
                       {key}});
    }
    const SampleInput p = {{dtype, {301}}, 0, 1};
    cases.push_back({Op::random_bernoulli, {{"dtype", u8}, {"shape", shape}}, {key, p}});
    cases.push_back({Op::random_gamma, {{"shape", shape}}, {key, {{dtype, {301}}, 0.3, 9}}});
    if (dtype != bf16) {
      cases.push_back({Op::random_categorical, {{"samples", 3}}, {key, floats({3000, 77}, dtype)}});
    }
  }
  for (const DType dtype : {i64, u8}) {
    cases.push_back({Op::random_integers,
                     {{"low", 3}, {"high", 200}, {"dtype", dtype}, {"shape", I{99001}}},
                     {key}});
  }
  cases.push_back({Op::random_permutation, {{"count", 50001}}, {key}});
  return cases;
}

std::vector<Case> transpose_and_product_cases() {
  std::vector<Case> cases;
  for (const DType dtype : {f32, f64, bf16}) {
    cases.push_back({Op::transpose, {{"axes", I{1, 0}}}, {floats({256, 512}, dtype)}});
    cases.push_back({Op::transpose, {{"axes", I{1, 0}}}, {floats({301, 555}, dtype)}});
    cases.push_back({Op::transpose, {{"axes", I{0, 3, 1, 2}}}, {floats({3, 33, 40, 70}, dtype)}});
    cases.push_back({Op::transpose, {{"axes", I{2, 0, 1}}}, {floats({64, 64, 65}, dtype)}});
  }
  cases.push_back({Op::transpose, {{"axes", I{1, 0}}}, {whole({301, 455}, -9, 9, i8)}});
  // More than one block of rows, of columns and of depth, with rests of each.
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      const auto product = [&](std::int64_t m, std::int64_t n, std::int64_t k) {
        cases.push_back({Op::matmul,
                         {{"transpose_a", ta}, {"transpose_b", tb}},
                         {floats(ta ? Shape{k, m} : Shape{m, k}, f64),
                          floats(tb ? Shape{n, k} : Shape{k, n}, f64)},
                         1e-10});
      };
      product(211, 283, 301);
      product(96, 64, 64);
      product(192, 257, 65);
    }
  }
  cases.push_back({Op::linear,
                   {{"transpose_a", false}, {"transpose_b", true}, {"activation", "relu"}},
                   {floats({199, 270}, f64), floats({77, 270}, f64), floats({77}, f64)},
                   1e-10});
  return cases;
}

void check(const std::vector<Case>& cases) {
  for (std::size_t k = 0; k < cases.size(); ++k) {
    const Case& c = cases[k];
    Tensors inputs;
    for (std::size_t i = 0; i < c.inputs.size(); ++i) {
      inputs.push_back(fill_input(c.inputs[i], 31 * k + i));
    }
    const Tensors expected = run_case(c, inputs, true, 1);
    Tensors first;
    for (const int threads : {1, 2, 3}) {
      const Tensors actual = run_case(c, inputs, false, threads);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        const std::string where = std::string(name_of(c.op)) + ", case " + std::to_string(k) +
                                  ", output " + std::to_string(i) + ", threads " +
                                  std::to_string(threads);
        const double tolerance = is_floating(expected[i].dtype()) ? c.tolerance : 0;
        EXPECT_EQ(difference(actual[i], expected[i], tolerance, tolerance), "") << where;
        if (threads > 1) {
          EXPECT_EQ(
              std::memcmp(actual[i].raw_data(), first[i].raw_data(), expected[i].spec().bytes()), 0)
              << where << ": other bits than with one thread";
        }
      }
      if (threads == 1) first = actual;
    }
  }
}

TEST(LargeCases, MovementIsExact) { check(movement_cases()); }

TEST(LargeCases, ReductionsAndScans) { check(reduction_cases()); }

TEST(LargeCases, Orders) { check(order_cases()); }
TEST(LargeCases, RandomNumbersAreTheReferences) { check(random_cases()); }

TEST(LargeCases, TransposesAndProducts) { check(transpose_and_product_cases()); }

// NaN is last, zeros of both signs are equal, equal elements keep their places; above and below the
// length from which digits are counted.
TEST(LargeCases, OrderOfSpecialValues) {
  const double kNan = std::numeric_limits<double>::quiet_NaN();
  const double kInfinity = std::numeric_limits<double>::infinity();
  for (const std::int64_t n : {40, 4000}) {
    std::vector<double> values;
    const double few[] = {0.0, -0.0, kNan,  kInfinity, -kInfinity,
                          1.5, -1.5, -kNan, 2e-310,    -2e-310};
    RandomStream random(7);
    for (std::int64_t i = 0; i < n; ++i) values.push_back(few[random.below(10)]);
    for (const DType dtype : {f32, f64}) {
      const Tensor x = Tensor::from(values).to(dtype);
      for (const bool flag : {false, true}) {
        const Case sort = {Op::sort, {{"axis", 0}, {"descending", flag}}, {}};
        const Case top = {Op::top_k, {{"k", 3}, {"axis", 0}, {"largest", flag}}, {}};
        for (const Case& c : {sort, top}) {
          const Tensors actual = run_case(c, {x}, false, 1);
          const Tensors expected = run_case(c, {x}, true, 1);
          EXPECT_EQ(actual[1].to_vector<std::int64_t>(), expected[1].to_vector<std::int64_t>());
          EXPECT_EQ(difference(actual[0], expected[0], 0, 0), "");
        }
        const Tensor sorted = nacre::sort(x);
        const Case search = {Op::searchsorted, {{"right", flag}}, {}};
        EXPECT_EQ(run_case(search, {sorted, x}, false, 1)[0].to_vector<std::int64_t>(),
                  run_case(search, {sorted, x}, true, 1)[0].to_vector<std::int64_t>());
      }
    }
  }
}

// The product of f32 passes through what f32 cannot hold; infinities and NaN go where they should.
TEST(LargeCases, ReductionsOfExtremeValues) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const double kNan = std::numeric_limits<double>::quiet_NaN();
  std::vector<float> values(70, 1e30f);
  std::fill(values.begin() + 6, values.begin() + 12, 1e-30f);
  std::fill(values.begin() + 12, values.end(), 1.0f);
  EXPECT_NEAR(prod(Tensor::from(values)).item<double>(), 1, 1e-4);
  const auto total = [](std::vector<double> x, DType dtype) {
    x.resize(37, -1e4);
    return logsumexp(Tensor::from(x).to(dtype)).item<double>();
  };
  for (const DType dtype : {f32, f64}) {
    EXPECT_EQ(total({kInfinity, 3}, dtype), kInfinity);
    EXPECT_TRUE(std::isnan(total({1, kNan, kInfinity}, dtype)));
    EXPECT_NEAR(total({8000, -kInfinity, 8000}, dtype), 8000 + std::log(2.0), 1e-3);
    EXPECT_EQ(logsumexp(full({40}, -kInfinity).to(dtype)).item<double>(), -kInfinity);
    EXPECT_EQ(logsumexp(zeros({0}, dtype)).item<double>(), -kInfinity);
  }
  const Tensor up = cummax(Tensor::from(std::vector<float>{1, 3, 3, float(kNan), 9}), 0).values;
  EXPECT_EQ(up.to_vector<float>()[2], 3);
  EXPECT_TRUE(std::isnan(up.to_vector<float>()[4]));
}

// An index out of range is named as the reference names it, and found in empty results too.
TEST(LargeCases, IndicesAreChecked) {
  const auto message = [](const auto& f) -> std::string {
    try {
      f();
    } catch (const ValueError& e) {
      return e.what();
    }
    return "nothing thrown";
  };
  const Tensor x = zeros({5, 4});
  const Tensor bad = Tensor::from(std::vector<std::int64_t>{1, -6, 7});
  for (const Tensor& table : {x, zeros({5, 0})}) {
    EXPECT_NE(message([&] {
                gather(table, bad, 0);
              }).find("index -6 at position [1] of the indices is out of range for axis 0"),
              std::string::npos);
  }
  EXPECT_NE(message([&] {
              scatter_add(x, bad, ones({3, 4}), 0);
            }).find("index -6 at position [1]"),
            std::string::npos);
  EXPECT_NE(message([&] { one_hot(bad, 3); }).find("index -6 at position [1]"), std::string::npos);
  EXPECT_NE(message([&] {
              gather_nd(x, Tensor::from(std::vector<std::int64_t>{4, 3, 2, 4}, {2, 2}));
            }).find("index 4 at position [1,1] of the indices is out of range for axis 1"),
            std::string::npos);
}

}  // namespace
}  // namespace nacre::testing
