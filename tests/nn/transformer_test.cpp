// Attention and transformer blocks: PyTorch's numbers, masks, places, reading token by token.
#include "nacre/nn/transformer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include "nacre/nacre.h"
#include "tests/support/errors.h"

namespace nacre {
namespace {

using test::text_of;

// sin(0.7 i + phase) * scale, as tools/make_transformer_reference.py has it.
Tensor fill(const Shape& shape, double phase, double scale = 0.5) {
  std::vector<double> values(static_cast<std::size_t>(shape.elements()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = std::sin(0.7 * static_cast<double>(i) + phase) * scale;
  }
  return Tensor::from(values, shape).to(f32);
}

const std::map<std::string, std::vector<double>>& reference() {
  static const auto table = [] {
    std::map<std::string, std::vector<double>> out;
    std::ifstream file(NACRE_SOURCE_DIR "/tests/nn/golden/transformer.txt");
    for (std::string line; std::getline(file, line);) {
      const auto brace = line.find('{');
      std::istringstream numbers(line.substr(brace + 1));
      std::vector<double>& values = out[line.substr(0, brace - 1)];
      for (std::string one; std::getline(numbers, one, ',');) values.push_back(std::stod(one));
    }
    return out;
  }();
  return table;
}

// The first three elements, the sum, and a sum with signs.
void expect_reference(const std::string& label, const Tensor& t) {
  ASSERT_TRUE(reference().contains(label)) << label;
  const std::vector<double>& expected = reference().at(label);
  const std::vector<double> v = t.to_vector<double>();
  std::vector<double> found(v.begin(), v.begin() + 3);
  double sum = 0;
  double signs = 0;
  double size = 1;
  for (std::size_t i = 0; i < v.size(); ++i) {
    sum += v[i];
    signs += v[i] * std::cos(static_cast<double>(i));
    size += std::abs(v[i]);
  }
  found.push_back(sum);
  found.push_back(signs);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_NEAR(found[i], expected[i], 1e-5 * (i < 3 ? 1 + std::abs(expected[i]) : size))
        << label << " " << i;
  }
}

// Weights by the formula, numbered by their names in order.
template <class M>
void fill_weights(M& module) {
  std::map<std::string, nn::NamedVariable> sorted;
  for (const nn::NamedVariable& v : nn::parameters(module)) sorted.emplace(v.name, v);
  double phase = 1;
  for (const auto& [name, v] : sorted) {
    const bool scale = name.find("norm") != name.npos && name.find("weight") != name.npos;
    v.variable().assign(fill(v.value().shape(), phase++) + (scale ? 1.0 : 0.0));
  }
}

// f(inputs) and all gradients of its sum weighted by fill(…, 9).
template <class M, class F>
void expect_as_pytorch(const std::string& label, M& module, F&& f, const Tensors& inputs,
                       const std::vector<std::string>& names) {
  f(inputs);  // makes the weights
  fill_weights(module);
  GradientTape tape;
  Tensors own;
  for (const Tensor& t : inputs) own.push_back(tape.watch(t));
  const Tensor y = f(own);
  const Tensor loss = sum(y * fill(y.shape(), 9, 1));
  expect_reference(label + " y", y);
  Tensors sources = own;
  const nn::NamedVariables parameters = nn::parameters(module);
  for (const nn::NamedVariable& p : parameters) sources.push_back(p.value());
  const Tensors gradients = tape.gradient(loss, sources);
  for (std::size_t i = 0; i < names.size(); ++i) {
    expect_reference(label + " " + names[i], gradients[i]);
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    expect_reference(label + " " + parameters[i].name, gradients[own.size() + i]);
  }
}

Tensor sequence() { return fill({2, 5, 8}, 0.3, 1); }
Tensor memory() { return fill({2, 4, 8}, 0.8, 1); }

TEST(Attention, IsPyTorchs) {
  nn::MultiHeadAttention own({.heads = 2, .causal = true});
  expect_as_pytorch("self", own, [&](const Tensors& in) { return own(in[0]); }, {sequence()},
                    {"dx"});
  nn::MultiHeadAttention cross(2);
  const Tensor lengths = tensor({3, 1}, i64);
  expect_as_pytorch(
      "cross", cross,
      [&](const Tensors& in) { return cross.run(in[0], in[1], {.lengths = lengths}); },
      {sequence(), memory()}, {"dx", "dm"});
}

TEST(Transformer, BlocksArePyTorchs) {
  for (const bool first : {false, true}) {
    nn::TransformerBlock block({.units = 8, .heads = 2, .inner = 12, .norm_first = first});
    expect_as_pytorch(first ? "encoder pre" : "encoder post", block,
                      [&](const Tensors& in) { return block(in[0]); }, {sequence()}, {"dx0"});
  }
  nn::TransformerBlock decoder(
      {.units = 8, .heads = 2, .inner = 12, .causal = true, .cross = true, .activation = "relu"});
  expect_as_pytorch("decoder", decoder, [&](const Tensors& in) { return decoder(in[0], in[1]); },
                    {sequence(), memory()}, {"dx0", "dx1"});
}

double distance(const Tensor& a, const Tensor& b) { return max(abs(a - b)).to_vector<double>()[0]; }

TEST(Attention, HeadsOfKeysMayBeShared) {
  nn::MultiHeadAttention shared({.heads = 4, .inputs = 16, .kv_heads = 2});
  EXPECT_EQ(shared.in_proj_weight.shape(), (Shape{16 + 2 * 8, 16}));
  nn::MultiHeadAttention full({.heads = 4, .inputs = 16});
  // The same with the keys and values of each head written out twice.
  const auto twice = [](const Tensor& rows) {
    return repeat(rows.reshape({2, 4, -1}), 2, 0).reshape({16, -1});
  };
  const auto expanded = [&](const Tensor& t) {
    const Tensor m = t.reshape({32, -1});
    return concatenate({m[slice(0, 16)], twice(m[slice(16, 24)]), twice(m[slice(24, 32)])}, 0);
  };
  full.in_proj_weight.assign(expanded(shared.in_proj_weight.value()));
  full.in_proj_bias.assign(expanded(shared.in_proj_bias.value()).reshape({48}));
  full.out_proj_weight.assign(shared.out_proj_weight.value());
  full.out_proj_bias.assign(shared.out_proj_bias.value());
  const Tensor x = Generator(1).normal({2, 7, 16});
  EXPECT_LT(distance(shared(x), full(x)), 1e-5);
}

// What is far away does not change what a step sees.
TEST(Attention, AWindowIsAMask) {
  nn::MultiHeadAttention layer({.heads = 2, .inputs = 8, .causal = true, .window = 3});
  nn::MultiHeadAttention all({.heads = 2, .inputs = 8});
  nn::load_state(all, nn::values_of(nn::state(layer)));
  const Tensor x = Generator(2).normal({1, 40, 8});
  const Tensor apart = arange(40).reshape({40, 1}) - arange(40).reshape({1, 40});
  const Tensor seen = logical_and(greater_equal(apart, 0), less(apart, 3));
  EXPECT_LT(distance(layer(x), all.run(x, {}, {.mask = seen})), 1e-5);
}

// Turning by the place leaves only the distance: what is moved as a whole sees the same.
TEST(Attention, PlacesAreRelative) {
  const Tensor x = Generator(3).normal({1, 6, 8});
  const Tensor moved = concatenate({Generator(4).normal({1, 5, 8}), x}, 1);
  const Tensor old = less(arange(11), 5);
  const Tensor mask = logical_not(old).reshape({1, 11});
  for (const bool alibi : {false, true}) {
    nn::MultiHeadAttention layer(
        {.heads = 2, .inputs = 8, .causal = true, .rotary = !alibi, .alibi = alibi});
    const Tensor there = layer.run(moved, {}, {.mask = mask});
    EXPECT_LT(distance(slice_axis(there, 1, slice(5, 11)), layer(x)), 1e-5) << alibi;
    nn::MultiHeadAttention plain({.heads = 2, .inputs = 8, .causal = true});
    nn::load_state(plain, nn::values_of(nn::state(layer)));
    EXPECT_GT(distance(plain(x), layer(x)), 1e-3) << alibi;
  }
}

TEST(Attention, SlopesOfAlibiAreThoseOfThePaper) {
  // Two heads: 2^-4 and 2^-8. All keys are equal, so the weights are those of the slopes alone.
  nn::MultiHeadAttention layer(
      {.heads = 2, .inputs = 2, .causal = true, .alibi = true, .use_bias = false});
  layer.in_proj_weight.assign(
      Tensor::from(std::vector<float>{0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0}, {6, 2}));
  layer.out_proj_weight.assign(Tensor::from(std::vector<float>{1, 0, 0, 1}, {2, 2}));
  const Tensor x = Tensor::from(std::vector<float>{1, 0, 2, 0, 4, 0}, {1, 3, 2});
  const std::vector<float> y = layer(x).to_vector<float>();
  for (int head = 0; head < 2; ++head) {
    const double s = head == 0 ? 1.0 / 16 : 1.0 / 256;
    const double a = std::exp(-2 * s), b = std::exp(-s);
    EXPECT_NEAR(y[static_cast<std::size_t>(4 + head)], (a * 1 + b * 2 + 4) / (a + b + 1), 1e-5);
  }
}

TEST(Attention, AQueryThatSeesNothingGivesZeros) {
  nn::MultiHeadAttention layer({.heads = 2, .inputs = 8, .dropout = 0.3});
  layer.out_proj_bias.assign(zeros({8}));
  const Tensor x = Generator(5).normal({2, 4, 8});
  const nn::AttentionMask none{.lengths = tensor({0, 4}, i64)};
  for (const bool trains : {false, true}) {
    const TrainingScope scope(trains);
    const Tensor y = layer.run(x, x, none);
    EXPECT_EQ(max(abs(y[0])).to_vector<float>()[0], 0);
    EXPECT_GT(max(abs(y[1])).to_vector<float>()[0], 0);
    EXPECT_TRUE(all(is_finite(y)).to_vector<bool>()[0]);
  }
}

TEST(Attention, DropsWeightsWhileTraining) {
  nn::MultiHeadAttention layer(
      {.heads = 2, .inputs = 8, .kv_heads = 1, .causal = true, .dropout = 0.5});
  const Tensor x = Generator(6).normal({2, 9, 8});
  const Tensor plain = layer(x);
  EXPECT_EQ(distance(layer(x), plain), 0);
  const TrainingScope train;
  Tensor mean = zeros_like(plain);
  for (int i = 0; i < 2000; ++i) mean = mean + layer(x);
  EXPECT_GT(distance(layer(x), plain), 1e-2);
  EXPECT_LT(distance(mean / 2000, plain), 0.1);
}

TEST(Transformer, VariantsTrainAndTravel) {
  const Tensor x = Generator(7).normal({2, 6, 8});
  for (const nn::TransformerBlockOptions& o : {nn::TransformerBlockOptions{.units = 8,
                                              .heads = 2,
                                              .causal = true,
                                              .rotary = true,
                                              .dropout = 0.1,
                                              .activation = "silu",
                                              .gated = true,
                                              .rms_norm = true,
                                              .use_bias = false,
                                              .checkpoint = true},
                                               nn::TransformerBlockOptions{.units = 8,
                                               .heads = 4,
                                               .kv_heads = 1,
                                               .inner = 5,
                                               .causal = true,
                                               .window = 2,
                                               .alibi = true,
                                               .norm_first = false}}) {
    nn::Sequential net{nn::TransformerBlock(o)};
    net(x);
    const std::string json = zoo::describe(*std::make_unique<nn::Layer>(net));
    nn::Sequential again = zoo::build(json);
    again(x);
    nn::load_state(again, nn::values_of(nn::state(net)));
    EXPECT_EQ(distance(again(x), net(x)), 0) << json;
    const TrainingScope train;
    auto step = value_and_grad([&](const Tensor& t) { return sum(square(net(t))); }, net);
    const auto [value, gradients] = step(x);
    EXPECT_EQ(gradients.size(), nn::parameters(net).size());
  }
}

// Computing forward once more gives the same gradients.
TEST(Transformer, CheckpointsChangeNothing) {
  nn::TransformerBlock plain({.units = 8, .heads = 2, .causal = true});
  nn::TransformerBlock saving({.units = 8, .heads = 2, .causal = true, .checkpoint = true});
  const Tensor x = Generator(8).normal({2, 6, 8});
  plain(x);
  saving(x);
  nn::load_state(saving, nn::values_of(nn::state(plain)));
  const TrainingScope train;
  const auto gradients = [&](nn::TransformerBlock& block) {
    auto f = compile([&](const Tensor& t) {
      return value_and_grad([&](const Tensor& u) { return sum(square(block(u))); }, block)(t)
          .second;
    });
    return f(x);
  };
  const Tensors a = gradients(plain);
  const Tensors b = gradients(saving);
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_LT(distance(a[i], b[i]), 1e-5);
}

TEST(Transformer, SaysWhatDoesNotFit) {
  EXPECT_NE(text_of<ValueError>([] {
              nn::MultiHeadAttention({.heads = 3, .inputs = 8});
            }).find("8 units cannot be shared by 3 heads"),
            std::string::npos);
  EXPECT_NE(text_of<ValueError>([] {
              nn::MultiHeadAttention({.heads = 3})(zeros({1, 2, 8}));
            }).find("cannot be shared"),
            std::string::npos);
  EXPECT_THROW(nn::MultiHeadAttention({.heads = 4, .kv_heads = 3}), ValueError);
  EXPECT_THROW(nn::MultiHeadAttention({.heads = 2, .inputs = 6, .rotary = true}), ValueError);
  EXPECT_THROW(nn::MultiHeadAttention({.heads = 2, .alibi = true}), ValueError);
  EXPECT_THROW(nn::TransformerBlock({.units = 8, .heads = 3}), ValueError);
  nn::TransformerBlock block({.units = 8, .heads = 2});
  EXPECT_NE(text_of<ShapeError>([&] {
              block(zeros({2, 3, 7}));
            }).find("[batch, steps, 8]"),
            std::string::npos);
  EXPECT_NE(text_of<ValueError>([&] { block(sequence(), memory()); }).find(".cross = true"),
            std::string::npos);
  nn::PositionEmbedding places(4);
  EXPECT_NE(text_of<ShapeError>([&] {
              places(zeros({1, 5, 8}));
            }).find("at most 4"),
            std::string::npos);
}

TEST(Positions, WavesAreThoseOfThePaper) {
  nn::PositionEmbedding places({.length = 50, .sinusoidal = true});
  const std::vector<float> y = places(zeros({1, 3, 4})).to_vector<float>();
  EXPECT_NEAR(y[0], 0, 1e-6);
  EXPECT_NEAR(y[1], 1, 1e-6);
  EXPECT_NEAR(y[8], std::sin(2.0), 1e-6);
  EXPECT_NEAR(y[11], std::cos(2.0 / 100), 1e-6);
}

}  // namespace
}  // namespace nacre
