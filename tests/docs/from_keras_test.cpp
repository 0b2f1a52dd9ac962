// The blocks of docs/from-keras.md; tests/docs/pages_test.cpp compares.
#include <gtest/gtest.h>

#include <iostream>

#include "nacre/nacre.h"
#include "tests/support/files.h"

using namespace nacre;

namespace {

using Floats = std::vector<float>;

TEST(FromKeras, Tensors) {
  const Tensor x = tensor({{1, 2}, {3, 4}});
  const Tensor noise = randn({2, 3});
  const Tensor row = x[0];
  const Tensor column = x.index({slice(), 1});
  const Tensor rows = gather(x, tensor({1, 0}, i64));
  const Tensor changed = index_update(x, {0, 1}, 9);
  const Tensor flat = reshape(x, {-1});
  const Tensor product = matmul(x, x, {.transpose_b = true});
  const Tensor total = sum(x, {1}, true);
  const Tensor chosen = where(x > 2, x, 0);
  const Tensor codes = one_hot(argmax(x, 1), 2);
  const Tensor whole = cast(x, i32);

  EXPECT_EQ(noise.shape(), (Shape{2, 3}));
  EXPECT_EQ(row.to_vector<float>(), (Floats{1, 2}));
  EXPECT_EQ(column.to_vector<float>(), (Floats{2, 4}));
  EXPECT_EQ(rows.to_vector<float>(), (Floats{3, 4, 1, 2}));
  EXPECT_EQ(changed.to_vector<float>(), (Floats{1, 9, 3, 4}));
  EXPECT_EQ(flat.shape(), (Shape{4}));
  EXPECT_EQ(product.to_vector<float>(), (Floats{5, 11, 11, 25}));
  EXPECT_EQ(total.shape(), (Shape{2, 1}));
  EXPECT_EQ(chosen.to_vector<float>(), (Floats{0, 0, 3, 4}));
  EXPECT_EQ(codes.to_vector<float>(), (Floats{0, 1, 0, 1}));
  EXPECT_EQ(whole.dtype(), i32);
}

TEST(FromKeras, Tape) {
  Variable w(tensor({3}), "w");
  const Tensor x = tensor({2});
  GradientTape tape({.persistent = true});
  tape.watch(x);
  const Tensor y = square(w) * x;
  const auto [dw, dx] = tape.gradient(y, w, x);
  w.assign(w - 0.1 * dw);

  EXPECT_EQ(dw.item(), 12);
  EXPECT_EQ(dx.item(), 9);
  EXPECT_NEAR(w.value().item(), 1.8, 1e-6);
}

TEST(FromKeras, HigherAndCustom) {
  const auto f = [](const Tensor& x) { return sum(x * x * x); };
  const Tensor x = tensor({1, 2});
  const Tensor first = grad(f)(x);
  const Tensor second = hessian(f)(x);
  const Tensor along = hvp(f, x, ones({2}));
  const auto [y, tangent] = jvp(f, x, ones({2}));  // tf.autodiff.ForwardAccumulator
  const auto safe_log =
      custom_vjp([](const Tensor& x) { return log(x); },
                 [](const Tensors& inputs, const Tensors& /*outputs*/, const Tensors& given) {
                   return Tensors{given[0] / maximum(inputs[0], 1e-6)};
                 });

  EXPECT_EQ(first.to_vector<float>(), (Floats{3, 12}));
  EXPECT_EQ(second.to_vector<float>(), (Floats{6, 0, 0, 12}));
  EXPECT_EQ(along.to_vector<float>(), (Floats{6, 12}));
  EXPECT_EQ(y.item(), 9);
  EXPECT_EQ(tangent.item(), 15);
  EXPECT_EQ(grad([&](const Tensor& x) { return sum(safe_log(x)); })(zeros({1})).item(), 1e6f);
}

struct Residual {
  nn::Dense inner{{.units = 16, .activation = relu}};
  nn::Dense outer{{.units = 16}};
  NACRE_MODULE(inner, outer)

  Tensor operator()(const Operand& x) { return x + outer(inner(x)); }
};

struct Scale {
  Variable factor{ones({1})};  // add_weight
  NACRE_MODULE(factor)

