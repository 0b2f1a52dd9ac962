#include "nacre/zoo/saved_model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "nacre/data/loader.h"
#include "nacre/data/sets/named.h"
#include "nacre/io/model_file.h"
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
  EXPECT_EQ(saved.task, zoo::Task::classification);
  EXPECT_TRUE(zoo::gives_probabilities(saved.model.network()));
  EXPECT_EQ(saved.info.class_names.size(), 10u);

  // What was loaded can be trained on.
  loaded.compile(
      {.loss = loss::sparse_categorical_crossentropy(), .metrics = {metric::accuracy()}});
  const double before = loaded.evaluate(test)["accuracy"];
  loaded.fit(batches, {.epochs = 3, .verbose = 0});
  EXPECT_GT(loaded.evaluate(test)["accuracy"], before);
}

// A small model's parts, to be changed.
io::ModelFile parts() {
  return {.weights = {{"0.weight", ones({2, 3})}, {"0.bias", zeros({2})}},
          .architecture = R"({"layers":[{"type":"dense","units":2}],"input":[3],)"
                          R"("input_dtype":"f32","task":"classification"})",
          .class_names = {"a", "b"}};
}

TEST(SavedModel, RefusesADamagedDescriptionAsAFile) {
  const TemporaryFolder folder;
  const auto path = folder / "m.safetensors";
  const auto load = [&](const char* architecture) {
    return [&path, architecture] {
      io::ModelFile file = parts();
      file.architecture = architecture;
      io::save_model_file(path, file);
      zoo::load_model(path);
    };
  };
  io::save_model_file(path, parts());
  EXPECT_EQ(zoo::load_model(path).input, (Spec{f32, {3}}));
  const struct {
    const char* architecture;
    const char* part;
  } cases[] = {
      {R"([])", "an object"},
      {R"({"input":[3]})", "\"layers\" is missing"},
      {R"({"layers":[{"type":"dense","units":2}]})", "\"input\" is missing"},
      {R"({"layers":[{"type":"dense","units":2}],"input":[-3]})", "input[0]"},
      {R"({"layers":[{"type":"dense","units":2}],"input":[9223372036854775808]})", "input[0]"},
      {R"({"layers":[{"type":"dense","units":2}],"input":[1099511627776,2]})", "at most"},
      {R"({"layers":[{"type":"dense","units":2}],"input":[1,1,1,1,1,1,1,1]})", "at most 7"},
      {R"({"layers":[{"type":"dense","units":2}],"input":3})", "a list"},
      {R"({"layers":[{"type":"dense","units":2}],"input":[3],"input_dtype":"f31"})", "dtype"},
      {R"({"layers":[{"type":"dense","units":2}],"input":[3],"task":"clustering"})", "\"task\""},
      {R"({"layers":[{"type":"dense","units":4294967298}],"input":[3]})", "\"units\""},
      {R"({"layers":[{"type":"dense","units":3}],"input":[3]})", "units = 3"},
      {R"({"layers":[{"type":"dens","units":2}],"input":[3]})", "\"dense\""}};
  for (const auto& c : cases) {
    expect_error<IoError>(load(c.architecture), {"m.safetensors", c.part});
  }
  io::ModelFile file = parts();
  file.architecture = std::string(1000, '[') + std::string(1000, ']');
  expect_error<ValueError>([&] { io::save_model_file(path, file); }, {"architecture", "deeper"});
  for (const std::size_t missing : {0, 1}) {
    file = parts();
    const std::string name = file.weights[missing].name;
    file.weights.erase(file.weights.begin() + static_cast<std::ptrdiff_t>(missing));
    io::save_model_file(path, file);
    expect_error<IoError>([&] { zoo::load_model(path); }, {"m.safetensors", name.c_str()});
  }
  file = parts();
  file.weights.clear();
  file.architecture = R"({"layers":[{"type":"dense","units":2147483647}],"input":[1000]})";
  io::save_model_file(path, file);
  expect_error<IoError>([&] { zoo::load_model(path); }, {"m.safetensors", "no weights", "\"0\""});
  file = parts();
  file.class_names = {"caf\xe9"};
  expect_error<ValueError>([&] { io::save_model_file(path, file); },
                           {"class names", "[0]", "UTF-8"});
}

TEST(SavedModel, SaysThatWeightsAreNotFinite) {
  const TemporaryFolder folder;
  io::ModelFile file = parts();
  io::save_model_file(folder / "m.safetensors", file);
  EXPECT_TRUE(zoo::load_model(folder / "m.safetensors").warnings.empty());
  for (const DType dtype : {f32, f64, bf16, f16}) {
    file.weights[1].tensor = tensor({1, INFINITY}, dtype);
    io::save_model_file(folder / "m.safetensors", file);
    const auto warnings = [&] {
      const auto saved = io::load_model_file(folder / "m.safetensors");
      return zoo::not_finite_in(saved.weights);
    }();
    ASSERT_EQ(warnings.size(), 1u);
    EXPECT_NE(warnings[0].find("0.bias"), std::string::npos) << warnings[0];
  }
  file.weights[1].tensor = tensor({1, NAN});
  io::save_model_file(folder / "m.safetensors", file);
  EXPECT_EQ(zoo::load_model(folder / "m.safetensors").warnings.size(), 1u);
  ::testing::internal::CaptureStderr();
  Model::load(folder / "m.safetensors");
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("warning"), std::string::npos) << said;
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
