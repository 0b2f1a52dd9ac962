// Layers, losses, optimizers, gradients; see one_liners.h.
#include "one_liners.h"

using namespace nacre;

namespace {

TEST(OneLiners, Layers) {
  const Tensor x = ones(2, 3);
  const Tensor image = ones(1, 3, 8, 8);
  IS(nn::Dense(4)(x).shape(), 2, 4);
  IS(nn::Dense(4, "relu")(x).shape(), 2, 4);
  IS(nn::Dense(4, relu)(x).shape(), 2, 4);
  IS(nn::Dense(4, {.activation = "softmax"})(x).sum(), 2);
  IS(nn::Dense({.units = 4, .activation = "relu"})(x).shape(), 2, 4);
  IS(nn::Dense({.units = 4, .weight_initializer = "zeros"})(x).sum(), 0);
  IS(nn::Linear(3, 4)(x).shape(), 2, 4);
  IS(nn::Linear(3, 4, {.use_bias = false}).weight.shape(), 4, 3);
  IS(nn::Conv2d(32, 3)(image).shape(), 1, 32, 6, 6);
  IS(nn::Conv2d(32, {3, 5})(image).shape(), 1, 32, 6, 4);
  IS(nn::Conv2d(32, 3, {.padding = "same"})(image).shape(), 1, 32, 8, 8);
  IS(nn::Conv2d(32, 3, {.stride = 2, .padding = 1})(image).shape(), 1, 32, 4, 4);
  IS(nn::Conv2d({.filters = 4, .kernel_size = 3, .padding = "valid"})(image).shape(), 1, 4, 6, 6);
  IS(nn::Conv1d(4, 3)(ones(1, 2, 8)).shape(), 1, 4, 6);
  IS(nn::Conv3d(4, 3)(ones(1, 2, 4, 4, 4)).shape(), 1, 4, 2, 2, 2);
  IS(nn::ConvTranspose2d(4, 2, {.stride = 2})(image).shape(), 1, 4, 16, 16);
  IS(nn::MaxPool2d()(image).shape(), 1, 3, 4, 4);
  IS(nn::MaxPool2d(2)(image).shape(), 1, 3, 4, 4);
  IS(nn::MaxPool2d(2, 3)(image).shape(), 1, 3, 3, 3);
  IS(nn::MaxPool2d({.kernel_size = {2, 4}})(image).shape(), 1, 3, 4, 2);
  IS(nn::MaxPool2d({.kernel_size = 4, .stride = 2})(image).shape(), 1, 3, 3, 3);
  IS(nn::MaxPool2d({.kernel_size = 2, .stride = 2})(image).shape(), 1, 3, 4, 4);
  IS(nn::AvgPool2d(4)(image).shape(), 1, 3, 2, 2);
  IS(nn::AdaptiveAvgPool(1)(image).shape(), 1, 3, 1, 1);
  IS(nn::GlobalAvgPool()(image), 1, 1, 1);
  IS(nn::BatchNorm()(x).shape(), 2, 3);
  IS(nn::BatchNorm(3)(image).shape(), 1, 3, 8, 8);
  IS(nn::BatchNorm2d(3)(image).shape(), 1, 3, 8, 8);
  IS(nn::LayerNorm()(x), 0, 0, 0, 0, 0, 0);
  IS(nn::GroupNorm(3)(image).shape(), 1, 3, 8, 8);
  IS(nn::RMSNorm()(x).shape(), 2, 3);
  IS(nn::Dropout(0.5)(x), 1, 1, 1, 1, 1, 1);
  IS(nn::Dropout()(x).shape(), 2, 3);
  IS(nn::SpatialDropout(0.5)(image).shape(), 1, 3, 8, 8);
  IS(nn::Embedding(10, 4)(tensor({1, 2}, i64)).shape(), 2, 4);
  IS(nn::Flatten()(image).shape(), 1, 192);
  IS(nn::Reshape(3, 64)(image).shape(), 1, 3, 64);
  IS(nn::Permute(2, 3, 1)(image).shape(), 1, 8, 8, 3);
  IS(nn::Rescaling(1.0 / 255)(x * 255), 1, 1, 1, 1, 1, 1);
  IS(nn::Rescaling(2, -1)(x), 1, 1, 1, 1, 1, 1);
  IS(nn::PReLU()(-x).sum(), -1.5);
  IS(nn::ReLU()(-x).sum(), 0);
  IS(nn::Sigmoid()(x * 0).sum(), 3);
  IS(nn::Tanh()(x * 0).sum(), 0);
  IS(nn::Softmax()(x).sum(), 2);
  IS(nn::LogSoftmax()(x).exp().sum(), 2);
  IS(nn::GELU()(x * 0).sum(), 0);
  IS(nn::SiLU()(x * 0).sum(), 0);
  IS(nn::ELU()(x).sum(), 6);
  IS(nn::LeakyReLU(0.2)(-x).sum(), -1.2);
  IS(nn::LeakyReLU()(-x).sum(), -0.06);
  IS(nn::ActivationLayer("relu")(-x).sum(), 0);
  IS(nn::Identity()(x).sum(), 6);
}

TEST(OneLiners, Networks) {
  const Tensor x = ones(2, 3);
  nn::Sequential net{nn::Dense(4, "relu"), nn::Dropout(0.5), nn::Dense(2)};
  IS(net(x).shape(), 2, 2);
  IS(net.size(), 3);
  IS(nn::Sequential({nn::Dense(4), nn::ReLU(), nn::Dense(1)})(x).shape(), 2, 1);
  IS(nn::Sequential{nn::Activation("relu")}(-x).sum(), 0);
  IS((nn::Sequential{nn::Flatten(), relu, softmax}(x).sum()), 2);
  IS(net.first(1)(x).shape(), 2, 4);
  IS(net.first(-1).size(), 2);
  IS(net.last(1).size(), 1);
  IS(net[slice(0, 2)].size(), 2);
  IS(net[slice(0, -1)].size(), 2);
  IS(net[0](x).shape(), 2, 4);
  IS(net[-1].kind() == "Dense", 1);
  IS(net["0"].kind() == "Dense", 1);
  IS(net.layer("0").get_if<nn::Dense>()->weight.shape(), 4, 3);
  net.add(nn::Dense(5));
  net.add("head", nn::Dense(6)).add(nn::ReLU()).add(relu).add(softmax);
  IS(net(x).shape(), 2, 6);
  IS(net["head"](ones(1, 5)).shape(), 1, 6);
  IS(nn::parameters(net).size(), 8);
  IS(nn::get_weights(net).size(), 8);
  IS(nn::get_weights(net)[0].shape(), 4, 3);
  nn::set_weights(net, nn::get_weights(net));
  set_trainable(net, "head.*", false);
  IS(nn::parameters(net).size(), 6);
  set_trainable(net, true);
  IS(nn::parameters(net).size(), 8);
}

TEST(OneLiners, Modes) {
  const Tensor x = ones(2, 3);
  IS(dropout(x, 0.5), 1, 1, 1, 1, 1, 1);
  const TrainingScope train;
  IS(training(), 1);
  IS(dropout(ones(1000), 0.5).max(), 2);
  IS(dropout(ones(10), 0).sum(), 10);
  IS(nn::Dropout(0.5)(ones(1000)).min(), 0);
}

TEST(OneLiners, Losses) {
  const Tensor x = ones(2, 3);
  const Tensor t = tensor({0, 1}, i64);
  IS(mse_loss(x, x * 0), 1);
  IS(l1_loss(x, x * 0), 1);
  IS(huber_loss(x, x * 0), 0.5);
  IS(smooth_l1_loss(x, x * 0), 0.5);
  IS(cross_entropy(zeros(2, 2), t), std::log(2.0));
  IS(cross_entropy(zeros(2, 2), one_hot(t, 2)), std::log(2.0));
  IS(nll_loss(log_softmax(zeros(2, 2)), t), std::log(2.0));
  IS(binary_cross_entropy(full({2}, 0.5), tensor({0, 1})), std::log(2.0));
  IS(loss::mse()(x, x * 0), 1);
  IS(loss::Loss("mse")(x, x), 0);
}

TEST(OneLiners, Variables) {
  const Tensor x = ones(2, 3);
  Variable w = tensor({1, 2});
  IS(w, 1, 2);
  w = tensor({3, 4});
  w += 1;
  IS(w, 4, 5);
  w -= tensor({1, 1});
  w *= 2;
  w /= 2;
  IS(w, 3, 4);
  w = w - 0.5 * w;
  IS(w * 2, 3, 4);
  w.assign(zeros(2));
  IS(w.shape(), 2);
  IS(sum(w), 0);
  Variable u(randn(2, 3));
  IS(matmul(x, transpose(u)).shape(), 2, 2);
}

TEST(OneLiners, Gradients) {
  const Tensor x = ones(2, 3);
  IS(grad([](const Tensor& t) { return sum(t * t); })(tensor({1, 2})), 2, 4);
  IS(value_and_grad([](const Tensor& t) { return t.pow(2).sum(); })(tensor({1, 2})).second, 2, 4);
  Variable w = tensor({1, 2});
  IS(grad([&] { return sum(square(w)); }, w)(), 2, 4);
  nn::Dense dense(1, {.weight_initializer = "ones"});
  IS(value_and_grad([&](const Tensor& t) { return mean(dense(t)); }, dense)(x).second[0], 1, 1, 1);
  std::vector<nn::Dense> list(2, nn::Dense(1));
  IS(grad([&](const Tensor& t) { return mean(list[1](list[0](t))); }, list)(x).size(), 4);
  IS(grad([&](const Tensor& t) { return mean(dense(t * w[0])); }, std::tie(dense, w))(x).size(), 3);
  GradientTape tape;
  const Tensor y = sum(w * w);
  IS(tape.gradient(y, w), 2, 4);
}

TEST(OneLiners, Optimizers) {
  Variable w = tensor({1.0});
  optim::SGD sgd(0.1);
  sgd.apply({{"w", w.cell()}}, {tensor({1})});
  IS(w, 0.9);
  IS(optim::Adam(1e-3).learning_rate(), 1e-3);
  IS(optim::AdamW(1e-3).learning_rate(), 1e-3);
  IS(optim::SGD(0.1, 0.9).learning_rate(), 0.1);
  IS(optim::RMSprop(0.01).learning_rate(), 0.01);
  IS(optim::Lion(1e-4).learning_rate(), 1e-4);
  IS(optim::Adam().learning_rate(), 1e-3);
  IS(optim::Adam({.learning_rate = 0.5}).learning_rate(), 0.5);
  IS(optim::Optimizer("adam").learning_rate(), 1e-3);
  IS(optim::Adam(optim::schedule::cosine({.rate = 0.1, .steps = 10})).learning_rate(), 0.1);
}

TEST(OneLiners, Initializers) {
  IS(nn::init::zeros()({2}), 0, 0);
  IS(nn::init::ones()({2}), 1, 1);
  IS(nn::init::constant(3)({2}), 3, 3);
  IS(nn::init::xavier_uniform()({2, 2}).shape(), 2, 2);
  IS(nn::init::xavier_normal()({2, 2}).shape(), 2, 2);
  IS(nn::init::kaiming_uniform()({2, 2}).shape(), 2, 2);
  IS(nn::init::kaiming_normal()({2, 2}).shape(), 2, 2);
  IS(nn::init::he_normal()({2, 2}).shape(), 2, 2);
  IS(nn::init::orthogonal()({2, 2}).shape(), 2, 2);
  IS(nn::Initializer("he_normal")({2, 2}).shape(), 2, 2);
}

}  // namespace
