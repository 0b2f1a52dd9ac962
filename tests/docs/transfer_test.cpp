// The program of docs/training.md about transfer learning.
#include <gtest/gtest.h>

#include "nacre/nacre.h"
#include "tests/support/files.h"

namespace nacre {
namespace {

TEST(TrainingPage, TransferLearning) {
  test::TemporaryFolder folder;
  manual_seed(1);
  const Tensor x = randn(60, 8);
  const Tensor y = x[{slice(), slice(0, 3)}].argmax(1);
  {
    Model first{nn::Sequential{nn::Dense(16, "relu"), nn::Dense(8, "tanh"), nn::Dense(2)}};
    first.compile("adam", "mse");
    first.fit(x, x[{slice(), slice(0, 2)}], {.epochs = 3, .verbose = 0});
    first.save(folder / "base.nacre");
  }
  ::testing::internal::CaptureStdout();

  Model base = Model::load(folder / "base.nacre");
  nn::Sequential net = base.layers().first(-1);
  net.add("head", nn::Dense(3, "softmax"));
  Model model{net};
  set_trainable(model, "*", false);
  set_trainable(model, "head.*", true);
  model.compile({.optimizer = "adam", .loss = "sparse_categorical_crossentropy"});
  model.fit(x, y, {.epochs = 5, .validation_split = 0.1});
  const bool kept = allclose(model.get_weights()[0], base.get_weights()[0]);
  set_trainable(model, true);
  model.optimizer().set_learning_rate(1e-4);
  model.fit(x, y, {.epochs = 5});

  ::testing::internal::GetCapturedStdout();
  EXPECT_TRUE(kept);
  EXPECT_FALSE(allclose(model.get_weights()[0], base.get_weights()[0]));
}

}  // namespace
}  // namespace nacre
