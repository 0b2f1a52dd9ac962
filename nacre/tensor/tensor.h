// Tensor: the user's value. An immutable, dense, row-major array that either holds its elements or
// stands for a value of a function being traced. Copying a Tensor shares it.
#pragma once

#include <atomic>
#include <functional>
#include <initializer_list>
#include <iosfwd>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "nacre/base/buffer.h"
#include "nacre/base/error.h"
#include "nacre/base/number.h"
#include "nacre/base/shape.h"
#include "nacre/graph/ids.h"
#include "nacre/tensor/arguments.h"

namespace nacre {

struct Trace;   // tensor/trace.h
struct Index;   // ops/index/indexing.h
struct Sorted;  // ops/index/sort.h
class Operand;  // ops/define/operand.h

// The functions of one operand that are methods, too.
#define NACRE_UNARY_METHODS(row)                                                                   \
  row(abs) row(neg) row(sign) row(square) row(sqrt) row(rsqrt) row(reciprocal) row(exp) row(exp2)  \
      row(expm1) row(log) row(log2) row(log10) row(log1p) row(sin) row(cos) row(tan) row(asin)     \
          row(acos) row(atan) row(sinh) row(cosh) row(tanh) row(erf) row(floor) row(ceil)          \
              row(round) row(trunc) row(isnan) row(isinf) row(isfinite) row(logical_not) row(relu) \
                  row(sigmoid) row(silu) row(softplus) row(gelu) row(elu) row(selu) row(mish)      \
                      row(log_sigmoid) row(softsign)
// Those of two.
#define NACRE_BINARY_METHODS(row)                                                                 \
  row(add) row(sub) row(mul) row(div) row(pow) row(remainder) row(fmod) row(maximum) row(minimum) \
      row(atan2) row(matmul) row(mm) row(bmm) row(mv) row(dot) row(outer) row(eq) row(ne) row(lt) \
          row(le) row(gt) row(ge) row(logical_and) row(logical_or) row(logical_xor) row(hypot)    \
              row(floor_divide) row(bitwise_and) row(bitwise_or) row(isclose) row(equal)          \
                  row(not_equal) row(less) row(less_equal) row(greater) row(greater_equal)
// Reductions over axes.
#define NACRE_REDUCTION_METHODS(row)                                                   \
  row(sum) row(mean) row(max) row(min) row(amax) row(amin) row(prod) row(any) row(all) \
      row(logsumexp) row(var) row(std) row(median) row(count_nonzero)

class Tensor {
 public:
  // An undefined tensor: holds nothing, defined() is false.
  Tensor() = default;
  // An uninitialised tensor, to be filled through mutable_data().
  explicit Tensor(const Spec& spec);
  // The same in a memory space, to be filled by its kernels.
  Tensor(const Spec& spec, MemorySpace& space)
      : Tensor(spec, Buffer::allocate(spec.bytes(), space)) {}
  // Elements over memory that exists: `data` holds shape.elements() elements of dtype.
  Tensor(const Spec& spec, Buffer data);

  // A copy of the values. Throws ShapeError unless there are shape.elements() of them.
  template <class T>
  static Tensor from(std::span<const T> values, const Shape& shape);
  template <class T>
  static Tensor from(const std::vector<T>& values, const Shape& shape) {
    return from(std::span<const T>(values), shape);
  }
  template <class T>
  static Tensor from(const std::vector<T>& values) {
    return from(std::span<const T>(values), Shape{static_cast<std::int64_t>(values.size())});
  }
  // A rank-0 tensor. Throws ValueError when an integer dtype does not hold the number (fitted() in
  // base/number.h).
  static Tensor scalar(const Number& value, DType dtype = f32, const Location& at = {});
  // The user's memory without a copy; it must outlive the tensor, `release` tells when it is free.
  template <class T>
  static Tensor borrow(T* data, const Shape& shape, std::function<void()> release = {}) {
    const Spec spec{dtype_of<T>(), shape};
    return Tensor(spec, Buffer::borrow(data, spec.bytes(), std::move(release)));
  }
  // A value of a trace.
  static Tensor traced(std::shared_ptr<Trace> trace, ValueId value);

