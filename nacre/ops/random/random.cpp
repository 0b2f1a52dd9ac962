// Random numbers of the usual distributions: random_uniform {low, high}, random_normal {mean,
// stddev}, random_truncated_normal {mean, stddev, low, high}, random_exponential, random_integers
// {low, high}; all with {dtype, shape}. Choices are in random_choice.cpp, gamma in
// random_gamma.cpp.
#include "nacre/ops/random/random.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/elementwise/rules.h"
#include "nacre/ops/elementwise/special_math.h"
#include "nacre/ops/random/random_draw.h"

namespace nacre {
namespace {

Tensor draw(Op op, const Operand& key, const Shape& shape, DType dtype,
            std::vector<Attrs::Entry> parameters) {
  parameters.emplace_back("dtype", dtype);
  parameters.emplace_back("shape", shape.to_vector());
  return emit_one(op, Attrs(std::move(parameters)), {key.tensor()}, key.at());
}

}  // namespace

Tensor random_uniform(const Operand& key, const Shape& shape, double low, double high,
                      DType dtype) {
  return draw(Op::random_uniform, key, shape, dtype, {{"low", low}, {"high", high}});
}
Tensor random_normal(const Operand& key, const Shape& shape, double mean, double stddev,
                     DType dtype) {
  return draw(Op::random_normal, key, shape, dtype, {{"mean", mean}, {"stddev", stddev}});
}
Tensor random_truncated_normal(const Operand& key, const Shape& shape, double mean, double stddev,
                               double low, double high, DType dtype) {
  return draw(Op::random_truncated_normal, key, shape, dtype,
              {{"mean", mean}, {"stddev", stddev}, {"low", low}, {"high", high}});
}
Tensor random_exponential(const Operand& key, const Shape& shape, DType dtype) {
  return draw(Op::random_exponential, key, shape, dtype, {});
}
Tensor random_gumbel(const Operand& key, const Shape& shape, DType dtype) {
  return neg({log({random_exponential(key, shape, dtype), key.at()}), key.at()});
}
Tensor random_integers(const Operand& key, const Shape& shape, std::int64_t low, std::int64_t high,
                       DType dtype) {
  return draw(Op::random_integers, key, shape, dtype, {{"low", low}, {"high", high}});
}
Tensor split_key(const Operand& key, std::int64_t count) {
  return random_integers(key, Shape{count, 2}, std::numeric_limits<std::int64_t>::min(),
                         std::numeric_limits<std::int64_t>::max());
}

namespace op_defs {

Draw::Draw(const void* key) {
  std::int64_t state[2];
  std::memcpy(state, key, sizeof state);
  seed_ = static_cast<std::uint64_t>(state[0]);
  stream_ = static_cast<std::uint64_t>(state[1]);
}

void expect_key(const InferContext& c, std::size_t i) {
  constexpr std::string_view hint = "take a key from a generator: generator.next_key()";
  if (c.inputs[i].dtype != i64) {
    c.fail_dtype(fmt::format("the key is {}, i64[2] expected", to_string(c.inputs[i])), hint);
  }
  if (!(c.inputs[i].shape == Shape{2})) {
    c.fail_shape(fmt::format("the key is {}, i64[2] expected", to_string(c.inputs[i])), hint);
  }
}

Spec stated_spec(const InferContext& c) {
  return {c.attrs.dtype("dtype"), Shape(c.attrs.integers("shape"))};
}

namespace {

Spec expect_draw(const InferContext& c) {
  c.expect_inputs(1);
  expect_key(c, 0);
  return stated_spec(c);
}

SpecList expect_floating_draw(const InferContext& c) {
  const Spec out = expect_draw(c);
  if (!is_floating(out.dtype)) {
    c.fail_dtype(fmt::format("a floating dtype expected, {} asked for", name_of(out.dtype)),
                 "for whole numbers use random_integers");
  }
  return {out};
}

void expect_deviation(const InferContext& c) {
  const double stddev = c.attrs.number("stddev");
  if (!(stddev >= 0)) {
    c.fail_value(fmt::format("stddev {} is negative", stddev), "give its size, at least 0");
  }
}

void expect_order(const InferContext& c) {
  const double low = c.attrs.number("low");
  const double high = c.attrs.number("high");
  if (!(low < high)) {
    c.fail_value(fmt::format("low {} is not below high {}", low, high),
                 "the order is low, high; high itself is never drawn");
  }
}

// Applies f(draw, i) -> double to every element.
template <class F>
void generate(const ReferenceContext& c, F&& f) {
  Draw draw(c.in[0]);
  std::vector<double> out(static_cast<std::size_t>(c.out_shape().elements()));
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = f(draw, i);
  c.store(0, out);
}

// In [0, 1) with as many bits as the dtype can tell apart everywhere.
double uniform_of(Draw& draw, std::uint64_t i, DType dtype) {
  switch (dtype) {
    case DType::f64:
      return static_cast<double>(draw.wide(i) >> 11) * 0x1p-53;
    case DType::bf16:
      return (draw.word(i) >> 24) * 0x1p-8;
    case DType::f16:
      return (draw.word(i) >> 21) * 0x1p-11;
    default:
      return (draw.word(i) >> 8) * 0x1p-24;
  }
}

// Box and Muller: an even element is the cosine's, the next one the sine's.
double normal_of(Draw& draw, std::uint64_t i, bool wide) {
  const std::uint64_t p = i / 2;
  const double u = wide ? (static_cast<double>(draw.wide(2 * p) >> 11) + 1) * 0x1p-53
                        : (draw.word(2 * p) + 1.0) * 0x1p-32;
  const double turn = wide ? static_cast<double>(draw.wide(2 * p + 1) >> 11) * 0x1p-53
                           : draw.word(2 * p + 1) * 0x1p-32;
  const double angle = 2 * std::numbers::pi * turn;
  return std::sqrt(-2 * std::log(u)) * (i % 2 == 0 ? std::cos(angle) : std::sin(angle));
}

void uniform_reference(const ReferenceContext& c) {
  const double low = c.attrs.number("low");
  const double range = c.attrs.number("high") - low;
  const DType dtype = c.out_specs[0].dtype;
  generate(c, [&](Draw& d, std::uint64_t i) { return low + range * uniform_of(d, i, dtype); });
}

void normal_reference(const ReferenceContext& c) {
  const double mean = c.attrs.number("mean");
  const double stddev = c.attrs.number("stddev");
  const bool wide = c.out_specs[0].dtype == f64;
  generate(c, [&](Draw& d, std::uint64_t i) { return mean + stddev * normal_of(d, i, wide); });
}

// The share of a normal below x is erfc(-x / sqrt 2) / 2, and its inverse by erfinv; right of the
// middle the mirror image, which keeps the digits of a far tail.
void truncated_reference(const ReferenceContext& c) {
  const double low = c.attrs.number("low");
  const double high = c.attrs.number("high");
  const double mean = c.attrs.number("mean");
  const double stddev = c.attrs.number("stddev");
  const bool wide = c.out_specs[0].dtype == f64;
  const bool mirrored = low + high > 0;
  const double from = mirrored ? -high : low;
  const double to = mirrored ? -low : high;
  const auto share = [](double x) { return std::erfc(-x / std::numbers::sqrt2) / 2; };
  const double first = share(from);
  const double width = share(to) - first;
  generate(c, [&](Draw& d, std::uint64_t i) {
    const double p = first + width * (wide ? d.open_wide(i) : d.open(i));
    const double x = std::clamp(normal_quantile(p), from, to);
    return mean + stddev * (mirrored ? -x : x);
  });
}

void exponential_reference(const ReferenceContext& c) {
  const bool wide = c.out_specs[0].dtype == f64;
  generate(c,
           [&](Draw& d, std::uint64_t i) { return -std::log(wide ? d.open_wide(i) : d.open(i)); });
}

__extension__ typedef unsigned __int128 Wide;

// low + floor(range * word / 2^64); the bias is below range / 2^64.
void integers_reference(const ReferenceContext& c) {
  const std::int64_t low = c.attrs.integer("low");
  const auto range = static_cast<std::uint64_t>(wrapping_sub(c.attrs.integer("high"), low));
  Draw draw(c.in[0]);
  std::vector<std::int64_t> out(static_cast<std::size_t>(c.out_shape().elements()));
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto step = static_cast<std::uint64_t>((static_cast<Wide>(draw.wide(i)) * range) >> 64);
    out[i] = wrapping_add(low, static_cast<std::int64_t>(step));
  }
  store_integers(c, 0, out);
}

SpecList infer_integers(const InferContext& c) {
  const Spec out = expect_draw(c);
  const std::int64_t low = c.attrs.integer("low");
  const std::int64_t high = c.attrs.integer("high");
  if (!is_integral(out.dtype)) {
    c.fail_dtype(fmt::format("an integer dtype expected, {} asked for", name_of(out.dtype)),
                 "for fractions use random_uniform, for bool random_bernoulli");
  }
  if (low >= high) {
    c.fail_value(fmt::format("low {} is not below high {}", low, high),
                 "the order is low, high; high itself is never drawn");
  }
  visit_dtype(out.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T>) {
      constexpr auto lowest = static_cast<std::int64_t>(std::numeric_limits<T>::lowest());
      constexpr auto highest = static_cast<std::int64_t>(std::numeric_limits<T>::max());
      if (low < lowest || high - 1 > highest) {
        c.fail_value(fmt::format("{} holds {} to {}, not {} to {}", name_of(out.dtype), lowest,
                                 highest, low, high - 1),
                     "ask for a wider dtype");
      }
    }
  });
  return {out};
}

