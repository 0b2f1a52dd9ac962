// The blocks of docs/from-pytorch.md; tests/docs/pages_test.cpp compares.
#include <gtest/gtest.h>

#include <iostream>

#include "nacre/nacre.h"
#include "tests/support/files.h"

using namespace nacre;

namespace {

using Floats = std::vector<float>;

TEST(FromPytorch, Tensors) {
  const Tensor x = tensor({{1, 2}, {3, 4}});
  const Tensor zero = zeros({2, 3});  // f32
  const Tensor five = arange(5);      // i64
  const Shape shape = x.shape();      // x.size(0), x.rank(), x.dtype()
  const Tensor wide = x.to(f64);

  const Tensor row = x[0];
  const Tensor column = x.index({slice(), 1});
  const Tensor last = x.index({ellipsis, -1, newaxis});
  const Tensor picked = x.index({tensor({1, 0}, i64)});
  const Tensor large = x.index({x > 2});
  const Tensor changed = index_update(x, {slice(), 1}, 0);

  const Tensor flat = x.reshape({-1});
  const Tensor turned = x.transpose();
  const Tensor product = matmul(x, turned);
  const Tensor same = einsum("ij,kj->ik", {x, x});
  const Tensor sums = x.sum({0});
  const Tensor largest = max(x, {1});
  const Tensor where_largest = argmax(x, 1);
  const auto [values, indices] = top_k(x, 1);

  const float number = x.sum().item();
  const std::vector<float> numbers = x.to_vector<float>();
  const std::span<const float> memory = x.data<float>();  // no copy

  EXPECT_EQ(zero.shape(), (Shape{2, 3}));
  EXPECT_EQ(five.dtype(), i64);
  EXPECT_EQ(shape, (Shape{2, 2}));
  EXPECT_EQ(wide.dtype(), f64);
  EXPECT_EQ(row.to_vector<float>(), (Floats{1, 2}));
  EXPECT_EQ(column.to_vector<float>(), (Floats{2, 4}));
  EXPECT_EQ(last.shape(), (Shape{2, 1}));
  EXPECT_EQ(picked.to_vector<float>(), (Floats{3, 4, 1, 2}));
  EXPECT_EQ(large.to_vector<float>(), (Floats{3, 4}));
  EXPECT_EQ(changed.to_vector<float>(), (Floats{1, 0, 3, 0}));
  EXPECT_EQ(flat.rank(), 1);
  EXPECT_EQ(product.to_vector<float>(), same.to_vector<float>());
  EXPECT_EQ(sums.to_vector<float>(), (Floats{4, 6}));
  EXPECT_EQ(largest.to_vector<float>(), (Floats{2, 4}));
  EXPECT_EQ(where_largest.to_vector<float>(), (Floats{1, 1}));
  EXPECT_EQ(values.to_vector<float>(), (Floats{2, 4}));
  EXPECT_EQ(indices.to_vector<float>(), (Floats{1, 1}));
  EXPECT_EQ(number, 10);
  EXPECT_EQ(numbers.size(), memory.size());
}

TEST(FromPytorch, Backward) {
  Variable w(tensor({3}));
  GradientTape tape;
  const Tensor loss = sum(square(w));
  const Tensor dw = tape.gradient(loss, w);

  EXPECT_EQ(dw.item(), 6);
}

TEST(FromPytorch, Transforms) {
  const auto f = [](const Tensor& x) { return sum(x * x * x); };
  const Tensor x = tensor({1, 2});
  const Tensor v = tensor({1, 0});

  const Tensor g = grad(f)(x);
  const auto [loss, same] = value_and_grad(f)(x);
  const auto [y, pullback] = vjp(f, x);
  const Tensor pulled = pullback(ones({}));
  const auto [z, tangent] = jvp(f, x, v);
  const Tensor hv = hvp(f, x, v);
  const Tensor h = hessian(f)(x);
  const Tensor j = jacobian([](const Tensor& x) { return x * x; })(x);

  const Floats want = {3, 12};
  EXPECT_EQ(g.to_vector<float>(), want);
  EXPECT_EQ(same.to_vector<float>(), want);
  EXPECT_EQ(pulled.to_vector<float>(), want);
  EXPECT_EQ(loss.item() + y.item() + z.item(), 27);
  EXPECT_EQ(tangent.item(), 3);
  EXPECT_EQ(hv.to_vector<float>(), (Floats{6, 0}));
  EXPECT_EQ(h.to_vector<float>(), (Floats{6, 0, 0, 12}));
  EXPECT_EQ(j.to_vector<float>(), (Floats{2, 0, 0, 4}));
}

TEST(FromPytorch, CustomGradient) {
  const auto clip_gradient =
      custom_vjp([](const Tensor& x) { return identity(x); },
                 [](const Tensors& /*inputs*/, const Tensors& /*outputs*/, const Tensors& given) {
                   return Tensors{clamp(given[0], -1, 1)};
                 });
  const Tensor g = grad([&](const Tensor& x) { return sum(5 * clip_gradient(x)); })(ones({2}));

  EXPECT_EQ(g.to_vector<float>(), (Floats{1, 1}));
}

TEST(FromPytorch, Checkpoint) {
  nn::Sequential block{nn::Dense({.units = 8, .activation = tanh}), nn::Dense({.units = 8})};
  const Tensor x = ones({4, 8});
  const auto run = checkpoint([&](const Tensor& x) { return block(x); });
  const auto [loss, gradients] = value_and_grad([&] { return mean(run(x)); }, block)();

  EXPECT_EQ(gradients.size(), 4u);
  EXPECT_GT(norm(gradients[0]).item() + std::abs(loss.item()), 0);
}

TEST(FromPytorch, Detach) {
  const Tensor x = tensor({2});
  const Tensor g = grad([](const Tensor& x) { return sum(x * stop_gradient(x)); })(x);

  EXPECT_EQ(g.item(), 2);
}

struct Net {
  nn::Conv2d conv{{.filters = 8, .kernel_size = 3, .activation = relu}};
  nn::MaxPool2d pool;
  nn::Dropout dropout{{.rate = 0.25}};
  nn::Dense output{{.units = 10}};
  NACRE_MODULE(conv, pool, dropout, output)

