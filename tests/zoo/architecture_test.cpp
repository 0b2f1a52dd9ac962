#include "nacre/zoo/architecture.h"

#include <gtest/gtest.h>

#include "nacre/base/error.h"
#include "nacre/nn/summary.h"
#include "nacre/train/model.h"
#include "tests/support/files.h"

namespace nacre::zoo {
namespace {

using test::expect_error;

TEST(Architecture, NamesTheLayerThatIsWrong) {
  const auto make = [](const char* layers) { return [=] { build(layers); }; };
  expect_error<ValueError>(make("{}"), {"a list of tables"});
  expect_error<ValueError>(make("[]"), {"at least one"});
  expect_error<ValueError>(make("[1"), {"a list of tables"});
  expect_error<ValueError>(make("[3]"), {"layer 1", "must be a table"});
  expect_error<ValueError>(make(R"([{"units":3}])"), {"layer 1", "type"});
  expect_error<ValueError>(make(R"([{"type":"flatten"},{"type":"dens","units":3}])"),
                           {"layer 2", "did you mean \"dense\"", "conv2d"});
  expect_error<ValueError>(make(R"([{"type":"dense"}])"), {"layer 1 (dense)", "needs \"units\""});
  expect_error<ValueError>(make(R"([{"type":"dense","units":3,"activaton":"relu"}])"),
                           {"activaton", "did you mean \"activation\""});
  expect_error<ValueError>(make(R"([{"type":"dense","units":"3"}])"), {"whole number"});
  expect_error<ValueError>(make(R"([{"type":"dense","units":3,"activation":"rleu"}])"),
                           {"layer 1 (dense)", "relu"});
  expect_error<ValueError>(make(R"([{"type":"dense","units":3,"use_bias":1}])"), {"true or false"});
  expect_error<ValueError>(make(R"([{"type":"conv2d","filters":3,"padding":"full"}])"),
                           {"padding", "same"});
}

TEST(Architecture, BuildsEveryNamedModel) {
  const Spec picture{f32, {3, 32, 32}};
  for (const ModelDescription& m : models()) {
    Model model(build(layers_of(m.name, picture, 7)));
    const nn::Summary summary = model.summary(Spec{f32, {2, 3, 32, 32}});
    EXPECT_EQ(summary.rows.back().output.shape, (Shape{2, 7})) << m.name;
    EXPECT_GT(summary.parameters, 0) << m.name;
  }
  // Weights and biases of two convolutions and a dense layer on 6 x 6 x 64.
  Model cnn(build(layers_of("cnn", picture, 10)));
  EXPECT_EQ(cnn.summary(Spec{f32, {1, 3, 32, 32}}).parameters,
            32 * (3 * 9 + 1) + 64 * (32 * 9 + 1) + 10 * (64 * 6 * 6 + 1));
}

TEST(Architecture, ChoosesByTheInput) {
  EXPECT_EQ(layers_of("auto", {f32, {1, 28, 28}}, 10), layers_of("cnn", {f32, {1, 28, 28}}, 10));
  EXPECT_EQ(layers_of("auto", {f32, {1, 8, 8}}, 10), layers_of("mlp", {f32, {1, 8, 8}}, 10));
  EXPECT_EQ(layers_of("linear", {f32, {4}}, 3), R"([{"type":"dense","units":3}])");
  expect_error<ValueError>([] { layers_of("cnn", {f32, {1, 8, 8}}, 10); }, {"cnn", "12 x 12"});
  expect_error<ValueError>([] { layers_of("cnn-bn", {f32, {4}}, 10); }, {"cnn-bn", "24 x 24"});
  expect_error<ValueError>([] { layers_of("mpl", {f32, {4}}, 10); }, {"mpl", "\"mlp\"", "linear"});
}

}  // namespace
}  // namespace nacre::zoo
