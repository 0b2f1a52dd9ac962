// The memory of whole training steps, as compile() plans them.
#include <gtest/gtest.h>

#include "nacre/nacre.h"
#include "nacre/run/plan_cache.h"

namespace nacre {
namespace {

using StepFunction = std::function<Tensor(const Tensor& x, const Tensor& y)>;

// The plan of a step for these arguments.
void expect_close_to_floor(StepFunction step, const Tensors& arguments) {
  const auto trace = [](void* user, const Tensors& symbols, std::shared_ptr<void>&) {
    return Tensors{(*static_cast<StepFunction*>(user))(symbols[0], symbols[1])};
  };
  const PlanEntry entry = make_plan_entry(0, arguments, {}, trace, &step);
  const MemoryPlan& memory = entry.plan->memory();
  EXPECT_GT(memory.peak_live_bytes, 0u);
  EXPECT_LE(static_cast<double>(memory.arena_bytes),
            1.05 * static_cast<double>(memory.peak_live_bytes))
      << entry.plan->to_text();
}

template <class M>
void expect_training_close_to_floor(M& module, const Tensor& x, const Tensor& labels) {
  module(x);  // makes the parameters
  optim::Adam adam;
  expect_close_to_floor(
      [&](const Tensor& in, const Tensor& y) {
        auto [loss, gradients] =
            value_and_grad([&] { return mean(softmax_cross_entropy(module(in), y)); }, module)();
        adam.apply(module, gradients);
        return loss;
      },
      {x, labels});
}

TEST(NetworkMemory, ConvolutionalNetwork) {
  nn::Sequential net{nn::Conv2d{{.filters = 32, .kernel_size = 3, .activation = relu}},
                     nn::MaxPool2d{},
                     nn::Conv2d{{.filters = 64, .kernel_size = 3, .activation = relu}},
                     nn::MaxPool2d{},
                     nn::Flatten{},
                     nn::Dense{{.units = 10}}};
  for (const std::int64_t batch : {1, 8, 32}) {
    expect_training_close_to_floor(net, ones({batch, 1, 28, 28}), zeros({batch}, i64));
  }
}

TEST(NetworkMemory, ConvolutionsWithNormalisationAndDropout) {
  nn::Sequential net{nn::Conv2d{{.filters = 8, .kernel_size = 3, .padding = kSame}},
                     nn::BatchNorm{},
                     relu,
                     nn::MaxPool2d{},
                     nn::Conv2d{{.filters = 16, .kernel_size = 3, .padding = kSame}},
                     nn::BatchNorm{},
                     relu,
                     nn::GlobalAvgPool{},
                     nn::Dropout{{.rate = 0.3}},
                     nn::Dense{{.units = 10}}};
  expect_training_close_to_floor(net, ones({8, 3, 16, 16}), zeros({8}, i64));
}

// A block as in "Attention is all you need", with the norm first.
struct Block {
  nn::LayerNorm norm1, norm2;
  nn::Dense qkv{{.units = 3 * 32}}, out{{.units = 32}};
  nn::Dense hidden{{.units = 64, .activation = gelu}}, back{{.units = 32}};
  NACRE_MODULE(norm1, norm2, qkv, out, hidden, back)

  Tensor operator()(const Operand& x) {
    const Tensor in = x.tensor();
    const std::int64_t batch = in.size(0);
    const std::int64_t length = in.size(1);
    Tensors heads;
    for (const Tensor& part : split(qkv(norm1(in)), 3, 2)) {
      heads.push_back(part.reshape({batch, length, 4, 8}).transpose({0, 2, 1, 3}));
    }
    const Tensor seen =
        scaled_dot_product_attention(heads[0], heads[1], heads[2], {.causal = true});
    const Tensor y = in + out(seen.transpose({0, 2, 1, 3}).reshape({batch, length, 32}));
    return y + back(hidden(norm2(y)));
  }
};

TEST(NetworkMemory, AttentionNetwork) {
  nn::Sequential net{nn::Embedding{{.inputs = 50, .units = 32}}, Block{}, Block{}, nn::LayerNorm{},
                     nn::Dense{{.units = 50}}};
  for (const auto& [batch, length] : {std::pair{1, 3}, {2, 11}, {3, 9}, {3, 11}, {16, 24}}) {
    expect_training_close_to_floor(net, zeros({batch, length}, i64), zeros({batch, length}, i64));
  }
}

}  // namespace
}  // namespace nacre
