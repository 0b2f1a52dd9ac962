// Element types of tensors and the two 16-bit floats C++20 has no name for.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string_view>
#include <type_traits>

namespace nacre {

// The element types a tensor can have. Sizes: f32 4, f64 8, bf16 2, f16 2, i8 1, u8 1, i32 4,
// i64 8, boolean 1 byte.
enum class DType : std::uint8_t { f32, f64, bf16, f16, i8, u8, i32, i64, boolean };

inline constexpr DType f32 = DType::f32;
inline constexpr DType f64 = DType::f64;
inline constexpr DType bf16 = DType::bf16;
inline constexpr DType f16 = DType::f16;
inline constexpr DType i8 = DType::i8;
inline constexpr DType u8 = DType::u8;
inline constexpr DType i32 = DType::i32;
inline constexpr DType i64 = DType::i64;
inline constexpr DType boolean = DType::boolean;
inline constexpr int kDTypeCount = 9;

// bfloat16: the upper half of an IEEE binary32; conversion rounds to nearest even, keeps NaN.
struct bfloat16 {
  std::uint16_t bits = 0;

  constexpr bfloat16() = default;
  constexpr explicit bfloat16(float value) {
    const std::uint32_t u = std::bit_cast<std::uint32_t>(value);
    if ((u & 0x7fffffffu) > 0x7f800000u) {
      bits = static_cast<std::uint16_t>((u >> 16) | 0x40u);
    } else {
      bits = static_cast<std::uint16_t>((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
    }
  }
  constexpr operator float() const {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
  }
};

// IEEE binary16 with round to nearest even, subnormals, Inf and NaN.
struct float16 {
  std::uint16_t bits = 0;

  constexpr float16() = default;
  constexpr explicit float16(float value) {
    const std::uint32_t u = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t sign = (u >> 16) & 0x8000u;
    const std::uint32_t magnitude = u & 0x7fffffffu;
    std::uint32_t half = 0;
    if (magnitude > 0x7f800000u) {
      half = 0x7e00u;
    } else if (magnitude >= 0x477ff000u) {  // rounds to 65536 or more
      half = 0x7c00u;
    } else if (magnitude < 0x38800000u) {  // below 2^-14: subnormal; adding 0.5 does the rounding
      const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
      half = std::bit_cast<std::uint32_t>(shifted) - 0x3f000000u;
    } else {
      half = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
    }
    bits = static_cast<std::uint16_t>(sign | half);
  }
  constexpr operator float() const {
    const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16;
    const std::uint32_t exponent = (bits >> 10) & 0x1fu;
    const std::uint32_t mantissa = bits & 0x3ffu;
    if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
    if (exponent == 0) {
      const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
      return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(magnitude));
    }
    return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
  }
};

// Bytes of one element.
constexpr std::size_t size_of(DType dtype) {
  constexpr std::uint8_t sizes[] = {4, 8, 2, 2, 1, 1, 4, 8, 1};
  return sizes[static_cast<int>(dtype)];
}

// "f32", "bf16", "bool", ...
std::string_view name_of(DType dtype);
std::ostream& operator<<(std::ostream& out, DType dtype);
// The inverse of name_of; throws ValueError on an unknown name.
DType dtype_from_name(std::string_view name);

constexpr bool is_floating(DType d) { return d <= DType::f16; }
constexpr bool is_integral(DType d) { return d >= DType::i8 && d <= DType::i64; }

// The type that holds the result of an operation on a and b: the wider of the same kind; floating
// beats integral beats boolean; bf16 with f16 gives f32, i8 with u8 gives i32 (as in PyTorch, but
// for u8 with i8, where PyTorch's i16 does not exist here).
DType promote(DType a, DType b);

// The C++ type of each DType, and back.
template <class T>
constexpr DType dtype_of() {
  using U = std::remove_cv_t<T>;
  if constexpr (std::is_same_v<U, float>) {
    return f32;
  } else if constexpr (std::is_same_v<U, double>) {
    return f64;
  } else if constexpr (std::is_same_v<U, bfloat16>) {
    return bf16;
  } else if constexpr (std::is_same_v<U, float16>) {
    return f16;
  } else if constexpr (std::is_same_v<U, bool>) {
    return boolean;
  } else if constexpr (std::is_integral_v<U> && sizeof(U) == 1) {
    return std::is_signed_v<U> ? i8 : u8;
  } else if constexpr (std::is_integral_v<U> && std::is_signed_v<U> && sizeof(U) == 4) {
    return i32;
  } else {
    static_assert(std::is_integral_v<U> && std::is_signed_v<U> && sizeof(U) == 8,
                  "no dtype for this C++ type");
    return i64;
  }
}

// Calls f(std::type_identity<T>{}) with the C++ type of dtype and returns what f returns.
template <class F>
decltype(auto) visit_dtype(DType dtype, F&& f) {
  switch (dtype) {
    case DType::f32:
      return f(std::type_identity<float>{});
    case DType::f64:
      return f(std::type_identity<double>{});
    case DType::bf16:
      return f(std::type_identity<bfloat16>{});
    case DType::f16:
      return f(std::type_identity<float16>{});
    case DType::i8:
      return f(std::type_identity<std::int8_t>{});
    case DType::u8:
      return f(std::type_identity<std::uint8_t>{});
    case DType::i32:
      return f(std::type_identity<std::int32_t>{});
    case DType::i64:
      return f(std::type_identity<std::int64_t>{});
    case DType::boolean:
      break;
  }
  return f(std::type_identity<bool>{});
}

}  // namespace nacre
