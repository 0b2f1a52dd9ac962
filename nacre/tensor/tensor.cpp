#include "nacre/tensor/tensor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>
#include <optional>

#include "nacre/tensor/trace.h"

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

// Writes f(i), a Number, as element i.
template <class F>
Tensor generate(const Spec& spec, std::string_view op, F&& f) {
  Tensor out(spec);
  visit_dtype(spec.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto values = out.mutable_data<T>();
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = *fitted(f(static_cast<std::int64_t>(i)), spec.dtype, op).template as<T>();
    }
  });
  return out;
}

// Sequences of whole numbers are computed in 128 bits, where nothing overflows and no digit is
// lost.
__extension__ using Wide = __int128;

std::optional<std::int64_t> whole(const Number& n) {
  return n.is_whole() ? n.truncated() : std::nullopt;
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

template <class E>
Tensor Tensor::from(std::span<const E> values, const Shape& shape) {
  if (static_cast<std::int64_t>(values.size()) != shape.elements()) {
    throw ShapeError(fmt::format("Tensor::from: shape {} holds {} elements, {} values came",
                                 to_string(shape), shape.elements(), values.size()));
  }
  Tensor out(Spec{dtype_of<E>(), shape});
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

Tensor Tensor::scalar(const Number& value, DType dtype, const Location& at) {
  Tensor out(Spec{dtype, {}});
  const Number number = fitted(value, dtype, "number", at);
  visit_dtype(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    out.mutable_data<T>()[0] = *number.as<T>();
  });
  return out;
}

std::int64_t Tensor::size(int axis) const {
  const int r = rank();
  if (axis < -r || axis >= r) {
    throw ShapeError(
        fmt::format("size: axis {} of a tensor of rank {} ({})", axis, r, to_string(spec())));
  }
  return shape()[axis < 0 ? axis + r : axis];
}

void Tensor::throw_traced() const { throw_not_concrete(spec(), {}); }

void Tensor::throw_not_readable() const {
  throw InternalError(
      format_error({.op = "tensor",
                    .what = fmt::format(
                        "the elements of {} are in the memory \"{}\", which the host may not read",
                        to_string(spec()), buffer().space().name()),
                    .hint = "read them from on_host(), a copy in the host's memory"}));
}

Tensor Tensor::in(MemorySpace& space) const {
  return is_in(space) ? *this : Tensor(spec(), buffer().in(space));
}

Tensors on_host(std::span<const Tensor> tensors) {
  constexpr std::size_t kSmall = std::size_t{64} << 10;
  const auto away = [](const Tensor& t) { return t.defined() && !t.buffer().host_reads(); };
  Tensors out(tensors.begin(), tensors.end());
  for (std::size_t first = 0; first < out.size(); ++first) {
    if (!away(out[first])) continue;
    MemorySpace& space = out[first].buffer().space();
    const auto joins = [&](const Tensor& t) {
      return away(t) && t.is_in(space) && t.spec().bytes() <= kSmall;
    };
    std::vector<std::size_t> which;
    std::vector<std::size_t> begin;
    std::size_t bytes = 0;
    for (std::size_t i = first; i < out.size(); ++i) {
      if (!joins(out[i])) continue;
      which.push_back(i);
      begin.push_back(bytes);
      bytes += (out[i].spec().bytes() + kAlignment - 1) / kAlignment * kAlignment;
    }
    if (which.size() < 2 || which[0] != first) {
      out[first] = out[first].in(host_memory());
      continue;
    }
    const Buffer together = Buffer::allocate(bytes, space);
    for (std::size_t k = 0; k < which.size(); ++k) {
      const Tensor& t = out[which[k]];
      space.copy(static_cast<char*>(together.data()) + begin[k], t.buffer().data(),
                 t.spec().bytes());
    }
    const Buffer here = together.in(host_memory());
    for (std::size_t k = 0; k < which.size(); ++k) {
      Tensor t(out[which[k]].spec());
      host_memory().from_host(t.raw_mutable_data(),
                              static_cast<const char*>(here.data()) + begin[k], t.spec().bytes());
      out[which[k]] = std::move(t);
    }
  }
  return out;
}

const void* Tensor::typed_data(DType wanted) const {
  const void* data = raw_data();
  if (dtype() != wanted) {
    throw DTypeError(fmt::format("data<{}>: the tensor is {}", name_of(wanted), to_string(spec())));
  }
  return data;
}

Number Tensor::only_number(const Location& at) const {
  const Impl& impl = checked();
  if (impl.trace) throw_not_concrete(impl.spec, at);
  if (elements() != 1) {
    throw ShapeError(
        format_error({.op = "item",
                      .what = "one element expected, the tensor is " + to_string(spec()),
                      .location = at,
                      .hint = "reduce it (mean, sum) or use to_vector()"}));
  }
  if (!impl.buffer.host_reads()) return on_host().only_number(at);
  return visit_dtype(dtype(), [&](auto tag) -> Number {
    using T = typename decltype(tag)::type;
    const T value = *static_cast<const T*>(raw_data());
    if constexpr (std::is_integral_v<T>) {
      return value;
    } else {
      return static_cast<double>(value);
    }
  });
}

void Tensor::throw_unheld(std::string_view op, const Number& number, const Location& at) {
  throw ValueError(format_error({.op = op,
                                 .what = "the element " + to_string(number) +
                                         " is outside of the range of the type asked for",
                                 .location = at,
                                 .hint = "ask for std::int64_t or double"}));
}

template <class E>
std::vector<E> Tensor::to_vector() const {
  if (!buffer().host_reads()) return on_host().to_vector<E>();
  std::vector<E> out(count());
  visit_dtype(dtype(), [&](auto tag) {
    using From = typename decltype(tag)::type;
    const auto values = data<From>();
    for (std::size_t i = 0; i < out.size(); ++i) {
      if constexpr (std::is_same_v<E, From>) {
        out[i] = values[i];
      } else if constexpr (std::is_floating_point_v<E>) {
        out[i] = static_cast<E>(values[i]);
      } else {
        const Number number = [&]() -> Number {
          if constexpr (std::is_integral_v<From>) {
            return values[i];
          } else {
            return static_cast<double>(values[i]);
          }
        }();
        const std::optional<E> value = number.as<E>();
        if (!value) throw_unheld("to_vector", number, {});
        out[i] = *value;
      }
    }
  });
  return out;
}
template std::vector<float> Tensor::to_vector() const;
template std::vector<double> Tensor::to_vector() const;
template std::vector<bool> Tensor::to_vector() const;
template std::vector<std::int8_t> Tensor::to_vector() const;
template std::vector<std::uint8_t> Tensor::to_vector() const;
template std::vector<std::int32_t> Tensor::to_vector() const;
template std::vector<std::int64_t> Tensor::to_vector() const;

Tensor Tensor::clone() const {
  MemorySpace& space = buffer().space();
  Tensor out(spec(), space);
  space.copy(out.buffer().data(), buffer().data(), spec().bytes());
  return out;
}

void Tensor::throw_undefined() {
  throw ValueError("tensor: it is undefined (default-constructed or moved from)");
}

void detail::expect_row(std::size_t length, std::size_t first) {
  if (length == first) return;
  throw ShapeError(
      fmt::format("tensor: a row has {} numbers, the first one has {}", length, first));
}

Tensor full(const Shape& shape, const Number& value, DType dtype) {
  const Number number = fitted(value, dtype, "full");
  return generate({dtype, shape}, "full", [&](std::int64_t) { return number; });
}
Tensor zeros(const Shape& shape, DType dtype) {
  Tensor out(Spec{dtype, shape});
  if (out.spec().bytes() > 0) std::memset(out.raw_mutable_data(), 0, out.spec().bytes());
  return out;
}
Tensor ones(const Shape& shape, DType dtype) { return full(shape, 1, dtype); }

Tensor eye(std::int64_t n, DType dtype) {
  return generate({dtype, {n, n}}, "eye",
                  [n](std::int64_t i) -> Number { return i % (n + 1) == 0 ? 1 : 0; });
}

Tensor eye(std::int64_t rows, std::int64_t columns, DType dtype) {
  return generate({dtype, {rows, columns}}, "eye", [columns](std::int64_t i) -> Number {
    return i / columns == i % columns ? 1 : 0;
  });
}

Tensor arange(const Number& start, const Number& stop, const Number& step, DType dtype) {
  const double from = start.real();
  const double by = step.real();
  const double count = std::ceil((stop.real() - from) / by);
  if (by == 0 || !std::isfinite(from) || !std::isfinite(stop.real()) || !std::isfinite(by) ||
      !(count < 0x1p62)) {
    throw ValueError(fmt::format("arange: start {}, stop {}, step {}", to_string(start),
                                 to_string(stop), to_string(step)));
  }
  const auto first = whole(start);
  const auto last = whole(stop);
  const auto each = whole(step);
  if (first && last && each) {
    const Wide way = Wide(*last) - *first;
    const Wide n = way / *each + (way % *each != 0 ? 1 : 0);
    const bool empty = way == 0 || (way > 0) != (*each > 0);
    return generate({dtype, {empty ? 0 : static_cast<std::int64_t>(n)}}, "arange",
                    [first = *first, each = *each](std::int64_t i) -> Number {
                      return static_cast<std::int64_t>(first + Wide(i) * each);
                    });
  }
  return generate({dtype, {count > 0 ? static_cast<std::int64_t>(count) : 0}}, "arange",
                  [=](std::int64_t i) -> Number { return from + static_cast<double>(i) * by; });
}
Tensor arange(std::int64_t stop, DType dtype) { return arange(0, stop, 1, dtype); }

Tensor linspace(const Number& start, const Number& stop, std::int64_t count, DType dtype) {
  if (count < 1) throw ValueError(fmt::format("linspace: count {} is below 1", count));
  const auto first = whole(start);
  const auto last = whole(stop);
  if (!is_floating(dtype) && first && last && count < (std::int64_t{1} << 62)) {
    // Rounded toward zero, as fractions in integer dtypes are.
    const Wide parts = std::max<std::int64_t>(1, count - 1);
    return generate({dtype, {count}}, "linspace", [=](std::int64_t i) -> Number {
      // first + (last - first) * i / parts, from its quotient and remainder: no overflow.
      const Wide way = Wide(*last) - *first;
      const Wide rest = way % parts * i;
      Wide value = *first + way / parts * i + rest / parts;
      if (value > 0 && rest % parts < 0) value -= 1;
      if (value < 0 && rest % parts > 0) value += 1;
      return static_cast<std::int64_t>(value);
    });
  }
  const double from = start.real();
  const double step = count > 1 ? (stop.real() - from) / static_cast<double>(count - 1) : 0;
  return generate({dtype, {count}}, "linspace", [&](std::int64_t i) -> Number {
    if (i == count - 1 && count > 1) return stop;
    return from + static_cast<double>(i) * step;
  });
}

Shape NestedList::flatten(std::vector<Number>& out) const {
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
  std::vector<Number> flat;
  const Shape shape = values.flatten(flat);
  return generate({dtype, shape}, "tensor",
                  [&](std::int64_t i) { return flat[static_cast<std::size_t>(i)]; });
}

}  // namespace nacre
