// frame {length, hop, pad, reflect} and overlap_add {size, hop, pad, reflect}, each the other's
// transpose; and what of sound is made of them: windows, stft, mel filters.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"
#include "nacre/ops/elementwise/elementwise.h"
#include "nacre/ops/signal/fft.h"

namespace nacre {

Tensor frame(const Operand& x, const FrameOptions& o) {
  return emit_one(Op::frame,
                  {{"length", o.length}, {"hop", o.hop}, {"pad", o.pad}, {"reflect", o.reflect}},
                  {x.tensor()}, x.at());
}

Tensor overlap_add(const Operand& frames, std::int64_t size, const FrameOptions& o) {
  return emit_one(Op::overlap_add,
                  {{"size", size}, {"hop", o.hop}, {"pad", o.pad}, {"reflect", o.reflect}},
                  {frames.tensor()}, frames.at());
}

namespace {

Tensor cosine_window(std::int64_t n, double base, DType dtype) {
  if (n < 1) throw ValueError(fmt::format("window: {} samples asked, at least 1 expected", n));
  std::vector<double> w;
  for (std::int64_t i = 0; i < n; ++i) {
    w.push_back(base - (1 - base) * std::cos(2 * std::numbers::pi * static_cast<double>(i) /
                                             static_cast<double>(n)));
  }
  return cast(Tensor::from(w), dtype);
}

// Checked options with the defaults filled in.
StftOptions filled(StftOptions o, DType dtype, const Location& at) {
  if (o.hop == 0) o.hop = std::max<std::int64_t>(1, o.n_fft / 4);
  if (!o.window.defined() && o.n_fft > 0) o.window = hann_window(o.n_fft);
  if (o.n_fft < 1 || o.window.shape() != Shape{o.n_fft}) {
    throw ValueError(format_error(
        {.op = "stft",
         .what = fmt::format("n_fft is {}, the window {}", o.n_fft,
                             o.window.defined() ? to_string(o.window.spec()) : "undefined"),
         .location = at,
         .hint = "give a window of n_fft samples"}));
  }
  o.window = cast({o.window, at}, dtype);
  return o;
}

}  // namespace

Tensor hann_window(std::int64_t n, DType dtype) { return cosine_window(n, 0.5, dtype); }
Tensor hamming_window(std::int64_t n, DType dtype) { return cosine_window(n, 0.54, dtype); }

Tensor stft(const Operand& x, const StftOptions& options) {
  const StftOptions o = filled(options, x.dtype(), x.at());
  const Tensor pieces = frame(
      x, {.length = o.n_fft, .hop = o.hop, .pad = o.center ? o.n_fft / 2 : 0, .reflect = true});
  return rfft({mul({pieces, x.at()}, o.window), x.at()});
}

Tensor istft(const Operand& spectrum, std::int64_t size, const StftOptions& options) {
  const StftOptions o = filled(options, spectrum.dtype(), spectrum.at());
  const FrameOptions places{
      .length = o.n_fft, .hop = o.hop, .pad = o.center ? o.n_fft / 2 : 0, .reflect = false};
  const Tensor pieces = mul({irfft(spectrum, {.n = o.n_fft}), spectrum.at()}, o.window);
  const Tensor squares = mul(ones({pieces.size(-2), 1}, pieces.dtype()), square(o.window));
  const Tensor weight = overlap_add({squares, spectrum.at()}, size, places);
  return div({overlap_add({pieces, spectrum.at()}, size, places), spectrum.at()},
             maximum(weight, 1e-10));
}

Tensor mel_filters(std::int64_t count, std::int64_t n_fft, double sample_rate, double low,
                   double high, DType dtype) {
  if (high == 0) high = sample_rate / 2;
  if (count < 1 || n_fft < 2 || low < 0 || !(low < high) || high > sample_rate / 2) {
    throw ValueError(
        format_error({.op = "mel_filters",
                      .what = fmt::format("{} filters from {} to {} Hz at sample rate {}, n_fft {}",
                                          count, low, high, sample_rate, n_fft),
                      .hint = "0 <= low < high <= sample_rate / 2, at least one filter"}));
  }
  const auto mel = [](double hz) { return 2595 * std::log10(1 + hz / 700); };
  const auto hz = [](double m) { return 700 * (std::pow(10, m / 2595) - 1); };
  const auto edge = [&](std::int64_t i) {
    return hz(mel(low) +
              (mel(high) - mel(low)) * static_cast<double>(i) / static_cast<double>(count + 1));
  };
  std::vector<double> values;
  for (std::int64_t k = 0; k <= n_fft / 2; ++k) {
    const double f = static_cast<double>(k) * sample_rate / static_cast<double>(n_fft);
    for (std::int64_t i = 0; i < count; ++i) {
      const double up = (f - edge(i)) / (edge(i + 1) - edge(i));
      const double down = (edge(i + 2) - f) / (edge(i + 2) - edge(i + 1));
      values.push_back(std::max(0.0, std::min(up, down)));
    }
  }
  return cast(Tensor::from(values, {n_fft / 2 + 1, count}), dtype);
}

namespace op_defs {
namespace {

using G = const VjpContext&;
using L = TensorList;

struct Places {
  std::int64_t size, length, frames, hop, pad;
  bool reflect;

