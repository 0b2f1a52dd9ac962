// Recurrent layers against their formulas, step by step; PyTorch's numbers; lengths, states,
// directions, stacks, dropout.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "nacre/nacre.h"
#include "tests/support/errors.h"

namespace nacre {
namespace {

Tensor wave(const Shape& shape, double phase) {
  return reshape(sin(arange(0, static_cast<double>(shape.elements()), 1, f64) * 0.37 + phase),
                 shape);
}

// Gives every weight known values, by the order of its name.
template <class L>
void fill(L& layer, double scale = 0.4) {
  nn::StateMap values = nn::values_of(nn::state(layer));
  double phase = 0.1;
  for (auto& [name, value] : values) {
    if (name == "generator") continue;
    value = (wave(value.shape(), phase) * scale).to(value.dtype());
    phase += 0.9;
  }
  nn::load_state(layer, values);
}

double distance(const Tensor& a, const Tensor& b) {
  EXPECT_EQ(a.shape(), b.shape());
  return max(abs(a.to(f64) - b.to(f64))).item<double>();
}

// One step by the formulas of the papers, with other ops than the layers use.
using Weights = std::map<std::string, Tensor>;
using Cell = std::function<Tensors(const Tensor& x, const Tensors& state, const Weights& w)>;

Tensor gate(const Tensor& x, const Tensor& h, const Weights& w, std::int64_t i,
            std::int64_t units) {
  const auto rows = [&](const std::string& name) {
    return slice_axis(w.at(name), 0, slice(i * units, (i + 1) * units));
  };
  return einsum("bf,uf->bu", {x, rows("weight_ih_l0")}) + rows("bias_ih_l0") +
         einsum("bv,uv->bu", {h, rows("weight_hh_l0")}) + rows("bias_hh_l0");
}
Tensor logistic(const Tensor& x) { return 1 / (1 + exp(-x)); }

Tensors rnn_cell(const Tensor& x, const Tensors& s, const Weights& w) {
  return {tanh(gate(x, s[0], w, 0, s[0].size(1)))};
}
Tensors lstm_cell(const Tensor& x, const Tensors& s, const Weights& w) {
  const std::int64_t n = s[0].size(1);
  const Tensor cell = logistic(gate(x, s[0], w, 1, n)) * s[1] +
                      logistic(gate(x, s[0], w, 0, n)) * tanh(gate(x, s[0], w, 2, n));
  return {logistic(gate(x, s[0], w, 3, n)) * tanh(cell), cell};
}
Tensors gru_cell(const Tensor& x, const Tensors& s, const Weights& w) {
  const std::int64_t n = s[0].size(1);
  const Tensor r = logistic(gate(x, s[0], w, 0, n));
  const Tensor z = logistic(gate(x, s[0], w, 1, n));
  const auto rows = [&](const std::string& name) {
    return slice_axis(w.at(name), 0, slice(2 * n, 3 * n));
  };
  const Tensor from_state = einsum("bv,uv->bu", {s[0], rows("weight_hh_l0")}) + rows("bias_hh_l0");
  const Tensor candidate =
      tanh(einsum("bf,uf->bu", {x, rows("weight_ih_l0")}) + rows("bias_ih_l0") + r * from_state);
  return {(1 - z) * candidate + z * s[0]};
}

template <class L>
void expect_formula(const Cell& cell, std::size_t states) {
  L layer(nn::RecurrentOptions{.units = 3, .return_sequences = true});
  const Tensor x = wave({2, 5, 4}, 0);
  layer(x);
  fill(layer);
  const Weights w = nn::values_of(nn::state(layer));
  Tensors state(states, zeros({2, 3}, f64));
  Tensors outputs;
  for (std::int64_t t = 0; t < 5; ++t) {
    state = cell(swap_axes(x, 0, 1)[t], state, w);
    outputs.push_back(state[0]);
  }
  EXPECT_LT(distance(layer(x), stack(outputs, 1)), 1e-12);
  const nn::SequenceOutput all = layer.run(x);
  for (std::size_t i = 0; i < states; ++i) EXPECT_LT(distance(all.state[i][0], state[i]), 1e-12);
  // Compiled, and its gradients compiled and eager.
  auto loss = [&](const Tensor& in) { return sum(square(layer(in))); };
  const auto [value, gradient] = value_and_grad(loss)(x);
  const auto [fast, fast_gradient] =
      compile([&](const Tensor& in) { return value_and_grad(loss)(in); })(x);
  EXPECT_NEAR(fast.template item<double>(), value.template item<double>(), 1e-12);
  EXPECT_LT(distance(fast_gradient, gradient), 1e-12);
}

TEST(Recurrent, FollowsTheFormulas) {
  expect_formula<nn::SimpleRNN>(rnn_cell, 1);
  expect_formula<nn::LSTM>(lstm_cell, 2);
  expect_formula<nn::GRU>(gru_cell, 1);
}

// A gradient with respect to every weight equals central differences.
template <class L>
void expect_gradients(nn::RecurrentOptions options) {
  L layer(options);
  const Tensor x = wave({2, 4, 3}, 0.3);
  layer(x);
  fill(layer);
  const auto loss = [&] { return sum(square(layer(x)) * wave(layer(x).shape(), 1)); };
  const auto [value, gradients] = value_and_grad(loss, layer)();
  const nn::NamedVariables parameters = nn::parameters(layer);
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    Variable v = parameters[p].variable();
    const Tensor start = v.value();
    const std::vector<double> got = Tensor(gradients[p]).to_vector<double>();
    for (std::size_t i = 0; i < got.size(); i += 3) {
      const auto moved = [&](double by) {
        auto values = start.to_vector<double>();
        values[i] += by;
        v.assign(Tensor::from(values, start.shape()));
        const double result = Tensor(loss()).item<double>();
        v.assign(start);
        return result;
      };
      EXPECT_NEAR(got[i], (moved(1e-5) - moved(-1e-5)) / 2e-5, 1e-7) << parameters[p].name << i;
    }
  }
}

TEST(Recurrent, GradientsAreThoseOfDifferences) {
  expect_gradients<nn::SimpleRNN>({.units = 2, .return_sequences = true});
  expect_gradients<nn::LSTM>({.units = 2, .layers = 2, .bidirectional = true});
  expect_gradients<nn::GRU>({.units = 2, .reverse = true, .use_bias = false});
}

// A row of the output, of the input's gradient, and the sum of the sizes of one weight's gradient,
// of PyTorch 2.15: two layers, both directions, weights as fill() makes them.
struct Numbers {
  std::vector<double> output, input_gradient;
  double weight_gradient;
};
template <class L>
void expect_pytorch(const Numbers& wanted) {
  L layer(nn::RecurrentOptions{
      .units = 2, .layers = 2, .bidirectional = true, .return_sequences = true});
  Variable x(wave({2, 4, 3}, 0.2));
  layer(x);
  fill(layer);
  GradientTape tape;
  const Tensor y = layer(x);
  const Tensor loss = sum(y * wave(y.shape(), 1));
  Tensors sources{x.value()};
  std::size_t reverse = 0;
  for (const nn::NamedVariable& p : nn::parameters(layer)) {
    if (p.name == "weight_hh_l0_reverse") reverse = sources.size();
    sources.push_back(p.value());
  }
  const Tensors gradients = tape.gradient(loss, sources);
  const auto output = y[1][2].to_vector<double>();
  const auto input = gradients[0][0][1].to_vector<double>();
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(output[i], wanted.output[i], 1e-8) << i;
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(input[i], wanted.input_gradient[i], 1e-8) << i;
  EXPECT_NEAR(sum(abs(gradients[reverse])).item<double>(), wanted.weight_gradient, 1e-7);
}

TEST(Recurrent, GivesTheNumbersOfPyTorch) {
  expect_pytorch<nn::SimpleRNN>({{0.163389033, -0.239630007, 0.104481346, 0.125962489},
                                 {0.0185052945, 0.0884923129, 0.146502312},
                                 3.05641886});
  expect_pytorch<nn::LSTM>({{0.047059326, 0.0485328162, -0.0791079437, -0.0304473214},
                            {-0.00945075414, -0.0104550831, -0.0100443656},
                            0.0973994672});
  expect_pytorch<nn::GRU>({{0.127873537, 0.147069371, -0.0654933124, 0.0146837224},
                           {-0.0106409063, -0.00745265456, -0.00325572094},
                           0.274152332});
}

TEST(Recurrent, Directions) {
  const Tensor x = wave({2, 5, 3}, 0);
  nn::GRU both(nn::RecurrentOptions{.units = 4, .bidirectional = true, .return_sequences = true});
  both(x);
  fill(both);
  const nn::StateMap state = nn::values_of(nn::state(both));
  nn::StateMap forward, backward;
  for (const auto& [name, value] : state) {
    const std::size_t end = name.find("_reverse");
    (end == name.npos ? forward : backward).emplace(name.substr(0, end), value);
  }
  nn::GRU ahead(nn::RecurrentOptions{.units = 4, .return_sequences = true});
  nn::GRU back(nn::RecurrentOptions{.units = 4, .return_sequences = true});
  nn::load_state(ahead, forward);
  nn::load_state(back, backward);
  const Tensor expected = concatenate({ahead(x), flip(back(flip(x, {1})), {1})}, 2);
  EXPECT_LT(distance(both(x), expected), 1e-12);
  // The last state of each direction: of the last step, and of the first.
  nn::GRU last(nn::RecurrentOptions{.units = 4, .bidirectional = true});
  nn::load_state(last, state);
  EXPECT_LT(
      distance(last(x), concatenate({slice_axis(swap_axes(expected, 0, 1)[-1], 1, slice(0, 4)),
                                     slice_axis(swap_axes(expected, 0, 1)[0], 1, slice(4, 8))},
                                    1)),
      1e-12);
}

// A stack is its layers one after another.
TEST(Recurrent, StacksReadEachOther) {
  const Tensor x = wave({3, 4, 2}, 0.2);
  nn::LSTM two(nn::RecurrentOptions{.units = 3, .layers = 2, .return_sequences = true});
  two(x);
  fill(two);
  nn::StateMap first, second;
  for (const auto& [name, value] : nn::values_of(nn::state(two))) {
    const std::string kind = name.substr(0, name.size() - 1);
    (name.back() == '0' ? first : second).emplace(kind + "0", value);
  }
  nn::LSTM lower(nn::RecurrentOptions{.units = 3, .return_sequences = true});
  nn::LSTM upper(nn::RecurrentOptions{.units = 3, .return_sequences = true});
  nn::load_state(lower, first);
  nn::load_state(upper, second);
  EXPECT_LT(distance(two(x), upper(lower(x))), 1e-12);
  EXPECT_EQ(two.run(x).state[1].shape(), (Shape{2, 3, 3}));
}

// Sequences of several lengths give what each gives alone.
TEST(Recurrent, LengthsLeaveThePaddingOut) {
  const Tensor x = wave({3, 6, 2}, 0.1);
  const std::vector<std::int64_t> lengths{6, 1, 4};
  nn::LSTM layer(nn::RecurrentOptions{.units = 3, .layers = 2, .bidirectional = true});
  layer(x);
  fill(layer);
  const nn::SequenceOutput together = layer.run(x, {.lengths = Tensor::from(lengths)});
  for (std::int64_t b = 0; b < 3; ++b) {
    const std::int64_t n = lengths[static_cast<std::size_t>(b)];
    const nn::SequenceOutput alone = layer.run(expand_dims(slice_axis(x[b], 0, slice(n)), {0}));
    EXPECT_LT(distance(slice_axis(together.output[b], 0, slice(n)), alone.output[0]), 1e-12) << b;
    if (n < 6) {
      EXPECT_EQ(max(abs(slice_axis(together.output[b], 0, slice(n, none)))).item(), 0);
    }
    for (std::size_t s = 0; s < 2; ++s) {
      EXPECT_LT(distance(swap_axes(together.state[s], 0, 1)[b], swap_axes(alone.state[s], 0, 1)[0]),
                1e-12);
    }
  }
}

// Halves of a sequence, the second from where the first ended, are the whole.
TEST(Recurrent, StatesGoOn) {
  const Tensor x = wave({2, 6, 3}, 0.4);
  const Tensor halves[] = {slice_axis(x, 1, slice(3)), slice_axis(x, 1, slice(3, none))};
  nn::LSTM layer(nn::RecurrentOptions{.units = 4, .return_sequences = true});
  const Tensor whole = layer(x);
  const nn::SequenceOutput first = layer.run(halves[0]);
  const nn::SequenceOutput second = layer.run(halves[1], {.state = first.state});
  EXPECT_LT(distance(concatenate({first.output, second.output}, 1), whole), 1e-12);
  nn::LSTM keeps(nn::RecurrentOptions{.units = 4, .return_sequences = true, .stateful = true});
  nn::load_state(keeps, nn::values_of(nn::state(layer)));
  auto run = compile([&](const Tensor& t) { return keeps(t); });
  for (int again = 0; again < 2; ++again) {
    const Tensor a = run(halves[0]);
    const Tensor b = run(halves[1]);
    EXPECT_LT(distance(concatenate({a, b}, 1), whole), 1e-12) << again;
    keeps.reset_state();
  }
}

TEST(Recurrent, DropoutWorksInTrainingOnly) {
  const Tensor x = wave({4, 5, 3}, 0);
  nn::GRU layer(nn::RecurrentOptions{.units = 8, .dropout = 0.4, .recurrent_dropout = 0.4});
  const Tensor plain = layer(x);
  EXPECT_EQ(distance(layer(x), plain), 0);
  const TrainingScope train;
  const Tensor once = layer(x);
  EXPECT_GT(distance(once, plain), 1e-3);
  EXPECT_GT(distance(layer(x), once), 1e-3);
}

TEST(Recurrent, LearnsWhatCameFirst) {
  // Sequences of noise; the answer is the sign of their first value.
  Generator random(3);
  const Tensor x = random.normal({256, 12, 1});
  const Tensor y = greater(slice_axis(x, 1, slice(1)).reshape({256}), 0).to(i64);
  Model model(nn::Sequential{nn::LSTM(nn::RecurrentOptions{.units = 16}), nn::Dense{{.units = 2}}});
  model.compile({.optimizer = optim::Adam({.learning_rate = 0.02}),
                 .loss = loss::sparse_categorical_crossentropy({.from_logits = true}),
                 .metrics = {metric::accuracy()}});
  const History history = model.fit(x, y, {.epochs = 100, .batch_size = 32, .verbose = 0});
  EXPECT_GT(history.last("accuracy"), 0.95);
}

TEST(Recurrent, SaysWhatDoesNotFit) {
  using test::text_of;
  EXPECT_NE(text_of<ValueError>([] { nn::LSTM(nn::RecurrentOptions{}); }).find("units must be"),
            std::string::npos);
  EXPECT_NE(text_of<ValueError>([] {
              nn::GRU(nn::RecurrentOptions{.units = 2, .bidirectional = true, .reverse = true});
            }).find("reverse has no use"),
            std::string::npos);
  nn::LSTM layer(nn::RecurrentOptions{.units = 2});
  EXPECT_NE(text_of<ShapeError>([&] {
              layer(zeros({2, 3}));
            }).find("[batch, steps, features]"),
            std::string::npos);
  layer(zeros({2, 3, 4}));
  EXPECT_NE(text_of<ShapeError>([&] {
              layer(zeros({2, 3, 5}));
            }).find("[batch, steps, 4]"),
            std::string::npos);
  EXPECT_NE(text_of<ShapeError>([&] {
              layer.run(zeros({2, 3, 4}), {.lengths = zeros({3}, i64)});
            }).find("lengths must be whole numbers [2]"),
            std::string::npos);
  EXPECT_NE(text_of<ShapeError>([&] {
              layer.run(zeros({2, 3, 4}), {.state = {zeros({1, 2, 2})}});
            }).find("1 states given, it has 2"),
            std::string::npos);
}

}  // namespace
}  // namespace nacre
