// compile(): signatures, Variables, caches, errors, debugging.
#include "nacre/run/compile.h"

#include <unistd.h>

#include <fstream>
#include <map>

#include "nacre/base/debug.h"
#include "nacre/base/layer_scope.h"
#include "nacre/base/threads.h"
#include "nacre/run/plan_cache.h"
#include "nacre/run/profile.h"
#include "tests/support/graphs.h"

namespace nacre {
namespace {

std::vector<float> values(const Tensor& t) { return t.to_vector<float>(); }

TEST(Compile, NestsAsArgumentsAndResults) {
  using Map = std::map<std::string, Tensor>;
  auto f = compile([](const std::vector<Tensor>& list, const Map& map) {
    return std::tuple(list[0] + map.at("a"), Map{{"sum", list[1] + map.at("b")}},
                      std::vector<Tensor>{list[1], list[0] * 2});
  });
  const auto [x, sums, pair] = f(std::vector<Tensor>{tensor({1}), tensor({2, 3})},
                                 Map{{"a", tensor({10})}, {"b", tensor({5, 5})}});
  EXPECT_EQ(values(x), (std::vector<float>{11}));
  EXPECT_EQ(values(sums.at("sum")), (std::vector<float>{7, 8}));
  EXPECT_EQ(values(pair[0]), (std::vector<float>{2, 3}));
  EXPECT_EQ(values(pair[1]), (std::vector<float>{2}));
}

TEST(Compile, TheStructureOfArgumentsIsPartOfTheKey) {
  auto f = compile([](const std::vector<std::vector<Tensor>>& nest) {
    std::vector<Tensor> firsts;
    for (const auto& inner : nest) firsts.push_back(inner[0] + 0.5);
    return firsts;
  });
  const Tensor a = tensor({1});
  const Tensor b = tensor({2});
  const Tensor c = tensor({3});
  EXPECT_EQ(f(std::vector<std::vector<Tensor>>{{a, b}, {c}}).size(), 2u);
  EXPECT_EQ(values(f(std::vector<std::vector<Tensor>>{{a, b}, {c}})[1])[0], 3.5f);
  EXPECT_EQ(values(f(std::vector<std::vector<Tensor>>{{a}, {b, c}})[1])[0], 2.5f);
  EXPECT_EQ(f(std::vector<std::vector<Tensor>>{{a}, {b}, {c}}).size(), 3u);
  EXPECT_EQ(f(std::vector<std::vector<Tensor>>{{a, b}, {c}}).size(), 2u);  // its own plan still
  EXPECT_EQ(f.function().statistics().traces, 3u);
}

TEST(Compile, NumbersAreConstantsOfThePlan) {
  auto f = compile([](const Tensor& x, int times, bool negate) {
    Tensor out = x * times;
    return negate ? -out : out;
  });
  EXPECT_EQ(f(tensor({2}), 3, false).item(), 6);
  EXPECT_EQ(f(tensor({2}), 3, true).item(), -6);
  EXPECT_EQ(f(tensor({2}), 4, true).item(), -8);
  EXPECT_EQ(f(tensor({5}), 3, false).item(), 15);
  EXPECT_EQ(f.function().statistics().traces, 3u);
}

TEST(Compile, VoidFunctionsUpdateVariables) {
  Variable count(zeros({}));
  auto step = compile([&](const Tensor& x) { count.assign(count + x.sum()); });
  for (int i = 0; i < 4; ++i) step(tensor({1, 2}));
  EXPECT_EQ(count.value().item(), 12);
}

TEST(Compile, APartialLastBatchIsASecondPlan) {
  auto f = compile([](const Tensor& x) { return mean(x); });
  EXPECT_EQ(f(ones({8, 2})).item(), 1);
  EXPECT_EQ(f(ones({3, 2})).item(), 1);
  EXPECT_EQ(f(ones({8, 2})).item(), 1);
  EXPECT_EQ(f.function().statistics().traces, 2u);
  EXPECT_EQ(f.function().statistics().plans, 2u);
}

TEST(Compile, VariablesAreUpdatedInTheirOwnMemory) {
  Variable w(full({64}, 1.0));
  auto step = compile([&](const Tensor& x) { w.assign(w * 0.5 + x); });
  const Tensor x = ones({64});
  step(x);
  const void* before = w.value().raw_data();
  for (int i = 0; i < 3; ++i) step(x);
  const bool in_place = step.function().plan_text().find("1 in place") != std::string::npos;
  if (in_place) {
    EXPECT_EQ(w.value().raw_data(), before);
  }
  EXPECT_FLOAT_EQ(values(w.value())[5], 1.9375f);
}

TEST(Compile, ATensorTheUserHoldsNeverChanges) {
  Variable w(full({4}, 1.0));
  Variable copy(w);  // shares the elements until one of them changes
  auto step = compile([&](const Tensor& x) { w.assign(w + x); });
  const Tensor first = w.value();
  step(ones({4}));
  const Tensor second = w.value();
  step(ones({4}));
  step(w.value());  // the Variable's own value as an argument
  EXPECT_EQ(values(first), std::vector<float>(4, 1));
  EXPECT_EQ(values(second), std::vector<float>(4, 2));
  EXPECT_EQ(values(copy.value()), std::vector<float>(4, 1));
  EXPECT_EQ(values(w.value()), std::vector<float>(4, 6));
}

TEST(Compile, BorrowedMemoryIsNotWrittenTo) {
  std::vector<float> mine(4, 1);
  Variable w(Tensor::borrow(mine.data(), {4}));
  auto step = compile([&](const Tensor& x) { w.assign(w + x); });
  step(ones({4}));
  step(ones({4}));
  EXPECT_EQ(mine, std::vector<float>(4, 1));
  EXPECT_EQ(values(w.value()), std::vector<float>(4, 3));
}

TEST(Compile, VariablesMaySwapAndBeReturned) {
  Variable a(full({3}, 1.0));
  Variable b(full({3}, 2.0));
  auto step = compile([&] {
    const Tensor old = a;
    a.assign(b);
    b.assign(old);
    return std::pair(a.value(), old);
  });
  const auto [now, old] = step();
  EXPECT_EQ(values(a.value()), std::vector<float>(3, 2));
  EXPECT_EQ(values(b.value()), std::vector<float>(3, 1));
  EXPECT_EQ(values(now), std::vector<float>(3, 2));
  EXPECT_EQ(values(old), std::vector<float>(3, 1));
  step();
  EXPECT_EQ(values(a.value()), std::vector<float>(3, 1));
  EXPECT_EQ(values(now), std::vector<float>(3, 2));  // earlier results keep their values
}

TEST(Compile, EagerAndCompiledTrainingAgree) {
  const auto run = [](bool compiled) {
    std::mt19937 random(7);
    Variable w1(testing::random_tensor({6, 8}, random));
    Variable b1(testing::random_tensor({8}, random));
    Variable w2(testing::random_tensor({8, 2}, random));
    Variable m(zeros({6, 8}));
    const Tensor x = testing::random_tensor({5, 6}, random);
    const Tensor y = testing::random_tensor({5, 2}, random);
    const auto step = [&](const Tensor& in, const Tensor& want) {
      GradientTape tape;
      const Tensor h = tanh(matmul(in, w1) + b1);
      const Tensor loss = mean(square(matmul(h, w2) - want));
      const auto [d1, d2, d3] = tape.gradient(loss, w1, b1, w2);
      m.assign(m * 0.9 + d1 * 0.1);
      w1.assign(w1 - 0.1 * m.value() / (sqrt(square(m.value())) + 0.1));
      b1.assign(b1 - 0.1 * d2);
      w2.assign(w2 - 0.1 * d3);
      return loss;
    };
    auto fast = compile(step);
    std::vector<float> losses;
    for (int i = 0; i < 20; ++i) losses.push_back((compiled ? fast(x, y) : step(x, y)).item());
    for (const float v : values(w1.value())) losses.push_back(v);
    return losses;
  };
  const std::vector<float> eager = run(false);
  const std::vector<float> compiled = run(true);
  for (std::size_t i = 0; i < eager.size(); ++i) EXPECT_NEAR(eager[i], compiled[i], 1e-4) << i;
  EXPECT_LT(eager[19], eager[0]);
}

TEST(Compile, LookingAtAValueIsRefusedWithItsLine) {
  auto f = compile([](const Tensor& x) { return x.sum().item() > 0 ? x : -x; });
  try {
    f(ones({2}));
    FAIL() << "no error";
  } catch (const TraceError& e) {
    const std::string text = e.what();
    EXPECT_NE(text.find("compile_test.cpp"), std::string::npos) << text;
    EXPECT_NE(text.find("hint: compute with ops"), std::string::npos) << text;
  }
}

TEST(Compile, EscapedValuesAreRefused) {
  Tensor escaped;
  auto f = compile([&](const Tensor& x) { return escaped = x * 2; });
  EXPECT_EQ(f(ones({2})).to_vector<float>()[0], 2);
  EXPECT_THROW(static_cast<void>(escaped + 1), TraceError);
  EXPECT_THROW(static_cast<void>(escaped.to_vector<float>()), TraceError);
  EXPECT_THROW(f(escaped), TraceError);
  EXPECT_EQ(f(ones({2})).to_vector<float>()[0], 2);  // and nothing is broken
}

TEST(Compile, AnExceptionWhileTracingChangesNothing) {
  Variable w(ones({2}));
  bool fail = true;
  auto f = compile([&](const Tensor& x) {
    w.assign(w + x);
    if (fail) throw std::runtime_error("on purpose");
    return w.value() * 2;
  });
  EXPECT_THROW(f(ones({2})), std::runtime_error);
  EXPECT_EQ(values(w.value()), std::vector<float>(2, 1));
  EXPECT_FALSE(calls_are_inlined());
  fail = false;
  EXPECT_EQ(values(f(ones({2}))), std::vector<float>(2, 4));
  EXPECT_EQ(values(w.value()), std::vector<float>(2, 2));
  EXPECT_EQ(f.function().statistics().plans, 1u);
}

TEST(Compile, CompiledFunctionsInlineIntoOthers) {
  auto inner = compile([](const Tensor& x) { return x * 2 + 1; });
  auto outer = compile([&](const Tensor& x) { return inner(inner(x)); });
  EXPECT_EQ(outer(tensor({1})).item(), 7);
  EXPECT_EQ(inner.function().statistics().traces, 0u);
}

TEST(Compile, EndlessRecursionIsAnError) {
  std::function<Tensor(const Tensor&)> self;
  auto f = compile([&](const Tensor& x) { return self(x) + 1; });
  self = [&](const Tensor& x) { return f(x); };
  EXPECT_THROW(f(ones({1})), TraceError);
}

TEST(Compile, GradientTapesSeeThroughIt) {
  auto f = compile([](const Tensor& x) { return sum(square(x)); });
  Variable x(tensor({3.0}));
  GradientTape tape;
  const Tensor y = f(x.value());
  EXPECT_FLOAT_EQ(tape.gradient(y, x).item(), 6);
}

TEST(Compile, VariablesMadeWithinATraceWork) {
  std::unique_ptr<Variable> lazy;
  auto f = compile([&](const Tensor& x) {
    if (!lazy) lazy = std::make_unique<Variable>(ones({x.size(1), 2}), "lazy");
    Variable local(x * 3);  // from a traced value, gone at the end
    return matmul(local.value(), *lazy);
  });
  EXPECT_EQ(values(f(ones({1, 2}))), std::vector<float>(2, 6));
  lazy->assign(full({2, 2}, 2.0));
  EXPECT_EQ(values(f(ones({1, 2}))), std::vector<float>(2, 12));
}

TEST(Compile, ThreadSettingsKeyPlans) {
  auto f = compile([](const Tensor& x) { return x + 1; });
  const int before = threads();
  set_threads(1);
  f(ones({2}));
  set_threads(2);
  f(ones({2}));
  set_threads(before);
  EXPECT_EQ(f.function().statistics().traces, 2u);
}

TEST(Compile, ThePlanCacheIsBounded) {
  auto f = compile([](const Tensor& x) { return exp(x) * 2; }, {.cached_plans = 4});
  for (int i = 1; i <= 10; ++i) f(ones({i}));
  EXPECT_EQ(f.function().statistics().plans, 4u);
  EXPECT_EQ(f.function().statistics().evictions, 6u);
  f(ones({10}));
  EXPECT_EQ(f.function().statistics().traces, 10u);
  auto small =
      compile([](const Tensor& x) { return sum(exp(exp(x)), {0}); }, {.cached_bytes = 5000});
  for (int i = 1; i <= 10; ++i) small(ones({500 + i, 3}));
  EXPECT_LE(small.function().statistics().plans, 2u);
  f.function().clear();
  EXPECT_EQ(f.function().statistics().plans, 0u);
  EXPECT_EQ(f.function().statistics().plan_bytes, 0u);
}

std::size_t resident_kilobytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t all = 0;
  std::size_t resident = 0;
  file >> all >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) / 1024;
}

