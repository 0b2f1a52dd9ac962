// Options that have no use in a call are errors, and errors say the user's line.
#include <gtest/gtest.h>

#include <functional>

#include "nacre/data/loader.h"
#include "nacre/io/checkpoint.h"
#include "nacre/nacre.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"

namespace nacre {
namespace {

using test::expect_error;

const Tensor& inputs() {
  static const Tensor x = tensor({{1, 2}, {3, 4}, {5, 6}, {7, 8}});
  return x;
}
const Tensor& labels() {
  static const Tensor y = tensor({0, 1, 1, 0}, i64);
  return y;
}

Model make_model(optim::Optimizer optimizer = optim::SGD({.learning_rate = 0.01}),
                 std::int64_t units = 2) {
  Model model{nn::Sequential{nn::Dense{{.units = units}}}};
  model.compile({.optimizer = std::move(optimizer),
                 .loss = loss::sparse_categorical_crossentropy({.from_logits = true})});
  return model;
}

// What a source says itself does not compile.
template <class M>
concept SourceTakesEpochs = requires(M m, data::Loader& loader) {
  m.fit(loader, {.epochs = 2});
};
template <class M>
concept SourceTakesBatchSize = requires(M m, data::Loader& loader) {
  m.fit(loader, {.batch_size = 32});
};
template <class M>
concept SourceTakesShuffle = requires(M m, data::Loader& loader) {
  m.fit(loader, {.shuffle = true});
};
template <class M>
concept SourceTakesSeed = requires(M m, data::Loader& loader) {
  m.fit(loader, {.seed = 0});
};
template <class M>
concept SourceTakesSplit = requires(M m, data::Loader& loader) {
  m.fit(loader, {.validation_split = 0.1});
};
template <class M>
concept SourceTakesValidation = requires(M m, data::Loader& loader, const Tensor& t) {
  m.fit(loader, {.validation = {t, t}});
};
template <class M>
concept SourceTakesWeights = requires(M m, data::Loader& loader, const Tensor& t) {
  m.fit(loader, {.sample_weights = t});
};
template <class M>
concept TensorsTakeAll = requires(M m, const Tensor& t) {
  m.fit(t, t, {.batch_size = 32, .shuffle = true, .seed = 0, .sample_weights = t});
};
static_assert(SourceTakesEpochs<Model> && TensorsTakeAll<Model>);
static_assert(!SourceTakesBatchSize<Model> && !SourceTakesShuffle<Model> &&
              !SourceTakesSeed<Model> && !SourceTakesSplit<Model> &&
              !SourceTakesValidation<Model> && !SourceTakesWeights<Model>);

TEST(FitOptionsTest, ASourceOfBatchesTakesNoneThatItSaysItself) {
  data::Loader loader(data::Dataset::from({inputs()}, {labels()}), {.batch_size = 2});
  Model model = make_model();
  EXPECT_EQ(model.fit(loader, {.epochs = 2, .verbose = 0}).epochs.size(), 2u);
}

TEST(FitOptionsTest, OptionsOfNoUse) {
  Model model = make_model();
  const auto refused = [&](std::initializer_list<const char*> parts, const FitOptions& options) {
    expect_error<ValueError>([&] { model.fit(inputs(), labels(), options); }, parts);
  };
  data::Loader loader(data::Dataset::from({inputs()}, {labels()}));
  const Validation held{.x = {inputs()}, .y = labels()};
  refused({"more than one"}, {.validation_split = 0.25, .validation = held});
  refused({"more than one"}, {.validation = held, .validation_source = &loader});
  refused({"validation has no x"}, {.validation = {.y = labels()}});
  refused({"validation has no y"}, {.validation = {.x = {inputs()}}});
  refused({"validation_split", "validate"}, {.validation_split = 1e-18});
  refused({"verbose is 3"}, {.verbose = 3});
  refused({"epochs -1"}, {.epochs = -1});
  refused({"no folder"}, {.checkpoint = {.every_steps = 5}});
  refused({"no folder"}, {.checkpoint = {.keep = 5}});
  refused({"keep = 0"}, {.checkpoint = {.folder = "x", .keep = 0}});
  refused({"resume needs"}, {.resume = true});
  refused({"callback 2 of 2 is null"}, {.callbacks = {make_callback({}), nullptr}});
  expect_error<ValueError>([&] { model.evaluate(inputs(), labels(), {.verbose = -1}); },
                           {"verbose"});
}

TEST(FitOptionsTest, OptionsOfCompileThatExcludeEachOther) {
  Model model{nn::Dense{{.units = 1}}};
  expect_error<ValueError>(
      [&] {
        model.compile(
            {.optimizer = optim::SGD(), .loss = loss::mse(), .lbfgs = optim::LBFGSOptions{}});
      },
      {".optimizer", ".lbfgs"});
  expect_error<ValueError>(
      [&] {
        model.compile({.loss = loss::mse(), .precision = Precision::bf16, .run_eagerly = true});
      },
      {"run_eagerly"});
  model.compile({.loss = loss::mse()});
  EXPECT_EQ(model.optimizer().name(), "adam");
}

TEST(FitOptionsTest, OptionsOfALoader) {
  const auto set = data::Dataset::from({inputs()}, {labels()});
  expect_error<ValueError>([&] { data::Loader(set, {.prefetch = 2}); }, {"prefetch", "workers"});
  EXPECT_THROW(data::Loader(set, {.workers = 1, .prefetch = 0}), ValueError);
  EXPECT_NO_THROW(data::Loader(set, {.workers = 1, .prefetch = 2}));
}

TEST(FitOptionsTest, OptionsOfCallbacksOutOfRange) {
  EXPECT_THROW(early_stopping({.patience = -1}), ValueError);
  EXPECT_THROW(early_stopping({.min_delta = std::nan("")}), ValueError);
  EXPECT_THROW(reduce_on_plateau({.patience = -1}), ValueError);
  EXPECT_THROW(reduce_on_plateau({.cooldown = -1}), ValueError);
  EXPECT_THROW(reduce_on_plateau({.minimum_rate = -1}), ValueError);
  EXPECT_THROW(periodic_weights({.keep = -1}), ValueError);
}

// An error names this file, not one of the library.
template <class E>
void expect_own_line(const std::function<void()>& f, std::initializer_list<const char*> parts) {
  expect_error<E>(f, parts);
  expect_error<E>(f, {"called at options_test.cpp"});
}

TEST(ErrorsOfFit, NameTheUsersLine) {
  Model model = make_model();
  const FitOptions quiet{.verbose = 0};
  FitOptions weighted = quiet;
  weighted.sample_weights = ones({3, 2});
  expect_own_line<ShapeError>([&] { model.fit(inputs(), labels(), weighted); },
                              {"sample_weights", "f32[3,2]", "i64[4]"});
  expect_own_line<ShapeError>(
      [&] { model.evaluate(inputs(), labels(), {.sample_weights = ones({5})}); },
      {"sample_weights", "[5]"});
  expect_own_line<ValueError>(
      [&] {
        model.fit(zeros({0, 2}), zeros({0}, i64), quiet);
      },
      {"no samples"});
  expect_own_line<ValueError>(
      [&] {
        model.evaluate(zeros({0, 2}), zeros({0}, i64));
      },
      {"no samples"});
  expect_own_line<ValueError>([&] { model.predict(zeros({0, 2})); }, {"no samples"});
  expect_own_line<ShapeError>([&] { model.fit(inputs(), ones({3}, i64), quiet); }, {"first axes"});
  expect_own_line<ValueError>([&] { model.fit(Tensor(), labels(), quiet); }, {"undefined"});
  expect_own_line<ValueError>([&] { model.fit(inputs(), Tensor(), quiet); }, {"undefined"});
  expect_own_line<ValueError>([&] { model.fit(inputs(), labels(), {.batch_size = 0}); },
                              {"batch_size 0"});
  Model raw{nn::Dense{{.units = 2}}};
  expect_own_line<ValueError>([&] { raw.fit(inputs(), labels(), quiet); }, {"not compiled"});
  // What only an op deep inside finds.
  Model mse{nn::Dense{{.units = 2}}};
  mse.compile({.loss = loss::mse(), .metrics = {metric::mean_absolute_error()}});
  expect_own_line<ShapeError>([&] { mse.fit(inputs(), ones({4, 3}), quiet); }, {"[4,3]"});
  expect_own_line<ValueError>([&] { model.fit(inputs(), full({4}, 7, i64), quiet); }, {"7"});
  expect_own_line<ShapeError>(
      [&] {
        model.predict(ones({2, 3, 9}));
        model.predict(ones({2, 2}));
      },
      {"features"});
}

TEST(ErrorsOfFit, EmptyFunctionsAreExceptions) {
  using OneTensor = std::function<Tensor(const Tensor&)>;
  expect_error<ValueError>([] { nn::Sequential{nn::Layer(OneTensor())}; }, {"layer", "empty"});
  expect_error<ValueError>([] { nn::Activation{OneTensor()}; }, {"activation", "empty"});
  expect_error<ValueError>([] { loss::Loss()(ones({2}), ones({2})); }, {"loss", "empty"});
  expect_error<ValueError>([] { compile(OneTensor()); }, {"compile", "empty"});
  expect_error<ValueError>([] { CompiledFunction(nullptr)({}); }, {"compile", "empty"});
  expect_error<ValueError>([] { grad(OneTensor()); }, {"value_and_grad", "empty"});
  expect_error<ValueError>([] { nn::Initializer("mine", {}); }, {"initializer", "empty"});
  const auto set = data::Dataset::from({inputs()}, {labels()});
  expect_error<ValueError>([&] { set.map({}); }, {"map", "empty"});
  expect_error<ValueError>([&] { set.transform(nullptr); }, {"transform", "null"});
  expect_error<ValueError>([] { data::Dataset::generate(3, {}); }, {"generate", "empty"});
  expect_error<ValueError>([&] { data::Loader(set, {.steps = {nullptr}}); }, {"step", "empty"});
}

// As Keras: whole numbers become f32 in the layers that have weights.
TEST(FitData, BytesAreTaken) {
  const Tensor pictures = (arange(4 * 1 * 6 * 6, f32)).reshape({4, 1, 6, 6}).to(u8);
  const auto trained = [&](const Tensor& x) {
    manual_seed(3);
    Model model{nn::Sequential{nn::Conv2d{{.filters = 2, .kernel_size = 3, .activation = relu}},
                               nn::BatchNorm{}, nn::Flatten{}, nn::Dense{{.units = 2}}}};
    model.compile({.optimizer = optim::SGD({.learning_rate = 1e-3}),
                   .loss = loss::sparse_categorical_crossentropy({.from_logits = true}),
                   .metrics = {metric::accuracy()}});
    const History h = model.fit(x, labels(), {.epochs = 2, .verbose = 0});
    EXPECT_EQ(model.predict(x).dtype(), f32);
    return h["loss"];
  };
  EXPECT_EQ(trained(pictures), trained(pictures.to(f32)));
  Model dense = make_model();
  dense.fit(inputs().to(u8), labels().to(u8), {.verbose = 0});
  Model flags{nn::Sequential{nn::MaxPool1d{}, nn::Flatten{}, nn::PReLU{}, nn::LayerNorm{},
                             nn::Dense{{.units = 1}}}};
  flags.compile({.loss = loss::mse()});
  flags.fit((arange(16, f32)).reshape({4, 1, 4}).to(u8), labels().to(u8).reshape({4, 1}),
            {.verbose = 0});
}

TEST(FitData, ColumnsOfWeightsAreWeights) {
  const Tensor w = tensor({1, 0, 2, 0.5});
  const auto trained = [&](const Tensor& weights, const Tensor& y) {
    manual_seed(3);
    Model model{nn::Dense{{.units = 1}}};
    model.compile({.optimizer = optim::SGD({.learning_rate = 0.01}), .loss = loss::mse()});
    FitOptions options{.epochs = 2, .batch_size = 2, .verbose = 0};
    options.sample_weights = weights;
    return model.fit(inputs(), y, options)["loss"];
  };
  const Tensor y = labels().to(f32).reshape({4, 1});
  EXPECT_EQ(trained(w, y), trained(w.reshape({4, 1}), y));
  EXPECT_EQ(trained(w, y), trained(w.to(f64), y));
}

TEST(CheckpointsOfFit, OfAnOlderRunAreKept) {
  const test::TemporaryFolder folder;
  const FitOptions options{.epochs = 2, .verbose = 0, .checkpoint = {.folder = folder / "c"}};
  make_model().fit(inputs(), labels(), options);
  const auto steps = io::CheckpointFolder(folder / "c").steps();
  ASSERT_FALSE(steps.empty());
  Model second = make_model();
  expect_error<ValueError>([&] { second.fit(inputs(), labels(), options); },
                           {"older run", ".resume", (folder / "c").c_str()});
  EXPECT_EQ(io::CheckpointFolder(folder / "c").steps(), steps);
}

TEST(CheckpointsOfFit, OfOtherRunsNameTheFileAndBothSides) {
  const test::TemporaryFolder folder;
  FitOptions options{.epochs = 1,
                     .batch_size = 2,
                     .verbose = 0,
                     .checkpoint = {.folder = folder / "c", .every_steps = 1, .keep = 10}};
  make_model().fit(inputs(), labels(), options);
  options.resume = true;
  options.epochs = 3;
  const auto refused = [&](Model model, std::initializer_list<const char*> parts) {
    expect_error<IoError>([&] { model.fit(inputs(), labels(), options); }, {"step-", "called at"});
    expect_error<IoError>([&] { model.fit(inputs(), labels(), options); }, parts);
  };
  refused(make_model(optim::Adam()), {"\"sgd\"", "\"adam\""});
  refused(make_model(optim::SGD({.learning_rate = 0.01}), 3), {"0.weight", "[2,2]", "[3,2]"});
  Model deeper{nn::Sequential{nn::Dense{{.units = 2}}, nn::Dense{{.units = 2}}}};
  const loss::Loss loss = loss::sparse_categorical_crossentropy({.from_logits = true});
  deeper.compile({.optimizer = optim::SGD({.learning_rate = 0.01}), .loss = loss});
  refused(deeper, {"1.weight"});
  Model measured = make_model();
  measured.compile({.optimizer = optim::SGD(), .loss = loss, .metrics = {"accuracy"}});
  refused(measured, {"metrics", "(none)", "accuracy"});
  Model whole{nn::Sequential{nn::Dense{{.units = 2}}}};
  whole.compile({.loss = loss, .lbfgs = optim::LBFGSOptions{.mini_batches = true}});
  refused(whole, {"\"sgd\"", "L-BFGS"});
  // A model that was built already is as it was.
  Model built = make_model(optim::Adam());
  built.predict(inputs());
  const auto before = built.parameters()[0].value().to_vector<float>();
  refused(built, {"\"sgd\""});
  EXPECT_EQ(built.parameters()[0].value().to_vector<float>(), before);
  // In the middle of an epoch the batches must be the same.
  const io::CheckpointFolder kept(folder / "c");
  std::filesystem::remove(kept.path_of(2));
  options.batch_size = 1;
  refused(make_model(), {"batches of 2", "batches of 1"});
  options.batch_size = 2;
  EXPECT_EQ(make_model().fit(inputs(), labels(), options).epochs.size(), 3u);
}

}  // namespace
}  // namespace nacre
