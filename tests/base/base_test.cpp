// Shapes, errors, memory, threads and host random numbers.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <thread>
#include <vector>

#include "nacre/base/buffer.h"
#include "nacre/base/error.h"
#include "nacre/base/inline_vector.h"
#include "nacre/base/layer_scope.h"
#include "nacre/base/random.h"
#include "nacre/base/shape.h"
#include "nacre/base/threads.h"
#include "tests/support/errors.h"

namespace nacre {
namespace {

using test::text_of;

TEST(Shape, ElementsAndText) {
  EXPECT_EQ(Shape({2, 3, 4}).elements(), 24);
  EXPECT_EQ(Shape().elements(), 1);
  EXPECT_EQ(Shape({3, 0}).elements(), 0);
  EXPECT_EQ(to_string(Spec{f32, {32, 128}}), "f32[32,128]");
}

TEST(Shape, Errors) {
  EXPECT_EQ(text_of<ShapeError>([] { Shape({2, -1}); }), "shape: a dimension is negative (-1)");
  EXPECT_EQ(text_of<ShapeError>([] {
              Shape({1, 1, 1, 1, 1, 1, 1, 1, 1});
            }),
            "shape: more than 8 dimensions");
  EXPECT_EQ(text_of<ShapeError>([] {
              Shape({1LL << 40, 1LL << 40});
            }),
            "shape: the number of elements overflows 64 bits");
}

TEST(Shape, Broadcast) {
  Shape out;
  EXPECT_TRUE(broadcast_shapes({2, 1, 3}, {4, 1}, out));
  EXPECT_EQ(out, Shape({2, 4, 3}));
  EXPECT_TRUE(broadcast_shapes({}, {0}, out));
  EXPECT_EQ(out, Shape({0}));
  EXPECT_FALSE(broadcast_shapes({2, 3}, {2, 4}, out));
}

TEST(Error, Format) {
  EXPECT_EQ(format_error({.op = "matmul",
                          .what = "inner dimensions differ (128 vs 64)",
                          .inputs = "left f32[32,128], right f32[64,10]",
                          .layer = "mlp/dense_1",
                          .location = Location("/home/me/train.cpp", 42),
                          .hint = "leave .inputs out"}),
            "matmul: inner dimensions differ (128 vs 64)\n"
            "  left f32[32,128], right f32[64,10]\n"
            "  in layer \"mlp/dense_1\", called at train.cpp:42\n"
            "  hint: leave .inputs out");
}

TEST(LayerScope, PathNests) {
  EXPECT_EQ(layer_path(), "");
  {
    LayerScope outer("mlp");
    LayerScope inner("dense_1");
    EXPECT_EQ(layer_path(), "mlp/dense_1");
  }
  EXPECT_EQ(layer_path(), "");
}

TEST(Buffer, AlignedSharedAndPooled) {
  for (const std::size_t bytes : {0, 1, 64, 65, 1000, 5000, 100000, 3 << 20}) {
    const Buffer a = Buffer::allocate(bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(a.data()) % kAlignment, 0u);
    EXPECT_GE(a.bytes(), bytes);
    EXPECT_LE(a.bytes(), bytes + bytes / 4 + 64);
    EXPECT_TRUE(a.unique());
    const Buffer b = a;
    EXPECT_FALSE(a.unique());
  }
}

TEST(Buffer, StatisticsReturnToWhereTheyWere) {
  const std::size_t before = pool_statistics().in_use;
  {
    std::vector<Buffer> many;
    for (int i = 1; i < 200; ++i)
      many.push_back(Buffer::allocate(static_cast<std::size_t>(i) * 777));
    EXPECT_GT(pool_statistics().in_use, before);
  }
  EXPECT_EQ(pool_statistics().in_use, before);
  release_cached_memory();
}

TEST(Buffer, BorrowReleasesOnce) {
  int released = 0;
  float data[4];
  {
    const Buffer a = Buffer::borrow(data, sizeof data, [&] { ++released; });
    const Buffer b = a;
    EXPECT_EQ(a.data(), data);
  }
  EXPECT_EQ(released, 1);
}

TEST(Buffer, TooMuchIsAnExceptionThatSaysHowMuch) {
  const std::string text =
      text_of<OutOfMemoryError>([] { Buffer::allocate(std::size_t{1} << 60); });
  EXPECT_EQ(text, "out of memory: asked for 1099511627776 MiB");
}

TEST(Threads, EveryElementOnce) {
  for (const int workers : {1, 2, 3, 7}) {
    for (const std::int64_t count : {0, 1, 5, 64, 1000}) {
      std::vector<std::atomic<int>> hits(static_cast<std::size_t>(count));
      parallel_for(workers, count, 3, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) ++hits[static_cast<std::size_t>(i)];
      });
      for (const auto& h : hits) ASSERT_EQ(h.load(), 1);
    }
  }
}

TEST(Threads, ExceptionsComeBack) {
  EXPECT_THROW(parallel_for(2, 100, 1,
                            [](std::int64_t begin, std::int64_t) {
                              if (begin > 0) throw ValueError("in a part");
                            }),
               ValueError);
}

TEST(Threads, UsersThreadsMayAllComputeAtOnce) {
  std::atomic<std::int64_t> total{0};
  const auto work = [&] {
    for (int k = 0; k < 50; ++k) {
      parallel_for(2, 100, 1, [&](std::int64_t begin, std::int64_t end) { total += end - begin; });
    }
  };
  std::thread a(work), b(work);
  a.join();
  b.join();
  EXPECT_EQ(total.load(), 2 * 50 * 100);
}

TEST(Threads, SettingBelowOneIsRefused) {
  EXPECT_EQ(text_of<ValueError>([] { set_threads(0); }), "threads: from 1 to 4096, not 0");
}

TEST(InlineVector, GrowsMovesAndCopies) {
  InlineVector<std::string, 2> v{"a", "b"};
  v.push_back("c");
  v.push_back(v[0]);
  InlineVector<std::string, 2> copy = v;
  const InlineVector<std::string, 2> moved = std::move(v);
  ASSERT_EQ(moved.size(), 4u);
  EXPECT_EQ(moved[3], "a");
  copy.resize(1);
  EXPECT_EQ(copy.size(), 1u);
  copy = moved;
  EXPECT_EQ(copy[2], "c");
}

// Random123's known answers for philox4x32-10.
TEST(Philox, KnownAnswers) {
  using Words = std::array<std::uint32_t, 4>;
  EXPECT_EQ(philox(0, 0, 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox(~0ull, ~0ull, ~0ull), (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox(0x299f31d0a4093822ull, 0x0370734413198a2eull, 0x85a308d3243f6a88ull),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(RandomStream, MomentsAndBounds) {
  RandomStream random(7);
  double sum = 0, squares = 0;
  constexpr int kN = 20000;
  for (int i = 0; i < kN; ++i) {
    const double x = random.normal();
    sum += x;
    squares += x * x;
    EXPECT_LT(random.below(10), 10u);
  }
  EXPECT_NEAR(sum / kN, 0, 0.03);
  EXPECT_NEAR(squares / kN, 1, 0.04);
}

}  // namespace
}  // namespace nacre