std::vector<Sample> draws(const std::vector<Attrs::Entry>& parameters,
                          std::initializer_list<DType> dtypes) {
  std::vector<Sample> list;
  for (const DType d : dtypes) {
    for (const Shape& shape : {Shape{3, 7}, Shape{1031}, Shape{}}) {
      std::vector<Attrs::Entry> entries = parameters;
      entries.emplace_back("dtype", d);
      entries.emplace_back("shape", shape.to_vector());
      list.push_back({.inputs = {sample_key()}, .attrs = Attrs(std::move(entries))});
    }
  }
  return list;
}

constexpr OpDef random_op(std::string_view name, InferFn infer, ReferenceFn reference,
                          SamplesFn samples) {
  return {.name = name,
          .infer = infer,
          .gradient = Gradient::zero,
          .gradient_hint = kRandomHint,
          .reference = reference,
          .samples = samples};
}

}  // namespace

const OpDef random_uniform = random_op(
    "random_uniform",
    [](const InferContext& c) {
      expect_order(c);
      return expect_floating_draw(c);
    },
    uniform_reference,
    [] {
      return joined(draws({{"low", 0.0}, {"high", 1.0}}, {f32, f64, f16}),
                    draws({{"low", -3.0}, {"high", 5.0}}, {f32}));
    });

const OpDef random_normal = random_op(
    "random_normal",
    [](const InferContext& c) {
      expect_deviation(c);
      return expect_floating_draw(c);
    },
    normal_reference,
    [] {
      return joined(draws({{"mean", 0.0}, {"stddev", 1.0}}, {f32, f64, f16}),
                    draws({{"mean", 2.0}, {"stddev", 0.5}}, {f32}));
    });

const OpDef random_truncated_normal = random_op(
    "random_truncated_normal",
    [](const InferContext& c) {
      expect_deviation(c);
      expect_order(c);
      return expect_floating_draw(c);
    },
    truncated_reference,
    [] {
      return draws({{"mean", 0.5}, {"stddev", 2.0}, {"low", -2.0}, {"high", 2.0}}, {f32, f64});
    });

const OpDef random_exponential =
    random_op("random_exponential", expect_floating_draw, exponential_reference, [] {
      return draws({}, {f32, f64});
    });

const OpDef random_integers = random_op("random_integers", infer_integers, integers_reference, [] {
  return draws({{"low", 3}, {"high", 90}}, {i8, u8, i32, i64});
});

}  // namespace op_defs
}  // namespace nacre
