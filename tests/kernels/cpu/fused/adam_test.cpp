// Adam's update as one kernel gives the bits of the ops as written.
#include <gtest/gtest.h>

#include "nacre/nacre.h"

namespace nacre {
namespace {

struct Outcome {
  std::vector<float> value;
  std::string plan;
};

Outcome train(optim::Optimizer optimizer, std::int64_t size, const CompileOptions& options) {
  Variable w(Generator(1).uniform({size}, -1, 1));
  const Tensor target = Generator(2).uniform({size}, -1, 1);
  auto step = compile(
      [&](const Tensor& t) {
        const auto [loss, gradient] = value_and_grad([&] { return sum(square(sin(w) - t)); }, w)();
        optimizer.apply(nn::NamedVariables{{"w", w.cell()}},
                        Tensors{optimization_barrier(gradient)});
        return loss;
      },
      options);
  for (int i = 0; i < 5; ++i) step(target);
  return {w.value().to_vector<float>(), step.function().plan_text()};
}

TEST(AdamKernel, HasTheBitsOfTheOps) {
  const std::vector<optim::Optimizer> all = {
      optim::Adam({.learning_rate = 0.05}),
      optim::Adam({.learning_rate = 0.05, .weight_decay = 0.1}),
      optim::AdamW({.learning_rate = 0.05, .weight_decay = 0.1}),
      optim::AdamW({.learning_rate = 0.05, .weight_decay = 0}),
  };
  for (const optim::Optimizer& optimizer : all) {
    for (const std::int64_t size : {2, 15, 16, 17, 33, 1000, 70001}) {
      const Outcome fused = train(optimizer, size, {});
      EXPECT_NE(fused.plan.find("[adam"), std::string::npos) << fused.plan;
      const Outcome plain = train(optimizer, size, {.optimize = false});
      EXPECT_EQ(fused.value, plain.value) << size;
    }
  }
}

}  // namespace
}  // namespace nacre
