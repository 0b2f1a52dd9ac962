// Training in bf16 learns what training in f32 learns.
#include <gtest/gtest.h>

#include "nacre/data/loader.h"
#include "nacre/data/sets/named.h"
#include "nacre/nacre.h"

namespace nacre {
namespace {

struct Trained {
  double accuracy;
  std::string plan;  // casts in it are to bf16
};

Trained train_digits(Precision precision) {
  const auto [train, test] = data::load("digits");
  manual_seed(3);
  Model model{nn::Sequential{nn::Flatten{}, nn::Dense{{.units = 128, .activation = relu}},
                             nn::Dense{{.units = 128, .activation = relu}},
                             nn::Dense{{.units = 10}}}};
  model.compile({.optimizer = optim::Adam({.learning_rate = 0.004}),
                 .loss = loss::sparse_categorical_crossentropy({.from_logits = true}),
                 .metrics = {metric::accuracy()},
                 .precision = precision});
  data::Loader batches(train, {.batch_size = 128, .shuffle = true, .drop_last = true});
  data::Loader held(test, {.batch_size = 128});
  model.fit(batches, {.epochs = 6, .verbose = 0});
  return {model.evaluate(held)["accuracy"], model.step_text()};
}

TEST(Precision, Bfloat16LearnsDigitsAsWellAsF32) {
  if (!why_no_bfloat16().empty()) GTEST_SKIP() << why_no_bfloat16();
  const Trained wide = train_digits(Precision::f32);
  const Trained narrow = train_digits(Precision::bf16);
  EXPECT_GT(wide.accuracy, 0.9);
  // 360 test samples: one standard deviation of their share is about 0.013.
  EXPECT_NEAR(narrow.accuracy, wide.accuracy, 0.03);
  EXPECT_EQ(wide.plan.find("cast ["), std::string::npos);
  EXPECT_NE(narrow.plan.find("cast ["), std::string::npos) << narrow.plan;
}

TEST(Precision, AutomaticIsOneOfTheTwo) {
  const bool narrow = uses_bfloat16(Precision::automatic);
  EXPECT_EQ(train_digits(Precision::automatic).plan.find("cast [") != std::string::npos, narrow);
}

}  // namespace
}  // namespace nacre
