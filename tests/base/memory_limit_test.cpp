// Memory that the system does not give ends in an exception, not in the end of the program.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <system_error>
#include <thread>

#include "nacre/base/probe.h"
#include "nacre/nacre.h"
#include "tests/support/child.h"
#include "tests/support/errors.h"

// The sanitizers reserve terabytes of address space.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace nacre {
namespace {

// Allows the process so many MiB more than it has.
void leave(std::size_t mebibytes) {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const rlim_t bytes = pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) + (mebibytes << 20);
  const rlimit limit{bytes, bytes};
  setrlimit(RLIMIT_AS, &limit);
}

void train() {
  nn::Sequential net{nn::Conv2d{{.filters = 16, .kernel_size = 3, .activation = relu}},
                     nn::MaxPool2d{}, nn::Flatten{}, nn::Dense{{.units = 256, .activation = tanh}},
                     nn::Dense{{.units = 10}}};
  optim::Adam adam;
  const Tensor x = linspace(-1, 1, 64 * 28 * 28).reshape({64, 1, 28, 28});
  const Tensor labels = zeros({64}, i64);
  auto step = compile([&](const Tensor& in, const Tensor& y) {
    auto [loss, gradients] =
        value_and_grad([&] { return mean(softmax_cross_entropy(net(in), y)); }, net)();
    adam.apply(net, gradients);
    return loss;
  });
  for (int i = 0; i < 3; ++i) step(x, labels);
  sum(matmul(x.reshape({64, 784}), x.reshape({784, 64}))).item();
}

TEST(MemoryLimit, DISABLED_Train) {
  leave(static_cast<std::size_t>(std::atoi(std::getenv("NACRE_TEST_LEAVE"))));
  try {
    train();
    std::printf("trained\n");
  } catch (const OutOfMemoryError& e) {
    std::printf("%s\n", e.what());
  }
}

TEST(MemoryLimit, DISABLED_TrainInAThread) {
  leave(static_cast<std::size_t>(std::atoi(std::getenv("NACRE_TEST_LEAVE"))));
  try {
    std::thread([] {
      try {
        train();
        std::printf("trained\n");
      } catch (const OutOfMemoryError& e) {
        std::printf("%s\n", e.what());
      }
    }).join();
  } catch (const std::system_error&) {
    std::printf("out of memory: no thread\n");
  }
}

void check_limits(const std::string& test) {
  bool refused = false;
  for (const int mebibytes :
       {0, 1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 18, 20, 24, 28, 32, 48, 64, 512}) {
    const test::Child child = test::run_test(
        test, {{"NACRE_TEST_LEAVE", std::to_string(mebibytes)}, {"NACRE_THREADS", "2"}});
    EXPECT_EQ(child.code, 0) << mebibytes << " MiB: " << child.output;
    const bool trained = child.output.find("trained") != std::string::npos;
    const bool says = child.output.find("out of memory: ") != std::string::npos;
    EXPECT_TRUE(trained || says) << mebibytes << " MiB: " << child.output;
    refused = refused || says;
    EXPECT_TRUE(trained || mebibytes < 512) << child.output;
  }
  EXPECT_TRUE(refused);
}

TEST(MemoryLimit, EndsInAnExceptionWhereverItIsReached) {
  check_limits("MemoryLimit.DISABLED_Train");
}
TEST(MemoryLimit, AlsoInAThreadWithoutAHeapOfItsOwn) {
  check_limits("MemoryLimit.DISABLED_TrainInAThread");
}

TEST(MemoryLimit, DISABLED_Large) {
  leave(64);
  std::printf("%s\n", test::text_of([] { zeros({1000, 1000, 100}); }).c_str());
  std::printf("%s\n", test::text_of([] { expect_memory(std::size_t{1} << 30, "a test"); }).c_str());
}

TEST(MemoryLimit, NamesTheBytes) {
  const test::Child child = test::run_test("MemoryLimit.DISABLED_Large");
  EXPECT_NE(child.output.find("out of memory: asked for 381 MiB while "), std::string::npos)
      << child.output;
  EXPECT_NE(child.output.find("out of memory: asked for 1.07 GB for a test"), std::string::npos)
      << child.output;
}

}  // namespace
}  // namespace nacre

#endif
