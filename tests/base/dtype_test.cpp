#include "nacre/base/dtype.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "nacre/base/error.h"

namespace nacre {
namespace {

TEST(DType, NamesAndSizes) {
  EXPECT_EQ(name_of(bf16), "bf16");
  EXPECT_EQ(name_of(boolean), "bool");
  EXPECT_EQ(dtype_from_name("i64"), i64);
  EXPECT_EQ(size_of(f64), 8u);
  try {
    dtype_from_name("float");
    FAIL();
  } catch (const ValueError& e) {
    EXPECT_STREQ(e.what(),
                 "unknown dtype \"float\"; one of f32, f64, bf16, f16, i8, u8, i32, i64, bool");
  }
}

TEST(DType, PromotionFollowsPyTorch) {
  EXPECT_EQ(promote(f32, bf16), f32);
  EXPECT_EQ(promote(bf16, f16), f32);
  EXPECT_EQ(promote(i64, f16), f16);
  EXPECT_EQ(promote(boolean, u8), u8);
  EXPECT_EQ(promote(i32, i64), i64);
  EXPECT_EQ(promote(f32, f64), f64);
}

// Every bf16 and f16 pattern survives the way to f32 and back; NaN stays NaN.
template <class T>
void check_round_trip() {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    T value;
    value.bits = static_cast<std::uint16_t>(bits);
    const float wide = value;
    if (std::isnan(wide)) {
      EXPECT_TRUE(std::isnan(static_cast<float>(T(wide))));
    } else {
      ASSERT_EQ(T(wide).bits, bits);
    }
  }
}
TEST(DType, HalfFloatsRoundTrip) {
  check_round_trip<bfloat16>();
  check_round_trip<float16>();
}

// The nearest of the two neighbours is taken, ties go to the even one.
template <class T>
void check_rounding() {
  for (std::uint32_t bits = 1; bits + 1 < 0x7c00; bits += 7) {
    T low, high;
    low.bits = static_cast<std::uint16_t>(bits);
    high.bits = static_cast<std::uint16_t>(bits + 1);
    const double a = static_cast<float>(low);
    const double b = static_cast<float>(high);
    if (!std::isfinite(b)) break;
    const float middle = static_cast<float>((a + b) / 2);
    EXPECT_EQ(T(middle).bits, bits % 2 == 0 ? bits : bits + 1);
    EXPECT_EQ(T(std::nextafter(middle, 0.0f)).bits, bits);
    EXPECT_EQ(T(std::nextafter(middle, std::numeric_limits<float>::infinity())).bits, bits + 1);
  }
}
TEST(DType, HalfFloatsRoundToNearestEven) {
  check_rounding<bfloat16>();
  check_rounding<float16>();
}

TEST(DType, HalfFloatsOverflowToInfinity) {
  EXPECT_TRUE(std::isinf(static_cast<float>(float16(65520.0f))));
  EXPECT_EQ(static_cast<float>(float16(65519.0f)), 65504.0f);
  EXPECT_TRUE(std::isinf(static_cast<float>(bfloat16(std::numeric_limits<float>::max()))));
}

}  // namespace
}  // namespace nacre
