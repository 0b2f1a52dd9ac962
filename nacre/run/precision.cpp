#include "nacre/run/precision.h"

#include <algorithm>
#include <chrono>

#include "nacre/base/error.h"
#include "nacre/run/measured.h"

namespace nacre {
namespace {

// A product of two matrices, ready to run.
class Product {
 public:
  Product(DType dtype, Backend& backend)
      : spec_{dtype, {kSize, kSize}},
        space_(backend.memory()),
        a_(full(spec_.shape, 0.5, dtype).in(space_)),
        b_(full(spec_.shape, 0.25, dtype).in(space_)),
        c_(spec_, space_) {
    const SpecList in{spec_, spec_};
    const SpecList out{spec_};
    const Attrs attrs{{"transpose_a", false}, {"transpose_b", false}};
    kernel_ = prepare_kernel({Op::matmul, attrs, in, out, 1}, backend);
    scratch_ = Buffer::allocate(kernel_.scratch_bytes, space_);
  }

  double seconds() {
    void* pointers[] = {a_.buffer().data(), b_.buffer().data(), c_.buffer().data()};
    space_.wait();
    const auto before = std::chrono::steady_clock::now();
    kernel_.run(kernel_.state.get(), pointers, {1, scratch_.data()});
    space_.wait();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - before;
    return took.count();
  }

 private:
  static constexpr std::int64_t kSize = 256;
  Spec spec_;
  MemorySpace& space_;
  Tensor a_, b_, c_;
  PreparedKernel kernel_;
  Buffer scratch_;
};

// The two take turns, so that both see the same clock; the best of each counts.
double measure(Backend& backend) {
  if (!backend.why_no_bfloat16_products().empty()) return 0;
  Product wide(f32, backend);
  Product narrow(bf16, backend);
  double best_wide = 1e30;
  double best_narrow = 1e30;
  for (int i = 0; i < 9; ++i) {
    best_wide = std::min(best_wide, wide.seconds());
    best_narrow = std::min(best_narrow, narrow.seconds());
  }
  return best_wide / best_narrow;
}

}  // namespace

std::string why_no_bfloat16() { return current_backend().why_no_bfloat16_products(); }

double bfloat16_speedup() {
  static Measured<double> speedup(measure);
  return speedup.of(current_backend());
}

bool uses_bfloat16(Precision precision) {
  if (precision == Precision::f32) return false;
  if (precision == Precision::automatic) return bfloat16_speedup() >= kWorthwhileSpeedup;
  const std::string reason = why_no_bfloat16();
  if (reason.empty()) return true;
  throw ValueError(format_error({.op = "compile",
                                 .what = "precision bf16 would be slower than f32: " + reason,
                                 .hint = "use Precision::automatic or Precision::f32"}));
}

}  // namespace nacre