TEST(Compile, RandomShapesDoNotGrowMemory) {
  std::mt19937 random(1);
  auto f = compile([](const Tensor& x) { return softmax(tanh(matmul(x, x.transpose())) * 2, 1); });
  const auto one = [&] {
    const auto rows = static_cast<std::int64_t>(1 + random() % 40);
    const auto columns = static_cast<std::int64_t>(1 + random() % 40);
    const Tensor x = ones({rows, columns});
    static_cast<void>(f(x));
    static_cast<void>(exp(x) + x);  // the eager cache too
  };
  for (int i = 0; i < 600; ++i) one();
  const std::size_t before = resident_kilobytes();
  for (int i = 0; i < 1000; ++i) one();
  const std::size_t after = resident_kilobytes();
#if defined(__SANITIZE_ADDRESS__)
  static_cast<void>(before);
  EXPECT_GT(after, 0u);  // it keeps what was freed for a while
#else
  EXPECT_LT(after, before + 8 * 1024);
#endif
  EXPECT_EQ(f.function().statistics().plans, 16u);
}

TEST(Compile, EveryStageCanBePrinted) {
  auto f = compile([](const Tensor& x) { return tanh(x * 1) + 2; });
  EXPECT_EQ(f.function().trace_text(), "");
  f(ones({2}));
  EXPECT_NE(f.function().trace_text().find("mul("), std::string::npos);
  EXPECT_EQ(f.function().graph_text().find(" = mul("), std::string::npos);
  EXPECT_NE(f.function().plan_text().find("plan: "), std::string::npos);
  for (const std::string& dot :
       {f.function().trace_dot(), f.function().graph_dot(), f.function().plan_dot()}) {
    EXPECT_EQ(dot.find("digraph"), 0u);
  }
}

