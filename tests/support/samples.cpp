#include "tests/support/samples.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "nacre/graph/rewriter.h"
#include "nacre/graph/subgraph.h"
#include "nacre/ops/elementwise/elementwise.h"

namespace nacre::testing {
namespace {

// n values in [low, high), the i-th in the i-th of n cells, shuffled: no two closer than half a
// cell.
std::vector<double> distinct_values(std::size_t n, double low, double high, RandomStream& random) {
  std::vector<double> values(n);
  const double cell = (high - low) / static_cast<double>(std::max<std::size_t>(n, 1));
  for (std::size_t i = 0; i < n; ++i) {
    values[i] = low + cell * (static_cast<double>(i) + 0.25 + 0.5 * random.uniform());
  }
  for (std::size_t i = n; i > 1; --i) std::swap(values[i - 1], values[random.below(i)]);
  return values;
}

// B B^T + n I for each matrix of the batch.
std::vector<double> positive_definite(const Shape& shape, RandomStream& random) {
  const auto n = static_cast<std::size_t>(shape.at_back(-1));
  std::vector<double> all(static_cast<std::size_t>(shape.elements()));
  for (std::size_t base = 0; base < all.size(); base += n * n) {
    std::vector<double> b(n * n);
    for (double& v : b) v = random.uniform(-1, 1);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        double total = i == j ? static_cast<double>(n) : 0;
        for (std::size_t k = 0; k < n; ++k) total += b[i * n + k] * b[j * n + k];
        all[base + i * n + j] = total;
      }
    }
  }
  return all;
}

}  // namespace

Tensor fill_input(const SampleInput& input, std::uint64_t seed) {
  RandomStream random(seed, 77);
  const auto n = static_cast<std::size_t>(input.spec.elements());
  std::vector<double> values(n);
  switch (input.fill) {
    case Fill::uniform:
      for (double& v : values) v = random.uniform(input.low, input.high);
      break;
    case Fill::integers:
      for (double& v : values) v = std::floor(random.uniform(input.low, input.high));
      break;
    case Fill::distinct:
      values = distinct_values(n, input.low, input.high, random);
      break;
    case Fill::booleans:
      for (double& v : values) v = random.below(2) ? 1 : 0;
      break;
    case Fill::positive_definite:
      values = positive_definite(input.spec.shape, random);
      break;
    case Fill::random_key:
      for (double& v : values) v = static_cast<double>(random.below(1000));
      break;
  }
  return cast(Tensor::from(values, input.spec.shape), input.spec.dtype).on_host();
}

Tensors fill_inputs(const Sample& sample, std::uint64_t seed, DType floats) {
  Tensors out;
  const Sample wanted = floats == f32 ? sample : with_floats(sample, floats);
  for (std::size_t i = 0; i < sample.inputs.size(); ++i) {
    out.push_back(fill_input(wanted.inputs[i], seed * 131 + i));
  }
  return out;
}

namespace {

Graph with_floats(const Graph& from, DType floats) {
  GraphRewriter to(from);
  for (NodeId n = 0; n < from.node_count(); ++n) {
    const Node& node = from.node(n);
    Attrs attrs = node.attrs;
    for (const auto& [key, value] : node.attrs.entries()) {
      const auto* dtype = std::get_if<DType>(&value);
      if (dtype && is_floating(*dtype)) attrs = attrs.with(key, floats);
    }
    to.replace(n, node.op, attrs, to.mapped_inputs(n));
  }
  return to.finish();
}

}  // namespace

Sample with_floats(const Sample& sample, DType floats) {
  Sample out = sample;
  for (SampleInput& input : out.inputs) {
    if (is_floating(input.spec.dtype)) input.spec.dtype = floats;
  }
  for (const auto& [key, value] : sample.attrs.entries()) {
    const auto* dtype = std::get_if<DType>(&value);
    if (dtype && is_floating(*dtype)) out.attrs = out.attrs.with(key, floats);
  }
  for_each_subgraph(sample.attrs, [&](std::string_view key, const Graph& body) {
    out.attrs = out.attrs.with(key, subgraph_attr(with_floats(body, floats)));
  });
  return out;
}

std::string difference(const Tensor& actual, const Tensor& expected, double relative,
                       double absolute) {
  if (!(actual.spec() == expected.spec())) {
    return fmt::format("spec {} instead of {}", to_string(actual.spec()),
                       to_string(expected.spec()));
  }
  const std::vector<double> a = actual.to_vector<double>();
  const std::vector<double> e = expected.to_vector<double>();
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == e[i] || (std::isnan(a[i]) && std::isnan(e[i]))) continue;
    const double error = std::fabs(a[i] - e[i]);
    if (!(error <= absolute + relative * std::fabs(e[i]))) {
      return fmt::format("element {} of {}: {:.9g} instead of {:.9g} (error {:.3g})", i,
                         to_string(actual.spec()), a[i], e[i], error);
    }
  }
  return {};
}

std::string describe(Op op, const Sample& sample) {
  std::string specs;
  for (const SampleInput& input : sample.inputs) {
    specs += (specs.empty() ? "" : ", ") + to_string(input.spec);
  }
  return fmt::format("{}({}) {}", name_of(op), specs, to_string(sample.attrs));
}

}  // namespace nacre::testing
