#include "nacre/tensor/print.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ostream>

namespace nacre {
namespace {

// A number as digits d1 d2 d3 ... times 10^exponent, with the point after d1.
struct Digits {
  bool negative = false;
  std::string digits;
  int exponent = 0;
};

Digits parse_scientific(std::string_view text) {
  Digits out;
  out.negative = text.front() == '-';
  if (out.negative) text.remove_prefix(1);
  const auto e = text.find('e');
  for (const char c : text.substr(0, e)) {
    if (c != '.') out.digits += c;
  }
  out.exponent = std::atoi(text.data() + e + 1);
  while (out.digits.size() > 1 && out.digits.back() == '0') out.digits.pop_back();
  return out;
}

template <class T>
Digits digits_with(T value, int precision) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer) - 1, value,
                                 std::chars_format::scientific, precision);
  *end.ptr = '\0';
  return parse_scientific({buffer, static_cast<std::size_t>(end.ptr - buffer)});
}

// The shortest digits that give the value back.
Digits shortest(double value, DType dtype) {
  char buffer[64];
  if (dtype == f64 || dtype == f32) {
    char* const last = buffer + sizeof(buffer) - 1;
    const auto end =
        dtype == f64
            ? std::to_chars(buffer, last, value, std::chars_format::scientific)
            : std::to_chars(buffer, last, static_cast<float>(value), std::chars_format::scientific);
    *end.ptr = '\0';
    return parse_scientific({buffer, static_cast<std::size_t>(end.ptr - buffer)});
  }
  for (int precision = 0;; ++precision) {
    const auto end = std::to_chars(buffer, buffer + sizeof(buffer) - 1, value,
                                   std::chars_format::scientific, precision);
    *end.ptr = '\0';
    const auto back = static_cast<float>(std::strtod(buffer, nullptr));
    const float rounded =
        dtype == bf16 ? static_cast<float>(bfloat16(back)) : static_cast<float>(float16(back));
    if (static_cast<double>(rounded) == value || precision > 17) {
      return parse_scientific({buffer, static_cast<std::size_t>(end.ptr - buffer)});
    }
  }
}

// The parts of a number before and after the point.
struct Parts {
  std::string whole;
  std::string fraction;
};

Parts positional(double value, DType dtype, int precision) {
  Digits d = shortest(value, dtype);
  const int after = static_cast<int>(d.digits.size()) - 1 - d.exponent;
  if (precision >= 0 && after > precision) {
    // Too many digits: round the value itself, not its digits.
    const int keep = d.exponent + precision;
    if (keep < 0) {
      char buffer[512];
      const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value,
                                     std::chars_format::fixed, precision);
      std::string text(buffer, end.ptr);
      const auto point = text.find('.');
      Parts parts{text.substr(0, point), point == text.npos ? "" : text.substr(point + 1)};
      while (!parts.fraction.empty() && parts.fraction.back() == '0') parts.fraction.pop_back();
      return parts;
    }
    d = digits_with(value, keep);
  }
  Parts parts;
  for (int i = 0; i <= std::max(0, d.exponent); ++i) {
    const int k = d.exponent >= 0 ? i : i + d.exponent;
    const bool held = k >= 0 && k < static_cast<int>(d.digits.size());
    parts.whole += held ? d.digits[static_cast<std::size_t>(k)] : '0';
  }
  for (int k = d.exponent + 1; k < static_cast<int>(d.digits.size()); ++k) {
    parts.fraction += k >= 0 ? d.digits[static_cast<std::size_t>(k)] : '0';
  }
  if (d.negative) parts.whole.insert(0, "-");
  return parts;
}

// Digits for the exponent format: at most `precision` after the point.
Digits scientific(double value, DType dtype, int precision) {
  const Digits d = shortest(value, dtype);
  return static_cast<int>(d.digits.size()) - 1 > precision ? digits_with(value, precision) : d;
}

std::string exponent_text(int exponent) {
  const std::string digits = std::to_string(std::abs(exponent));
  return std::string("e") + (exponent < 0 ? "-" : "+") + (digits.size() < 2 ? "0" : "") + digits;
}

std::string left_padded(std::string text, std::size_t width) {
  if (text.size() < width) text.insert(0, width - text.size(), ' ');
  return text;
}