TEST(Compile, PrecisionIsRefusedWithAReason) {
  const Tensor x = ones({128, 128});
  const auto product = [](const Tensor& a) { return matmul(a, a); };
  auto narrow = compile(product, {.precision = Precision::bf16});
  auto either = compile(product, {.precision = Precision::automatic});
  EXPECT_NEAR(values(either(x))[0], 128, 1);
  if (why_no_bfloat16().empty()) {
    EXPECT_NEAR(values(narrow(x))[0], 128, 1);
    EXPECT_NE(narrow.function().graph_text().find("bf16"), std::string::npos);
  } else {
    EXPECT_THROW(narrow(x), ValueError);
    EXPECT_EQ(either.function().graph_text().find("bf16"), std::string::npos);
  }
}

TEST(Debug, FlagsAreParsed) {
  const DebugFlags flags = parse_debug_flags("trace,nan,");
  EXPECT_TRUE(flags.trace && flags.nan);
  EXPECT_FALSE(flags.passes || flags.plan || flags.reference);
  EXPECT_THROW(parse_debug_flags("trace,nans"), ValueError);
}

TEST(Debug, StagesArePrintedAndStepsChecked) {
  struct Flags {
    explicit Flags(const DebugFlags& f) { set_debug_flags(f); }
    ~Flags() { set_debug_flags(before); }
    const DebugFlags before = debug_flags();
  };
  {
    const Flags flags({.trace = true, .passes = true, .plan = true, .reference = true});
    ::testing::internal::CaptureStderr();
    auto f = compile([](const Tensor& x) { return tanh(x * 1) + 2; });
    f(ones({2}));
    const std::string text = ::testing::internal::GetCapturedStderr();
    EXPECT_NE(text.find("== trace =="), std::string::npos) << text;
    EXPECT_NE(text.find("== after simplify =="), std::string::npos) << text;
    EXPECT_NE(text.find("== plan =="), std::string::npos) << text;
  }
  const Flags flags({.nan = true});
  auto f = compile([](const Tensor& x) {
    const LayerScope scope("head");
    return log(x) * 2 + 1;
  });
  f(ones({2}));
  try {
    f(zeros({2}));
    FAIL() << "no error";
  } catch (const ValueError& e) {
    const std::string text = e.what();
    EXPECT_EQ(text.find("log: "), 0u) << text;
    EXPECT_NE(text.find("in layer \"head\", called at compile_test.cpp"), std::string::npos)
        << text;
  }
}

