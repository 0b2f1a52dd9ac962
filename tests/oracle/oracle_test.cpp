// Values and gradients against PyTorch's, which tools/pytorch_oracle.py computed in f64.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "nacre/io/safetensors.h"
#include "tests/oracle/oracle.h"
#include "tests/support/samples.h"

namespace nacre::oracle {
namespace {

// PyTorch's own tolerances for f32.
constexpr double kRelative = 1.3e-6;
constexpr double kAbsolute = 1e-5;

const Functions& functions() {
  static const Functions table = [] {
    Functions f;
    add_elementwise(f);
    add_reductions_and_movement(f);
    add_layers_and_algebra(f);
    return f;
  }();
  return table;
}

struct Case {
  std::string key, name;
  std::size_t inputs;
  Args args;
  bool gradient;
  double tolerance;
};

class Oracle : public ::testing::Test {
 protected:
  Oracle() : file_(io::load_safetensors(NACRE_SOURCE_DIR "/tests/oracle/cases.safetensors")) {
    const Args descriptions = Args::parse(file_.metadata.at("cases"));
    for (const Args& c : descriptions) {
      cases_.push_back({c.at("key"), c.at("name"), c.at("inputs"), c.at("args"), c.at("gradient"),
                        c.at("tolerance")});
    }
  }

  // Compares one case; `wrap` may compile the function.
  template <class Wrap>
  void check(const Case& c, Wrap&& wrap) {
    const auto function = functions().find(c.name);
    ASSERT_NE(function, functions().end()) << c.name << " has no entry";
    Tensors inputs;
    std::vector<std::size_t> floating;
    for (std::size_t i = 0; i < c.inputs; ++i) {
      inputs.push_back(file_.at(fmt::format("{}.in{}", c.key, i)));
      if (is_floating(inputs.back().dtype())) floating.push_back(i);
    }
    const auto run = wrap([&](const Tensors& given) {
      Tensors x = given;
      Tensors sources;
      GradientTape tape;
      for (const std::size_t i : floating) sources.push_back(tape.watch(x[i] = identity(x[i])));
      Tensors results{function->second(x, c.args)};
      if (c.gradient) {
        const Tensor weight = file_.at(c.key + ".weight");
        for (const Tensor& g : tape.gradient(sum(results[0] * weight), sources))
          results.push_back(g);
      }
      return results;
    });
    const Tensors results = run(inputs);
    const auto compare = [&](const Tensor& actual, const std::string& what) {
      const Tensor& expected = file_.at(c.key + what);
      const double scale = c.tolerance;
      EXPECT_EQ(nacre::testing::difference(cast(actual, expected.dtype()), expected,
                                           kRelative * scale, kAbsolute * scale),
                "")
          << c.name << " " << c.args.dump() << " case " << c.key << what;
    };
    compare(results[0], ".out");
    for (std::size_t k = 0; c.gradient && k < floating.size(); ++k) {
      compare(results[k + 1], fmt::format(".grad{}", floating[k]));
    }
  }

  io::TensorFile file_;
  std::vector<Case> cases_;
};

TEST_F(Oracle, CoversAtLeast150Functions) {
  std::set<std::string> names;
  for (const Case& c : cases_) names.insert(c.name);
  EXPECT_GE(names.size(), 150u);
}

TEST_F(Oracle, EagerAgreesWithPyTorch) {
  for (const Case& c : cases_) check(c, [](auto f) { return f; });
}

TEST_F(Oracle, CompiledAgreesWithPyTorch) {
  for (const Case& c : cases_) check(c, [](auto f) { return compile(f); });
}

}  // namespace
}  // namespace nacre::oracle
