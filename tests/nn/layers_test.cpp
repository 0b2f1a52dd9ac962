// Layers against formulas, inferred shapes, names, deep copies and error texts.
#include <gtest/gtest.h>

#include <cmath>

#include "nacre/nacre.h"

namespace nacre {
namespace {

std::vector<std::string> names(const nn::NamedVariables& variables) {
  std::vector<std::string> out;
  for (const auto& v : variables) out.push_back(v.name);
  return out;
}

double variance(const Tensor& x) { return mean(square(x - mean(x))).item<double>(); }

Tensor ramp(const Shape& shape) {
  return reshape(sin(arange(0, static_cast<double>(shape.elements()), 1, f32) * 0.7), shape);
}

struct Net {
  nn::Dense first{{.units = 4, .activation = relu}};
  std::vector<nn::Dense> blocks{nn::Dense{{.units = 4}}, nn::Dense{{.units = 3}}};
  Variable scale{ones({3}), "scale"};
  NACRE_MODULE(first, blocks, scale)
  Tensor operator()(const Operand& x) {
    Tensor y = first(x);
    for (nn::Dense& block : blocks) y = block(y);
    return y * scale;
  }
};

TEST(Module, NamesFollowMembers) {
  Net net;
  net(ones({2, 5}));
  EXPECT_EQ(
      names(nn::parameters(net)),
      (std::vector<std::string>{"first.weight", "first.bias", "blocks.0.weight", "blocks.0.bias",
                                "blocks.1.weight", "blocks.1.bias", "scale"}));
}

TEST(Module, CopyIsDeep) {
  Net net;
  const Tensor x = ramp({2, 5});
  const auto before = net(x).to_vector<float>();
  Net copy = net;
  copy.scale.assign(zeros({3}));
  copy.first.weight.assign(zeros({4, 5}));
  EXPECT_EQ(net(x).to_vector<float>(), before);
}

TEST(Module, StateLoadsIntoAnUnbuiltTwin) {
  Net net;
  const Tensor x = ramp({2, 5});
  const auto expected = net(x).to_vector<float>();
  Net twin;
  nn::load_state(twin, nn::values_of(nn::state(net)));
  EXPECT_EQ(twin(x).to_vector<float>(), expected);
}

TEST(Module, LoadStateNamesWhatIsMissing) {
  Net net;
  net(ones({1, 5}));
  nn::StateMap state = nn::values_of(nn::state(net));
  state.erase("scale");
  state.emplace("scales", ones({3}));
  try {
    nn::load_state(net, state);
    FAIL() << "no error";
  } catch (const ValueError& e) {
    EXPECT_NE(std::string(e.what()).find("did you mean \"scales\""), std::string::npos) << e.what();
  }
  EXPECT_NO_THROW(nn::load_state(net, state, false));
}

TEST(Dense, IsAnAffineMap) {
  nn::Dense dense{{.units = 2, .activation = tanh}};
  dense(zeros({1, 3}));
  EXPECT_EQ(dense.weight.shape(), (Shape{2, 3}));
  dense.weight.assign(tensor({{1, 0, -1}, {2, 1, 0}}));
  dense.bias.assign(tensor({0.5, -0.5}));
  const auto y = dense(tensor({{0.1, 0.2, 0.3}})).to_vector<float>();
  EXPECT_NEAR(y[0], std::tanh(0.1 - 0.3 + 0.5), 1e-6);
  EXPECT_NEAR(y[1], std::tanh(0.2 + 0.2 - 0.5), 1e-6);
  EXPECT_EQ(dense(ones({3})).shape(), (Shape{2}));
  EXPECT_EQ(dense(ones({2, 4, 3})).shape(), (Shape{2, 4, 2}));
}

TEST(Dense, ErrorNamesLayerAndLine) {
  nn::Sequential net{nn::Dense{{.units = 4}}, nn::Dense{{.units = 2, .inputs = 3}}};
  try {
    net(ones({2, 5}));
    FAIL() << "no error";
  } catch (const ShapeError& e) {
    const std::string text = e.what();
    EXPECT_NE(text.find("dense_1"), std::string::npos) << text;
    EXPECT_NE(text.find("layers_test.cpp"), std::string::npos) << text;
    EXPECT_NE(text.find("takes 3 features"), std::string::npos) << text;
  }
  EXPECT_THROW(nn::Dense{{.units = 0}}, ValueError);
}

TEST(Sequential, NamesAndLambdas) {
  nn::Sequential net{{"hidden", nn::Dense{{.units = 3}}},
                     {"twice", [](const Tensor& x) { return x * 2; }}};
  net.push_back(relu);
  EXPECT_EQ(net(ones({1, 2})).shape(), (Shape{1, 3}));
  EXPECT_EQ(names(nn::state(net)), (std::vector<std::string>{"hidden.weight", "hidden.bias"}));
  EXPECT_THROW(net.push_back({"hidden", nn::Flatten{}}), ValueError);
}

TEST(Conv, ShapesAndParameters) {
  nn::Conv2d same{{.filters = 8, .kernel_size = 3, .padding = kSame}};
  EXPECT_EQ(same(ones({2, 3, 7, 5})).shape(), (Shape{2, 8, 7, 5}));
  EXPECT_EQ(same.weight.shape(), (Shape{8, 3, 3, 3}));
  nn::Conv2d valid{{.filters = 4, .kernel_size = {3, 2}, .stride = 2}};
  EXPECT_EQ(valid(ones({1, 1, 9, 8})).shape(), (Shape{1, 4, 4, 4}));
  nn::Conv1d dilated{{.filters = 2, .kernel_size = 3, .dilation = 2}};
  EXPECT_EQ(dilated(ones({1, 2, 10})).shape(), (Shape{1, 2, 6}));
  nn::Conv2d depthwise{{.kernel_size = 3, .depth_multiplier = 2}};
  EXPECT_EQ(depthwise(ones({1, 3, 5, 5})).shape(), (Shape{1, 6, 3, 3}));
  EXPECT_EQ(depthwise.weight.shape(), (Shape{6, 1, 3, 3}));
  nn::ConvTranspose2d up{{.filters = 3, .kernel_size = 2, .stride = 2}};
  EXPECT_EQ(up(ones({1, 5, 4, 4})).shape(), (Shape{1, 3, 8, 8}));
  EXPECT_THROW(same(ones({2, 4, 7, 5})), ShapeError);
  EXPECT_THROW(same(ones({2, 3, 7})), ShapeError);
}

TEST(Pool, Shapes) {
  const Tensor x = ramp({2, 3, 8, 6});
  EXPECT_EQ(nn::MaxPool2d{}(x).shape(), (Shape{2, 3, 4, 3}));
  EXPECT_EQ((nn::AvgPool2d{{.kernel_size = 4, .stride = 2}}(x).shape()), (Shape{2, 3, 3, 2}));
  EXPECT_EQ(nn::GlobalAvgPool{}(x).shape(), (Shape{2, 3}));
  EXPECT_EQ(nn::AdaptiveAvgPool{{.output = 2}}(x).shape(), (Shape{2, 3, 2, 2}));
  EXPECT_EQ(nn::Flatten{}(x).shape(), (Shape{2, 144}));
  EXPECT_EQ((nn::Reshape{{.shape = {6, -1}}}(x).shape()), (Shape{2, 6, 24}));
}

TEST(Norm, BatchNormFollowsPyTorch) {
  nn::BatchNorm norm{{.momentum = 0.9, .epsilon = 1e-5}};
  const Tensor x = tensor({{1, 2}, {3, 6}, {5, 4}});
  {
    const TrainingScope train;
    const Tensor y = norm(x);
    EXPECT_NEAR(mean(y).item(), 0, 1e-6);
    EXPECT_NEAR(y.to_vector<float>()[0], -2 / std::sqrt(8.0 / 3 + 1e-5), 1e-5);
  }
  EXPECT_NEAR(norm.running_mean.value().to_vector<float>()[0], 0.3, 1e-6);
  EXPECT_NEAR(norm.running_var.value().to_vector<float>()[0], 0.9 + 0.1 * 4, 1e-6);
  EXPECT_EQ(norm.num_batches_tracked.value().item<int>(), 1);
  const Tensor inferred = norm(x);
  EXPECT_NEAR(inferred.to_vector<float>()[0], (1 - 0.3) / std::sqrt(1.3 + 1e-5), 1e-5);
  EXPECT_EQ(names(nn::state(norm)),
            (std::vector<std::string>{"weight", "bias", "running_mean", "running_var",
                                      "num_batches_tracked"}));
  EXPECT_EQ(nn::parameters(norm).size(), 2u);
}

// Every norm, written out, with its gradients; in the dtypes that have kernels of their own.
TEST(Norm, LayersEqualTheFormulas) {
  const auto normal = [](const Tensor& x, const std::vector<int>& axes, bool center) {
    const Tensor c = center ? x - mean(x, axes, true) : x;
    return c * rsqrt(mean(square(c), axes, true) + 1e-5);
  };
  const Tensor w = tensor({0.5, 1.5, -1, 2});
  const Tensor b = tensor({1, 0, -1, 0.5});
  const auto channels = [](const Tensor& v) { return reshape(v, Shape{1, 4, 1}); };
  for (const DType dtype : {f32, f64, bf16}) {
    const Tensor x = (sin(ramp({3, 4, 5}) * 7) + 0.1 * ramp({3, 4, 5})).to(dtype);
    const Tensor u = cos(ramp({3, 4, 5}) * 5).to(f64);
    nn::BatchNorm batch{{.epsilon = 1e-5}};
    nn::GroupNorm group{{.groups = 2, .epsilon = 1e-5}};
    nn::LayerNorm layer{{.epsilon = 1e-5}};
    nn::RMSNorm rms{{.epsilon = 1e-5}};
    const TrainingScope train;
    const auto with_weights = [&](auto& module, const Tensor& input) {
      module(input);
      module.weight.assign(w.to(dtype));
      if constexpr (requires { module.bias; }) module.bias.assign(b.to(dtype));
    };
    using F = std::function<Tensor(const Tensor&)>;
    with_weights(batch, x);
    with_weights(group, x);
    const Tensor swapped = transpose(x, {0, 2, 1}).clone();
    with_weights(layer, swapped);
    with_weights(rms, swapped);
    const Tensor w64 = w.to(dtype).to(f64);
    const Tensor b64 = b.to(dtype).to(f64);
    const std::vector<std::tuple<const char*, F, F>> pairs = {
        {"batch", [&](const Tensor& t) { return batch(t); },
         [&](const Tensor& t) {
           return normal(t, {0, 2}, true) * channels(w64) + channels(b64);
         }},
        {"group", [&](const Tensor& t) { return group(t); },
         [&](const Tensor& t) {
           const Tensor y = normal(reshape(t, Shape{3, 2, 10}), {2}, true);
           return reshape(y, Shape{3, 4, 5}) * channels(w64) + channels(b64);
         }},
        {"layer",
         [&](const Tensor& t) {
           return transpose(layer(transpose(t, {0, 2, 1})), {0, 2, 1});
         },
         [&](const Tensor& t) { return normal(t, {1}, true) * channels(w64) + channels(b64); }},
        {"rms",
         [&](const Tensor& t) {
           return transpose(rms(transpose(t, {0, 2, 1})), {0, 2, 1});
         },
         [&](const Tensor& t) { return normal(t, {1}, false) * channels(w64); }}};
    const double tolerance = dtype == f64 ? 1e-12 : dtype == f32 ? 1e-5 : 4e-2;
    for (const auto& [name, module, formula] : pairs) {
      const auto loss_of = [&](const F& f) {
        return value_and_grad([&](const Tensor& t) { return sum(f(t).to(f64) * u); });
      };
      const Tensor y = module(x);
      EXPECT_EQ(y.dtype(), dtype) << name;
      EXPECT_LT(max(abs(y.to(f64) - formula(x.to(f64)))).item<double>(), tolerance) << name;
      const auto [value, slope] = loss_of(module)(x);
      const auto [expected, expected_slope] = loss_of(formula)(x.to(f64));
      EXPECT_NEAR(value.item<double>(), expected.item<double>(), 60 * tolerance) << name;
      EXPECT_LT(max(abs(slope.to(f64) - expected_slope)).item<double>(), 3 * tolerance) << name;
    }
  }
}

TEST(Norm, OthersHaveMeanZeroAndVarianceOne) {
  const Tensor x = ramp({2, 4, 6}) * 3 + 1;
  const Tensor layer = nn::LayerNorm{}(x);
  EXPECT_NEAR(mean(layer, {-1}).to_vector<float>()[3], 0, 1e-5);
  EXPECT_NEAR(variance(layer), 1, 1e-3);
  const Tensor group = nn::GroupNorm{{.groups = 2}}(x);
  EXPECT_NEAR(mean(group).item(), 0, 1e-5);
  EXPECT_NEAR(variance(group), 1, 1e-3);
  EXPECT_NEAR(mean(square(nn::RMSNorm{}(x))).item(), 1, 1e-3);
  EXPECT_THROW(nn::GroupNorm{{.groups = 3}}(x), ShapeError);
}

TEST(Dropout, OnlyWhileTraining) {
  nn::Dropout drop{{.rate = 0.25}};
  const Tensor x = ones({100, 100});
  EXPECT_EQ(drop(x).to_vector<float>(), x.to_vector<float>());
  const TrainingScope train;
  nn::Dropout twin = drop;
  const Tensor y = drop(x);
  EXPECT_NEAR(mean(y).item(), 1, 0.05);
  EXPECT_NEAR(mean(equal(y, 0).to(f32)).item(), 0.25, 0.03);
  EXPECT_EQ(twin(x).to_vector<float>(), y.to_vector<float>());
  EXPECT_NE(drop(x).to_vector<float>(), y.to_vector<float>());
  const Tensor spatial = nn::SpatialDropout{}(ones({4, 8, 3, 3}));
  const Tensor per_channel = sum(spatial, {2, 3});
  for (const float s : per_channel.to_vector<float>()) EXPECT_TRUE(s == 0 || s == 18) << s;
}

TEST(Dropout, CompiledStepDrawsAnewEachTime) {
  nn::Dropout drop{{.rate = 0.5}};
  auto f = compile([&](const Tensor& x) { return drop(x); });
  const Tensor x = ones({64});
  EXPECT_EQ(f(x).to_vector<float>(), x.to_vector<float>());
  const TrainingScope train;
  const auto first = f(x).to_vector<float>();
  EXPECT_NE(f(x).to_vector<float>(), first);
}

TEST(Embedding, TakesRowsAndKeepsThePadding) {
  nn::Embedding table{{.inputs = 5, .units = 3, .padding_index = 0}};
  const Tensor y = table(tensor({{1, 0}, {4, 4}}, i64));
  EXPECT_EQ(y.shape(), (Shape{2, 2, 3}));
  EXPECT_EQ(sum(abs(table(tensor({0}, i64)))).item(), 0);
  const auto [loss, gradients] = value_and_grad(
      [&] {
        return sum(table(tensor({0, 2, 2}, i64)));
      },
      table)();
  EXPECT_EQ(sum(gradients[0], {1}).to_vector<float>(), (std::vector<float>{0, 0, 6, 0, 0}));
  EXPECT_THROW((nn::Embedding{{.inputs = 0, .units = 3}}), ValueError);
}

TEST(PReLU, LearnsASlope) {
  nn::PReLU prelu;
  EXPECT_EQ(prelu(tensor({{-4, 2}})).to_vector<float>(), (std::vector<float>{-1, 2}));
  EXPECT_EQ(prelu.weight.shape(), (Shape{2}));
}

TEST(Activation, ByNameAndFunction) {
  for (const std::string& name : nn::Activation::names()) {
    EXPECT_EQ(nn::Activation(name).name(), name);
    EXPECT_NO_THROW(nn::Activation{name}(ones({2, 3})));
  }
  EXPECT_EQ(nn::Activation(relu).name(), "relu");
  EXPECT_EQ(nn::Activation(softmax).name(), "softmax");
  EXPECT_EQ(nn::Activation(gelu).name(), "gelu");
  EXPECT_FLOAT_EQ(nn::Activation(leaky_relu, 0.5)(tensor({-2})).item(), -1);
  EXPECT_EQ(nn::Activation(leaky_relu).name(), "leaky_relu");
  EXPECT_EQ(nn::Activation(elu).name(), "elu");
  EXPECT_THROW(nn::Activation{hard_shrink}, ValueError);
  EXPECT_THROW(nn::Activation("rellu"), ValueError);
}

TEST(Initializer, MomentsAndSeeds) {
  const Shape shape{200, 300};
  const auto variance_of = [&](const nn::Initializer& init) { return variance(init(shape)); };
  EXPECT_NEAR(variance_of(nn::init::glorot_uniform()), 2.0 / 500, 2e-4);
  EXPECT_NEAR(variance_of(nn::init::glorot_normal()), 2.0 / 500, 2e-4);
  EXPECT_NEAR(variance_of(nn::init::he_normal()), 2.0 / 300, 3e-4);
  EXPECT_NEAR(variance_of(nn::init::lecun_uniform()), 1.0 / 300, 2e-4);
  EXPECT_NEAR(variance_of(nn::init::normal(1, 0.5)), 0.25, 1e-2);
  EXPECT_EQ(nn::init::normal(0, 1, 5)({3}).to_vector<float>(),
            nn::init::normal(0, 1, 5)({3}).to_vector<float>());
  const Tensor q = nn::init::orthogonal(2)({5, 8});
  const Tensor gram = matmul(q, q, {.transpose_b = true}) - eye(5) * 4;
  EXPECT_LT(max(abs(gram)).item(), 1e-5);
  const Tensor tall = nn::init::orthogonal()({8, 5});
  EXPECT_LT(max(abs(matmul(tall, tall, {.transpose_a = true}) - eye(5))).item(), 1e-5);
}

TEST(Summary, CountsParametersAndMultiplyAdds) {
  nn::Layer net = nn::Sequential{nn::Conv2d{{.filters = 8, .kernel_size = 3}}, nn::MaxPool2d{},
                                 nn::Flatten{}, nn::Dense{{.units = 10}}};
  const nn::Summary summary = nn::summarize(net, {{f32, {1, 1, 12, 12}}});
  ASSERT_EQ(summary.rows.size(), 4u);
  EXPECT_EQ(summary.rows[0].parameters, 8 * 9 + 8);
  EXPECT_EQ(summary.rows[3].parameters, 200 * 10 + 10);
  EXPECT_EQ(summary.parameters, 80 + 2010);
  EXPECT_EQ(summary.rows[0].output.shape, (Shape{1, 8, 10, 10}));
  EXPECT_NEAR(summary.rows[3].multiply_adds, 2000, 20);
  EXPECT_NEAR(summary.rows[0].multiply_adds, 8 * 9 * 100, 1000);
  const std::string text = to_string(summary);
  EXPECT_NE(text.find("dense_3"), std::string::npos) << text;
}

TEST(ValueAndGrad, OfAModule) {
  Net net;
  const Tensor x = ramp({4, 5});
  const auto loss_of = [&] { return mean(square(net(x))); };
  net(x);
  GradientTape tape;
  const Tensor loss = loss_of();
  Tensors sources;
  for (const auto& p : nn::parameters(net)) sources.push_back(p.value());
  const Tensors by_tape = tape.gradient(loss, sources);
  const auto [value, gradients] = value_and_grad(loss_of, net)();
  EXPECT_FLOAT_EQ(value.item(), loss.item());
  ASSERT_EQ(gradients.size(), by_tape.size());
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    EXPECT_EQ(gradients[i].to_vector<float>(), by_tape[i].to_vector<float>());
  }
}

// A file of another network is noticed at the first call, when the layer had no weights before.
TEST(Layers, RefuseLoadedWeightsOfAnotherSize) {
  const auto load_into = [](auto from, auto to, const Tensor& x) {
    from(x);
    nn::load_state(nn::visit_fn(to), nn::values_of(nn::state(from)), false);
    try {
      to(x);
    } catch (const ShapeError& e) {
      return std::string(e.what()).find("file of another network") != std::string::npos;
    }
    return false;
  };
  const Tensor row = ones({1, 4});
  const Tensor picture = ones({1, 2, 8, 8});
  EXPECT_TRUE(load_into(nn::Dense{{.units = 3}}, nn::Dense{{.units = 2}}, row));
  EXPECT_TRUE(load_into(nn::Conv2d{{.filters = 3, .kernel_size = 3}},
                        nn::Conv2d{{.filters = 3, .kernel_size = 5}}, picture));
  EXPECT_TRUE(load_into(nn::ConvTranspose2d{{.filters = 3, .kernel_size = 3}},
                        nn::ConvTranspose2d{{.filters = 4, .kernel_size = 3}}, picture));
  EXPECT_FALSE(load_into(nn::Dense{{.units = 3}}, nn::Dense{{.units = 3}}, row));
}

}  // namespace
}  // namespace nacre
