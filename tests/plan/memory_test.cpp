// Placement, lifetimes, updates in place.
#include "nacre/plan/placement.h"
#include "tests/support/graphs.h"

namespace nacre {
namespace {

using testing::run_plan;
using testing::trace_graph;

void expect_valid(const std::vector<Lifetime>& blocks, const Placement& p) {
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    ASSERT_LE(p.offsets[i] + blocks[i].bytes, p.total);
    for (std::size_t j = 0; j < i; ++j) {
      const bool together = blocks[i].first <= blocks[j].last && blocks[j].first <= blocks[i].last;
      const bool apart = p.offsets[i] + blocks[i].bytes <= p.offsets[j] ||
                         p.offsets[j] + blocks[j].bytes <= p.offsets[i];
      ASSERT_TRUE(!together || apart) << i << " and " << j;
    }
  }
}

TEST(Placement, BlocksAliveTogetherNeverOverlap) {
  for (unsigned seed = 0; seed < 30; ++seed) {
    std::mt19937 random(seed);
    std::vector<Lifetime> blocks;
    for (std::uint32_t i = 0; i < 100; ++i) {
      const auto first = static_cast<std::uint32_t>(random() % 100);
      blocks.push_back(
          {first, first + static_cast<std::uint32_t>(random() % 12), 64 * (1 + random() % 64)});
    }
    const Placement p = place(blocks);
    expect_valid(blocks, p);
    EXPECT_LE(static_cast<double>(p.total), 1.25 * static_cast<double>(live_floor(blocks)));
  }
  EXPECT_EQ(place({}).total, 0u);
}

Tensors train_step(const Tensors& x, int layers, bool attention) {
  // Parameters follow the input: a stack of layers with its gradients by the tape.
  GradientTape tape;
  Tensor h = x[0];
  for (int i = 0; i < layers; ++i) {
    const Tensor w = x[static_cast<std::size_t>(i) + 1];
    if (attention) {
      const Tensor q = matmul(h, w);
      const Tensor scores = softmax(matmul(q, h.transpose()) * 0.1, 1);
      h = h + tanh(matmul(scores, q));
    } else {
      h = relu(matmul(h, w) * 0.2);
    }
  }
  const Tensor loss = mean(square(h));
  Tensors results{loss};
  const Tensors weights(x.begin() + 1, x.end());
  Tensors gradients = tape.gradient(loss, weights);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    results.push_back(weights[i] - gradients[i] * 0.1);
  }
  return results;
}

TEST(MemoryPlan, ArenaIsCloseToTheFloor) {
  for (const bool attention : {false, true}) {
    for (const int layers : {2, 5, 12}) {
      std::vector<Spec> specs{{f32, {24, 40}}};
      for (int i = 0; i < layers; ++i) specs.push_back({f32, {40, 40}});
      const Graph g = run_passes(
          trace_graph(specs, [&](const Tensors& x) { return train_step(x, layers, attention); }),
          default_passes());
      std::vector<Donation> donations;
      for (std::size_t i = 1; i < specs.size(); ++i) donations.push_back({i, i});
      const Plan plan(g, {.donations = donations});
      EXPECT_LE(static_cast<double>(plan.memory().arena_bytes),
                1.05 * static_cast<double>(plan.memory().peak_live_bytes))
          << plan.to_text();
    }
  }
  for (unsigned seed = 0; seed < 40; ++seed) {
    const Graph g =
        trace_graph(std::vector<Spec>(4, {f32, {20, 20}}), testing::random_function(seed, 60));
    const Plan plan(remove_dead_code(g), {});
    EXPECT_LE(static_cast<double>(plan.memory().arena_bytes),
              1.05 * static_cast<double>(plan.memory().peak_live_bytes))
        << "seed " << seed;
  }
}

TEST(Schedule, UpdatesRunBeforeAllGradientsAreThere) {
  constexpr int kLayers = 8;
  std::vector<Spec> specs{{f32, {4, 64}}};
  for (int i = 0; i < kLayers; ++i) specs.push_back({f32, {64, 64}});
  const Graph g =
      trace_graph(specs, [&](const Tensors& x) { return train_step(x, kLayers, false); });
  std::vector<Donation> donations;
  for (std::size_t i = 1; i < specs.size(); ++i) donations.push_back({i, i});
  const Graph ordered = schedule(g, donations);
  // Written down, all eight gradients of 16 KiB live at once.
  EXPECT_LT(peak_bytes(ordered), peak_bytes(g) / 2);
  Tensors x;
  std::mt19937 random(1);
  for (const Spec& s : specs) x.push_back(testing::random_tensor(s.shape, random));
  const Tensors want = testing::run_graph(g, x);
  const Tensors got = testing::run_graph(ordered, x);
  for (std::size_t i = 0; i < want.size(); ++i) testing::expect_close(got[i], want[i], 1e-6, "");
}

