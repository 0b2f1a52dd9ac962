#include "nacre/passes/query.h"

#include <cstring>

#include "nacre/kernels/registry.h"

namespace nacre {
namespace {

// Above this, looking whether all elements of a constant are equal costs more than it may save.
constexpr std::int64_t kLookAt = 4096;

std::optional<Number> uniform_elements(const Constant& c) {
  const std::int64_t n = c.spec().elements();
  if (n < 1 || n > kLookAt) return {};
  const std::size_t size = size_of(c.spec().dtype);
  const char* data = static_cast<const char*>(c.data().data());
  // All elements equal the one before: the bytes equal themselves, shifted by one element.
  if (n > 1 && std::memcmp(data, data + size, static_cast<std::size_t>(n - 1) * size) != 0) {
    return {};
  }
  return visit_dtype(c.spec().dtype, [&](auto tag) -> std::optional<Number> {
    using T = typename decltype(tag)::type;
    T value;
    std::memcpy(&value, data, sizeof value);
    if constexpr (std::is_integral_v<T>) {
      return value;
    } else {
      return static_cast<double>(value);
    }
  });
}

}  // namespace

bool has_kernel(Op op, const Attrs& attrs, const NodeSpecs& specs) {
  return has_kernel({op, attrs, specs.in, specs.out, 1});
}

std::optional<Tensor> known_value(const Graph& graph, ValueId v) {
  const Node& maker = graph.producer(v);
  if (maker.op == Op::fill) {
    return full(graph.spec(v).shape, maker.attrs.exact("value"), graph.spec(v).dtype);
  }
  if (maker.op != Op::constant) return {};
  return Tensor(constant_of(maker).spec(), constant_of(maker).data());
}

std::optional<Number> uniform_value(const Graph& graph, ValueId v) {
  const Node& maker = graph.producer(v);
  if (maker.op == Op::fill) return maker.attrs.exact("value");
  if (maker.op != Op::constant) return {};
  return uniform_elements(constant_of(maker));
}

bool is_uniform(const Graph& graph, ValueId v, double number) {
  const std::optional<Number> u = uniform_value(graph, v);
  return u && u->real() == number;
}

}  // namespace nacre
