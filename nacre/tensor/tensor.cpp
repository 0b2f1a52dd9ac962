#include "nacre/tensor/tensor.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <new>

namespace nacre {
namespace {

// Freed tensor headers of this thread, for the next ones.
struct HeaderCache {
  static constexpr int kMax = 256;
  void* slots[kMax];
  int count = 0;
  ~HeaderCache() {
    while (count > 0) ::operator delete(slots[--count]);
    count = kMax;  // later frees of this thread go to the system
  }
};
thread_local HeaderCache header_cache;

[[noreturn]] void throw_not_concrete(const Spec& spec, const Location& at) {
  throw TraceError(format_error(
      {.op = "tensor",
       .what = "the value of " + to_string(spec) + " is not known while a function is traced",
       .location = at,
       .hint = "compute with ops (where, maximum, ...) instead of branching on values, or return "
               "the tensor from the compiled function and read it outside"}));
}

// Writes value i of the sequence `f` as each dtype; doubles round toward zero for integers.
template <class F>
Tensor generate(const Spec& spec, F&& f) {
  Tensor out(spec);
  visit_dtype(spec.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto values = out.mutable_data<T>();
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double v = f(i);
      if constexpr (std::is_same_v<T, bool>) {
        values[i] = v != 0;
      } else if constexpr (std::is_integral_v<T>) {
        values[i] = static_cast<T>(static_cast<std::int64_t>(v));
      } else if constexpr (std::is_same_v<T, double>) {
        values[i] = v;
      } else {
        values[i] = static_cast<T>(static_cast<float>(v));
      }
    }
  });
  return out;
}

}  // namespace

void* Tensor::Impl::operator new(std::size_t bytes) {
  HeaderCache& cache = header_cache;
  if (cache.count > 0 && cache.count < HeaderCache::kMax) return cache.slots[--cache.count];
  return ::operator new(bytes);
}

void Tensor::Impl::operator delete(void* memory) {
  HeaderCache& cache = header_cache;
  if (cache.count < HeaderCache::kMax - 1) {
    cache.slots[cache.count++] = memory;
  } else {
    ::operator delete(memory);
  }
}

Tensor::Tensor(const Spec& spec) : Tensor(spec, Buffer::allocate(spec.bytes())) {}

Tensor::Tensor(const Spec& spec, Buffer data) : impl_(new Impl) {
  impl_->spec = spec;
  impl_->buffer = std::move(data);
}

Tensor Tensor::traced(std::shared_ptr<Trace> trace, ValueId value) {
  Tensor t;
  t.impl_ = Pointer(new Impl);
  t.impl_->spec = trace->graph.spec(value);
  t.impl_->value = value;
  t.impl_->trace = std::move(trace);
  return t;
}

template <class T>
Tensor Tensor::from(std::span<const T> values, const Shape& shape) {
  if (static_cast<std::int64_t>(values.size()) != shape.elements()) {
    throw ShapeError(fmt::format("Tensor::from: shape {} holds {} elements, {} values came",
                                 to_string(shape), shape.elements(), values.size()));
  }
  Tensor out(Spec{dtype_of<T>(), shape});
  if (!values.empty()) std::memcpy(out.raw_mutable_data(), values.data(), values.size_bytes());
  return out;
}
template Tensor Tensor::from(std::span<const float>, const Shape&);
template Tensor Tensor::from(std::span<const double>, const Shape&);
template Tensor Tensor::from(std::span<const bfloat16>, const Shape&);
template Tensor Tensor::from(std::span<const float16>, const Shape&);
template Tensor Tensor::from(std::span<const std::int8_t>, const Shape&);
template Tensor Tensor::from(std::span<const std::uint8_t>, const Shape&);
template Tensor Tensor::from(std::span<const std::int32_t>, const Shape&);
template Tensor Tensor::from(std::span<const std::int64_t>, const Shape&);
template Tensor Tensor::from(std::span<const bool>, const Shape&);

Tensor Tensor::scalar(double value, DType dtype) { return full({}, value, dtype); }

std::int64_t Tensor::size(int axis) const {
  const int r = rank();
  if (axis < -r || axis >= r) {
    throw ShapeError(
        fmt::format("size: axis {} of a tensor of rank {} ({})", axis, r, to_string(spec())));
  }
  return shape()[axis < 0 ? axis + r : axis];
}

const Buffer& Tensor::buffer() const {
  const Impl& impl = checked();
  if (impl.trace) throw_not_concrete(impl.spec, {});
  return impl.buffer;
}

const void* Tensor::raw_data() const { return buffer().data(); }

const void* Tensor::typed_data(DType wanted) const {
  const void* data = raw_data();
  if (dtype() != wanted) {
    throw DTypeError(fmt::format("data<{}>: the tensor is {}", name_of(wanted), to_string(spec())));
  }
  return data;
}

