// Generators: reproducible, carried by compiled steps, independent when split.
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "nacre/nacre.h"

namespace nacre {
namespace {

TEST(Generator, SameSeedSameNumbers) {
  Generator a(42);
  Generator b(42);
  EXPECT_EQ(a.normal({9}).to_vector<float>(), b.normal({9}).to_vector<float>());
  EXPECT_NE(a.uniform({9}).to_vector<float>(), a.uniform({9}).to_vector<float>());
  a.set_seed(42);
  b.set_seed(42);
  EXPECT_EQ(a.integers({9}, 0, 100).to_vector<float>(), b.integers({9}, 0, 100).to_vector<float>());
  Generator copy = a;
  EXPECT_EQ(a.gamma({9}, 2).to_vector<float>(), copy.gamma({9}, 2).to_vector<float>());
}

TEST(Generator, EveryDrawHasItsShape) {
  Generator g(1);
  EXPECT_EQ(to_string(g.uniform({2, 3}, -1, 1, f64).spec()), "f64[2,3]");
  EXPECT_EQ(to_string(g.truncated_normal({4}).spec()), "f32[4]");
  EXPECT_EQ(to_string(g.exponential({}).spec()), "f32[]");
  EXPECT_EQ(to_string(g.gumbel({0, 3}).spec()), "f32[0,3]");
  EXPECT_EQ(to_string(g.bernoulli({5}, 0.5, boolean).spec()), "bool[5]");
  EXPECT_EQ(to_string(g.permutation(6).spec()), "i64[6]");
  EXPECT_EQ(to_string(g.categorical(ones({2, 3}), 4).spec()), "i64[2,4]");
  EXPECT_EQ(to_string(g.gumbel_softmax(ones({2, 3})).spec()), "f32[2,3]");
  EXPECT_EQ(g.state().value().to_vector<std::int64_t>()[1], 8);
}

TEST(Generator, CompiledStepsCarryTheState) {
  Generator eager(7);
  Generator carried(7);
  auto step =
      compile([&](const Tensor& x) { return x + carried.normal({5}) + carried.uniform({5}); });
  for (int i = 0; i < 3; ++i) {
    const Tensor expected = zeros({5}) + eager.normal({5}) + eager.uniform({5});
    EXPECT_EQ(step(zeros({5})).to_vector<float>(), expected.to_vector<float>()) << i;
  }
  EXPECT_EQ(step.function().statistics().traces, 1u);
  EXPECT_EQ(carried.state().value().to_vector<std::int64_t>(), (std::vector<std::int64_t>{7, 6}));
}

TEST(Generator, CompiledDropoutTrainsWithOneMask) {
  Generator g(3);
  auto step = compile([&](const Tensor& x) {
    return value_and_grad([&](const Tensor& v) { return sum(dropout(v, 0.5, true, g)); })(x);
  });
  const auto [value, gradient] = step(ones({64}));
  EXPECT_FLOAT_EQ(value.item(), gradient.sum().item());
  const auto [again, other] = step(ones({64}));
  EXPECT_NE(gradient.to_vector<float>(), other.to_vector<float>());
}

TEST(Generator, SplitsAreIndependent) {
  Generator parent(5);
  Generator a = parent.split();
  Generator b = parent.split();
  EXPECT_NE(a.uniform({9}).to_vector<float>(), b.uniform({9}).to_vector<float>());
  Generator again(5);
  Generator same = again.split();
  a = same;
  EXPECT_EQ(a.uniform({9}).to_vector<float>(), same.uniform({9}).to_vector<float>());
}

TEST(Generator, ManualSeedSetsTheDefault) {
  manual_seed(9);
  const auto first = dropout(ones({50}), 0.5, true).to_vector<float>();
  manual_seed(9);
  EXPECT_EQ(dropout(ones({50}), 0.5, true).to_vector<float>(), first);
  EXPECT_FALSE(default_generator().state().trainable());
}

TEST(Generator, ManualSeedRulesDrawsAndLayers) {
  const auto numbers = [] {
    manual_seed(7);
    std::vector<float> out = randn({3}).to_vector<float>();
    for (const Tensor& t : {rand({2}), randint(-5, 5, {4}), randperm(6)}) {
      for (const float v : t.to_vector<float>()) out.push_back(v);
    }
    nn::Dense dense{{.units = 2}};
    for (const float v : dense(ones({1, 3})).to_vector<float>()) out.push_back(v);
    return out;
  };
  const std::vector<float> first = numbers();
  EXPECT_EQ(first.size(), 17u);
  EXPECT_EQ(numbers(), first);
  manual_seed(8);
  EXPECT_NE(randn({3}).to_vector<float>(), std::vector<float>(first.begin(), first.begin() + 3));
}

TEST(Generator, ThreadsGetDifferentKeys) {
  Generator g(4);
  std::vector<std::int64_t> seen[2];
  std::vector<std::thread> pool;
  for (auto& mine : seen) {
    pool.emplace_back([&] {
      for (int i = 0; i < 200; ++i) mine.push_back(g.next_key().to_vector<std::int64_t>()[1]);
    });
  }
  for (std::thread& t : pool) t.join();
  std::set<std::int64_t> all(seen[0].begin(), seen[0].end());
  all.insert(seen[1].begin(), seen[1].end());
  EXPECT_EQ(all.size(), 400u);
}

TEST(Generator, RefusesWhatATraceCannotHold) {
  Generator g(4);
  const auto message = [&](auto f) {
    try {
      compile(f)(ones({1}));
    } catch (const TraceError& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  EXPECT_EQ(message([&](const Tensor& x) {
              g.set_seed(1);
              return x;
            }),
            "generator: set_seed within a traced function\n  hint: set the seed before the step");
  EXPECT_EQ(message([&](const Tensor& x) { return x + g.split().uniform({1}); }),
            "generator: split within a traced function\n  hint: split before the step, or use "
            "split_key(generator.next_key())");
}

}  // namespace
}  // namespace nacre
