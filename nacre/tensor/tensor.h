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
#include "nacre/graph/graph.h"

namespace nacre {

// A function being traced: the graph that its operations build.
struct Trace {
  Graph graph;
  bool open = true;  // false once the traced function has returned
};

struct Index;  // ops/index/indexing.h

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
  // All elements, converted to T as by item().
  template <class T>
  std::vector<T> to_vector() const;
  // A deep copy in the same memory space, never over borrowed memory.
  Tensor clone() const;

  const std::shared_ptr<Trace>& trace() const { return checked().trace; }
  ValueId value() const { return checked().value; }
  // This is the only handle to the values, and they are not in borrowed memory: nobody would
  // notice if they were overwritten.
  bool exclusive() const {
    return impl_ && !impl_->trace && impl_->references.load(std::memory_order_acquire) == 1 &&
           impl_->buffer.exclusive();
  }
  // What identifies this value while a handle to it lives.
  const void* identity() const { return impl_.get(); }

  // Methods for the most common functions; each is the free function of the same name (ops/api.h).
  // One size may be -1: it follows from the others.
  Tensor reshape(std::initializer_list<std::int64_t> dims,
                 Location at = std::source_location::current()) const;
  Tensor reshape(const Shape& shape, Location at = std::source_location::current()) const;
  Tensor transpose(std::vector<int> axes = {}, Location at = std::source_location::current()) const;
  Tensor to(DType dtype, Location at = std::source_location::current()) const;
  Tensor sum(std::vector<int> axes = {}, bool keep_dims = false,
             Location at = std::source_location::current()) const;
  Tensor mean(std::vector<int> axes = {}, bool keep_dims = false,
              Location at = std::source_location::current()) const;
  // NumPy indexing: x.index({2, slice(1, 5), ellipsis, newaxis}); see ops/index/indexing.h.
  Tensor index(const std::vector<Index>& indices,
               Location at = std::source_location::current()) const;
  // x[i]: row i; negative counts from the back.
  Tensor operator[](std::int64_t i) const;

 private:
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

// Tensors of known contents; these always hold elements, also within a traced function. Whole
// numbers are exact in integer dtypes, fractions are cut off there; a number that an integer dtype
// does not hold throws ValueError.
Tensor full(const Shape& shape, const Number& value, DType dtype = f32);
Tensor zeros(const Shape& shape, DType dtype = f32);
Tensor ones(const Shape& shape, DType dtype = f32);
Tensor eye(std::int64_t n, DType dtype = f32);
// start, start + step, ... below stop (above, for a negative step).
// Throws ValueError for a step of 0 and for what is not finite.
Tensor arange(const Number& start, const Number& stop, const Number& step = 1, DType dtype = f32);
Tensor arange(std::int64_t stop, DType dtype = i64);
// `count` values evenly from start to stop, both included.
Tensor linspace(const Number& start, const Number& stop, std::int64_t count, DType dtype = f32);

// The text NumPy's str() gives: nested brackets, aligned columns, "..." beyond 1,000 elements.
std::string to_string(const Tensor& tensor);
std::ostream& operator<<(std::ostream& out, const Tensor& tensor);

}  // namespace nacre
