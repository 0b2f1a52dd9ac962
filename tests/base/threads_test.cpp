// set_threads(n) means: at most n threads of this program work.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "nacre/nacre.h"
#include "nacre/run/profile.h"

namespace nacre {
namespace {

// Nanoseconds on a processor of each of the program's threads; empty where the kernel does not say.
std::map<std::string, double> busy() {
  std::map<std::string, double> spent;
  std::error_code none;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", none)) {
    std::ifstream file(task.path() / "schedstat");
    double nanoseconds = 0;
    if (file >> nanoseconds) spent[task.path().filename().string()] = nanoseconds;
  }
  return spent;
}

// Products, convolutions, elementwise work and reductions, large enough for every thread there is.
struct Work {
  nn::Sequential net{nn::Conv2d{{.filters = 16, .kernel_size = 3, .activation = relu}},
                     nn::MaxPool2d{}, nn::Flatten{}, nn::Dense{{.units = 64, .activation = tanh}},
                     nn::Dense{{.units = 10}}};
  optim::Adam adam;
  Tensor x = linspace(-1, 1, 32 * 28 * 28).reshape({32, 1, 28, 28});
  Tensor labels = zeros({32}, i64);

  void run(int times) {
    auto step = compile([&](const Tensor& in, const Tensor& y) {
      auto [loss, gradients] =
          value_and_grad([&] { return mean(softmax_cross_entropy(net(in), y)); }, net)();
      adam.apply(net, gradients);
      return loss;
    });
    for (int i = 0; i < times; ++i) step(x, labels);
    const Tensor big = full({512, 512}, 0.01);
    for (int i = 0; i < times; ++i) sum(exp(matmul(big, big)));
  }
};

TEST(SetThreads, NoMoreThreadsThanAskedForDoTheWork) {
  if (busy().empty()) GTEST_SKIP() << "no /proc/self/task/*/schedstat";
  const int before = threads();
  Work work;
  for (const int n : {3, 1, 2}) {
    set_threads(n);
    work.run(1);  // threads of the setting before may still wait for work for a moment
    const auto start = busy();
    work.run(8);
    double most = 0;
    std::vector<double> spent;
    for (const auto& [task, nanoseconds] : busy()) {
      const auto at = start.find(task);
      spent.push_back(nanoseconds - (at == start.end() ? 0 : at->second));
      most = std::max(most, spent.back());
    }
    // A thread that takes part gets a good share; one that wakes up to find nothing does not count.
    const auto working =
        std::count_if(spent.begin(), spent.end(), [&](double s) { return s > 0.1 * most; });
    EXPECT_GE(working, 1);
    EXPECT_LE(working, n) << "with " << n << " threads";
  }
  set_threads(before);
}

}  // namespace
}  // namespace nacre