  bool defined() const { return impl_ != nullptr; }
  bool is_traced() const { return impl_ && impl_->trace != nullptr; }
  const Spec& spec() const { return checked().spec; }
  DType dtype() const { return spec().dtype; }
  const Shape& shape() const { return spec().shape; }
  int rank() const { return shape().rank(); }
  // Size of one axis; negative counts from the back. Throws ShapeError out of range.
  std::int64_t size(int axis) const;
  std::int64_t elements() const { return spec().elements(); }

  // Where a backend computed it the elements may lie in memory that the host may not read: the next
  // two give the same elements elsewhere, this tensor itself where nothing is to be done. What
  // reads elements begins with on_host(). Throw TraceError on a traced value.
  Tensor on_host() const { return buffer().host_reads() ? *this : in(host_memory()); }
  Tensor in(MemorySpace& space) const;
  bool is_in(const MemorySpace& space) const { return buffer().is_in(space); }

  // The elements. Throws DTypeError when T is not the dtype's type, TraceError on a traced value,
  // InternalError where the host may not read them (on_host() gives a tensor that it may).
  template <class T>
  std::span<const T> data() const {
    return {static_cast<const T*>(typed_data(dtype_of<T>())), count()};
  }
  // To fill a tensor made by Tensor(spec) before anyone else sees it.
  template <class T>
  std::span<T> mutable_data() {
    return {const_cast<T*>(static_cast<const T*>(typed_data(dtype_of<T>()))), count()};
  }
  const void* raw_data() const {
    const Buffer& memory = buffer();
    if (!memory.host_reads()) throw_not_readable();
    return memory.data();
  }
  void* raw_mutable_data() { return const_cast<void*>(raw_data()); }
  const Buffer& buffer() const {
    const Impl& impl = checked();
    if (impl.trace) throw_traced();
    return impl.buffer;
  }

  // The only element, converted; integers exactly. Throws ShapeError unless there is exactly
  // one, ValueError when a whole type T does not hold it (a fraction is cut off).
  template <class T = float>
  T item(Location at = std::source_location::current()) const {
    const Number number = only_number(at);
    if (const std::optional<T> value = number.as<T>(); value) return *value;
    throw_unheld("item", number, at);
  }
  // The same: static_cast<float>(loss).
  template <class T>
  requires(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) explicit operator T() const {
    return item<T>(Location());
  }
  // All elements, converted to T as by item().
  template <class T = float>
  std::vector<T> to_vector() const;
  // A deep copy in the same memory space, never over borrowed memory.
  Tensor clone() const;
  Tensor copy() const { return clone(); }
  // All tensors are.
  Tensor contiguous() const { return *this; }

  const std::shared_ptr<Trace>& trace_handle() const { return checked().trace; }
  ValueId value() const { return checked().value; }
  // This is the only handle to the values, and they are not in borrowed memory: nobody would
  // notice if they were overwritten.
  bool exclusive() const {
    return impl_ && !impl_->trace && impl_->references.load(std::memory_order_acquire) == 1 &&
           impl_->buffer.exclusive();
  }
  // What identifies this value while a handle to it lives.
  const void* identity() const { return impl_.get(); }

  // Other names of the above, as PyTorch and NumPy have them.
  int ndim() const { return rank(); }
  int dim() const { return rank(); }
  std::int64_t numel() const { return elements(); }
  const Shape& sizes() const { return shape(); }
  std::vector<float> tolist() const { return to_vector<float>(); }
  // The number of rows: the size of axis 0.
  std::int64_t len() const { return size(0); }

