// The optimizers. Options are written at construction: optim::Adam({.learning_rate = 1e-3}) or, of
// the rate alone, optim::Adam(1e-3); or by name: Optimizer("adam", {{"learning_rate", 1e-3}}). One
// more is: options (each() names them all), a class and a row at the end of this file, and its rule
// in a file of its own.
#pragma once

#include "nacre/optim/optimizer.h"

namespace nacre::optim {

struct SGDOptions {
  Schedule learning_rate = 0.01;
  double momentum = 0;
  bool nesterov = false;
  double dampening = 0;     // needs a momentum
  double weight_decay = 0;  // added to the gradient
  template <class F>
  void each(F&& f) {
    f("learning_rate", learning_rate);
    f("momentum", momentum);
    f("nesterov", nesterov);
    f("dampening", dampening);
    f("weight_decay", weight_decay);
  }
};
// v = momentum v + g; p -= rate v, as in PyTorch (the first v is g, without dampening).
class SGD : public Optimizer {
 public:
  explicit SGD(const SGDOptions& options = {});
  explicit SGD(Schedule learning_rate, double momentum = 0)
      : SGD(SGDOptions{.learning_rate = std::move(learning_rate), .momentum = momentum}) {}
};

struct AdamOptions {
  Schedule learning_rate = 0.001;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;  // added to the gradient; AdamW decouples it
  bool amsgrad = false;     // Reddi et al., "On the convergence of Adam and beyond", 2018
  template <class F>
  void each(F&& f) {
    f("learning_rate", learning_rate);
    f("beta1", beta1);
    f("beta2", beta2);
    f("epsilon", epsilon);
    f("weight_decay", weight_decay);
    f("amsgrad", amsgrad);
  }
};
// Kingma and Ba, "Adam: a method for stochastic optimization", 2015.
class Adam : public Optimizer {
 public:
  explicit Adam(const AdamOptions& options = {});
  explicit Adam(Schedule learning_rate)
      : Adam(AdamOptions{.learning_rate = std::move(learning_rate)}) {}
};

struct AdamWOptions {
  Schedule learning_rate = 0.001;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.01;  // p -= rate * weight_decay * p before the step
  bool amsgrad = false;
  template <class F>
  void each(F&& f) {
    f("learning_rate", learning_rate);
    f("beta1", beta1);
    f("beta2", beta2);
    f("epsilon", epsilon);
    f("weight_decay", weight_decay);
    f("amsgrad", amsgrad);
  }
};
// Loshchilov and Hutter, "Decoupled weight decay regularization", 2019.
class AdamW : public Optimizer {
 public:
  explicit AdamW(const AdamWOptions& options = {});
  explicit AdamW(Schedule learning_rate)
      : AdamW(AdamWOptions{.learning_rate = std::move(learning_rate)}) {}
};

struct RMSpropOptions {
  Schedule learning_rate = 0.01;
  double alpha = 0.99;
  double epsilon = 1e-8;
  double momentum = 0;
  bool centered = false;
  double weight_decay = 0;
  template <class F>
  void each(F&& f) {
    f("learning_rate", learning_rate);
    f("alpha", alpha);
    f("epsilon", epsilon);
    f("momentum", momentum);
    f("centered", centered);
    f("weight_decay", weight_decay);
  }
};
// Hinton, lecture 6e of "Neural networks for machine learning", 2012; centred as in Graves, 2013.
class RMSprop : public Optimizer {
 public:
  explicit RMSprop(const RMSpropOptions& options = {});
  explicit RMSprop(Schedule learning_rate)
      : RMSprop(RMSpropOptions{.learning_rate = std::move(learning_rate)}) {}
};

struct AdagradOptions {
  Schedule learning_rate = 0.01;
  double learning_rate_decay = 0;
  double initial_accumulator = 0;
  double epsilon = 1e-10;
  double weight_decay = 0;
  template <class F>
  void each(F&& f) {
    f("learning_rate", learning_rate);
    f("learning_rate_decay", learning_rate_decay);
    f("initial_accumulator", initial_accumulator);
    f("epsilon", epsilon);
    f("weight_decay", weight_decay);
  }
};
// Duchi, Hazan and Singer, "Adaptive subgradient methods", 2011.
class Adagrad : public Optimizer {
 public:
  explicit Adagrad(const AdagradOptions& options = {});
  explicit Adagrad(Schedule learning_rate)
      : Adagrad(AdagradOptions{.learning_rate = std::move(learning_rate)}) {}
};

struct AdadeltaOptions {
  Schedule learning_rate = 1.0;
  double rho = 0.9;
  double epsilon = 1e-6;
  double weight_decay = 0;
  template <class F>
  void each(F&& f) {
    f("learning_rate", learning_rate);
    f("rho", rho);
    f("epsilon", epsilon);
    f("weight_decay", weight_decay);
  }
};
// Zeiler, "ADADELTA: an adaptive learning rate method", 2012.
class Adadelta : public Optimizer {
 public:
  explicit Adadelta(const AdadeltaOptions& options = {});
  explicit Adadelta(Schedule learning_rate)
      : Adadelta(AdadeltaOptions{.learning_rate = std::move(learning_rate)}) {}
};

struct LionOptions {
  Schedule learning_rate = 1e-4;
  double beta1 = 0.9;
  double beta2 = 0.99;
  double weight_decay = 0;  // decoupled
  template <class F>
  void each(F&& f) {
    f("learning_rate", learning_rate);
    f("beta1", beta1);
    f("beta2", beta2);
    f("weight_decay", weight_decay);
  }
};
// Chen et al., "Symbolic discovery of optimization algorithms", 2023.
class Lion : public Optimizer {
 public:
  explicit Lion(const LionOptions& options = {});
  explicit Lion(Schedule learning_rate)
      : Lion(LionOptions{.learning_rate = std::move(learning_rate)}) {}
};

struct LambOptions {
  Schedule learning_rate = 0.001;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-6;
  double weight_decay = 0;
  template <class F>
  void each(F&& f) {
    f("learning_rate", learning_rate);
    f("beta1", beta1);
    f("beta2", beta2);
    f("epsilon", epsilon);
    f("weight_decay", weight_decay);
  }
};
// You et al., "Large batch optimization for deep learning: training BERT in 76 minutes", 2020.
class Lamb : public Optimizer {
 public:
  explicit Lamb(const LambOptions& options = {});
  explicit Lamb(Schedule learning_rate)
      : Lamb(LambOptions{.learning_rate = std::move(learning_rate)}) {}
};

struct MuonOptions {
  Schedule learning_rate = 1e-3;
  double momentum = 0.95;
  bool nesterov = true;
  std::int64_t iterations = 5;  // of Newton and Schulz
  double weight_decay = 0.1;    // decoupled
  double epsilon = 1e-7;
  double beta1 = 0.9;  // of AdamW, which serves parameters with fewer than two axes
  double beta2 = 0.999;
  template <class F>
  void each(F&& f) {
    f("learning_rate", learning_rate);
    f("momentum", momentum);
    f("nesterov", nesterov);
    f("iterations", iterations);
    f("weight_decay", weight_decay);
    f("epsilon", epsilon);
    f("beta1", beta1);
    f("beta2", beta2);
  }
};
// Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024: momentum whose
// matrices (convolutions: [out, rest]) are made nearly orthogonal, scaled by
// sqrt(max(1, rows / columns)); vectors and scalars are updated by AdamW.
class Muon : public Optimizer {
 public:
  explicit Muon(const MuonOptions& options = {});
  explicit Muon(Schedule learning_rate)
      : Muon(MuonOptions{.learning_rate = std::move(learning_rate)}) {}
};

// Every optimizer that has a name, and where it comes from.
// clang-format off
#define NACRE_OPTIMIZERS(row)                                                 \
  row(SGD, "momentum: Polyak 1964; nesterov: Sutskever et al. 2013")          \
  row(Adam, "Kingma and Ba 2015; amsgrad: Reddi et al. 2018")                 \
  row(AdamW, "Loshchilov and Hutter 2019")                                    \
  row(RMSprop, "Hinton 2012; centered: Graves 2013")                          \
  row(Adagrad, "Duchi, Hazan and Singer 2011")                                \
  row(Adadelta, "Zeiler 2012")                                                \
  row(Lion, "Chen et al. 2023")                                               \
  row(Lamb, "You et al. 2020")                                                \
  row(Muon, "Jordan et al. 2024")
// clang-format on

struct OptionDescription {
  std::string name;
  std::string type;      // "a number", "a whole number", "true or false"
  std::string standard;  // its default, as it is written: "0.9"
};
struct OptimizerDescription {
  std::string name;   // "adam"
  std::string paper;  // "Kingma and Ba 2015"
  std::vector<OptionDescription> options;
};
// All of the rows.
const std::vector<OptimizerDescription>& optimizers();
// One of them; throws ValueError, with the nearest name, for another.
const OptimizerDescription& describe_optimizer(const std::string& name);

}  // namespace nacre::optim