TEST(MemoryPlan, ViewsResultsAndRepeatedResults) {
  const Graph g = trace_graph({{f32, {2, 3}}}, [](const Tensors& x) -> Tensors {
    const Tensor y = exp(x[0]);
    return {y, y.reshape({6}), x[0], y, x[0].reshape({3, 2}), ones({2})};
  });
  Plan plan(g, {});
  const Tensor x = tensor({{0, 0, 0}, {0, 0, 0}});
  for (int i = 0; i < 2; ++i) {
    const Tensors r = run_plan(plan, {x});
    EXPECT_EQ(r[0].to_vector<float>(), std::vector<float>(6, 1));
    EXPECT_EQ(r[1].to_vector<float>(), std::vector<float>(6, 1));
    EXPECT_EQ(r[2].to_vector<float>(), std::vector<float>(6, 0));
    EXPECT_EQ(r[3].to_vector<float>(), std::vector<float>(6, 1));
    EXPECT_EQ(r[4].to_vector<float>(), std::vector<float>(6, 0));
    EXPECT_EQ(r[5].to_vector<float>(), std::vector<float>(2, 1));
  }
  EXPECT_EQ(plan.memory().arena_bytes, 0u);  // y is written where its first result belongs
}

TEST(Plan, ChecksNameTheFirstStepThatIsNotFinite) {
  const Graph g = trace_graph({{f32, {3}}}, [](const Tensors& x) -> Tensors {
    const Tensor root = sqrt(x[0]);
    return {root * 2};
  });
  Plan plan(g, {.check_finite = true});
  EXPECT_NO_THROW(run_plan(plan, {tensor({1, 2, 3})}));
  try {
    run_plan(plan, {tensor({1, -2, 3})});
    FAIL() << "no error";
  } catch (const ValueError& e) {
    const std::string text = e.what();
    EXPECT_EQ(text.find("sqrt: the first value that is not finite is element 1"), 0u) << text;
    EXPECT_NE(text.find("memory_test.cpp"), std::string::npos) << text;
  }
}

TEST(Plan, ReferenceCheckAcceptsRightKernels) {
  const Graph g =
      run_passes(trace_graph(std::vector<Spec>(4, {f32, {6, 6}}), testing::random_function(3, 30)),
                 default_passes());
  Plan plan(g, {.check_reference = true});
  std::mt19937 random(1);
  Tensors x;
  for (int i = 0; i < 4; ++i) x.push_back(testing::random_tensor({6, 6}, random));
  EXPECT_NO_THROW(run_plan(plan, x));
}

TEST(Plan, TextAndPicture) {
  const Graph g = trace_graph({{f32, {3}}}, [](const Tensors& x) -> Tensors {
    return {exp(x[0]).reshape({1, 3}) + 1};
  });
  const Plan plan(g, {});
  EXPECT_NE(plan.to_text().find("plan: 2 steps"), std::string::npos) << plan.to_text();
  EXPECT_NE(plan.to_text().find("exp ["), std::string::npos) << plan.to_text();
  const std::string dot = plan.to_dot();
  EXPECT_EQ(dot.find("digraph plan {"), 0u);
  EXPECT_NE(dot.find("->"), std::string::npos) << dot;
}

TEST(Threads, SmallStepsRunAlone) {
  const Graph g = trace_graph({{f32, {8, 8}}, {f32, {512, 512}}}, [](const Tensors& x) -> Tensors {
    return {matmul(x[0], x[0]), matmul(x[1], x[1])};
  });
  const Plan plan(g, {.threads = 3});
  ASSERT_EQ(plan.step_count(), 2u);
  for (const StepInfo& s : plan.steps()) {
    const bool large = plan.graph().spec(plan.graph().output(s.node)).elements() > 64;
    EXPECT_EQ(s.threads, large ? 3 : 1);
  }
}

}  // namespace
}  // namespace nacre
