// What is asked for may be more than what is granted: results are right whatever comes.
#include <gtest/gtest.h>
#include <omp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/support/child.h"
#include "tests/support/errors.h"
#include "tests/support/graphs.h"

namespace nacre {
namespace {

using Environment = std::vector<std::pair<std::string, std::string>>;
using test::Child;
using test::run_test;

// Products that oneDNN shares out: row i of the result is i + 1 everywhere.
::testing::AssertionResult product_is_right() {
  constexpr std::int64_t kSize = 512;
  const Tensor rows = arange(1, kSize + 1, 1, f32).reshape({kSize, 1});
  const Tensor a = rows * ones({kSize, kSize});
  const Tensor b = full({kSize, kSize}, 1.0 / kSize);
  const Tensor wrong = max(abs(matmul(a, b) - rows));
  if (wrong.item<float>() == 0) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "a product is off by " << wrong.item<float>();
}

// The gradients of a convolution and a dense layer, compiled; the same as with one thread.
::testing::AssertionResult network_is_right() {
  const Tensor x = linspace(-1, 1, 16 * 8 * 20 * 20).reshape({16, 8, 20, 20});
  const Tensor w = linspace(-1, 1, 16 * 8 * 3 * 3).reshape({16, 8, 3, 3});
  const Tensor v = linspace(-1, 1, 16 * 20 * 20 * 64).reshape({16 * 20 * 20, 64});
  const auto loss = [](const Tensors& p) {
    const Tensor y = conv(p[0], p[1], {.padding = kSame});
    return mean(square(matmul(y.reshape({16, 16 * 20 * 20}), p[2])));
  };
  const auto gradients = [&] {
    auto step = compile([&](const Tensors& p) { return grad(loss)(p); });
    return step(Tensors{x, w, v});
  };
  const Tensors got = gradients();
  const int before = threads();
  set_threads(1);
  const Tensors wanted = gradients();
  set_threads(before);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const float scale = max(abs(wanted[i])).item<float>();
    const float off = max(abs(got[i] - wanted[i])).item<float>();
    if (!(off <= 1e-4f * scale)) {
      return ::testing::AssertionFailure()
             << "gradient " << i << " is off by " << off << " of " << scale;
    }
  }
  return ::testing::AssertionSuccess();
}

TEST(GrantedThreads, DISABLED_ProductsAreRight) {
  std::printf("threads: %s\n", describe_threads().c_str());
  EXPECT_TRUE(product_is_right());
  EXPECT_TRUE(network_is_right());
}

TEST(GrantedThreads, UnderOpenMpsOwnLimits) {
  struct Case {
    Environment environment;
    const char* says;
  };
  const Case cases[] = {
      {{{"NACRE_THREADS", "4"}, {"OMP_THREAD_LIMIT", "1"}},
       "threads: 1 of 4 that NACRE_THREADS asks for (OMP_THREAD_LIMIT is 1)"},
      {{{"NACRE_THREADS", "3"}, {"OMP_THREAD_LIMIT", "2"}}, "threads: 2 of 3"},
      {{{"NACRE_THREADS", "2"}, {"OMP_MAX_ACTIVE_LEVELS", "0"}},
       "threads: 1 of 2 that NACRE_THREADS asks for (OMP_MAX_ACTIVE_LEVELS is 0)"},
      {{{"NACRE_THREADS", "3"}, {"OMP_DYNAMIC", "true"}}, "threads: 3 of 3"},
      {{{"NACRE_THREADS", "2"}, {"OMP_PROC_BIND", "true"}}, "threads: 2 of 2"},
      {{{"NACRE_THREADS", "2"}, {"OMP_STACKSIZE", "900000G"}},
       "threads: 1 of 2 that NACRE_THREADS asks for (the system starts no more: "},
      {{{"NACRE_THREADS", "2"}, {"OMP_STACKSIZE", "16k"}},
       "threads: 1 of 2 that NACRE_THREADS asks for (the stacks of further threads would be too "},
      {{{"NACRE_THREADS", "2"}, {"OMP_STACKSIZE", "1M"}}, "threads: 2 of 2"},
      {{{"NACRE_THREADS", ""}, {"OMP_NUM_THREADS", " 3 ,2"}},
       "threads: 3 of 3 that OMP_NUM_THREADS asks for"},
      {{{"NACRE_THREADS", "2"}, {"OMP_NUM_THREADS", "3"}}, "threads: 2 of 2"},
  };
  for (const Case& c : cases) {
    const Child child = run_test("GrantedThreads.DISABLED_ProductsAreRight", c.environment);
    EXPECT_EQ(child.code, 0) << child.output;
    EXPECT_NE(child.output.find(c.says), std::string::npos) << c.says << "\n" << child.output;
  }
}

TEST(GrantedThreads, DISABLED_Count) {
  try {
    std::printf("threads: %d\n", threads());
  } catch (const ValueError& e) {
    std::printf("%s\n", e.what());
  }
}

TEST(GrantedThreads, VariablesThatAreNoNumberAreErrors) {
  for (const char* text : {"0", "-1", "two", "2x", "2,1", "1.5", "99999999999999999999", "4097"}) {
    const Child child = run_test("GrantedThreads.DISABLED_Count", {{"NACRE_THREADS", text}});
    const std::string wanted =
        std::string("NACRE_THREADS: expected a whole number from 1 to 4096, got \"") + text + "\"";
    EXPECT_NE(child.output.find(wanted), std::string::npos) << child.output;
    EXPECT_NE(child.output.find("hint: set NACRE_THREADS=2"), std::string::npos) << child.output;
  }
  for (const char* text : {"0", "many", "2,", "2,x", ",2"}) {
    const Child child = run_test("GrantedThreads.DISABLED_Count",
                                 {{"NACRE_THREADS", ""}, {"OMP_NUM_THREADS", text}});
    EXPECT_NE(child.output.find("OMP_NUM_THREADS: expected a whole number, or a list of them, from "
                                "1 to 4096, got \"" +
                                std::string(text) + "\""),
              std::string::npos)
        << child.output;
  }
  EXPECT_THROW(set_threads(0), ValueError);
  EXPECT_THROW(set_threads(kMostThreads + 1), ValueError);
}

// No further thread may be started by this process from here on. False where that cannot be had.
bool forbid_threads() {
  if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) return false;
  const rlimit none{0, 0};
  if (setrlimit(RLIMIT_NPROC, &none) != 0) return false;
  try {
    std::thread([] {}).join();
    return false;
  } catch (const std::system_error&) {
    return true;
  }
}

