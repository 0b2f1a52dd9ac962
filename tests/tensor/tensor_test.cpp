#include "nacre/tensor/tensor.h"

#include <gtest/gtest.h>

#include <sstream>

#include "nacre/nacre.h"
#include "tests/support/errors.h"

namespace nacre {
namespace {

using test::text_of;

TEST(Tensor, NestedLists) {
  EXPECT_EQ(tensor(5).shape(), Shape());
  EXPECT_EQ(tensor({1, 2, 3}).shape(), Shape({3}));
  EXPECT_EQ(tensor({{2}, {-1}, {1}}).shape(), Shape({3, 1}));
  EXPECT_EQ(tensor({{{1, 2}, {3, 4}}}).shape(), Shape({1, 2, 2}));
  EXPECT_EQ(tensor({1.5, 2}, f64).to_vector<double>(), (std::vector<double>{1.5, 2}));
  EXPECT_EQ(text_of<ShapeError>([] {
              tensor({{1, 2}, {3}});
            }),
            "tensor: lists of shapes [2] and [1] stand side by side");
}

TEST(Tensor, Creation) {
  EXPECT_EQ(full({2, 2}, 1.5).to_vector<float>(), (std::vector<float>{1.5, 1.5, 1.5, 1.5}));
  EXPECT_EQ(arange(4).to_vector<std::int64_t>(), (std::vector<std::int64_t>{0, 1, 2, 3}));
  EXPECT_EQ(arange(1, 0, -0.25).to_vector<float>(), (std::vector<float>{1, 0.75, 0.5, 0.25}));
  EXPECT_EQ(linspace(0, 1, 3).to_vector<float>(), (std::vector<float>{0, 0.5, 1}));
  EXPECT_EQ(eye(2, i32).to_vector<std::int32_t>(), (std::vector<std::int32_t>{1, 0, 0, 1}));
  EXPECT_EQ(text_of<ValueError>([] { arange(0, 1, 0); }), "arange: start 0, stop 1, step 0");
  EXPECT_EQ(text_of<ValueError>([] { linspace(0, 1, 0); }), "linspace: count 0 is below 1");
}

TEST(Tensor, ReshapeInfersOneSize) {
  const Tensor x = arange(12);
  EXPECT_EQ(x.reshape({3, -1}).shape(), (Shape{3, 4}));
  EXPECT_EQ(reshape(x, {-1, 6}).shape(), (Shape{2, 6}));
  EXPECT_EQ(x.reshape(Shape{4, 3}).reshape({-1}).shape(), Shape{12});
  EXPECT_THROW(x.reshape({5, -1}), ShapeError);
  EXPECT_THROW(x.reshape({-1, -1}), ValueError);
}

TEST(Tensor, ShapesAndDtypesPrint) {
  std::ostringstream out;
  out << Shape{2, 3} << " " << i64 << " " << Spec{bf16, {4}};
  EXPECT_EQ(out.str(), "[2,3] i64 bf16[4]");
}

TEST(Tensor, SpansWithoutCopy) {
  std::vector<float> mine{1, 2, 3, 4};
  bool released = false;
  {
    const Tensor t = Tensor::borrow(mine.data(), {2, 2}, [&] { released = true; });
    EXPECT_EQ(t.data<float>().data(), mine.data());
    EXPECT_EQ(t.reshape({4}).data<float>().data(), mine.data());
    EXPECT_NE(t.clone().data<float>().data(), mine.data());
    mine[3] = 9;
    EXPECT_EQ((t + 0).to_vector<float>()[3], 9);
  }
  EXPECT_TRUE(released);
  EXPECT_EQ(text_of<ShapeError>([&] { Tensor::from(mine, {3}); }),
            "Tensor::from: shape [3] holds 3 elements, 4 values came");
}

TEST(Tensor, AccessErrors) {
  const Tensor t = zeros({2, 3});
  EXPECT_EQ(text_of<DTypeError>([&] { static_cast<void>(t.data<double>()); }),
            "data<f64>: the tensor is f32[2,3]");
  EXPECT_EQ(text_of<ShapeError>([&] { static_cast<void>(t.size(2)); }),
            "size: axis 2 of a tensor of rank 2 (f32[2,3])");
  EXPECT_EQ(t.size(-1), 3);
  const std::string item = text_of<ShapeError>([&] { static_cast<void>(t.item()); });
  EXPECT_EQ(item.rfind("item: one element expected, the tensor is f32[2,3]\n  called at "
                       "tensor_test.cpp:",
                       0),
            0u)
      << item;
  EXPECT_EQ(text_of<ValueError>([] { static_cast<void>(Tensor().shape()); }),
            "tensor: it is undefined (default-constructed or moved from)");
}

TEST(Tensor, ValuesOfATraceAreRefused) {
  auto f = compile([](const Tensor& x) { return x.item() > 0 ? x : -x; });
  const std::string text = text_of<TraceError>([&] { f(tensor({1})); });
  EXPECT_EQ(text.rfind("tensor: the value of f32[1] is not known while a function is traced\n"
                       "  called at tensor_test.cpp:",
                       0),
            0u)
      << text;
}

TEST(Tensor, ConversionsKeepValues) {
  const Tensor t = tensor({-1.7, 0, 2.9});
  EXPECT_EQ(t.to(i32).to_vector<std::int32_t>(), (std::vector<std::int32_t>{-1, 0, 2}));
  EXPECT_EQ(t.to(boolean).to(i64).to_vector<std::int64_t>(), (std::vector<std::int64_t>{1, 0, 1}));
  EXPECT_EQ(t.to(bf16).to(f32).to_vector<float>()[0], static_cast<float>(bfloat16(-1.7f)));
  const std::int64_t big = (1LL << 60) + 1;
  EXPECT_EQ(Tensor::from(std::vector<std::int64_t>{big}).to_vector<std::int64_t>()[0], big);
}

}  // namespace
}  // namespace nacre
