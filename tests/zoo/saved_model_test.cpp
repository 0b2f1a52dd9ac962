#include "nacre/zoo/saved_model.h"

#include <gtest/gtest.h>

#include "nacre/data/loader.h"
#include "nacre/data/named.h"
#include "nacre/nacre.h"
#include "tests/support/files.h"

namespace nacre {
namespace {

using test::expect_error;
using test::TemporaryFolder;

TEST(SavedModel, NeedsNothingElse) {
  const TemporaryFolder folder;
  const auto [train, held] = data::load("digits");
  data::Loader batches(train, {.batch_size = 64, .shuffle = true});
  Model model{nn::Sequential{nn::Flatten{}, nn::Dense{{.units = 16, .activation = leaky_relu}},
                             nn::BatchNorm{}, nn::Dense{{.units = 10, .activation = softmax}}}};
  model.compile({.loss = loss::sparse_categorical_crossentropy()});
  model.fit(batches, {.epochs = 2, .verbose = 0});
  model.save(folder / "digits.safetensors");

  data::Loader test(held);
  const Tensor expected = model.predict(test);
  Model loaded = Model::load(folder / "digits.safetensors");
  EXPECT_EQ(loaded.predict(test).to_vector<float>(), expected.to_vector<float>());

  zoo::SavedModel saved = zoo::load_model(folder / "digits.safetensors");
  EXPECT_EQ(saved.input, (Spec{f32, {1, 8, 8}}));
  EXPECT_TRUE(saved.classifies);
  EXPECT_TRUE(zoo::gives_probabilities(saved.model.network()));
  EXPECT_EQ(saved.info.class_names.size(), 10u);

  // What was loaded can be trained on.
  loaded.compile(
      {.loss = loss::sparse_categorical_crossentropy(), .metrics = {metric::accuracy()}});
  const double before = loaded.evaluate(test)["accuracy"];
  loaded.fit(batches, {.epochs = 3, .verbose = 0});
  EXPECT_GT(loaded.evaluate(test)["accuracy"], before);
}

TEST(SavedModel, RefusesWhatAFileCannotHold) {
  const TemporaryFolder folder;
  Model own{nn::Sequential{nn::Dense{{.units = 2}}, [](const Tensor& x) { return x * 2; }}};
  expect_error<ValueError>([&] { own.save(folder / "own.safetensors"); },
                           {"layer \"1\"", "save_weights"});
  own.predict(zeros({1, 3}));
  own.save_weights(folder / "weights.safetensors");
  expect_error<IoError>([&] { Model::load(folder / "weights.safetensors"); }, {"no model"});
  expect_error<IoError>([&] { Model::load(folder / "missing.safetensors"); }, {"missing"});
}

}  // namespace
}  // namespace nacre
