// The seam between the library and what computes, tried with a backend whose memory the host may
// not touch.
#include <gtest/gtest.h>

#include <sstream>

#include "nacre/base/debug.h"
#include "nacre/data/files/npy.h"
#include "nacre/kernels/backend.h"
#include "nacre/nacre.h"
#include "nacre/plan/plan.h"
#include "tests/support/child.h"
#include "tests/support/errors.h"
#include "tests/support/graphs.h"
#include "tests/support/host2.h"
#include "tests/support/samples.h"

namespace nacre::testing {
namespace {

using test::text_of;

MemorySpace& far() { return host2_backend().memory(); }

TEST(MemorySpace, BuffersKnowTheirs) {
  EXPECT_EQ(&Buffer().space(), &host_memory());
  EXPECT_EQ(&Buffer::allocate(100).space(), &host_memory());
  int user = 7;
  EXPECT_EQ(&Buffer::borrow(&user, sizeof user).space(), &host_memory());
  const std::size_t before = host2_counts().allocated;
  {
    const Buffer b = Buffer::allocate(100, far());
    EXPECT_EQ(&b.space(), &far());
    EXPECT_FALSE(b.host_reads());
    EXPECT_TRUE(b.exclusive());
    EXPECT_EQ(host2_counts().allocated, before + 1);
    const Buffer shared = b;
    EXPECT_EQ(shared.in(far()), b);
    EXPECT_NE(shared.on_host(), b);
  }
  EXPECT_EQ(host2_counts().allocated, before);
  EXPECT_EQ(far().name(), "host2");
  EXPECT_EQ(host_memory().alignment(), kAlignment);
}

TEST(MemorySpace, HasNoRoomWithoutEnd) {
  EXPECT_THROW(Buffer::allocate(std::size_t{1} << 40, far()), OutOfMemoryError);
}

TEST(MemorySpace, CopiesGoAllWays) {
  const Tensor x = tensor({1, 2, 3});
  const Tensor y = x.in(far());
  EXPECT_EQ(x.in(host_memory()).identity(), x.identity());
  EXPECT_EQ(y.in(far()).identity(), y.identity());
  EXPECT_EQ(y.clone().on_host().to_vector<float>(), (std::vector<float>{1, 2, 3}));
  EXPECT_TRUE(y.clone().is_in(far()));
  const Tensor z = zeros({3}).in(far());
  far().fill(z.buffer().data(), 0xFF, 4);
  EXPECT_TRUE(std::isnan(z.to_vector<float>()[0]));
  EXPECT_EQ(z.to_vector<float>()[1], 0);
}

// So that the tests below, and the generic ones, mean something.
TEST(MemorySpace, TouchingHost2EndsTheProgram) {
  const Tensor x = ones({3}).in(far());
  EXPECT_FALSE(test::passes_in_fork([&] {
    volatile char* const byte = static_cast<char*>(x.buffer().data());
    return *byte == 0 || *byte != 0;
  }));
}

TEST(MemorySpace, RawDataIsRefused) {
  const Tensor x = ones({2, 3}).in(far());
  const std::string text = text_of<InternalError>([&] { x.raw_data(); });
  EXPECT_NE(text.find("f32[2,3]"), text.npos) << text;
  EXPECT_NE(text.find("\"host2\""), text.npos) << text;
  EXPECT_NE(text.find("on_host()"), text.npos) << text;
  EXPECT_THROW(x.data<float>(), InternalError);
  Tensor own = x.clone();
  EXPECT_THROW(own.mutable_data<float>(), InternalError);
}

TEST(MemorySpace, WhatReadsElementsFindsThem) {
  const Tensor x = tensor({{1, 2}, {3, 4}}).in(far());
  EXPECT_EQ(x.to_vector<std::int64_t>(), (std::vector<std::int64_t>{1, 2, 3, 4}));
  EXPECT_EQ(Tensor::scalar(7, i32).in(far()).item<int>(), 7);
  EXPECT_EQ(to_string(x), to_string(x.on_host()));
  EXPECT_EQ(nonzero(x).shape(), (Shape{4, 2}));
  EXPECT_EQ(unique(x).values.elements(), 4);
  EXPECT_EQ(x.index({Index(x > 2)}).to_vector<float>(), (std::vector<float>{3, 4}));
}

TEST(MemorySpace, ManyTensorsComeInOneCopy) {
  Tensors many;
  for (int i = 0; i < 50; ++i) many.push_back(full({3}, i).in(far()));
  many.push_back(ones({2}));
  many.push_back(Tensor());
  many.push_back(ones({100'000}).in(far()));
  const std::size_t before = host2_counts().to_host;
  const Tensors here = on_host(many);
  EXPECT_EQ(host2_counts().to_host, before + 2);  // the small ones; the large one
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(here[static_cast<std::size_t>(i)].data<float>()[2], static_cast<float>(i));
  }
  EXPECT_EQ(here[50].identity(), many[50].identity());
  EXPECT_FALSE(here[51].defined());
  EXPECT_EQ(here[52].data<float>()[99'999], 1);
}

TEST(BackendScope, Nests) {
  EXPECT_EQ(&current_backend(), &cpu_backend());
  {
    const BackendScope outer(host2_backend());
    EXPECT_EQ(current_backend().name(), "host2");
    {
      const BackendScope inner(cpu_backend());
      EXPECT_EQ(current_backend().name(), "cpu");
    }
    EXPECT_EQ(current_backend().name(), "host2");
  }
  EXPECT_EQ(current_backend().name(), "cpu");
}

TEST(BackendScope, EagerOpsRunThere) {
  const Tensor x = tensor({1, 2, 3});
  Tensor y;
  const std::size_t kernels = host2_counts().kernels;
  {
    const BackendScope scope(host2_backend());
    y = reshape(exp(x) * 2, Shape{3, 1});
  }
  EXPECT_GT(host2_counts().kernels, kernels);
  EXPECT_TRUE(y.is_in(far()));
  // And back: the CPU takes what lies there.
  const Tensor z = y + 1;
  EXPECT_TRUE(z.is_in(host_memory()));
  EXPECT_EQ(z.to_vector<float>(), (reshape(exp(x) * 2, Shape{3, 1}) + 1).to_vector<float>());
}

TEST(BackendScope, GradientsAreTheSame) {
  const auto f = [](const Tensor& x) { return sum(sin(x) * exp(x)); };
  const Tensor x = tensor({0.5, 1, 2});
  const std::vector<float> expected = grad(f)(x).to_vector<float>();
  const BackendScope scope(host2_backend());
  EXPECT_EQ(grad(f)(x).to_vector<float>(), expected);
}

TEST(BackendScope, APlanBelongsToItsBackend) {
  Variable w(ones({3}), "w");
  auto step = compile([&](const Tensor& x) {
    w.assign(w + x);
    return sum(w * tensor({1, 10, 100}));
  });
  const Tensor x = ones({3});
  EXPECT_EQ(step(x).item(), 222);
  {
    const BackendScope scope(host2_backend());
    const std::size_t replays = host2_counts().replays;
    const std::size_t passes = host2_counts().passes;
    const Tensor loss = step(x);
    EXPECT_TRUE(loss.is_in(far()));
    EXPECT_EQ(loss.item(), 333);
    EXPECT_TRUE(w.value().is_in(far()));
    EXPECT_EQ(step.function().statistics().traces, 2u);
    // A checked replay goes step by step.
    EXPECT_TRUE(debug_flags().poison || host2_counts().replays > replays);
    EXPECT_GT(host2_counts().passes, passes);
    // Variables stay: another step brings nothing but its argument.
    const std::size_t brought = host2_counts().from_host;
    EXPECT_EQ(step(x).item(), 444);
    EXPECT_EQ(host2_counts().from_host, brought + 1);
    const Tensor there = x.in(far());
    EXPECT_EQ(step(there).item(), 555);
    EXPECT_EQ(step.function().statistics().traces, 2u);
  }
  EXPECT_EQ(step(x).item(), 666);
  EXPECT_EQ(step.function().statistics().traces, 2u);
  EXPECT_TRUE(w.value().is_in(host_memory()));
}

TEST(BackendScope, ConstantsThatWereComputedThere) {
  const BackendScope scope(host2_backend());
  const Tensor weights = exp(arange(0, 40, 1).reshape({8, 5})) * 0;
  auto f = compile([&](const Tensor& x) { return sum(matmul(x, weights + 2)); });
  EXPECT_EQ(f(ones({1, 8})).item(), 80);
}

TEST(BackendScope, LoopsAndBranches) {
  const auto f = [](const Tensor& x) {
    const auto [carry, ys] = scan(
        [](const Tensor& h, const Tensor& row) {
          const Tensor next = h * 0.5 + row;
          return std::pair(next, next * 2);
        },
        zeros({3}), x);
    const Tensor end = carry;
    const Tensor branch = cond(
        greater(sum(x), 3), [&] { return end + 1; }, [&] { return end + 0.5; });
    const Tensor last = while_loop([](const Tensor& c) { return less(sum(c), 100); },
                                   [](const Tensor& c) { return c * 2; }, branch);
    return Tensors{last, ys};
  };
  for (const double scale : {0.01, 1.0}) {
    const Tensor x = (arange(0, 12, 1) * scale + 0.1).reshape({4, 3});
    const Tensors expected = compile(f)(x);
    const BackendScope scope(host2_backend());
    auto compiled = compile(f);
    for (int i = 0; i < 2; ++i) {
      const Tensors got = compiled(x);
      for (std::size_t k = 0; k < got.size(); ++k) {
        EXPECT_EQ(difference(got[k], expected[k], 0, 0), "") << k;
      }
    }
    const Tensors eager = f(x);
    EXPECT_EQ(difference(eager[0], expected[0], 1e-6, 1e-6), "");
  }
}

TEST(BackendScope, AFailedStepPutsVariablesBack) {
  Variable count(zeros({}, i64), "count", false);
  Variable w(ones({2}), "w");
  auto step = compile([&](const Tensor& labels) {
    count.assign(count + 1);
    w.assign(w + sum(softmax_cross_entropy(zeros({2, 3}) + count.value().to(f32), labels)));
    return sum(w);
  });
  const BackendScope scope(host2_backend());
  step(tensor({0, 2}, i64));
  const std::vector<float> before = w.value().to_vector<float>();
  EXPECT_THROW(step(tensor({0, 7}, i64)), ValueError);
  EXPECT_EQ(count.value().item<int>(), 1);
  EXPECT_EQ(w.value().to_vector<float>(), before);
}

TEST(BackendScope, ReferencesServeWhereThereIsNoKernel) {
  const BackendScope scope(host2_backend());
  auto f = compile([](const Tensor& x) { return exp(x) + matmul(x, x); }, {.reference_only = true});
  const Tensor x = eye(3);
  const Tensor got = f(x);
  EXPECT_TRUE(got.is_in(far()));
  EXPECT_NEAR(got.to_vector<double>()[0], std::exp(1.0) + 1, 1e-5);
}

TEST(BackendScope, DebugFlagsWorkThere) {
  struct Restore {
    DebugFlags flags = debug_flags();
    ~Restore() { set_debug_flags(flags); }
  } restore;
  const BackendScope scope(host2_backend());
  const auto f = [](const Tensor& x) { return sum(log(x) * 2); };
  set_debug_flags({.nan = true});
  EXPECT_THROW(compile(f)(zeros({3})), ValueError);
  set_debug_flags({.reference = true});
  EXPECT_EQ(compile(f)(ones({3})).item(), 0);
  set_debug_flags({.poison = true});
  EXPECT_EQ(compile(f)(ones({3})).item(), 0);
}

TEST(BackendScope, ProfilesThere) {
  const BackendScope scope(host2_backend());
  auto f = compile([](const Tensor& x) { return sum(matmul(x, x)); });
  const ProfileReport report = profile(f, ones({16, 16}));
  EXPECT_FALSE(report.steps.empty());
  EXPECT_EQ(report.steps[0].kernel, "host2");
  EXPECT_GT(machine_ceiling().memory_bytes_per_second, 0);
}

TEST(BackendScope, FilesHoldWhatLiesThere) {
  const Tensor x = tensor({1, 2, 3});
  EXPECT_EQ(io::safetensors_bytes({{"x", x.in(far())}}), io::safetensors_bytes({{"x", x}}));
  EXPECT_EQ(data::npy_bytes(x.in(far())), data::npy_bytes(x));
}

TEST(BackendScope, DataSetsTakeWhatLiesThere) {
  const Tensor x = arange(0, 12, 1).reshape({4, 3}).to(f32);
  const Tensor y = arange(4);
  const auto there = data::Dataset::from({x.in(far())}, {y.in(far())});
  EXPECT_EQ(there.get(2).inputs[0].to_vector<float>(), (std::vector<float>{6, 7, 8}));
  const auto mapped = there.map([](data::Sample s, RandomStream&) {
    s.inputs[0] = (s.inputs[0] * 2).in(far());
    return s;
  });
  const BackendScope scope(host2_backend());
  EXPECT_EQ(mapped.all().inputs[0].to_vector<float>()[11], 22);
}

// A name that no pass has.
class Wrong final : public Backend {
 public:
  std::string_view name() const override { return "wrong"; }
  MemorySpace& memory() const override { return host_memory(); }
  std::span<const KernelRow* const> rows(Op) const override { return {}; }
  std::vector<Lowering> lower(const PassOptions&) const override { return {{"no_such_pass"}}; }
  const BackendFacts& facts() const override { return cpu_backend().facts(); }
  std::string why_no_bfloat16_products() const override { return "it has none"; }
};

TEST(BackendScope, AnUnknownPassIsNamed) {
  static Wrong wrong;
  const BackendScope scope(wrong);
  const std::string text = text_of<InternalError>([] { default_passes(); });
  EXPECT_NE(text.find("no_such_pass"), text.npos) << text;
  EXPECT_NE(text.find("wrong"), text.npos) << text;
}

TEST(BackendScope, ABackendWithoutKernelsRunsOnReferences) {
  static Wrong wrong;
  const BackendScope scope(wrong);
  EXPECT_EQ(matmul(ones({2, 3}), ones({3, 2})).to_vector<float>()[3], 3);
  EXPECT_EQ(why_no_bfloat16(), "it has none");
  EXPECT_EQ(bfloat16_speedup(), 0);
}

}  // namespace
}  // namespace nacre::testing