  // Methods for what is written most; each is the free function of the same name (ops/api.h,
  // defined in ops/methods.cpp).
#define NACRE_ROW(name) Tensor name(Location at = std::source_location::current()) const;
  NACRE_UNARY_METHODS(NACRE_ROW)
#undef NACRE_ROW
#define NACRE_ROW(name) \
  Tensor name(const Operand& other, Location at = std::source_location::current()) const;
  NACRE_BINARY_METHODS(NACRE_ROW)
#undef NACRE_ROW
#define NACRE_ROW(name)                                      \
  Tensor name(const Axes& axes = {}, bool keep_dims = false, \
              Location at = std::source_location::current()) const;
  NACRE_REDUCTION_METHODS(NACRE_ROW)
#undef NACRE_ROW
  Tensor argmax(int axis = -1, bool keep_dims = false,
                Location at = std::source_location::current()) const;
  Tensor argmin(int axis = -1, bool keep_dims = false,
                Location at = std::source_location::current()) const;
  Tensor norm(double p = 2, const Axes& axes = {}, bool keep_dims = false,
              Location at = std::source_location::current()) const;
  Tensor softmax(int axis = -1, Location at = std::source_location::current()) const;
  Tensor log_softmax(int axis = -1, Location at = std::source_location::current()) const;
  Tensor cumsum(int axis, Location at = std::source_location::current()) const;
  Tensor cumprod(int axis, Location at = std::source_location::current()) const;
  Tensor clamp(const Operand& low, const Operand& high,
               Location at = std::source_location::current()) const;
  Tensor clip(const Operand& low, const Operand& high,
              Location at = std::source_location::current()) const;

  Tensor clamp_min(const Operand& low, Location at = std::source_location::current()) const;
  Tensor clamp_max(const Operand& high, Location at = std::source_location::current()) const;
  Tensor leaky_relu(double slope = 0.01, Location at = std::source_location::current()) const;
  Tensor lerp(const Operand& other, const Operand& weight,
              Location at = std::source_location::current()) const;
  Tensor quantile(double q, const Axes& axes = {}, bool keep_dims = false,
                  Location at = std::source_location::current()) const;
  // The answer itself; not for traced tensors (TraceError).
  bool allclose(const Operand& other, double rtol = 1e-5, double atol = 1e-8) const;

