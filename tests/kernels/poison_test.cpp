// NACRE_DEBUG=poison makes visible what a kernel leaves out.
#include "nacre/kernels/poison.h"

#include <gtest/gtest.h>

#include <cmath>

#include "nacre/base/debug.h"
#include "nacre/nacre.h"
#include "nacre/ops/define/emit.h"

namespace nacre {
namespace {

struct Flags {
  explicit Flags(const DebugFlags& flags) { set_debug_flags(flags); }
  ~Flags() { set_debug_flags(before); }
  const DebugFlags before = debug_flags();
};

const Spec kPair{f32, {2}};
const Attrs kNone;

KernelQuery query(std::span<const Spec> in, std::span<const Spec> out) {
  return {Op::exp, kNone, in, out, 1};
}

TEST(Poison, ShowsWhatIsNotWritten) {
  const Spec in[] = {kPair};
  const Spec out[] = {kPair, {i32, {2}}};
  const PreparedKernel kernel = poisoned(make_kernel([](void* const* pointers, const RunContext&) {
                                           static_cast<float*>(pointers[1])[0] =
                                               static_cast<const float*>(pointers[0])[0];
                                         }),
                                         query(in, out));
  float x[] = {1, 2};
  float y[] = {0, 0};
  std::int32_t z[] = {0, 0};
  void* const pointers[] = {x, y, z};
  kernel.run(kernel.state.get(), pointers, {1, nullptr});
  EXPECT_EQ(y[0], 1);
  EXPECT_TRUE(std::isnan(y[1]));
  EXPECT_EQ(z[0], -1);
  EXPECT_EQ(x[1], 2);
}

TEST(Poison, ShowsScratchThatIsReadFirst) {
  const Spec in[] = {kPair};
  const Spec out[] = {kPair};
  const PreparedKernel kernel =
      poisoned(make_kernel(
                   [](void* const* pointers, const RunContext& context) {
                     std::copy_n(static_cast<const float*>(context.scratch), 2,
                                 static_cast<float*>(pointers[1]));
                   },
                   8),
               query(in, out));
  EXPECT_EQ(kernel.scratch_bytes, 8u);
  float x[] = {1, 2};
  float y[] = {0, 0};
  float scratch[] = {0, 0, 5};
  void* const pointers[] = {x, y};
  kernel.run(kernel.state.get(), pointers, {1, scratch});
  EXPECT_TRUE(std::isnan(y[0]) && std::isnan(y[1]));
  EXPECT_EQ(scratch[2], 5);
}

TEST(Poison, LeavesOutputsThatTakeOverAnInput) {
  const Spec in[] = {kPair};
  const Spec out[] = {kPair};
  PreparedKernel negate = make_kernel(
      [](void* const* pointers, const RunContext&) {
        for (int i = 0; i < 2; ++i) {
          static_cast<float*>(pointers[1])[i] = -static_cast<const float*>(pointers[0])[i];
        }
      },
      0, 1);
  negate.in_place_each = true;
  negate.name = "negate";
  const PreparedKernel kernel = poisoned(std::move(negate), query(in, out));
  EXPECT_EQ(kernel.in_place, 1u);
  EXPECT_TRUE(kernel.in_place_each);
  EXPECT_EQ(kernel.name, "negate");
  float x[] = {1, 2};
  void* const pointers[] = {x, x};
  kernel.run(kernel.state.get(), pointers, {1, nullptr});
  EXPECT_EQ(x[0], -1);
  EXPECT_EQ(x[1], -2);
}

TEST(Poison, IsChosenWhenAKernelIsBound) {
  EXPECT_TRUE(parse_debug_flags("poison").poison);
  const Spec in[] = {kPair};
  const Spec out[] = {kPair};
  const Flags off({});
  const PreparedKernel plain = prepare_kernel(query(in, out));
  const PreparedKernel again = prepare_kernel(query(in, out));
  const Flags on({.poison = true});
  const PreparedKernel watched = prepare_kernel(query(in, out));
  EXPECT_EQ(plain.run, again.run);  // without it there is nothing in between
  EXPECT_NE(plain.run, watched.run);
  EXPECT_EQ(plain.name, watched.name);
}

// Training with Variables that are updated in place, eager and replayed, is the same.
TEST(Poison, ChangesNoRightResult) {
  const auto train = [] {
    Variable w(linspace(-1, 1, 64 * 64).reshape({64, 64}));
    const Tensor x = linspace(0, 1, 48 * 64).reshape({48, 64});
    auto step = compile([&](const Tensor& in) {
      auto [loss, g] =
          value_and_grad([&] { return mean(square(relu(matmul(in, w.value())))); }, w)();
      w.assign(w.value() - g * 0.5);
      return loss;
    });
    for (int i = 0; i < 3; ++i) step(x);
    return concatenate({w.value().reshape({64 * 64}), sum(softmax(w.value(), 1), {0})}, 0);
  };
  const Flags off({});
  const Tensor wanted = train();
  const Flags on({.poison = true});
  EXPECT_EQ(train().to_vector<float>(), wanted.to_vector<float>());
}

}  // namespace
}  // namespace nacre
