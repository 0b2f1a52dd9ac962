// A run that was interrupted ends bit for bit where the uninterrupted run ends; callbacks; loops
// written by hand.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "nacre/base/file.h"
#include "nacre/base/random.h"
#include "nacre/base/threads.h"
#include "nacre/data/loader.h"
#include "nacre/io/checkpoint.h"
#include "nacre/io/safetensors.h"
#include "nacre/nacre.h"
#include "tests/support/files.h"

namespace nacre {
namespace {

namespace fs = std::filesystem;

struct Toy {
  Tensor x;
  Tensor y;
};
Toy toy() {
  RandomStream random(3);
  std::vector<float> x;
  std::vector<std::int64_t> y;
  for (int i = 0; i < 90; ++i) {
    for (int k = 0; k < 4; ++k) x.push_back(static_cast<float>(random.uniform(-1, 1)));
    y.push_back(x[x.size() - 1] + x[x.size() - 2] > 0 ? 1 : 0);
  }
  return {Tensor::from(x, {90, 4}), Tensor::from(y)};
}

Model make_model(int accumulate = 1) {
  manual_seed(4);
  Model model{nn::Sequential{nn::Dense{{.units = 8, .activation = relu}}, nn::BatchNorm{},
                             nn::Dropout{{.rate = 0.2}}, nn::Dense{{.units = 2}}}};
  model.compile({.optimizer = optim::Adam(
                     {.learning_rate = optim::schedule::cosine({.rate = 0.05, .steps = 40})}),
                 .loss = loss::sparse_categorical_crossentropy({.from_logits = true}),
                 .metrics = {metric::accuracy(), metric::f1()},
                 .accumulate = accumulate});
  return model;
}

void expect_same(Model& a, Model& b) {
  const auto left = a.training_state();
  const auto right = b.training_state();
  ASSERT_EQ(left.size(), right.size());
  for (const auto& [name, value] : left) {
    EXPECT_EQ(value.to_vector<double>(), right.at(name).to_vector<double>()) << name;
  }
}

struct Stop : std::exception {};

void interrupted_run_equals(int accumulate, std::int64_t stop_after) {
  const Toy data = toy();
  const test::TemporaryFolder folder;
  FitOptions options{.epochs = 4,
                     .batch_size = 16,
                     .validation_split = 0.2,
                     .verbose = 0,
                     .checkpoint = {.folder = folder / "run", .every_steps = 1}};
  const auto with_memory = [] { return Callbacks{early_stopping({.patience = 50})}; };
  options.callbacks = with_memory();
  Model whole = make_model(accumulate);
  const History expected = whole.fit(data.x, data.y, options);
  fs::remove_all(options.checkpoint.folder);

  // As a kill would: the exception leaves fit() between two steps, nothing is tidied up.
  std::int64_t seen = 0;
  options.callbacks = with_memory();
  options.callbacks.push_back(make_callback({.on_batch_end = [&](TrainingState&) {
    if (++seen > stop_after) throw Stop();
  }}));
  Model killed = make_model(accumulate);
  EXPECT_THROW(killed.fit(data.x, data.y, options), Stop);

  options.callbacks = with_memory();
  options.resume = true;
  manual_seed(99);
  Model resumed = make_model(accumulate);
  manual_seed(123);
  const History history = resumed.fit(data.x, data.y, options);
  ASSERT_EQ(history.epochs.size(), expected.epochs.size());
  for (std::size_t i = 0; i < history.epochs.size(); ++i) {
    EXPECT_EQ(to_string(history.epochs[i]), to_string(expected.epochs[i]));
  }
  expect_same(whole, resumed);
}

TEST(Resume, BitForBitFromTheMiddleOfAnEpoch) { interrupted_run_equals(1, 7); }
TEST(Resume, BitForBitFromTheEndOfAnEpoch) { interrupted_run_equals(1, 10); }
TEST(Resume, BitForBitWithAccumulation) { interrupted_run_equals(2, 6); }

TEST(Resume, BitForBitWithTwoThreads) {
  const int before = threads();
  set_threads(2);
  interrupted_run_equals(1, 7);
  set_threads(before);
}

// The order and the augmentation hang on the batch's number, not on who makes it when.
TEST(Resume, BitForBitWithSeveralWorkers) {
  const Toy toy_data = toy();
  const data::Dataset set =
      data::Dataset::from({toy_data.x}, {toy_data.y}).map([](data::Sample s, RandomStream& random) {
        s.inputs[0] = s.inputs[0] * random.uniform(0.9, 1.1);
        return s;
      });
  const auto batches = [&](int workers) {
    return data::Loader(set, {.batch_size = 16, .shuffle = true, .seed = 5, .workers = workers});
  };
  const test::TemporaryFolder folder;
  SourceFitOptions options{.epochs = 4, .verbose = 0};
  Model whole = make_model();
  data::Loader one = batches(0);
  whole.fit(one, options);
  options.checkpoint = {.folder = folder.path(), .every_steps = 1};
  std::int64_t seen = 0;
  options.callbacks = {make_callback({.on_batch_end = [&](TrainingState&) {
    if (++seen > 8) throw Stop();
  }})};
  Model killed = make_model();
  data::Loader three = batches(3);
  EXPECT_THROW(killed.fit(three, options), Stop);
  options.callbacks = {};
  options.resume = true;
  Model resumed = make_model();
  data::Loader four = batches(4);
  resumed.fit(four, options);
  expect_same(whole, resumed);
}

TEST(Resume, PassesOverADamagedCheckpoint) {
  const Toy data = toy();
  const test::TemporaryFolder folder;
  FitOptions options{.epochs = 3, .batch_size = 30, .verbose = 0};
  Model whole = make_model();
  whole.fit(data.x, data.y, options);
  options.checkpoint = {.folder = folder.path()};
  options.epochs = 2;
  Model first = make_model();
  first.fit(data.x, data.y, options);
  const io::CheckpointFolder checkpoints(folder.path());
  ASSERT_EQ(checkpoints.steps(), (std::vector<std::int64_t>{3, 6}));
  fs::resize_file(checkpoints.path_of(6), fs::file_size(checkpoints.path_of(6)) / 2);
  options.epochs = 3;
  options.resume = true;
  Model second = make_model();
  EXPECT_EQ(second.fit(data.x, data.y, options).epochs.size(), 3u);
  expect_same(whole, second);
  EXPECT_EQ(checkpoints.steps(), (std::vector<std::int64_t>{6, 9}));
}

TEST(Resume, WhatIsNoCheckpointIsRefused) {
  const test::TemporaryFolder folder;
  const io::CheckpointFolder checkpoints(folder.path());
  checkpoints.save({.step = 1, .tensors = {{"a", ones({2})}}});
  const Toy data = toy();
  Model model = make_model();
  const FitOptions options{.verbose = 0, .checkpoint = {.folder = folder.path()}, .resume = true};
  test::expect_error<IoError>([&] { model.fit(data.x, data.y, options); }, {"run/position"});
  io::save_safetensors(checkpoints.path_of(1), {{"a", ones({2})}});
  test::expect_error<IoError>([&] { model.fit(data.x, data.y, options); }, {"not a checkpoint"});
}

// A run with both logs that goes on with what the folder has.
FitOptions logged(const test::TemporaryFolder& folder, int epochs) {
  return {.epochs = epochs,
          .batch_size = 30,
          .callbacks = {csv_log(folder / "log.csv"), json_lines_log(folder / "log.jsonl")},
          .verbose = 0,
          .checkpoint = {.folder = folder / "checkpoints"},
          .resume = true};
}

// A run set back to an earlier checkpoint writes each epoch's line once.
TEST(Resume, LogsHaveOneLineAnEpoch) {
  const Toy data = toy();
  const test::TemporaryFolder folder;
  const auto options = [&](int epochs) { return logged(folder, epochs); };
  Model first = make_model();
  first.fit(data.x, data.y, options(3));
  fs::remove(io::CheckpointFolder(folder / "checkpoints").path_of(9));
  Model second = make_model();
  second.fit(data.x, data.y, options(4));
  for (const char* name : {"log.csv", "log.jsonl"}) {
    std::ifstream file(folder / name);
    int lines = 0;
    for (std::string line; std::getline(file, line); ++lines) {
    }
    EXPECT_EQ(lines, std::string(name) == "log.csv" ? 5 : 4) << name;
  }
}

TEST(Resume, RefusesOtherBatchesInTheMiddleOfAnEpoch) {
  const Toy data = toy();
  const test::TemporaryFolder folder;
  FitOptions options{.epochs = 2,
                     .batch_size = 16,
                     .callbacks = {make_callback(
                         {.on_batch_end = [](TrainingState& s) { s.stop = s.batch == 2; }})},
                     .verbose = 0,
                     .checkpoint = {.folder = folder.path()}};
  Model first = make_model();
  first.fit(data.x, data.y, options);
  options.callbacks = {};
  options.resume = true;
  options.batch_size = 32;
  Model second = make_model();
  test::expect_error<IoError>([&] { second.fit(data.x, data.y, options); },
                              {"in batches of 16", "in batches of 32"});
  options.batch_size = 16;
  EXPECT_EQ(second.fit(data.x, data.y, options).epochs.size(), 2u);
}

// The checkpoint is the truth: what became of the log meanwhile does not matter.
TEST(Resume, LogsComeFromTheCheckpoint) {
  const Toy data = toy();
  const test::TemporaryFolder folder;
  const auto options = [&](int epochs) { return logged(folder, epochs); };
  Model first = make_model();
  first.fit(data.x, data.y, options(3));
  const std::string csv = read_file(folder / "log.csv");
  const std::string jsonl = read_file(folder / "log.jsonl");
  write_file(folder / "log.csv", "");
  fs::remove(folder / "log.jsonl");
  Model second = make_model();
  second.fit(data.x, data.y, options(4));
  EXPECT_TRUE(read_file(folder / "log.csv").starts_with(csv));
  EXPECT_TRUE(read_file(folder / "log.jsonl").starts_with(jsonl));
  EXPECT_GT(read_file(folder / "log.jsonl").size(), jsonl.size());
}

TEST(Resume, ACheckpointFolderHasOneRunAtATime) {
  const Toy data = toy();
  const test::TemporaryFolder folder;
  const FitOptions options{.verbose = 0, .checkpoint = {.folder = folder.path()}};
  FitOptions outer = options;
  outer.callbacks = {make_callback({.on_epoch_end = [&](TrainingState&) {
    Model other = make_model();
    test::expect_error<IoError>([&] { other.fit(data.x, data.y, options); }, {"in use by process"});
  }})};
  Model model = make_model();
  model.fit(data.x, data.y, outer);
  outer.callbacks = {};
  outer.resume = true;
  outer.epochs = 2;
  model.fit(data.x, data.y, outer);
}

TEST(Callbacks, EarlyStoppingRestoresTheBest) {
  const Toy data = toy();
  Model model = make_model();
  // The wrong way round, so that training itself ends the improvement.
  nn::StateMap best;
  double most = -1;
  const History history = model.fit(
      data.x, data.y,
      {.epochs = 60,
       .validation_split = 0.3,
       .callbacks = {early_stopping(
                         {.patience = 3, .direction = Direction::up, .restore_best = true}),
                     make_callback({.on_epoch_end =
                                        [&](TrainingState& s) {
                                          if (s.logs()["val_loss"] > most) {
                                            most = s.logs()["val_loss"];
                                            best = nn::values_of(s.model.state());
                                          }
                                        }})},
       .verbose = 0});
  EXPECT_LT(history.epochs.size(), 60u);
  for (const auto& [name, value] : nn::values_of(model.state())) {
    EXPECT_EQ(value.to_vector<double>(), best.at(name).to_vector<double>()) << name;
  }
}

TEST(Callbacks, LogsBestAndPeriodicFiles) {
  const Toy data = toy();
  const test::TemporaryFolder folder;
  Model model = make_model();
  model.fit(data.x, data.y,
            {.epochs = 3,
             .callbacks = {csv_log(folder / "log.csv"), json_lines_log(folder / "log.jsonl"),
                           best_weights({.path = folder / "best.safetensors", .monitor = "loss"}),
                           periodic_weights({.folder = folder.path(), .keep = 2})},
             .verbose = 0});
  std::ifstream csv(folder / "log.csv");
  std::string line;
  std::getline(csv, line);
  EXPECT_EQ(line, "epoch,step,learning_rate,loss,accuracy,f1");
  int rows = 0;
  while (std::getline(csv, line)) ++rows;
  EXPECT_EQ(rows, 3);
  EXPECT_TRUE(fs::exists(folder / "best.safetensors"));
  EXPECT_FALSE(fs::exists(folder / "epoch-0001.safetensors"));
  EXPECT_TRUE(fs::exists(folder / "epoch-0003.safetensors"));
  Model other = make_model();
  other.load_weights(folder / "epoch-0003.safetensors");
  EXPECT_EQ(other.predict(data.x).to_vector<float>(), model.predict(data.x).to_vector<float>());
}

TEST(Callbacks, PlateauReducesTheRate) {
  const Toy data = toy();
  Model model = make_model();
  model.compile({.optimizer = optim::SGD({.learning_rate = 0.1}),
                 .loss = loss::sparse_categorical_crossentropy({.from_logits = true})});
  model.fit(data.x, data.y,
            {.epochs = 3,
             .callbacks = {reduce_on_plateau(
                 {.monitor = "loss", .factor = 0.5, .patience = 1, .min_delta = 100})},
             .verbose = 0});
  EXPECT_NEAR(model.optimizer().learning_rate(), 0.1 * 0.25, 1e-12);
}

TEST(Fit, WeightsOfSamplesAndClasses) {
  const Toy data = toy();
  // Samples of weight 0 do not count: the same as leaving them out.
  std::vector<float> weights(90, 0.0f);
  for (int i = 0; i < 45; ++i) weights[static_cast<std::size_t>(i)] = 1;
  const auto plain = [] {
    manual_seed(8);
    Model model{nn::Sequential{nn::Dense{{.units = 2}}}};
    model.compile({.optimizer = optim::SGD({.learning_rate = 0.5}),
                   .loss = loss::sparse_categorical_crossentropy({.from_logits = true})});
    return model;
  };
  Model a = plain();
  a.fit(
      data.x, data.y,
      {.batch_size = 90, .shuffle = false, .sample_weights = Tensor::from(weights), .verbose = 0});
  Model b = plain();
  std::vector<float> x = data.x.to_vector<float>();
  x.resize(45 * 4);
  std::vector<std::int64_t> y = data.y.to_vector<std::int64_t>();
  y.resize(45);
  b.fit(Tensor::from(x, {45, 4}), Tensor::from(y),
        {.batch_size = 45, .shuffle = false, .verbose = 0});
  const auto left = a.parameters()[0].value().to_vector<float>();
  const auto right = b.parameters()[0].value().to_vector<float>();
  for (std::size_t i = 0; i < left.size(); ++i) EXPECT_NEAR(left[i], right[i], 1e-5);
  Model c = plain();
  c.fit(data.x, data.y, {.epochs = 20, .class_weights = {{1, 100}}, .verbose = 0});
  // Class 1 is worth everything: it is predicted nearly always.
  EXPECT_GT(mean(argmax(c.predict(data.x), 1).to(f32)).item(), 0.7);
}

TEST(Fit, ErrorsSayWhatToDo) {
  const Toy data = toy();
  Model raw{nn::Dense{{.units = 2}}};
  EXPECT_THROW(raw.fit(data.x, data.y), ValueError);
  EXPECT_THROW(raw.compile({}), ValueError);
  Model model = make_model();
  EXPECT_THROW(model.fit(data.x, ones({3})), ShapeError);
  EXPECT_THROW(model.fit(data.x, data.y, {.validation_split = 1}), ValueError);
  Model blown{nn::Dense{{.units = 1}}};
  blown.compile({.optimizer = optim::SGD({.learning_rate = 1e30}), .loss = loss::mse()});
  try {
    blown.fit(data.x, data.y.to(f32), {.epochs = 5, .verbose = 0});
    FAIL() << "no error";
  } catch (const ValueError& e) {
    EXPECT_NE(std::string(e.what()).find("epoch 1"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("weight"), std::string::npos) << e.what();
  }
}

// The same training by fit(), by value_and_grad and by a tape.
TEST(PlainLoop, TrainsTheSameAsFit) {
  const Toy data = toy();
  const loss::Loss loss = loss::sparse_categorical_crossentropy({.from_logits = true});
  manual_seed(6);
  nn::Sequential net{nn::Dense{{.units = 6, .activation = tanh}}, nn::Dense{{.units = 2}}};
  nn::Sequential twin = net;
  Model model{net};
  model.compile({.optimizer = optim::Adam({.learning_rate = 0.01}), .loss = loss});
  model.fit(data.x, data.y, {.epochs = 5, .batch_size = 90, .shuffle = false, .verbose = 0});

  optim::Adam adam({.learning_rate = 0.01});
  for (int i = 0; i < 5; ++i) {
    const auto [value, gradients] =
        value_and_grad([&] { return loss(net(data.x), data.y); }, net)();
    adam.apply(net, gradients);
  }
  optim::Adam other({.learning_rate = 0.01});
  auto step = compile([&](const Tensor& x, const Tensor& y) {
    GradientTape tape;
    const Tensor value = loss(twin(x), y);
    Tensors sources;
    const auto parameters = nn::parameters(twin);
    for (const auto& p : parameters) sources.push_back(p.value());
    other.apply(parameters, tape.gradient(value, sources));
    return value;
  });
  for (int i = 0; i < 5; ++i) step(data.x, data.y);

  const auto expected = model.parameters();
  const auto by_function = nn::parameters(net);
  const auto by_tape = nn::parameters(twin);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto e = expected[i].value().to_vector<float>();
    const auto f = by_function[i].value().to_vector<float>();
    const auto t = by_tape[i].value().to_vector<float>();
    for (std::size_t k = 0; k < e.size(); ++k) {
      EXPECT_NEAR(f[k], e[k], 1e-5);
      EXPECT_NEAR(t[k], e[k], 1e-5);
    }
  }
}

}  // namespace
}  // namespace nacre