double Tensor::item_as_double(const Location& at) const {
  const Impl& impl = checked();
  if (impl.trace) throw_not_concrete(impl.spec, at);
  if (elements() != 1) {
    throw ShapeError(
        format_error({.op = "item",
                      .what = "one element expected, the tensor is " + to_string(spec()),
                      .location = at,
                      .hint = "reduce it (mean, sum) or use to_vector()"}));
  }
  return visit_dtype(dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    return static_cast<double>(*static_cast<const T*>(raw_data()));
  });
}

template <class T>
std::vector<T> Tensor::to_vector() const {
  std::vector<T> out(count());
  visit_dtype(dtype(), [&](auto tag) {
    using From = typename decltype(tag)::type;
    const auto values = data<From>();
    for (std::size_t i = 0; i < out.size(); ++i) {
      if constexpr (std::is_same_v<T, From>) {
        out[i] = values[i];
      } else if constexpr (std::is_integral_v<T>) {
        if constexpr (std::is_integral_v<From>) {
          out[i] = static_cast<T>(values[i]);
        } else {
          out[i] = static_cast<T>(static_cast<double>(values[i]));
        }
      } else {
        out[i] = static_cast<T>(static_cast<double>(values[i]));
      }
    }
  });
  return out;
}
template std::vector<float> Tensor::to_vector() const;
template std::vector<double> Tensor::to_vector() const;
template std::vector<std::int8_t> Tensor::to_vector() const;
template std::vector<std::uint8_t> Tensor::to_vector() const;
template std::vector<std::int32_t> Tensor::to_vector() const;
template std::vector<std::int64_t> Tensor::to_vector() const;

Tensor Tensor::clone() const {
  Tensor out(spec());
  if (spec().bytes() > 0) std::memcpy(out.raw_mutable_data(), raw_data(), spec().bytes());
  return out;
}

void Tensor::throw_undefined() {
  throw ValueError("tensor: it is undefined (default-constructed or moved from)");
}

Tensor full(const Shape& shape, double value, DType dtype) {
  return generate({dtype, shape}, [value](std::size_t) { return value; });
}
Tensor zeros(const Shape& shape, DType dtype) {
  Tensor out(Spec{dtype, shape});
  if (out.spec().bytes() > 0) std::memset(out.raw_mutable_data(), 0, out.spec().bytes());
  return out;
}
Tensor ones(const Shape& shape, DType dtype) { return full(shape, 1, dtype); }

Tensor eye(std::int64_t n, DType dtype) {
  return generate({dtype, {n, n}}, [n](std::size_t i) {
    return static_cast<double>(static_cast<std::int64_t>(i) % (n + 1) == 0);
  });
}

Tensor arange(double start, double stop, double step, DType dtype) {
  if (step == 0 || !std::isfinite(start) || !std::isfinite(stop) || !std::isfinite(step)) {
    throw ValueError(fmt::format("arange: start {}, stop {}, step {}", start, stop, step));
  }
  const double n = std::ceil((stop - start) / step);
  return generate({dtype, {n > 0 ? static_cast<std::int64_t>(n) : 0}},
                  [=](std::size_t i) { return start + static_cast<double>(i) * step; });
}
Tensor arange(std::int64_t stop, DType dtype) {
  return arange(0, static_cast<double>(stop), 1, dtype);
}

Tensor linspace(double start, double stop, std::int64_t count, DType dtype) {
  if (count < 1) throw ValueError(fmt::format("linspace: count {} is below 1", count));
  const double step = count > 1 ? (stop - start) / static_cast<double>(count - 1) : 0;
  return generate({dtype, {count}}, [=](std::size_t i) {
    return static_cast<std::int64_t>(i) == count - 1 && count > 1
               ? stop
               : start + static_cast<double>(i) * step;
  });
}

Shape NestedList::flatten(std::vector<double>& out) const {
  if (!is_list_) {
    out.push_back(value_);
    return {};
  }
  std::vector<std::int64_t> dims{static_cast<std::int64_t>(items_.size())};
  Shape inner;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const Shape shape = items_[i].flatten(out);
    if (i > 0 && !(shape == inner)) {
      throw ShapeError(fmt::format("tensor: lists of shapes {} and {} stand side by side",
                                   to_string(inner), to_string(shape)));
    }
    inner = shape;
  }
  dims.insert(dims.end(), inner.begin(), inner.end());
  return Shape(dims);
}

Tensor tensor(const NestedList& values, DType dtype) {
  std::vector<double> flat;
  const Shape shape = values.flatten(flat);
  return generate({dtype, shape}, [&](std::size_t i) { return flat[i]; });
}

}  // namespace nacre
