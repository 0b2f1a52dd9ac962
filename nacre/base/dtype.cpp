#include "nacre/base/dtype.h"

#include <ostream>

#include <algorithm>
#include <array>
#include <string>

#include "nacre/base/error.h"

namespace nacre {
namespace {
constexpr std::array<std::string_view, kDTypeCount> kNames = {"f32", "f64", "bf16", "f16", "i8",
                                                              "u8",  "i32", "i64",  "bool"};
}  // namespace

std::string_view name_of(DType dtype) { return kNames[static_cast<int>(dtype)]; }

std::ostream& operator<<(std::ostream& out, DType dtype) { return out << name_of(dtype); }

DType dtype_from_name(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) {
    throw ValueError("unknown dtype \"" + std::string(name) +
                     "\"; one of f32, f64, bf16, f16, i8, u8, i32, i64, bool");
  }
  return static_cast<DType>(found - kNames.begin());
}

DType promote(DType a, DType b) {
  if (a == b) return a;
  if (a == boolean) return b;
  if (b == boolean) return a;
  if (is_floating(a) != is_floating(b)) return is_floating(a) ? a : b;
  if (a == f64 || b == f64) return f64;
  if (is_floating(a)) return f32;  // f32 with a 16-bit float, or bf16 with f16
  if (a == i64 || b == i64) return i64;
  return i32;  // i32 with a narrower one, or i8 with u8
}

}  // namespace nacre
