// Model: fit, evaluate, predict on toy problems.
#include <gtest/gtest.h>

#include "nacre/base/random.h"
#include "nacre/nacre.h"
#include "tests/support/files.h"

namespace nacre {
namespace {

struct Toy {
  Tensor x;
  Tensor y;
};

// Two interleaved classes on a plane: inside or outside of a ring.
Toy ring(std::int64_t n) {
  RandomStream random(7);
  std::vector<float> x;
  std::vector<std::int64_t> y;
  for (std::int64_t i = 0; i < n; ++i) {
    const double a = random.uniform(-1, 1);
    const double b = random.uniform(-1, 1);
    x.insert(x.end(), {static_cast<float>(a), static_cast<float>(b)});
    y.push_back(a * a + b * b < 0.5 ? 1 : 0);
  }
  return {Tensor::from(x, {n, 2}), Tensor::from(y)};
}

Model ring_model(bool eagerly = false) {
  manual_seed(1);
  Model model{nn::Sequential{nn::Dense{{.units = 16, .activation = tanh}},
                             nn::Dense{{.units = 2, .activation = softmax}}}};
  model.compile({.optimizer = optim::Adam({.learning_rate = 0.02}),
                 .loss = loss::sparse_categorical_crossentropy(),
                 .metrics = {metric::accuracy()},
                 .run_eagerly = eagerly});
  return model;
}

TEST(Model, FitImproves) {
  const Toy toy = ring(250);
  Model model = ring_model();
  const History history = model.fit(toy.x, toy.y, {.epochs = 60, .batch_size = 16, .verbose = 0});
  EXPECT_LT(history.last("loss"), history["loss"].front() / 2);
  EXPECT_GT(history.last("accuracy"), 0.95);
  const Logs logs = model.evaluate(toy.x, toy.y);
  EXPECT_GT(logs["accuracy"], 0.95);
  const Tensor p = model.predict(toy.x, {.batch_size = 64});
  EXPECT_EQ(p.shape(), (Shape{250, 2}));
  EXPECT_NEAR(p.sum().item(), 250, 1e-3);
}

// A metric that counts how often it is asked.
class Asked final : public metric::Metric::Measure {
 public:
  explicit Asked(int& count) : count_(count) {}
  std::unique_ptr<Measure> clone() const override { return std::make_unique<Asked>(count_); }
  Tensors observe(const Operand& p, const Tensor&, const Tensor&) const override {
    return {sum(p)};
  }
  std::size_t observed_count() const override { return 1; }
  void add(std::span<const Tensor>) override {}
  double result() const override { return ++count_; }
  void reset() override {}
  std::vector<double> state() const override { return {}; }
  void load_state(std::span<const double>) override {}

 private:
  int& count_;
};

TEST(Model, MetricsAreComputedWhenAsked) {
  const Toy toy = ring(100);
  int count = 0;
  Model model{nn::Sequential{nn::Dense{{.units = 2, .activation = softmax}}}};
  model.compile({.loss = loss::sparse_categorical_crossentropy(),
                 .metrics = {metric::Metric("asked", std::make_unique<Asked>(count))}});
  const FitOptions options{.epochs = 3, .batch_size = 10, .verbose = 0};
  model.fit(toy.x, toy.y, options);
  EXPECT_EQ(count, 3);
  FitOptions watched = options;
  watched.callbacks = {make_callback(
      {.on_batch_end = [](TrainingState& s) { EXPECT_EQ(s.logs()["asked"], s.logs()["asked"]); }})};
  count = 0;
  model.fit(toy.x, toy.y, watched);
  EXPECT_EQ(count, 3 * 10 + 3);
}

TEST(Model, EagerEqualsCompiled) {
  const Toy toy = ring(50);
  Model compiled = ring_model();
  Model eager = ring_model(true);
  const FitOptions options{.epochs = 3, .batch_size = 16, .verbose = 0};
  const History a = compiled.fit(toy.x, toy.y, options);
  const History b = eager.fit(toy.x, toy.y, options);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(a["loss"][i], b["loss"][i], 1e-5);
}

TEST(Model, CopyIsDeep) {
  const Toy toy = ring(64);
  Model model = ring_model();
  model.fit(toy.x, toy.y, {.epochs = 1, .verbose = 0});
  Model copy = model;
  const auto before = copy.predict(toy.x).to_vector<float>();
  model.fit(toy.x, toy.y, {.epochs = 2, .verbose = 0});
  EXPECT_EQ(copy.predict(toy.x).to_vector<float>(), before);
  EXPECT_NE(model.predict(toy.x).to_vector<float>(), before);
}

TEST(Model, NamesAreThoseOfAStateDict) {
  Model model = ring_model();
  model.predict(zeros({1, 2}));
  std::vector<std::string> names;
  for (const auto& v : model.parameters()) names.push_back(v.name);
  EXPECT_EQ(names, (std::vector<std::string>{"0.weight", "0.bias", "1.weight", "1.bias"}));
}

TEST(Model, SaysThatTheDataHoldsNaN) {
  const Toy toy = ring(32);
  Model model = ring_model();
  const Tensor broken = index_update(toy.x, {5, 1}, std::nan(""));
  test::expect_error<ValueError>(
      [&] { model.fit(broken, toy.y, {.batch_size = 32, .verbose = 0}); },
      {"the loss is nan in epoch 1, batch 1", "input 0 of that batch holds NaN"});
}

}  // namespace
}  // namespace nacre