TEST(GrantedThreads, DISABLED_WithoutThreads) {
  if (!forbid_threads()) {
    std::printf("threads cannot be forbidden here\n");
    return;
  }
  EXPECT_EQ(threads(), 1);
  std::printf("threads: %s\n", describe_threads().c_str());
  EXPECT_TRUE(product_is_right());
  std::vector<std::int64_t> sum(1);
  parallel_for(4, 100, 1, [&](std::int64_t begin, std::int64_t end) { sum[0] += end - begin; });
  EXPECT_EQ(sum[0], 100);
  // Loaders do the work themselves.
  const data::Dataset set = data::Dataset::from({arange(0, 10, 1, f32)}, {});
  data::Loader loader(set, {.batch_size = 5, .workers = 2});
  data::Batch batch;
  int batches = 0;
  while (loader.next(batch)) ++batches;
  EXPECT_EQ(batches, 2);
  EXPECT_EQ(loader.running_workers(), 0);
}

TEST(GrantedThreads, WhereTheSystemStartsNone) {
  const Child child = run_test("GrantedThreads.DISABLED_WithoutThreads", {{"NACRE_THREADS", "4"}});
  EXPECT_EQ(child.code, 0) << child.output;
  if (child.output.find("cannot be forbidden") != std::string::npos) GTEST_SKIP();
  EXPECT_NE(child.output.find("threads: 1 of 4 that NACRE_THREADS asks for (the system starts no "
                              "more: Resource temporarily unavailable)"),
            std::string::npos)
      << child.output;
}

struct Threads {
  explicit Threads(int n) { set_threads(n); }
  ~Threads() { set_threads(before); }
  const int before = threads();
};

TEST(GrantedThreads, WithinARegionOfTheUsersProgram) {
  const Threads two(2);
  if (threads() < 2) GTEST_SKIP() << describe_threads();
  EXPECT_TRUE(product_is_right());  // bound for two threads, in this thread's cache
  bool right[2] = {};
  int inside[2] = {};
#pragma omp parallel num_threads(2)
  {
    const int me = omp_get_thread_num();
    inside[me] = threads();
    right[me] = product_is_right();
  }
  EXPECT_TRUE(right[0] && right[1]);
  EXPECT_EQ(inside[0], 1);
  EXPECT_EQ(inside[1], 1);
  EXPECT_EQ(threads(), 2);
}