// One format for all floats of a tensor.
class FloatFormat {
 public:
  FloatFormat(const std::vector<double>& values, DType dtype, const PrintOptions& options)
      : dtype_(dtype), precision_(options.precision) {
    double largest = 0;
    double smallest = std::numeric_limits<double>::infinity();
    bool has_nan = false;
    std::size_t infinity = 0;
    for (const double v : values) {
      if (std::isnan(v)) has_nan = true;
      if (std::isinf(v)) infinity = std::max<std::size_t>(infinity, v < 0 ? 4 : 3);
      if (!std::isfinite(v) || v == 0) continue;
      largest = std::max(largest, std::fabs(v));
      smallest = std::min(smallest, std::fabs(v));
    }
    exponents_ = largest > 0 &&
                 (largest >= 1e8 ||
                  (!options.suppress_small && (smallest < 1e-4 || largest / smallest > 1000)));
    for (const double v : values) {
      if (std::isfinite(v)) measure(v);
    }
    const std::size_t special = std::max<std::size_t>(has_nan ? 3 : 0, infinity);
    if (special > right_ + 1) left_ = std::max(left_, special - right_ - 1);
  }

  std::string operator()(double v) const {
    if (!std::isfinite(v)) {
      return left_padded(std::isnan(v) ? "nan" : v < 0 ? "-inf" : "inf", left_ + right_ + 1);
    }
    if (exponents_) {
      const Digits d = scientific(v, dtype_, precision_);
      std::string fraction = d.digits.substr(1);
      fraction.resize(fraction_, '0');
      std::string exponent = exponent_text(d.exponent);
      if (exponent.size() < exponent_) exponent.insert(2, exponent_ - exponent.size(), '0');
      return left_padded((d.negative ? "-" : "") + d.digits.substr(0, 1), left_) + "." + fraction +
             exponent;
    }
    Parts parts = positional(v, dtype_, precision_);
    parts.fraction.resize(std::max(right_, parts.fraction.size()), ' ');
    return left_padded(parts.whole, left_) + "." + parts.fraction;
  }

 private:
  void measure(double v) {
    if (exponents_) {
      const Digits d = scientific(v, dtype_, precision_);
      left_ = std::max<std::size_t>(left_, d.negative ? 2 : 1);
      fraction_ = std::max(fraction_, d.digits.size() - 1);
      exponent_ = std::max(exponent_, exponent_text(d.exponent).size());
      right_ = fraction_ + exponent_;
      return;
    }
    const Parts parts = positional(v, dtype_, precision_);
    left_ = std::max(left_, parts.whole.size());
    right_ = std::max(right_, parts.fraction.size());
  }

  DType dtype_;
  int precision_;
  bool exponents_ = false;
  std::size_t left_ = 0;
  std::size_t right_ = 0;
  std::size_t fraction_ = 0;
  std::size_t exponent_ = 0;
};

double as_double(const Tensor& t, std::int64_t i) {
  return visit_dtype(t.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    return static_cast<double>(static_cast<const T*>(t.raw_data())[i]);
  });
}
std::int64_t as_integer(const Tensor& t, std::int64_t i) {
  return visit_dtype(t.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    return static_cast<std::int64_t>(static_cast<const T*>(t.raw_data())[i]);
  });
}

// A number alone: as Python writes it.
std::string scalar_text(const Tensor& t) {
  if (t.dtype() == boolean) return as_integer(t, 0) ? "True" : "False";
  if (!is_floating(t.dtype())) return std::to_string(as_integer(t, 0));
  const double v = as_double(t, 0);
  if (std::isnan(v)) return "nan";
  if (std::isinf(v)) return v < 0 ? "-inf" : "inf";
  if (v != 0 && (std::fabs(v) < 1e-4 || std::fabs(v) >= 1e16)) {
    const Digits d = shortest(v, t.dtype());
    return (d.negative ? "-" : "") + d.digits.substr(0, 1) +
           (d.digits.size() > 1 ? "." + d.digits.substr(1) : "") + exponent_text(d.exponent);
  }
  const Parts parts = positional(v, t.dtype(), -1);
  return parts.whole + "." + (parts.fraction.empty() ? "0" : parts.fraction);
}

class Printer {
 public:
  Printer(const Tensor& t, const PrintOptions& options, std::size_t prefix)
      : t_(t),
        options_(options),
        strides_(row_major_strides(t.shape())),
        summary_(t.elements() > options.threshold) {
    const auto trimmed = options.separator.find_last_not_of(' ');
    bare_separator_ = trimmed == std::string::npos ? "" : options.separator.substr(0, trimmed + 1);
    choose_format();
    text_ = nested(0, 0, std::string(prefix + 1, ' '), options.line_width);
  }

  const std::string& text() const { return text_; }