  Tensor operator()(const Operand& x) { return x * factor; }
};

TEST(FromKeras, SequentialWithModules) {
  nn::Sequential net{nn::Flatten{}, nn::Dense({.units = 16, .activation = "gelu"}), Residual{},
                     Scale{}, nn::Dense({.units = 10, .activation = softmax})};
  Model model{net};
  std::cout << model.summary({f32, {32, 1, 8, 8}});

  EXPECT_EQ(model.parameters().size(), 9u);
}

TEST(FromKeras, FitEvaluatePredict) {
  const test::TemporaryFolder folder;
  manual_seed(0);
  const data::Batch samples = data::load("digits").train.all();
  const Tensor x = samples.inputs[0];
  const Tensor y = samples.targets[0];

  Model model{nn::Sequential{nn::Conv2d({.filters = 8, .kernel_size = 3, .activation = relu}),
                             nn::BatchNorm{}, nn::MaxPool2d{}, nn::Flatten{},
                             nn::Dropout({.rate = 0.2}),
                             nn::Dense({.units = 10, .activation = softmax})}};
  model.compile({.optimizer = optim::Adam({.learning_rate = 1e-2}),
                 .loss = loss::sparse_categorical_crossentropy(),
                 .metrics = {metric::accuracy(), metric::top_k_accuracy(3)}});
  const History history =
      model.fit(x, y,
                {.epochs = 5,
                 .batch_size = 64,
                 .validation_split = 0.1,
                 .callbacks = {early_stopping({.patience = 5, .restore_best = true}),
                               best_weights({.path = folder / "best.safetensors"}),
                               reduce_on_plateau({.patience = 2}), csv_log(folder / "log.csv")},
                 .verbose = 2});
  const Logs logs = model.evaluate(x, y);
  const Tensor scores = model.predict(x);
  std::cout << history["val_loss"].back() << " " << logs["accuracy"] << "\n";

  EXPECT_EQ(history.epochs.size(), 5u);
  EXPECT_GT(logs["accuracy"], 0.7);
  EXPECT_EQ(scores.shape(), (Shape{1437, 10}));

  const auto path = folder / "weights.safetensors";
  model.save_weights(path);
  model.load_weights(path);

  EXPECT_GT(io::load_safetensors_metadata(path).size() + std::filesystem::file_size(path), 100u);

  const auto warm_up = make_callback({.on_epoch_begin = [](TrainingState& s) {
    s.model.optimizer().set_learning_rate(s.epoch < 2 ? 1e-4 : 1e-3);
  }});
  model.fit(x, y, {.epochs = 1, .callbacks = {warm_up}, .verbose = 0});

  EXPECT_NEAR(model.optimizer().learning_rate(), 1e-4, 1e-12);
}

TEST(FromKeras, GoOn) {
  const test::TemporaryFolder folder;
  const Tensor x = linspace(-1, 1, 64).reshape({64, 1});
  const Tensor y = 2 * x + 1;
  const auto path = folder / "checkpoints";

  Model model{nn::Sequential{nn::Dense({.units = 1})}};
  model.compile({.optimizer = optim::SGD({.learning_rate = 0.1, .momentum = 0.9}), .loss = "mse"});
  model.fit(x, y, {.epochs = 4, .verbose = 0, .checkpoint = {.folder = path}, .resume = true});

  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(FromKeras, CustomTrainStep) {
  manual_seed(0);
  const auto [train, test] = data::load("iris");
  data::Loader batches(train, {.batch_size = 16, .shuffle = true});

  nn::Sequential net{nn::Dense({.units = 16, .activation = tanh}), nn::Dense({.units = 3})};
  optim::Adam adam({.learning_rate = 0.01});
  const auto loss_function = loss::sparse_categorical_crossentropy({.from_logits = true});
  auto train_step = compile([&](const Tensor& x, const Tensor& y) {
    auto [loss, gradients] = value_and_grad([&] { return loss_function(net(x), y); }, net)();
    adam.apply(net, gradients);
    return loss;
  });
  metric::Metric accuracy = metric::accuracy();
  for (int epoch = 0; epoch < 20; ++epoch) {
    accuracy.reset();
    for (const data::Batch& batch : batches) {
      train_step(batch.inputs[0], batch.targets[0]);
      accuracy.update(net(batch.inputs[0]), batch.targets[0]);
    }
  }

  EXPECT_GT(accuracy.result(), 0.85);
}

TEST(FromKeras, CustomLossAndMetric) {
  const loss::Loss asymmetric([](const Tensor& prediction, const Tensor& target) {
    const Tensor error = target - prediction;
    return mean(maximum(0.9 * error, -0.1 * error), {-1});
  });
  const Tensor value = asymmetric(tensor({{1}, {3}}), tensor({{2}, {2}}));

  EXPECT_NEAR(value.item(), 0.5, 1e-6);
}

TEST(FromKeras, Schedules) {
  namespace schedule = optim::schedule;
  optim::AdamW adam(
      {.learning_rate = schedule::cosine({.rate = 1e-3, .steps = 900}).with_warmup(100),
       .weight_decay = 0.05});
  adam.clip_norm(1);
  adam.average_weights(0.999);  // use_ema

  EXPECT_NEAR(adam.schedule().at(100), 1e-3, 1e-9);
}

TEST(FromKeras, Data) {
  const auto [train, test] = data::load("digits");

  data::Loader batches =
      train
          .map([](data::Sample s, RandomStream&) {
            s.inputs[0] = s.inputs[0] * 2 - 1;
            return s;
          })
          .cache()
          .augment({.flip_horizontal = true, .rotate = 10, .zoom = {0.9, 1.1}})
          .batch({.batch_size = 32, .shuffle = true, .workers = 2, .prefetch = 4});

  data::Batch batch;
  EXPECT_TRUE(batches.next(batch));
  EXPECT_EQ(batch.size(), 32);
  EXPECT_EQ(test.size(), 360);
}

TEST(FromKeras, Debugging) {
  const Tensor x = linspace(-1, 1, 64).reshape({64, 1});
  Model model{nn::Sequential{nn::Dense({.units = 1})}};

  model.compile({.loss = "mse", .run_eagerly = true});  // a debugger stops in your own code
  model.fit(x, 2 * x, {.verbose = 0});
  model.compile({.loss = "mse"});
  model.fit(x, 2 * x, {.verbose = 0});
  std::cout << model.step_text();  // kernels, threads and memory of the training step

  EXPECT_FALSE(model.step_text().empty());
}

TEST(FromKeras, SeedsAndThreads) {
  const int before = threads();

  manual_seed(7);  // keras.utils.set_random_seed
  set_threads(2);  // tf.config.threading

  EXPECT_EQ(threads(), 2);
  set_threads(before);
  manual_seed(0);
}

}  // namespace
