// A check of functions that are given by the user.
#pragma once

#include <functional>
#include <string>
#include <type_traits>

#include "nacre/base/error.h"

namespace nacre {

template <class T>
inline constexpr bool kMayBeEmpty = std::is_pointer_v<T>;
template <class Signature>
inline constexpr bool kMayBeEmpty<std::function<Signature>> = true;

// Throws ValueError, in the name of `who`, for an empty std::function or a null pointer.
template <class F>
void require_callable(const F& function, const char* who) {
  if constexpr (kMayBeEmpty<F>) {
    if (!function) throw ValueError(std::string(who) + ": the function is empty");
  }
}

}  // namespace nacre