  // Shapes. One size may be -1: it is what the others leave. view() is reshape().
  Tensor reshape(std::initializer_list<std::int64_t> dims,
                 Location at = std::source_location::current()) const;
  Tensor reshape(const Shape& shape, Location at = std::source_location::current()) const;
  template <WholeNumber... Rest>
  Tensor reshape(First first, Rest... rest) const {
    return reshape_listed(listed<std::int64_t>(first.value, rest...), first.at);
  }
  Tensor view(std::initializer_list<std::int64_t> dims,
              Location at = std::source_location::current()) const;
  Tensor view(const Shape& shape, Location at = std::source_location::current()) const;
  template <WholeNumber... Rest>
  Tensor view(First first, Rest... rest) const {
    return reshape_listed(listed<std::int64_t>(first.value, rest...), first.at);
  }
  Tensor flatten(int first = 0, int last = -1, Location at = std::source_location::current()) const;
  Tensor ravel(Location at = std::source_location::current()) const;
  Tensor squeeze(const Axes& axes = {}, Location at = std::source_location::current()) const;
  Tensor unsqueeze(const Axes& axes, Location at = std::source_location::current()) const;
  Tensor expand_dims(const Axes& axes, Location at = std::source_location::current()) const;
  // A permutation of the axes, their reverse when none are given. Two axes of any tensor,
  // x.transpose(0, 1), change places; three and more are a permutation.
  Tensor transpose(std::vector<int> axes = {}, Location at = std::source_location::current()) const;
  template <WholeNumber... Rest>
  Tensor transpose(First a, int b, Rest... rest) const {
    if constexpr (sizeof...(Rest) == 0) {
      return swap_axes(static_cast<int>(a.value), b, a.at);
    } else {
      return transpose(listed<int>(a.value, b, rest...), a.at);
    }
  }
  Tensor permute(std::vector<int> axes, Location at = std::source_location::current()) const;
  template <WholeNumber... Rest>
  Tensor permute(First first, Rest... rest) const {
    return transpose(listed<int>(first.value, rest...), first.at);
  }
  Tensor swap_axes(int a, int b, Location at = std::source_location::current()) const;
  Tensor swapaxes(int a, int b, Location at = std::source_location::current()) const;
  // The axes in reverse: the transpose of a matrix.
  Tensor t(Location at = std::source_location::current()) const;
  Tensor T(Location at = std::source_location::current()) const;
  Tensor broadcast_to(const Shape& shape, Location at = std::source_location::current()) const;
  // A size of -1 stays as it is.
  Tensor expand(std::initializer_list<std::int64_t> dims,
                Location at = std::source_location::current()) const;
  template <WholeNumber... Rest>
  Tensor expand(First first, Rest... rest) const {
    return expand_listed(listed<std::int64_t>(first.value, rest...), first.at);
  }
  Tensor expand_as(const Tensor& other, Location at = std::source_location::current()) const;
  Tensor tile(std::initializer_list<std::int64_t> repeats,
              Location at = std::source_location::current()) const;
  template <WholeNumber... Rest>
  Tensor tile(First first, Rest... rest) const {
    return tile_listed(listed<std::int64_t>(first.value, rest...), first.at);
  }
  Tensor repeat(std::int64_t count, int axis, Location at = std::source_location::current()) const;
  Tensor roll(std::int64_t shift, const Axes& axes = {},
              Location at = std::source_location::current()) const;
  Tensor flip(const Axes& axes = {}, Location at = std::source_location::current()) const;
  Tensor tril(int diagonal = 0, Location at = std::source_location::current()) const;
  Tensor triu(int diagonal = 0, Location at = std::source_location::current()) const;
  Tensor diagonal(int offset = 0, int axis1 = 0, int axis2 = 1,
                  Location at = std::source_location::current()) const;
  Tensor diag(int offset = 0, Location at = std::source_location::current()) const;
  // The sum of a diagonal.
  Tensor trace(int offset = 0, Location at = std::source_location::current()) const;
  std::vector<Tensor> split(int parts, int axis = 0,
                            Location at = std::source_location::current()) const;
  std::vector<Tensor> split(const std::vector<std::int64_t>& sizes, int axis = 0,
                            Location at = std::source_location::current()) const;
  std::vector<Tensor> chunk(int parts, int axis = 0,
                            Location at = std::source_location::current()) const;
  std::vector<Tensor> unbind(int axis = 0, Location at = std::source_location::current()) const;
  std::vector<Tensor> unstack(int axis = 0, Location at = std::source_location::current()) const;

  // Order and choice.
  Tensor sort(int axis = -1, bool descending = false,
              Location at = std::source_location::current()) const;
  Tensor argsort(int axis = -1, bool descending = false,
                 Location at = std::source_location::current()) const;
  Sorted topk(std::int64_t k, int axis = -1, bool largest = true,
              Location at = std::source_location::current()) const;
  // Elements in their own places but for `axis`, as PyTorch's gather: take_along_axis().
  Tensor gather(int axis, const Tensor& indices,
                Location at = std::source_location::current()) const;
  // PyTorch's: put_along_axis().
  Tensor scatter(int axis, const Tensor& indices, const Operand& updates,
                 Location at = std::source_location::current()) const;
  Tensor scatter_add(int axis, const Tensor& indices, const Operand& updates,
                     Location at = std::source_location::current()) const;
  Tensor index_select(int axis, const Tensor& indices,
                      Location at = std::source_location::current()) const;
  Tensor take(const Tensor& indices, int axis = 0,
              Location at = std::source_location::current()) const;
  Tensor masked_fill(const Operand& mask, const Operand& value,
                     Location at = std::source_location::current()) const;
  Tensor masked_select(const Tensor& mask, Location at = std::source_location::current()) const;
  Tensor where(const Operand& condition, const Operand& other,
               Location at = std::source_location::current()) const;
  Tensor nonzero(Location at = std::source_location::current()) const;
  // `length` elements of an axis from `start` on; element i of an axis, which goes away.
  Tensor narrow(int axis, std::int64_t start, std::int64_t length,
                Location at = std::source_location::current()) const;
  Tensor select(int axis, std::int64_t i, Location at = std::source_location::current()) const;
  // NumPy indexing: x.index({2, slice(1, 5), ellipsis, newaxis}); see ops/index/indexing.h.
  Tensor index(const std::vector<Index>& indices,
               Location at = std::source_location::current()) const;
  // x[i]: row i; negative counts from the back.
  Tensor operator[](std::int64_t i) const;
  // x[slice(1, 3)], x[mask], x[indices], x[{0, ellipsis}]: index().
  Tensor operator[](const Index& rows) const;
  Tensor operator[](std::initializer_list<Index> indices) const;

