// The blocks of README.md, docs/data.md and docs/debugging.md; tests/docs/pages_test.cpp compares.
#include <gtest/gtest.h>

#include <fstream>
#include <iostream>

#include "nacre/nacre.h"
#include "tests/support/files.h"

using namespace nacre;

namespace {

TEST(ReadmePage, LoopOfYourOwn) {
  struct Net {
    nn::Dense hidden{{.units = 32, .activation = relu}};
    nn::Dense output{{.units = 10}};
    NACRE_MODULE(hidden, output)
    Tensor operator()(const Operand& x) { return output(hidden(x)); }
  };

  Net net;
  optim::Adam adam;
  auto step = compile([&](const Tensor& x, const Tensor& labels) {
    auto [loss, gradients] =
        value_and_grad([&] { return mean(softmax_cross_entropy(net(x), labels)); }, net)();
    adam.apply(net, gradients);
    return loss;
  });

  const Tensor x = linspace(-1, 1, 160).reshape({16, 10});
  const Tensor labels = arange(16) % 10;
  const float first = step(x, labels).item();
  for (int i = 0; i < 20; ++i) step(x, labels);
  EXPECT_LT(step(x, labels).item(), first);
}

TEST(DataPage, FromNothingToBatches) {
  const data::NamedSet digits = data::load("digits");              // inside the library: no files
  const auto [fit, check] = digits.train.split(0.1, {.seed = 1});  // stratified
  data::Loader batches = fit.augment({.crop_padding = 1, .rotate = 10})
                             .batch({.batch_size = 32, .shuffle = true, .seed = 1, .workers = 2});

  data::Batch batch;
  ASSERT_TRUE(batches.next(batch));
  EXPECT_EQ(batch.inputs[0].shape(), (Shape{32, 1, 8, 8}));
  EXPECT_EQ(fit.size() + check.size(), digits.train.size());
}

TEST(DebuggingPage, WhatWasMade) {
  const test::TemporaryFolder folder;
  const auto old = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  testing::internal::CaptureStdout();
  const auto f = [](const Tensor& x, const Tensor& y) { return mean(square(x - y)); };
  const Tensor x = ones({4, 3});
  const Tensor y = zeros({4, 3});

  auto step = nacre::compile(f);
  step(x, y);
  std::cout << step.function().trace_text();  // the graph as traced, with layers and source lines
  std::cout << step.function().graph_text();  // after the passes
  std::cout << step.function().plan_text();   // kernels, threads, where each value lives

  std::cout << nacre::profile(step, x, y).to_text();
  std::ofstream("step.json") << nacre::profile(step, x, y).to_chrome_trace();  // chrome://tracing

  const std::string text = testing::internal::GetCapturedStdout();
  std::filesystem::current_path(old);
  EXPECT_NE(text.find("readme_test.cpp"), std::string::npos) << text;
  EXPECT_GT(std::filesystem::file_size(folder / "step.json"), 10u);
}

TEST(TrainingPage, GoesOn) {
  const test::TemporaryFolder folder;
  const auto old = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  const data::Dataset few = data::load("digits").train.take(32);
  data::Loader batches(few);
  Model model{nn::Sequential{nn::Flatten{}, nn::Dense({.units = 10, .activation = softmax})}};
  model.compile({.loss = loss::sparse_categorical_crossentropy()});
  model.fit(batches, {.epochs = 49, .verbose = 0, .checkpoint = {.folder = "checkpoints"}});

  model.fit(batches, {.epochs = 50, .checkpoint = {.folder = "checkpoints"}, .resume = true});

  std::filesystem::current_path(old);
  EXPECT_TRUE(std::filesystem::exists(folder / "checkpoints"));
  EXPECT_EQ(model.optimizer().step(), 50);
}

TEST(TrainingPage, SeveralInputsAndOutputs) {
  const Tensor a = linspace(-1, 1, 64).reshape({32, 2});
  const Tensor b = linspace(1, -1, 96).reshape({32, 3});
  const Tensor kinds = arange(32) % 2;
  const Tensor prices = linspace(0, 1, 32).reshape({32, 1});

  struct Net {
    nn::Dense left{{.units = 8, .activation = tanh}}, right{{.units = 8, .activation = tanh}};
    nn::Dense kind{{.units = 2}}, price{{.units = 1}};
    NACRE_MODULE(left, right, kind, price)
    Tensors operator()(const Tensors& in) {
      const Tensor joined = concatenate({left(in[0]), right(in[1])}, 1);
      return {kind(joined), price(joined)};
    }
  };
  Model model{Net{}};
  model.compile({.outputs = {{.name = "kind",
                              .loss = loss::sparse_categorical_crossentropy({.from_logits = true}),
                              .metrics = {metric::accuracy()}},
                             {.name = "price", .loss = loss::mse(), .weight = 0.5}}});
  model.fit({a, b}, Tensors{kinds, prices}, {.epochs = 20});  // loss, kind_loss, price_loss, ...
  const Tensors outputs = model.predict_outputs({a, b});

  ASSERT_EQ(outputs.size(), 2u);
  EXPECT_EQ(outputs[0].shape(), (Shape{32, 2}));
  EXPECT_EQ(outputs[1].shape(), (Shape{32, 1}));
}

}  // namespace
