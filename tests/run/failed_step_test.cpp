// What is left of Variables when a compiled step fails half-way.
#include <gtest/gtest.h>

#include "nacre/nacre.h"
#include "tests/support/files.h"

namespace nacre {
namespace {

TEST(FailedStep, AWrongLabelChangesNothing) {
  nn::Sequential net{nn::Dense{{.units = 8, .activation = relu}}, nn::Dense{{.units = 3}}};
  optim::Adam adam;
  auto step = compile([&](const Tensor& x, const Tensor& labels) {
    auto [loss, gradients] =
        value_and_grad([&] { return mean(softmax_cross_entropy(net(x), labels)); }, net)();
    adam.apply(net, gradients);
    return loss;
  });
  const Tensor x = linspace(-1, 1, 20).reshape({4, 5});
  step(x, tensor({0, 1, 2, 0}, i64));
  std::vector<std::vector<float>> before;
  for (const nn::NamedVariable& p : nn::parameters(net)) {
    before.push_back(p.value().to_vector<float>());
  }
  const std::int64_t steps = adam.step();
  try {
    step(x, tensor({0, 1, 7, 0}, i64));
    FAIL() << "no error";
  } catch (const ValueError& e) {
    EXPECT_NE(std::string(e.what()).find("7"), std::string::npos) << e.what();
  }
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(nn::parameters(net)[i].value().to_vector<float>(), before[i]);
  }
  EXPECT_EQ(adam.step(), steps);
  step(x, tensor({0, 1, 2, 0}, i64));  // the plan is as good as before
  EXPECT_EQ(adam.step(), steps + 1);
}

TEST(FailedStep, WhatChangesBeforeTheParametersIsPutBack) {
  nn::Sequential net{nn::Dense{{.units = 8}}, nn::BatchNorm{}, nn::Dropout{{.rate = 0.5}},
                     nn::Dense{{.units = 3}}};
  optim::SGD sgd({.learning_rate = 0.1, .momentum = 0.9});
  auto step = compile([&](const Tensor& x, const Tensor& labels) {
    auto [loss, gradients] =
        value_and_grad([&] { return mean(softmax_cross_entropy(net(x), labels)); }, net)();
    sgd.apply(net, gradients);
    return loss;
  });
  const Tensor x = linspace(-1, 1, 20).reshape({4, 5});
  step(x, tensor({0, 1, 2, 0}, i64));
  const auto values = [&] {
    std::map<std::string, std::vector<double>> all;
    for (const nn::NamedVariable& v : nn::state(net)) all[v.name] = v.value().to_vector<double>();
    for (const nn::NamedVariable& v : sgd.state()) all[v.name] = v.value().to_vector<double>();
    return all;
  };
  const auto before = values();
  EXPECT_THROW(step(x, tensor({0, 1, 2, 9}, i64)), ValueError);
  EXPECT_EQ(values(), before);
}

TEST(FailedStep, SaysWhatHasNewValuesAlready) {
  Variable counter(zeros({}, i64), "counter");
  Variable other(zeros({2}), "other");
  // The index comes from the counter's new value: the update runs first, in the counter's memory.
  auto step = compile([&](const Tensor& table) {
    counter.assign(counter + 1);
    const Tensor row = gather(table, counter.value());
    other.assign(other + row);
    return row;
  });
  const Tensor table = ones({2, 2});
  EXPECT_EQ(step(table).to_vector<float>(), (std::vector<float>{1, 1}));
  test::expect_error<ValueError>([&] { step(table); },
                                 {"half-way", "counter", "all other Variables are as before"});
  EXPECT_EQ(counter.value().item<std::int64_t>(), 2);
  EXPECT_EQ(other.value().to_vector<float>(), (std::vector<float>{1, 1}));
  counter.assign(zeros({}, i64));
  step(table);
  EXPECT_EQ(other.value().to_vector<float>(), (std::vector<float>{2, 2}));
}

}  // namespace
}  // namespace nacre