  Tensor operator()(const Operand& x) { return output(dropout(flatten(pool(conv(x)), 1))); }
};

TEST(FromPytorch, TrainingLoop) {
  manual_seed(0);
  const auto [train, test] = data::load("digits");
  data::Loader batches(train, {.batch_size = 64, .shuffle = true});

  Net net;
  optim::AdamW adam({.learning_rate = 1e-2});
  const auto criterion = loss::sparse_categorical_crossentropy({.from_logits = true});
  auto step = compile([&](const Tensor& x, const Tensor& labels) {
    auto [loss, gradients] = value_and_grad([&] { return criterion(net(x), labels); }, net)();
    adam.apply(net, gradients);
    return loss;
  });
  for (int epoch = 0; epoch < 2; ++epoch) {
    double sum = 0;
    for (const data::Batch& batch : batches) {
      sum += step(batch.inputs[0], batch.targets[0]).item<double>();
    }
    std::cout << "epoch " << epoch << ": " << sum / static_cast<double>(batches.batches()) << "\n";
  }

  metric::Metric accuracy = metric::accuracy();
  data::Loader held(test, {.batch_size = 64});
  for (const data::Batch& batch : held) {
    accuracy.update(net(batch.inputs[0]), batch.targets[0]);
  }
  std::cout << "accuracy " << accuracy.result() << "\n";

  EXPECT_GT(accuracy.result(), 0.6);
  EXPECT_EQ(nn::parameters(net)[0].name, "conv.weight");

  optim::SGD sgd({.learning_rate = optim::schedule::cosine({.rate = 0.1, .steps = 1000}),
                  .momentum = 0.9,
                  .weight_decay = 5e-4});
  sgd.group({.match = "*.bias", .weight_decay = 0.0});  // parameter groups, by name
  sgd.clip_norm(1);
  nn::set_trainable(net.conv, false);  // requires_grad_(False)

  EXPECT_EQ(nn::parameters(net).size(), 2u);
  EXPECT_NEAR(sgd.learning_rate(), 0.1, 1e-9);
}

TEST(FromPytorch, Modes) {
  Net net;
  const Tensor x = ones({2, 1, 8, 8});

  const Tensor inferred = net(x);  // outside of training a layer infers
  {
    const TrainingScope train;  // net.train()
    const Tensor noisy = net(x);
    EXPECT_NE(noisy.to_vector<float>(), inferred.to_vector<float>());
  }
}

TEST(FromPytorch, Sequential) {
  nn::Sequential net{nn::Flatten{}, nn::Dense({.units = 32}), relu, nn::Dense({.units = 10})};
  nn::Sequential named{{"hidden", nn::Dense({.units = 32, .activation = relu})},
                       {"output", nn::Dense({.units = 10})}};
  const Tensor y = named(net(ones({4, 1, 8, 8})));

  EXPECT_EQ(y.shape(), (Shape{4, 10}));
  EXPECT_EQ(nn::parameters(named)[0].name, "hidden.weight");
}

TEST(FromPytorch, State) {
  const test::TemporaryFolder folder;
  Net net;
  net(ones({1, 1, 8, 8}));
  const auto path = folder / "net.safetensors";

  for (const auto& [name, cell] : nn::state(net)) {
    std::cout << name << " " << to_string(cell->value.spec()) << "\n";
  }
  io::save_weights(path, net);
  Net again;  // needs no first call: sizes come from the file
  io::load_weights(path, again);
  Net copy = again;  // a deep copy

  const Tensor x = linspace(0, 1, 64).reshape({1, 1, 8, 8});
  EXPECT_EQ(copy(x).to_vector<float>(), net(x).to_vector<float>());
}

TEST(FromPytorch, Data) {
  const Tensor x = linspace(0, 1, 100 * 3 * 8 * 8).reshape({100, 3, 8, 8});
  const Tensor y = arange(100) % 4;

  const auto set = data::Dataset::from({x}, {y});
  const auto [train, check] = set.split(0.2, {.seed = 1});
  data::Loader batches =
      train.augment({.crop_padding = 1, .flip_horizontal = true})
          .normalize({0.5, 0.5, 0.5}, {0.25, 0.25, 0.25})
          .batch({.batch_size = 32, .shuffle = true, .drop_last = true, .workers = 2});

  EXPECT_EQ(batches.batches(), 2);
  EXPECT_EQ(check.size(), 20);

  const auto squares = data::Dataset::generate(10, [](std::int64_t i) {
    const auto number = static_cast<double>(i);
    return data::Sample{.inputs = {Tensor::scalar(number)},
                        .targets = {Tensor::scalar(number * number)}};
  });

  EXPECT_EQ(squares.get(3).targets[0].item(), 9);
}

TEST(FromPytorch, PrecisionThreadsSeeds) {
  const int before = threads();
  const auto f = [](const Tensor& x) { return matmul(x, x); };
  const Tensor x = eye(4);

  auto fast = compile(f, {.precision = Precision::automatic});  // bf16 where that is faster
  const Tensor y = fast(x);
  set_threads(1);   // torch.set_num_threads(1)
  manual_seed(42);  // how parameters begin, and what random functions draw
  const Tensor noise = randn({2, 3});

  set_threads(before);
  EXPECT_EQ(y.to_vector<float>(), x.to_vector<float>());
  manual_seed(42);
  EXPECT_EQ(noise.to_vector<float>(), randn({2, 3}).to_vector<float>());
  manual_seed(0);
}

}  // namespace
