// Optimizers by name: the same as by class, defaults included.
#include <gtest/gtest.h>

#include <set>

#include "nacre/nacre.h"
#include "tests/support/errors.h"

namespace nacre {
namespace {

using optim::Optimizer;

// Where a parameter of two axes is after three steps.
std::vector<double> walk(Optimizer optimizer) {
  Variable w(Tensor::from(std::vector<double>{1, -2, 3, 0.5}, {2, 2}));
  for (int i = 0; i < 3; ++i) {
    optimizer.apply({{"w", w.cell()}}, {w.value() * w.value() - 0.3});
  }
  return w.value().to_vector<double>();
}

#define NACRE_ROW(Class, paper) {#Class, [] { return Optimizer(optim::Class()); }},
const std::vector<std::pair<std::string, Optimizer (*)()>> kClasses = {NACRE_OPTIMIZERS(NACRE_ROW)};
#undef NACRE_ROW

TEST(OptimizerByName, HasTheDefaultsOfItsClass) {
  ASSERT_EQ(kClasses.size(), optim::optimizers().size());
  for (std::size_t i = 0; i < kClasses.size(); ++i) {
    const auto& description = optim::optimizers()[i];
    const Optimizer named(description.name.c_str());
    EXPECT_EQ(named.name(), description.name);
    EXPECT_EQ(named.learning_rate(), kClasses[i].second().learning_rate()) << description.name;
    EXPECT_EQ(walk(named), walk(kClasses[i].second())) << description.name;
    EXPECT_FALSE(description.paper.empty());
  }
}

// What each option changes shows that it reaches the rule; each needs its own surroundings.
TEST(OptimizerByName, EveryOptionIsListedAndTaken) {
  for (const auto& description : optim::optimizers()) {
    std::set<std::string> names;
    for (const auto& option : description.options) {
      EXPECT_TRUE(names.insert(option.name).second) << option.name;
      EXPECT_FALSE(option.standard.empty());
    }
    EXPECT_TRUE(names.count("learning_rate") && names.count("weight_decay")) << description.name;
  }
  const auto differs = [](const char* name, const optim::NamedOptions& base,
                          const optim::NamedOptions& more) {
    optim::NamedOptions all = base;
    all.insert(all.end(), more.begin(), more.end());
    EXPECT_NE(walk(Optimizer(name, base)), walk(Optimizer(name, all))) << name;
  };
  differs("sgd", {}, {{"momentum", 0.9}});
  differs("sgd", {{"momentum", 0.9}}, {{"nesterov", true}});
  differs("sgd", {{"momentum", 0.9}}, {{"dampening", 0.5}});
  differs("adam", {}, {{"beta1", 0.5}});
  differs("adam", {}, {{"beta2", 0.5}});
  differs("adam", {}, {{"epsilon", 0.1}});
  differs("adamw", {}, {{"weight_decay", 0}});
  differs("rmsprop", {}, {{"centered", true}});
  differs("adagrad", {}, {{"initial_accumulator", 1}});
  differs("adadelta", {}, {{"rho", 0.5}});
  differs("lion", {}, {{"learning_rate", 0.01}});
  differs("lamb", {}, {{"weight_decay", 0.1}});
  differs("muon", {}, {{"iterations", 3}});
  EXPECT_EQ(walk(Optimizer("sgd", {{"momentum", 0.9}, {"nesterov", true}})),
            walk(optim::SGD({.momentum = 0.9, .nesterov = true})));
}

TEST(OptimizerByName, SaysWhatIsWrong) {
  const auto text = [](const char* name, const optim::NamedOptions& options) {
    return test::text_of<ValueError>([&] { Optimizer(name, options); });
  };
  EXPECT_NE(text("adm", {}).find("none is named \"adm\"; did you mean \"adam\"?; there are sgd, "),
            std::string::npos)
      << text("adm", {});
  EXPECT_EQ(text("sgd", {{"momentun", 0.9}}),
            "optimizer: no option \"momentun\"; did you mean \"momentum\"?; there are "
            "learning_rate, momentum, nesterov, dampening, weight_decay");
  EXPECT_EQ(text("sgd", {{"nesterov", 1.0}}),
            "optimizer: the option \"nesterov\" must be true or false");
  EXPECT_EQ(text("muon", {{"iterations", 2.5}}),
            "optimizer: the option \"iterations\" must be a whole number");
  EXPECT_EQ(text("adam", {{"beta1", 1.5}}), "Adam: beta1 = 1.5; it must be at least 0 and below 1");
  EXPECT_NE(text("adam", {{"learning_rate", -1}}).find("-1"), std::string::npos);
}

}  // namespace
}  // namespace nacre
