// Fourier transforms by KISS FFT in double precision (its twiddles lose digits in float, and scalar
// double arithmetic costs the same). Lengths with prime factors above 5 go through a convolution of
// a power of two: Bluestein, "A linear filtering approach to the computation of discrete Fourier
// transform", 1970.
#include <kissfft/kissfft.hh>

#include <algorithm>
#include <bit>
#include <cmath>
#include <complex>
#include <numbers>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/kernels.h"

namespace nacre::cpu {
namespace {

using Complex = std::complex<double>;

bool has_small_factors(std::size_t n) {
  for (const std::size_t p : {2, 3, 5}) {
    while (n % p == 0) n /= p;
  }
  return n == 1;
}

class Transform {
 public:
  Transform(std::size_t n, bool inverse)
      : n_(n),
        direct_(has_small_factors(n)),
        padded_(direct_ ? n : std::bit_ceil(2 * n - 1)),
        forward_(padded_, direct_ && inverse),
        backward_(direct_ ? 1 : padded_, true) {
    if (direct_) return;
    chirp_.resize(n);
    std::vector<Complex> filter(padded_);
    for (std::size_t k = 0; k < n; ++k) {
      // k^2 modulo 2 n keeps the angle small and exact.
      const double angle = std::numbers::pi * static_cast<double>(k * k % (2 * n)) /
                           static_cast<double>(n) * (inverse ? 1 : -1);
      chirp_[k] = {std::cos(angle), std::sin(angle)};
      filter[k] = std::conj(chirp_[k]);
      if (k > 0) filter[padded_ - k] = filter[k];
    }
    filter_.resize(padded_);
    forward_.transform(filter.data(), filter_.data());
    for (Complex& v : filter_) v /= static_cast<double>(padded_);
  }

  // Complex numbers of scratch memory that run() needs.
  std::size_t scratch() const { return direct_ ? 0 : 2 * padded_; }

  void run(const Complex* in, Complex* out, Complex* scratch) const {
    if (direct_) {
      forward_.transform(in, out);
      return;
    }
    Complex* a = scratch;
    Complex* b = scratch + padded_;
    for (std::size_t k = 0; k < n_; ++k) a[k] = in[k] * chirp_[k];
    std::fill(a + n_, a + padded_, Complex());
    forward_.transform(a, b);
    for (std::size_t k = 0; k < padded_; ++k) b[k] *= filter_[k];
    backward_.transform(b, a);
    for (std::size_t k = 0; k < n_; ++k) out[k] = a[k] * chirp_[k];
  }

 private:
  std::size_t n_;
  bool direct_;
  std::size_t padded_;
  kissfft<double> forward_;
  kissfft<double> backward_;
  std::vector<Complex> chirp_;
  std::vector<Complex> filter_;
};

// Lines of a tensor along an axis.
struct Lines {
  std::size_t in, n, keep, inner, count;
  double scale;
};

template <class T>
void run_line(Op op, const Lines& d, const Transform& transform, std::size_t line, const T* x, T* y,
              Complex* memory) {
  Complex* in = memory;
  Complex* out = memory + d.n;
  const std::size_t first = line / d.inner * d.in * d.inner + line % d.inner;
  const std::size_t target = line / d.inner * d.keep * d.inner + line % d.inner;
  const std::size_t half = d.n / 2 + 1;
  const std::size_t read = std::min(d.in, op == Op::irfft ? half : d.n);
  for (std::size_t j = 0; j < read; ++j) {
    const std::size_t at = first + j * d.inner;
    in[j] = op == Op::rfft
                ? Complex(static_cast<double>(x[at]))
                : Complex(static_cast<double>(x[2 * at]), static_cast<double>(x[2 * at + 1]));
  }
  std::fill(in + read, in + d.n, Complex());
  if (op == Op::irfft) {
    in[0] = in[0].real();
    if (d.n % 2 == 0) in[d.n / 2] = in[d.n / 2].real();
    for (std::size_t j = 1; 2 * j < d.n; ++j) in[d.n - j] = std::conj(in[j]);
  }
  transform.run(in, out, memory + 2 * d.n);
  const std::size_t made = std::min(d.keep, op == Op::rfft ? half : d.n);
  for (std::size_t k = 0; k < d.keep; ++k) {
    const std::size_t at = target + k * d.inner;
    const Complex v = k < made ? out[k] * d.scale : Complex();
    if (op == Op::irfft) {
      y[at] = static_cast<T>(v.real());
    } else {
      const bool real = op == Op::rfft && (k == 0 || 2 * k == d.n);
      y[2 * at] = static_cast<T>(v.real());
      y[2 * at + 1] = real ? T(0) : static_cast<T>(v.imag());
    }
  }
}

template <class T>
PreparedKernel prepare_typed(const KernelQuery& q) {
  const Shape& in = q.inputs[0].shape;
  const int rank = in.rank() - (q.op == Op::rfft ? 0 : 1);
  const auto given = static_cast<int>(q.attrs.integer("axis"));
  const int axis = given < 0 ? given + rank : given;
  const auto size = [](std::int64_t v) { return static_cast<std::size_t>(v); };
  Lines d{size(in[axis]),         size(q.attrs.integer("n")), size(q.attrs.integer("keep")), 1, 1,
          q.attrs.number("scale")};
  for (int i = 0; i < rank; ++i) {
    if (i != axis) d.count *= size(in[i]);
    if (i > axis) d.inner *= size(in[i]);
  }
  const bool inverse = q.op == Op::irfft || q.attrs.flag_or("inverse", false);
  const auto transform = std::make_shared<const Transform>(d.n, inverse);
  const std::size_t memory = 2 * d.n + transform->scratch();
  const std::size_t small = 16384 / std::max<std::size_t>(1, d.n);  // lines that do not pay
  const auto workers = static_cast<std::int64_t>(
      d.count <= small ? 1 : std::min<std::size_t>(d.count, size(std::max(1, q.threads))));
  return make_kernel(
      [=, op = q.op](void* const* pointers, const RunContext& context) {
        const auto body = [&](std::int64_t first, std::int64_t last) {
          for (std::int64_t w = first; w < last; ++w) {
            auto* scratch = static_cast<Complex*>(context.scratch) + size(w) * memory;
            const std::size_t begin = d.count * size(w) / size(workers);
            const std::size_t end = d.count * size(w + 1) / size(workers);
            for (std::size_t line = begin; line < end; ++line) {
              run_line(op, d, *transform, line, static_cast<const T*>(pointers[0]),
                       static_cast<T*>(pointers[1]), scratch);
            }
          }
        };
        parallel_for(static_cast<int>(std::min<std::int64_t>(workers, context.threads)), workers, 1,
                     body);
      },
      memory * size(workers) * sizeof(Complex));
}

bool supports(const KernelQuery& q) { return q.inputs[0].dtype == f32 || q.inputs[0].dtype == f64; }

PreparedKernel prepare(const KernelQuery& q) {
  return q.inputs[0].dtype == f32 ? prepare_typed<float>(q) : prepare_typed<double>(q);
}

constexpr KernelRow kRows[] = {
    {Op::fft, "kissfft", supports, prepare},
    {Op::rfft, "kissfft", supports, prepare},
    {Op::irfft, "kissfft", supports, prepare},
};

}  // namespace

std::span<const KernelRow> fft_kernels() { return kRows; }

}  // namespace nacre::cpu