TEST(Profile, NamesStepsAndLeavesVariablesAlone) {
  Variable w(full({32, 32}, 0.1));
  auto step = compile([&](const Tensor& x) {
    const LayerScope scope("body");
    w.assign(w * 0.5);
    return matmul(x, w.value()).sum();
  });
  const Tensor x = ones({16, 32});
  const ProfileReport report = profile(step, x);
  EXPECT_EQ(values(w.value())[0], 0.1f);
  ASSERT_FALSE(report.steps.empty());
  bool product = false;
  for (const StepProfile& s : report.steps) {
    EXPECT_GE(s.microseconds, 0);
    EXPECT_GT(s.bytes, 0);
    if (s.op == "matmul") product = s.layer == "body" && s.line.find("compile_test.cpp") == 0;
  }
  EXPECT_TRUE(product) << report.to_text();
  EXPECT_NE(report.to_text().find("by op:"), std::string::npos);
  const std::string json = report.to_chrome_trace();
  EXPECT_EQ(json.find("{\"displayTimeUnit\""), 0u);
  EXPECT_EQ(std::count(json.begin(), json.end(), '{'), std::count(json.begin(), json.end(), '}'));
  EXPECT_GT(machine_ceiling().memory_bytes_per_second, 1e8);
}

}  // namespace
}  // namespace nacre