// A plan is bound for a number of threads: where fewer are granted it says so.
TEST(GrantedThreads, APlanBoundForMoreIsRefused) {
  const Threads two(2);
  if (threads() < 2) GTEST_SKIP() << describe_threads();
  Plan plan(testing::trace_graph({{f32, {512, 512}}},
                                 [](const Tensors& in) { return Tensors{matmul(in[0], in[0])}; }),
            {.threads = 2});
  const Tensors in{ones({512, 512})};
  std::string text;
#pragma omp parallel num_threads(2)
  {
#pragma omp single
    text = test::text_of([&] { testing::run_plan(plan, in); });
  }
  EXPECT_NE(text.find("threads: this kernel was made for 2 threads, 1 are granted (within a "
                      "parallel region)"),
            std::string::npos)
      << text;
  EXPECT_EQ(max(abs(testing::run_plan(plan, in)[0] - 512)).item<float>(), 0);
}

TEST(GrantedThreads, TheUsersSettingsStayTheUsers) {
  const Threads two(2);
  const int before = omp_get_max_threads();
  for (const int users : {1, 3, 7}) {
    omp_set_num_threads(users);
    omp_set_dynamic(users == 3);
    EXPECT_TRUE(product_is_right());
    EXPECT_EQ(omp_get_max_threads(), users);
    EXPECT_EQ(omp_get_dynamic() != 0, users == 3);
  }
  omp_set_num_threads(before);
  omp_set_dynamic(0);
}

TEST(GrantedThreads, ThreadsOfTheUsersProgramHaveTeamsOfTheirOwn) {
  const Threads two(2);
  bool right[3] = {};
  std::vector<std::thread> users;
  for (bool& r : right) users.emplace_back([&r] { r = product_is_right(); });
  for (std::thread& t : users) t.join();
  EXPECT_TRUE(right[0] && right[1] && right[2]);
}

TEST(Fork, AChildComputesWithOneThread) {
  const Threads two(2);
  EXPECT_TRUE(product_is_right());
  EXPECT_TRUE(network_is_right());
  EXPECT_TRUE(test::passes_in_fork([] {
    return describe_threads().find("a child of fork() has one thread") != std::string::npos &&
           threads() == 1 && product_is_right() && network_is_right();
  }));
  // Also where the child asks for more, and its child.
  EXPECT_TRUE(test::passes_in_fork([] {
    set_threads(3);
    return threads() == 1 && product_is_right() &&
           test::passes_in_fork([] { return product_is_right() && network_is_right(); });
  }));
  EXPECT_TRUE(product_is_right());
}

TEST(Fork, WhileAnotherThreadWorks) {
  const Threads two(2);
  std::atomic<bool> stop{false};
  std::thread other([&] {
    while (!stop) {  // small and large blocks: the thread's cache and the shared pool
      const Tensor a = ones({64}) + 1;
      const Tensor b = ones({100, 1000}) + 1;
    }
  });
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(test::passes_in_fork([] {
      return (ones({100, 1000}) + 1).to_vector<float>()[0] == 2;
    }));
  }
  stop = true;
  other.join();
}

TEST(Fork, ALoaderWhoseThreadsStayedBehindSaysSo) {
  const data::Dataset set = data::Dataset::from({arange(0, 64, 1, f32)}, {});
  data::Loader loader(set, {.batch_size = 4, .shuffle = true, .workers = 2});
  data::Batch batch;
  ASSERT_TRUE(loader.next(batch));
  EXPECT_EQ(loader.running_workers(), 2);
  EXPECT_TRUE(test::passes_in_fork([&] {
    const std::string text = test::text_of([&] { loader.next(batch); });
    const std::string again = test::text_of([&] { loader.reset(0); });
    {
      const data::Loader gone = std::move(loader);  // leaves without waiting
    }
    data::Loader fresh(set, {.batch_size = 4, .workers = 2});
    int batches = 0;
    while (fresh.next(batch)) ++batches;
    return text.find("background threads did not come along") != std::string::npos &&
           text == again && batches == 16;
  }));
  int batches = 1;
  while (loader.next(batch)) ++batches;
  EXPECT_EQ(batches, 16);
}

}  // namespace
}  // namespace nacre