  // Which sample element j of frame f is; -1 for a zero of the padding.
  std::int64_t sample(std::int64_t f, std::int64_t j) const {
    std::int64_t i = f * hop + j - pad;
    if (reflect) {
      if (i < 0) i = -i;
      if (i >= size) i = 2 * (size - 1) - i;
    }
    return i >= 0 && i < size ? i : -1;
  }
};

Places places_of(const Attrs& attrs, std::int64_t size, std::int64_t length) {
  const std::int64_t hop = attrs.integer("hop");
  const std::int64_t pad = attrs.integer("pad");
  return {size, length, 1 + (size + 2 * pad - length) / std::max<std::int64_t>(1, hop),
          hop,  pad,    attrs.flag("reflect")};
}

void check_places(const InferContext& c, const Places& p) {
  if (!is_floating(c.inputs[0].dtype)) c.expect_floating(0);
  if (p.length < 1 || p.hop < 1 || p.pad < 0) {
    c.fail_value(
        fmt::format("length {}, hop {}, pad {}: length and hop of at least 1 and pad of "
                    "at least 0 expected",
                    p.length, p.hop, p.pad));
  }
  if (p.size + 2 * p.pad < p.length) {
    c.fail_shape(
        fmt::format("{} samples with padding {} hold no frame of {}", p.size, p.pad, p.length),
        "pad the signal or take shorter frames");
  }
  if (p.reflect && p.pad >= std::max<std::int64_t>(p.size, 1)) {
    c.fail_shape(fmt::format("{} samples cannot be mirrored to {} more", p.size, p.pad));
  }
}

}  // namespace

const OpDef frame = {
    .name = "frame",
    .infer = [](const InferContext& c) -> SpecList {
      c.expect_inputs(1);
      if (c.inputs[0].shape.rank() < 1) c.fail_shape("a signal expected, a scalar given");
      Shape out = c.inputs[0].shape;
      const Places p = places_of(c.attrs, out.at_back(-1), c.attrs.integer("length"));
      check_places(c, p);
      out.set(out.rank() - 1, p.frames);
      out.push_back(p.length);
      return {{c.inputs[0].dtype, out}};
    },
    .vjp = [](G c) -> L {
      return {nacre::overlap_add(c.ct(), c.in(0).size(-1),
                                 {.length = c.attrs.integer("length"),
                                  .hop = c.attrs.integer("hop"),
                                  .pad = c.attrs.integer("pad"),
                                  .reflect = c.attrs.flag("reflect")})};
    },
    .reference =
        [](const ReferenceContext& c) {
          const Places p = places_of(c.attrs, c.in_shape().at_back(-1), c.attrs.integer("length"));
          const std::vector<double> x = c.load(0);
          std::vector<double> y;
          y.reserve(static_cast<std::size_t>(c.out_shape().elements()));
          for (std::size_t base = 0; base < x.size(); base += static_cast<std::size_t>(p.size)) {
            for (std::int64_t f = 0; f < p.frames; ++f) {
              for (std::int64_t j = 0; j < p.length; ++j) {
                const std::int64_t i = p.sample(f, j);
                y.push_back(i < 0 ? 0 : x[base + static_cast<std::size_t>(i)]);
              }
            }
          }
          c.store(0, y);
        },
    .samples = []() -> std::vector<Sample> {
      const auto sample = [](Spec spec, std::int64_t length, std::int64_t hop, std::int64_t pad,
                             bool reflect) {
        return Sample{
            .inputs = {{spec}},
            .attrs = {{"length", length}, {"hop", hop}, {"pad", pad}, {"reflect", reflect}}};
      };
      return {sample({f32, {17}}, 4, 2, 0, false), sample({f32, {2, 11}}, 5, 3, 2, true),
              sample({f64, {3, 9}}, 4, 5, 3, false)};
    },
};

const OpDef overlap_add = {
    .name = "overlap_add",
    .infer = [](const InferContext& c) -> SpecList {
      c.expect_inputs(1);
      const Shape& in = c.inputs[0].shape;
      if (in.rank() < 2) c.fail_shape("frames expected: at least two axes");
      const Places p = places_of(c.attrs, c.attrs.integer("size"), in.at_back(-1));
      check_places(c, p);
      if (p.frames != in.at_back(-2)) {
        c.fail_shape(
            fmt::format("{} frames given, {} samples have {}", in.at_back(-2), p.size, p.frames));
      }
      Shape out(std::span(in.begin(), static_cast<std::size_t>(in.rank() - 2)));
      out.push_back(p.size);
      return {{c.inputs[0].dtype, out}};
    },
    .vjp = [](G c) -> L {
      return {nacre::frame(c.ct(), {.length = c.in(0).size(-1),
                                    .hop = c.attrs.integer("hop"),
                                    .pad = c.attrs.integer("pad"),
                                    .reflect = c.attrs.flag("reflect")})};
    },
    .reference =
        [](const ReferenceContext& c) {
          const Places p = places_of(c.attrs, c.attrs.integer("size"), c.in_shape().at_back(-1));
          const std::vector<double> x = c.load(0);
          std::vector<double> y(static_cast<std::size_t>(c.out_shape().elements()));
          std::size_t next = 0;
          for (std::size_t base = 0; base < y.size(); base += static_cast<std::size_t>(p.size)) {
            for (std::int64_t f = 0; f < p.frames; ++f) {
              for (std::int64_t j = 0; j < p.length; ++j, ++next) {
                const std::int64_t i = p.sample(f, j);
                if (i >= 0) y[base + static_cast<std::size_t>(i)] += x[next];
              }
            }
          }
          c.store(0, y);
        },
    .samples = []() -> std::vector<Sample> {
      const auto sample = [](Spec spec, std::int64_t size, std::int64_t hop, std::int64_t pad,
                             bool reflect) {
        return Sample{.inputs = {{spec}},
                      .attrs = {{"size", size}, {"hop", hop}, {"pad", pad}, {"reflect", reflect}}};
      };
      return {sample({f32, {7, 4}}, 17, 2, 0, false), sample({f32, {2, 4, 5}}, 11, 3, 2, true),
              sample({f64, {3, 3, 4}}, 9, 5, 3, false)};
    },
};

}  // namespace op_defs
}  // namespace nacre
