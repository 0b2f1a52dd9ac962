// Functions of one expression, for tile1, tile2, loop1 and loop2 (simd-inl.h), a line each:
//   NACRE_VECTOR_1(Square, hn::Mul(x, x))             of a vector x (d is its tag)
//   NACRE_VECTOR_2(Less, hn::Lt(a, b))                of two, a and b; masks become bool
//   NACRE_ELEMENT_2(BitAnd, T, static_cast<T>(a & b)) of elements of type T, and what they give
#pragma once

#include <cstdint>
#include <type_traits>

#include "hwy/base.h"

namespace nacre::cpu {
// In an unsigned type at least as wide as int, where wrapping is defined.
template <class T>
using Wrap = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;

}  // namespace nacre::cpu

#define NACRE_VECTOR_1(Name, ...)                                 \
  struct Name {                                                   \
    template <class D, class V>                                   \
    HWY_INLINE auto operator()([[maybe_unused]] D d, V x) const { \
      return __VA_ARGS__;                                         \
    }                                                             \
  };
#define NACRE_VECTOR_2(Name, ...)                                      \
  struct Name {                                                        \
    template <class D, class V>                                        \
    HWY_INLINE auto operator()([[maybe_unused]] D d, V a, V b) const { \
      return __VA_ARGS__;                                              \
    }                                                                  \
  };
#define NACRE_ELEMENT_1(Name, Result, ...)    \
  struct Name {                               \
    template <class T>                        \
    HWY_INLINE Result operator()(T x) const { \
      return __VA_ARGS__;                     \
    }                                         \
  };
#define NACRE_ELEMENT_2(Name, Result, ...)         \
  struct Name {                                    \
    template <class T>                             \
    HWY_INLINE Result operator()(T a, T b) const { \
      return __VA_ARGS__;                          \
    }                                              \
  };
