// Output that nobody takes ends no training.
#include "nacre/base/output.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "nacre/nacre.h"
#include "nacre/zoo/saved_model.h"
#include "tests/support/files.h"

namespace nacre {
namespace {

// Runs f where both streams are on a full disk; 0 means that it came to its end and that the loss
// of output was noticed, as it must be where `prints`.
template <class F>
[[noreturn]] void on_a_full_disk(F f, bool prints) {
  if (!std::freopen("/dev/full", "w", stdout) || !std::freopen("/dev/full", "w", stderr)) {
    std::exit(9);
  }
  try {
    f();
  } catch (...) {
    std::exit(8);
  }
  std::_Exit((output_error() == ENOSPC) == prints ? 0 : 7);
}

TEST(OutputDeathTest, LostLinesAreNoticedAndThrowNothing) {
  EXPECT_EXIT(on_a_full_disk([] { write_output("a line\n"); }, true), ::testing::ExitedWithCode(0),
              "");
  EXPECT_EXIT(on_a_full_disk([] { write_error("a line\n"); }, false), ::testing::ExitedWithCode(0),
              "");
}

TEST(OutputDeathTest, ModelsPrintThroughIt) {
  const test::TemporaryFolder folder;
  const auto made = [] {
    Model model{nn::Sequential{nn::Dense{{.units = 1}}}};
    model.compile({.loss = loss::mse()});
    return model;
  };
  const Tensor x = ones({4, 2}), y = ones({4, 1});
  EXPECT_EXIT(on_a_full_disk([&] { made().fit(x, y, {.epochs = 2, .verbose = 2}); }, true),
              ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(on_a_full_disk(
                  [&] {
                    Model model = made();
                    model.fit(x, y, {.epochs = 1, .verbose = 0});
                    model.evaluate(x, y, {.verbose = 1});
                  },
                  true),
              ::testing::ExitedWithCode(0), "");
  // A model with a weight that is NaN says so on standard error.
  EXPECT_EXIT(on_a_full_disk(
                  [&] {
                    Model model = made();
                    model.fit(x, y, {.epochs = 1, .verbose = 0});
                    nn::StateMap state = nn::values_of(model.state());
                    for (auto& [name, value] : state) value = full(value.shape(), std::nan(""));
                    model.load_state(state);
                    model.save(folder / "nan.safetensors");
                    Model::load(folder / "nan.safetensors");
                  },
                  false),
              ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace nacre
