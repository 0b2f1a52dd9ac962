// first_non_finite by the bits: a number is not finite when all bits of its exponent are set, so
// that without its sign it is, as a whole number, at least infinity.
#include <algorithm>
#include <cstring>

#include "nacre/kernels/cpu/kernels.h"
#include "nacre/kernels/cpu/reduce/finite.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nacre/kernels/cpu/reduce/finite.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace nacre::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Whether one of n numbers, seen as whole numbers without their sign, reaches `infinity`.
template <class T>
bool reaches(const T* bits, std::size_t n, T infinity) {
  const hn::ScalableTag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto without_sign = hn::Set(d, static_cast<T>(~(T(1) << (8 * sizeof(T) - 1))));
  // Four chains hide the latency of the maximum.
  auto m0 = hn::Zero(d), m1 = m0, m2 = m0, m3 = m0;
  std::size_t i = 0;
  const auto at = [&](std::size_t k) {
    return hn::And(hn::LoadU(d, bits + i + k * lanes), without_sign);
  };
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    m0 = hn::Max(m0, at(0));
    m1 = hn::Max(m1, at(1));
    m2 = hn::Max(m2, at(2));
    m3 = hn::Max(m3, at(3));
  }
  for (; i + lanes <= n; i += lanes) m0 = hn::Max(m0, at(0));
  const auto most = hn::Max(hn::Max(m0, m1), hn::Max(m2, m3));
  bool found = !hn::AllFalse(d, hn::Gt(most, hn::Set(d, static_cast<T>(infinity - 1))));
  for (; i < n; ++i) {
    found = found || static_cast<T>(bits[i] & ~(T(1) << (8 * sizeof(T) - 1))) >= infinity;
  }
  return found;
}

bool Reaches16(const void* bits, std::size_t n, std::int64_t infinity) {
  return reaches(static_cast<const std::int16_t*>(bits), n, static_cast<std::int16_t>(infinity));
}
bool Reaches32(const void* bits, std::size_t n, std::int64_t infinity) {
  return reaches(static_cast<const std::int32_t*>(bits), n, static_cast<std::int32_t>(infinity));
}
bool Reaches64(const void* bits, std::size_t n, std::int64_t infinity) {
  return reaches(static_cast<const std::int64_t*>(bits), n, infinity);
}

}  // namespace nacre::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nacre::cpu {
namespace {

HWY_EXPORT(Reaches16);
HWY_EXPORT(Reaches32);
HWY_EXPORT(Reaches64);

constexpr std::int64_t kInfinity32 = 0x7f800000;

struct Part {
  DType dtype;
  std::size_t elements;

  bool bad(const void* data) const {
    if (dtype == f32) return HWY_DYNAMIC_DISPATCH(Reaches32)(data, elements, kInfinity32);
    if (dtype == f64) return HWY_DYNAMIC_DISPATCH(Reaches64)(data, elements, 0x7ff0000000000000);
    return HWY_DYNAMIC_DISPATCH(Reaches16)(data, elements, dtype == f16 ? 0x7c00 : 0x7f80);
  }
};

PreparedKernel prepare(const KernelQuery& q) {
  std::vector<Part> parts;
  for (const Spec& spec : q.inputs) {
    parts.push_back({spec.dtype, static_cast<std::size_t>(spec.elements())});
  }
  return make_kernel([parts = std::move(parts), offset = q.attrs.integer("offset")](
                         void* const* pointers, const RunContext&) {
    std::int64_t place = -1;
    for (std::size_t i = 0; i < parts.size() && place < 0; ++i) {
      if (parts[i].bad(pointers[i])) place = static_cast<std::int64_t>(i) + offset;
    }
    std::memcpy(pointers[parts.size()], &place, sizeof place);
  });
}

bool supports(const KernelQuery& q) {
  return std::all_of(q.inputs.begin(), q.inputs.end(), [](const Spec& s) {
    return s.dtype == f32 || s.dtype == f64 || s.dtype == f16 || s.dtype == bf16;
  });
}

constexpr KernelRow kRows[] = {{Op::first_non_finite, "bits", supports, prepare}};

}  // namespace

bool all_finite(const float* x, std::size_t n) {
  return !HWY_DYNAMIC_DISPATCH(Reaches32)(x, n, kInfinity32);
}

std::span<const KernelRow> finite_kernels() { return kRows; }

}  // namespace nacre::cpu
#endif  // HWY_ONCE
