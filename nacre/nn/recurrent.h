// Recurrent layers over sequences [batch, steps, features]. Weights have PyTorch's names, shapes
// and order of gates, so that its files load: weight_ih_l0 [gates * units, features], weight_hh_l0
// [gates * units, units], bias_ih_l0 and bias_hh_l0 [gates * units]; _l1 ... for stacked layers,
// ..._reverse for the second direction. Keras keeps the transposes of both, and one bias (two of
// GRU's); its LSTM has the same order of gates, its GRU has z before r.
#pragma once

#include <deque>

#include "nacre/nn/activation.h"
#include "nacre/nn/field.h"

namespace nacre::nn {

struct RecurrentOptions {
  std::int64_t units = 0;         // of the state, at least 1
  std::int64_t inputs = 0;        // features; 0: taken from the first input
  std::int64_t layers = 1;        // each but the first reads the sequence of the one before
  bool bidirectional = false;     // reads from the end too; results are joined on the last axis
  bool return_sequences = false;  // [batch, steps, units], else the last state [batch, units]
  bool reverse = false;           // reads from the end only (Keras: go_backwards)
  // Begins where the last call ended; reset_state() forgets. The batch size must stay.
  bool stateful = false;
  // Shares of the inputs of each layer, and of its state, that are 0 while training: one mask for
  // all steps. Gal and Ghahramani, "A theoretically grounded application of dropout in recurrent
  // neural networks", 2016.
  double dropout = 0;
  double recurrent_dropout = 0;
  bool use_bias = true;
  Initializer kernel_initializer = {};     // default: Glorot uniform, as in Keras
  Initializer recurrent_initializer = {};  // default: orthogonal for each gate, as in Keras

  template <class V>
  void each(V&& v) {
    v(Field{.name = "units", .least = 1, .needed = true}, units);
    v(Field{.name = "inputs", .implied = true}, inputs);
    v(Field{.name = "layers", .least = 1}, layers);
    v(Field{.name = "bidirectional"}, bidirectional);
    v(Field{.name = "return_sequences"}, return_sequences);
    v(Field{.name = "reverse"}, reverse);
    v(Field{.name = "stateful"}, stateful);
    v(Field{.name = "dropout"}, dropout);
    v(Field{.name = "recurrent_dropout"}, recurrent_dropout);
    v(Field{.name = "use_bias"}, use_bias);
    v(Field{.name = "kernel_initializer"}, kernel_initializer);
    v(Field{.name = "recurrent_initializer"}, recurrent_initializer);
  }
};

// What a run may be given beside the sequence.
struct SequenceInput {
  // The states to begin with, each [layers * directions, batch, units]: the hidden state, and of
  // LSTM the cell state; empty: zeros.
  Tensors state = {};
  // How many steps of each sequence count, whole numbers [batch]; the others change no state, and
  // their outputs are 0. Undefined: all.
  Tensor lengths = {};
};
struct SequenceOutput {
  Tensor output;  // [batch, steps, units * directions]
  Tensors state;  // after the last step that counts, as in SequenceInput
};

// What the three share: stacking, directions, lengths, states.
class Recurrent : public LayerBase {
 public:
  // Throws ShapeError unless x is [batch, steps, inputs].
  Tensor operator()(const Operand& x);
  // All that there is to know. Throws ShapeError for states or lengths that do not fit.
  SequenceOutput run(const Operand& x, const SequenceInput& given = {});
  // Forgets the state of a stateful layer.
  void reset_state();
  void visit(ModuleVisitor& visitor);
  const RecurrentOptions& options() const { return options_; }

 protected:
  struct Weights {
    Variable ih, hh, bias_ih, bias_hh;
  };
  // `gates` products of the input, and `states` tensors that go from step to step.
  Recurrent(const char* kind, RecurrentOptions options, std::int64_t gates, std::size_t states,
            const Location& at);
  // The next states, the hidden one first; `inputs` are the products of the inputs, bias included.
  virtual Tensors step(const Tensor& inputs, const Tensors& states,
                       const Weights& weights) const = 0;
  // The value that the input bias begins with.
  virtual Tensor first_bias(DType dtype) const;
  Tensor recurrent_product(const Tensor& hidden, const Weights& weights) const;

 private:
  struct Direction;
  void build(const LayerCall& call, const Operand& x);
  void expect_fitting(const LayerCall& call, const Operand& x, const SequenceInput& given) const;
  SequenceOutput run(const LayerCall& call, const Operand& x, const SequenceInput& given);
  std::pair<Tensor, Tensors> run_direction(const Tensor& x, Tensors state, const Tensor& counts,
                                           std::size_t place, bool reverse);
  Tensors kept_state(const Operand& x);
  Tensors past_state(const LayerCall& call, const Operand& x);
  Variable& past_of(const Operand& x, std::size_t state);
  Tensor mask(const Shape& shape, double rate, DType dtype);
  std::size_t directions() const { return options_.bidirectional ? 2 : 1; }

  RecurrentOptions options_;
  std::int64_t gates_;
  std::size_t states_;
  std::deque<Weights> weights_;  // layer by layer, the forward direction first
  std::vector<Variable> kept_;   // the states of a stateful layer
  Variable generator_;           // of the masks of dropout
};

// h' = activation(W_ih x + b_ih + W_hh h + b_hh). Elman, "Finding structure in time", 1990.
class SimpleRNN : public Recurrent {
 public:
  explicit SimpleRNN(RecurrentOptions options, Location at = std::source_location::current());
  // SimpleRNN(64).
  explicit SimpleRNN(First units, RecurrentOptions options = {});

 private:
  Tensors step(const Tensor& inputs, const Tensors& states, const Weights& weights) const override;
};

// i, f, g, o = W_ih x + b_ih + W_hh h + b_hh; c' = sigmoid(f) c + sigmoid(i) tanh(g);
// h' = sigmoid(o) tanh(c'). The bias of f begins as 1. Hochreiter and Schmidhuber, "Long short-term
// memory", 1997; Gers et al., "Learning to forget", 2000.
class LSTM : public Recurrent {
 public:
  explicit LSTM(RecurrentOptions options, Location at = std::source_location::current());
  // LSTM(64), LSTM(64, {.return_sequences = true}).
  explicit LSTM(First units, RecurrentOptions options = {});

 private:
  Tensors step(const Tensor& inputs, const Tensors& states, const Weights& weights) const override;
  Tensor first_bias(DType dtype) const override;
};

// r, z = sigmoid(W_ih x + b_ih + W_hh h + b_hh); n = tanh(W_in x + b_in + r (W_hn h + b_hn));
// h' = (1 - z) n + z h: the form of cuDNN, PyTorch, and Keras' reset_after = True. Cho et al.,
// "Learning phrase representations using RNN encoder-decoder", 2014.
class GRU : public Recurrent {
 public:
  explicit GRU(RecurrentOptions options, Location at = std::source_location::current());
  // GRU(64).
  explicit GRU(First units, RecurrentOptions options = {});

 private:
  Tensors step(const Tensor& inputs, const Tensors& states, const Weights& weights) const override;
};

}  // namespace nacre::nn
