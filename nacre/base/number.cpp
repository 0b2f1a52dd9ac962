#include "nacre/base/number.h"

#include <fmt/format.h>

namespace nacre {

std::string to_string(const Number& number) {
  if (number.is_whole()) {
    if (const auto u = number.as<std::uint64_t>(); u) return std::to_string(*u);
    return std::to_string(*number.truncated());
  }
  return fmt::format("{}", number.real());
}

Number fitted(const Number& number, DType dtype, std::string_view op, const Location& at) {
  return visit_dtype(dtype, [&](auto tag) -> Number {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_same_v<T, double>) {
      return number.real();
    } else if constexpr (!std::is_integral_v<T>) {
      return number.is_whole() ? static_cast<double>(*number.as<float>()) : number.real();
    } else {
      if (const std::optional<T> v = number.as<T>(); v) return *v;
      using Limits = std::numeric_limits<T>;
      throw ValueError(format_error(
          {.op = op,
           .what =
               fmt::format("the number {} is no {}, which goes from {} to {}", to_string(number),
                           name_of(dtype), +Limits::lowest(), +Limits::max()),
           .location = at,
           .hint = "convert the tensor to a dtype that holds it first: x.to(nacre::i64); to cut a "
                   "value to the range, clamp it"}));
    }
  });
}

}  // namespace nacre
