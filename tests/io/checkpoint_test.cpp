#include "nacre/io/checkpoint.h"

#include <gtest/gtest.h>

#include <fstream>

#include "nacre/base/error.h"
#include "nacre/io/model_file.h"
#include "tests/support/files.h"

namespace nacre::io {
namespace {

using test::expect_error;
using Steps = std::vector<std::int64_t>;

Checkpoint at(std::int64_t step) {
  return {.step = step,
          .tensors = {{"w", tensor({1.5, static_cast<double>(step)})},
                      {"rng", Tensor::from(std::vector<std::int64_t>{step, -7})},
                      {"m", tensor({0.25}, bf16)}}};
}

TEST(Checkpoint, RoundTrip) {
  const test::TemporaryFolder folder;
  save_checkpoint(folder / "x", at(5));
  const Checkpoint back = load_checkpoint(folder / "x");
  EXPECT_EQ(back.step, 5);
  ASSERT_EQ(back.tensors.size(), 3u);
  for (const NamedTensor& t : back.tensors) {
    if (t.name == "rng") {
      EXPECT_EQ(t.tensor.to_vector<std::int64_t>(), (Steps{5, -7}));
    }
    if (t.name == "m") {
      EXPECT_EQ(t.tensor.spec(), (Spec{bf16, {1}}));
    }
  }
}

TEST(Checkpoint, FolderKeepsTheLastOnes) {
  const test::TemporaryFolder folder;
  const CheckpointFolder keeper(folder / "checkpoints", 2);
  EXPECT_FALSE(keeper.load_latest().has_value());
  for (const std::int64_t step : {1, 5, 12}) keeper.save(at(step));
  EXPECT_EQ(keeper.steps(), (Steps{5, 12}));
  EXPECT_EQ(keeper.load_latest()->step, 12);
  EXPECT_EQ(keeper.load(5).step, 5);
  // A run set back to step 5 goes another way from there.
  keeper.save(at(6));
  EXPECT_EQ(keeper.steps(), (Steps{5, 6}));
  EXPECT_THROW(CheckpointFolder(folder.path(), 0), ValueError);
}

TEST(Checkpoint, DamagedOnesArePassedOver) {
  const test::TemporaryFolder folder;
  const CheckpointFolder keeper(folder.path(), 3);
  keeper.save(at(1));
  keeper.save(at(2));
  std::string bytes = read_file(keeper.path_of(2));
  bytes[bytes.size() - 3] ^= 1;  // within the data: only the checksum can tell
  write_file(keeper.path_of(2), bytes);
  expect_error<IoError>([&] { keeper.load(2); }, {"checksum", "damaged"});
  std::vector<std::string> problems;
  EXPECT_EQ(keeper.load_latest(&problems)->step, 1);
  EXPECT_EQ(problems.size(), 1u);
  write_file(keeper.path_of(1), "");
  EXPECT_THROW(keeper.load_latest(), IoError);
}

TEST(Checkpoint, LeftoversOfKilledRunsGo) {
  const test::TemporaryFolder folder;
  write_file(folder / "step-000000000003.checkpoint.part-1-0", "half");
  write_file(folder / "notes.txt", "mine");
  const CheckpointFolder keeper(folder.path());
  keeper.save(at(4));
  EXPECT_EQ(keeper.steps(), (Steps{4}));
  EXPECT_FALSE(std::filesystem::exists(folder / "step-000000000003.checkpoint.part-1-0"));
  EXPECT_TRUE(std::filesystem::exists(folder / "notes.txt"));
}

TEST(Checkpoint, DamageIsAnIoError) {
  const test::TemporaryFolder folder;
  save_checkpoint(folder / "x", at(5));
  test::batter(
      read_file(folder / "x"),
      [&](const std::string& bytes) {
        std::ofstream(folder / "y", std::ios::binary) << bytes;
        load_checkpoint(folder / "y");
      },
      60, 150);
}

TEST(ModelFile, RoundTrip) {
  const test::TemporaryFolder folder;
  const ModelFile model{.weights = {{"fc.weight", tensor({{1, 2}})}},
                        .architecture = R"({"type":"Sequential"})",
                        .preprocessing = "{}",
                        .class_names = {"cat", "d\"og", "Käse"},
                        .extra = {{"training", "5 epochs"}}};
  save_model_file(folder / "m.safetensors", model);
  const ModelFile back = load_model_file(folder / "m.safetensors");
  EXPECT_EQ(back.architecture, model.architecture);
  EXPECT_EQ(back.preprocessing, model.preprocessing);
  EXPECT_EQ(back.class_names, model.class_names);
  EXPECT_EQ(back.extra, model.extra);
  EXPECT_EQ(back.weights[0].name, "fc.weight");
}

TEST(ModelFile, RefusesWhatIsNone) {
  const test::TemporaryFolder folder;
  save_safetensors(folder / "x", {{"a", ones({1})}});
  expect_error<IoError>([&] { load_model_file(folder / "x"); }, {"no model", "hint"});
  save_safetensors(folder / "y", {}, {{"nacre.version", "9"}});
  expect_error<IoError>([&] { load_model_file(folder / "y"); }, {"model format 9", "newer"});
  EXPECT_THROW(save_model_file(folder / "z", {.architecture = "{"}), ValueError);
  EXPECT_THROW(save_model_file(folder / "z", {.extra = {{"format", "x"}}}), ValueError);
}

}  // namespace
}  // namespace nacre::io