  Tensor to(DType dtype, Location at = std::source_location::current()) const;
  Tensor astype(DType dtype, Location at = std::source_location::current()) const;
  Tensor detach(Location at = std::source_location::current()) const;

 private:
  Tensor reshape_listed(std::vector<std::int64_t> dims, Location at) const;
  Tensor expand_listed(std::vector<std::int64_t> dims, Location at) const;
  Tensor tile_listed(std::vector<std::int64_t> repeats, Location at) const;

  struct Impl {
    std::atomic<std::uint32_t> references{1};
    ValueId value = kNoId;
    Spec spec;
    Buffer buffer;
    std::shared_ptr<Trace> trace;

    static void* operator new(std::size_t bytes);
    static void operator delete(void* memory);
  };
  // An intrusive pointer: one allocation a tensor, one word a handle.
  class Pointer {
   public:
    Pointer() = default;
    explicit Pointer(Impl* impl) : impl_(impl) {}
    Pointer(const Pointer& other) : impl_(other.impl_) {
      if (impl_) impl_->references.fetch_add(1, std::memory_order_relaxed);
    }
    Pointer(Pointer&& other) noexcept : impl_(std::exchange(other.impl_, nullptr)) {}
    Pointer& operator=(Pointer other) noexcept {
      std::swap(impl_, other.impl_);
      return *this;
    }
    ~Pointer() {
      if (impl_ && impl_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete impl_;
    }
    Impl* get() const { return impl_; }
    Impl& operator*() const { return *impl_; }
    Impl* operator->() const { return impl_; }
    friend bool operator==(const Pointer& a, std::nullptr_t) { return a.impl_ == nullptr; }
    explicit operator bool() const { return impl_ != nullptr; }

   private:
    Impl* impl_ = nullptr;
  };

  const Impl& checked() const {
    if (!impl_) throw_undefined();
    return *impl_;
  }
  [[noreturn]] static void throw_undefined();
  [[noreturn]] void throw_traced() const;
  [[noreturn]] void throw_not_readable() const;
  const void* typed_data(DType dtype) const;
  Number only_number(const Location& at) const;
  [[noreturn]] static void throw_unheld(std::string_view op, const Number& number,
                                        const Location& at);
  std::size_t count() const { return static_cast<std::size_t>(elements()); }

  Pointer impl_;
};

using Tensors = std::vector<Tensor>;

// on_host() of each (undefined ones stay); small tensors of one other space come in one copy, for
// which the host waits once.
Tensors on_host(std::span<const Tensor> tensors);

namespace detail {
// Throws ShapeError unless a row is as long as the first.
void expect_row(std::size_t length, std::size_t first);
}  // namespace detail

// A number or a list of nested lists, as braces write it.
class NestedList {
 public:
  template <class T>
  requires std::is_arithmetic_v<T> NestedList(T value) : value_(value) {}
  NestedList(std::initializer_list<NestedList> items) : items_(items), is_list_(true) {}
  // Appends the numbers in order and checks that sibling lists have equal shapes (ShapeError).
  Shape flatten(std::vector<Number>& out) const;

