// What the conveniences of the interface promise beyond a value: modes, errors, old names.
#include <gtest/gtest.h>

#include "nacre/nacre.h"
#include "tests/support/files.h"

namespace nacre {
namespace {

using test::expect_error;

TEST(ValueAndGrad, TrainsUnlessAScopeSaysOtherwise) {
  nn::Sequential net{nn::Dropout(0.5), nn::Dense(1, {.weight_initializer = "ones"})};
  const Tensor x = ones(1, 1000);
  const auto slopes = value_and_grad([&](const Tensor& t) { return mean(net(t)); }, net);
  EXPECT_EQ(slopes(x).second[0].min().item(), 0);  // of what was dropped
  const auto compiled = compile([&](const Tensor& t) { return slopes(t).second[0]; });
  EXPECT_EQ(compiled(x).min().item(), 0);
  {
    const TrainingScope infer(false);
    EXPECT_EQ(slopes(x).second[0].min().item(), 1);
    EXPECT_EQ(compiled(x).min().item(), 1);  // not the plan of before
  }
  EXPECT_EQ(compiled(x).min().item(), 0);
  EXPECT_FALSE(training());
}

TEST(ValueAndGrad, LayersMayMakeTheirParametersWithin) {
  nn::Dense dense(2);
  const auto [value, gradients] =
      value_and_grad([&](const Tensor& t) { return sum(dense(t)); }, dense)(ones(3, 4));
  ASSERT_EQ(gradients.size(), 2u);
  EXPECT_EQ(gradients[0].shape(), (Shape{2, 4}));
  EXPECT_EQ(gradients[1].to_vector(), (std::vector<float>{3, 3}));
}

TEST(ValueAndGrad, TakesModelsListsAndNests) {
  Model model{nn::Sequential{nn::Dense(1)}};
  EXPECT_EQ(grad([&](const Tensor& t) { return sum(model(t)); }, model)(ones(2, 3)).size(), 2u);
  std::map<std::string, nn::Dense> heads;
  heads.emplace("a", nn::Dense(1));
  heads.emplace("b", nn::Dense(2));
  Variable scale = tensor(2.0);
  const auto f = [&](const Tensor& t) {
    return sum(heads.at("a")(t) * scale) + sum(heads.at("b")(t));
  };
  EXPECT_EQ(grad(f, heads)(ones(2, 3)).size(), 4u);
  EXPECT_EQ(grad(f, std::tie(heads, scale))(ones(2, 3)).size(), 5u);
  EXPECT_EQ(grad(f, std::pair<nn::Dense&, Variable&>(heads.at("a"), scale))(ones(2, 3)).size(), 3u);
}

template <class T>
concept HasGradient = requires(T& t) {
  grad([] { return Tensor(); }, t);
};
static_assert(HasGradient<nn::Dense> && HasGradient<Variable> && HasGradient<Model>);
static_assert(!HasGradient<Tensor> && !HasGradient<int> && !HasGradient<std::vector<Tensor>>);

TEST(Weights, ThatDoNotFitChangeNothing) {
  nn::Dense dense(2, {.inputs = 3, .weight_initializer = "ones"});
  expect_error<ValueError>([&] { nn::set_weights(dense, {zeros(2, 3)}); }, {"2 weights", "1 came"});
  expect_error<ShapeError>(
      [&] {
        nn::set_weights(dense, {zeros(2, 3), zeros(3)});
      },
      {"\"bias\"", "[3]"});
  EXPECT_EQ(dense.weight.sum().item(), 6);
  nn::Dense unbuilt(2);
  expect_error<ValueError>([&] { nn::set_weights(unbuilt, {zeros(2, 3)}); }, {"first called"});
}

TEST(Layers, ByNameAndNumber) {
  nn::Sequential net{{"block", nn::Sequential{{"conv", nn::Conv2d(4, 3)}, {"act", nn::ReLU()}}},
                     {"head", nn::Dense(2)}};
  EXPECT_EQ(net.layer("block.conv").kind(), "Conv2d");
  EXPECT_EQ(net[-1].kind(), "Dense");
  expect_error<ValueError>([&] { net.layer("hed"); }, {"hed", "head"});
  expect_error<ValueError>([&] { net[2]; }, {"layer 2 of 2"});
  expect_error<ValueError>([&] { net.first(3); }, {"3 layers of 2"});
  EXPECT_EQ(net.first(1).name(0), "block");
  EXPECT_EQ(net.last(1).name(0), "head");
  Model model{net};
  EXPECT_EQ(model.layer("block.act").kind(), "Activation");
  expect_error<ValueError>([&] { Model{nn::Dense(1)}.layer("0"); }, {"Dense", "no list"});
  expect_error<ValueError>([&] { model.summary(); }, {"no sample was seen"});
}

TEST(Layers, ASizeThatIsGivenTwice) {
  expect_error<ValueError>([] { nn::Dense(3, {.units = 4}); }, {"Dense", "3", "4", "behaviour"});
  expect_error<ValueError>([] { nn::Conv2d(3, 3, {.kernel_size = 5}); }, {"Conv2d", "twice"});
  expect_error<ValueError>([] { nn::Conv2d(3, 3, {.padding = "some"}); }, {"some", "same"});
}

TEST(Layers, KeysWithOldNamesSayTheNewOnes) {
  expect_error<ValueError>(
      [] { zoo::build(R"([{"type":"dense","units":3,"kernel_initializer":"ones"}])"); },
      {"kernel_initializer", "is now called", "weight_initializer"});
  expect_error<ValueError>(
      [] { zoo::build(R"([{"type":"embedding","input_dim":3,"output_dim":2}])"); },
      {"is now called", "inputs"});
}

TEST(Batches, OfSeveralInputsHaveNoX) {
  const data::Batch batch{{ones(1), ones(1)}, {}};
  expect_error<ValueError>([&] { batch.x(); }, {"2 inputs"});
  expect_error<ValueError>([&] { batch.y(); }, {"0 targets"});
}

TEST(Rows, OfAScalarAreAnError) {
  expect_error<ShapeError>(
      [] {
        for ([[maybe_unused]] const Tensor& row : tensor(1)) return;
      },
      {"rank 0"});
  expect_error<ShapeError>(
      [] {
        tensor(std::vector<std::vector<float>>{{1, 2}, {3}});
      },
      {"1 numbers", "2"});
}

template <class T>
concept TakesTrueAsAxis = requires(const T& t) {
  sum(t, true);
};
static_assert(!TakesTrueAsAxis<Tensor>);

TEST(Bool, IsNoNumberInOtherArithmetic) {
  const Tensor mask = tensor({1, 0}) > 0;
  EXPECT_EQ((mask + mask).dtype(), boolean);
  EXPECT_EQ((mask + 1).dtype(), i64);
  EXPECT_EQ((mask * 0.5).dtype(), f32);
  EXPECT_THROW(mask - mask, DTypeError);
  EXPECT_EQ(max(mask).dtype(), boolean);
}

TEST(Scalars, HaveAnAxisZero) {
  EXPECT_EQ(softmax(tensor(3), -1).rank(), 0);
  EXPECT_EQ(argmin(tensor(3), 0).rank(), 0);
  EXPECT_EQ(max(tensor(3), -1).item(), 3);
  EXPECT_THROW(softmax(tensor(3), 1), ValueError);
  EXPECT_THROW(sum(tensor(3), 1), ValueError);
}

}  // namespace
}  // namespace nacre