 private:
  // The positions along an axis that are shown; -1 stands for the dots.
  std::vector<std::int64_t> shown(int axis) const {
    const std::int64_t n = t_.shape()[axis];
    std::vector<std::int64_t> out;
    const bool dots = summary_ && n > 2 * options_.edge_items;
    for (std::int64_t i = 0; i < n; ++i) {
      if (dots && i == options_.edge_items) {
        out.push_back(-1);
        i = n - options_.edge_items;
      }
      out.push_back(i);
    }
    return out;
  }

  void collect(int axis, std::int64_t offset, std::vector<std::int64_t>& places) const {
    if (axis == t_.rank()) {
      places.push_back(offset);
      return;
    }
    for (const std::int64_t i : shown(axis)) {
      if (i >= 0) collect(axis + 1, offset + i * strides_[static_cast<std::size_t>(axis)], places);
    }
  }

  void choose_format() {
    std::vector<std::int64_t> places;
    collect(0, 0, places);
    if (is_floating(t_.dtype())) {
      std::vector<double> values;
      for (const std::int64_t p : places) values.push_back(as_double(t_, p));
      format_ = [this, format = FloatFormat(values, t_.dtype(), options_)](std::int64_t p) {
        return format(as_double(t_, p));
      };
    } else if (t_.dtype() == boolean) {
      format_ = [this](std::int64_t p) { return as_integer(t_, p) ? " True" : "False"; };
    } else {
      std::size_t width = 0;
      for (const std::int64_t p : places) {
        width = std::max(width, std::to_string(as_integer(t_, p)).size());
      }
      format_ = [this, width](std::int64_t p) {
        return left_padded(std::to_string(as_integer(t_, p)), width);
      };
    }
  }

  // Adds a word to the line, which is broken first when it would become too long.
  void extend(std::string& text, std::string& line, const std::string& word, int width,
              const std::string& indent) const {
    if (static_cast<int>(line.size() + word.size()) > width && line.size() > indent.size()) {
      line.erase(line.find_last_not_of(' ') + 1);
      text += line + "\n";
      line = indent;
    }
    line += word;
  }

  std::string nested(int axis, std::int64_t offset, const std::string& indent, int width) const {
    const std::int64_t stride = strides_[static_cast<std::size_t>(axis)];
    const std::vector<std::int64_t> places = shown(axis);
    std::string text;
    if (axis + 1 == t_.rank()) {
      const int room = width - std::max(static_cast<int>(bare_separator_.size()), 1);
      std::string line = indent;
      for (std::size_t i = 0; i < places.size(); ++i) {
        const std::string word = places[i] < 0 ? "..." : format_(offset + places[i] * stride);
        extend(text, line, word, room, indent);
        if (i + 1 < places.size()) line += options_.separator;
      }
      text += line;
    } else {
      const std::string between =
          bare_separator_ + std::string(static_cast<std::size_t>(t_.rank() - axis - 1), '\n');
      for (std::size_t i = 0; i < places.size(); ++i) {
        text += indent;
        text += places[i] < 0
                    ? "..."
                    : nested(axis + 1, offset + places[i] * stride, indent + " ", width - 1);
        if (i + 1 < places.size()) text += between;
      }
    }
    return std::string("[").append(text, indent.size()).append("]");
  }

  const Tensor& t_;
  const PrintOptions& options_;
  std::array<std::int64_t, kMaxRank> strides_;
  bool summary_;
  std::string bare_separator_;
  std::function<std::string(std::int64_t)> format_;
  std::string text_;
};

std::string contents(const Tensor& t, const PrintOptions& options, std::size_t prefix) {
  if (!t.defined()) return "undefined";
  if (t.is_traced()) return to_string(t.spec()) + " %" + std::to_string(t.value());
  const Tensor here = t.on_host();
  if (t.rank() == 0) return scalar_text(here);
  if (t.elements() == 0) return "[]";
  return Printer(here, options, prefix).text();
}

}  // namespace

std::string to_string(const Tensor& tensor, const PrintOptions& options) {
  return contents(tensor, options, 0);
}
std::string to_string(const Tensor& tensor) { return to_string(tensor, PrintOptions()); }

std::string repr(const Tensor& tensor, const PrintOptions& options) {
  PrintOptions with_commas = options;
  with_commas.separator = ", ";
  const std::string head = "tensor(";
  const std::string body = contents(tensor, with_commas, head.size());
  if (!tensor.defined() || tensor.is_traced()) return head + body + ")";
  return head + body + ", dtype=" + std::string(name_of(tensor.dtype())) +
         ", shape=" + to_string(tensor.shape()) + ")";
}

std::ostream& operator<<(std::ostream& out, const Tensor& tensor) {
  return out << to_string(tensor);
}

}  // namespace nacre
