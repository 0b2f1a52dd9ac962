// expect_elements: one pass that looks and copies; where it finds something, a second one for the
// place.
#include "nacre/ops/reduce/expect.h"

#include <cmath>
#include <cstring>
#include <string>

#include "nacre/kernels/cpu/kernels.h"

namespace nacre::cpu {
namespace {

template <class T>
struct Expect {
  std::string who;
  std::string what;
  std::string hint;
  Shape shape;
  T low, high, but_for;
  bool whole, has_other;

  bool good(T x) const {
    const bool within = x >= low && x <= high && (!whole || x == std::floor(x));
    return within || (has_other && x == but_for);
  }

  void operator()(void* const* pointers, const RunContext&) const {
    const T* x = static_cast<const T*>(pointers[0]);
    const std::int64_t n = shape.elements();
    bool all = true;
    for (std::int64_t i = 0; i < n; ++i) all &= good(x[i]);
    for (std::int64_t i = 0; !all && i < n; ++i) {
      if (!good(x[i])) op_defs::fail_element(who, what, hint, shape, i, static_cast<double>(x[i]));
    }
    if (pointers[1] != pointers[0]) {
      std::memcpy(pointers[1], x, static_cast<std::size_t>(n) * sizeof(T));
    }
  }
};

template <class T>
PreparedKernel prepare_as(const KernelQuery& q) {
  return make_kernel(
      Expect<T>{q.attrs.text("who"), q.attrs.text("what"), q.attrs.text("hint"), q.inputs[0].shape,
                static_cast<T>(q.attrs.number("low")), static_cast<T>(q.attrs.number("high")),
                static_cast<T>(q.attrs.integer_or("but_for", 0)), q.attrs.flag("whole"),
                q.attrs.has("but_for")},
      0, 1);
}

PreparedKernel prepare(const KernelQuery& q) {
  if (q.inputs[0].dtype == f32) return prepare_as<float>(q);
  if (q.inputs[0].dtype == f64) return prepare_as<double>(q);
  return prepare_as<std::int64_t>(q);
}

bool supports(const KernelQuery& q) {
  return q.inputs[0].dtype == f32 || q.inputs[0].dtype == f64 || q.inputs[0].dtype == i64;
}

constexpr KernelRow kRows[] = {{Op::expect_elements, "direct", supports, prepare}};

}  // namespace

std::span<const KernelRow> expect_kernels() { return kRows; }

}  // namespace nacre::cpu