 private:
  Number value_;
  std::vector<NestedList> items_;
  bool is_list_ = false;
};
// A tensor of nested lists: tensor({1, 2, 3}), tensor({{1.5, 2}, {3, 4}}). Throws ShapeError when
// rows differ in length, ValueError for a number that an integer dtype does not hold.
Tensor tensor(const NestedList& values, DType dtype = f32);

// The numbers of a vector in their own type (of bytes, of f64, ...): tensor(std::vector<float>{1}).
template <class T>
requires std::is_arithmetic_v<T> Tensor tensor(const std::vector<T>& values) {
  if constexpr (std::is_same_v<T, bool>) {
    return Tensor::from(std::vector<std::uint8_t>(values.begin(), values.end())).to(boolean);
  } else {
    return Tensor::from(values);
  }
}
// Rows of equal length (ShapeError).
template <class T>
Tensor tensor(const std::vector<std::vector<T>>& rows) {
  std::vector<T> all;
  for (const std::vector<T>& row : rows) {
    detail::expect_row(row.size(), rows[0].size());
    all.insert(all.end(), row.begin(), row.end());
  }
  const auto n = static_cast<std::int64_t>(rows.size());
  return tensor(all).reshape({n, rows.empty() ? 0 : static_cast<std::int64_t>(rows[0].size())});
}
template <class T>
Tensor tensor(const std::vector<T>& values, DType dtype) {
  return tensor(values).to(dtype);
}

// Tensors of known contents; these always hold elements, also within a traced function. Whole
// numbers are exact in integer dtypes, fractions are cut off there; a number that an integer dtype
// does not hold throws ValueError.
Tensor full(const Shape& shape, const Number& value, DType dtype = f32);
Tensor zeros(const Shape& shape, DType dtype = f32);
Tensor ones(const Shape& shape, DType dtype = f32);
// For what is filled later; the elements are zeros.
inline Tensor empty(const Shape& shape, DType dtype = f32) { return zeros(shape, dtype); }
// The same of sizes one after the other: zeros(2, 3), zeros(2, 3, f64).
template <SizeOrDType... Rest>
Tensor zeros(First first, Rest... rest) {
  const Spec spec = listed_spec(first.value, rest...);
  return zeros(spec.shape, spec.dtype);
}
template <SizeOrDType... Rest>
Tensor ones(First first, Rest... rest) {
  const Spec spec = listed_spec(first.value, rest...);
  return ones(spec.shape, spec.dtype);
}
template <SizeOrDType... Rest>
Tensor empty(First first, Rest... rest) {
  return zeros(first, rest...);
}
template <WholeNumber N>
Tensor full(N size, const Number& value, DType dtype = f32) {
  return full(Shape{static_cast<std::int64_t>(size)}, value, dtype);
}
Tensor eye(std::int64_t n, DType dtype = f32);
Tensor eye(std::int64_t rows, std::int64_t columns, DType dtype = f32);
// start, start + step, ... below stop (above, for a negative step).
// Throws ValueError for a step of 0 and for what is not finite.
Tensor arange(const Number& start, const Number& stop, const Number& step = 1, DType dtype = f32);
Tensor arange(std::int64_t stop, DType dtype = i64);
// `count` values evenly from start to stop, both included.
Tensor linspace(const Number& start, const Number& stop, std::int64_t count, DType dtype = f32);

// What a range-for over a tensor walks on: for (const Tensor& row : x). Throws ShapeError for a
// scalar.
class RowIterator {
 public:
  RowIterator(const Tensor& tensor, std::int64_t row) : tensor_(tensor), row_(row) {}
  Tensor operator*() const { return tensor_[row_]; }
  RowIterator& operator++() {
    ++row_;
    return *this;
  }
  friend bool operator!=(const RowIterator& a, const RowIterator& b) { return a.row_ != b.row_; }

 private:
  Tensor tensor_;
  std::int64_t row_;
};
inline RowIterator begin(const Tensor& tensor) { return {tensor, 0}; }
inline RowIterator end(const Tensor& tensor) { return {tensor, tensor.size(0)}; }

// The text NumPy's str() gives: nested brackets, aligned columns, "..." beyond 1,000 elements.
std::string to_string(const Tensor& tensor);
std::ostream& operator<<(std::ostream& out, const Tensor& tensor);

}  // namespace nacre
