#include "cli/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "nacre/base/error.h"
#include "nacre/base/utf8.h"

namespace nacre::cli {
namespace {

constexpr double kWidth = 520, kHeight = 300;
constexpr double kLeft = 58, kRight = 14, kTop = 34, kBottom = 42;
constexpr const char* kColours[] = {"var(--c1)", "var(--c2)", "var(--c3)", "var(--c4)"};

// Round numbers that cover [low, high] in about `count` steps.
std::vector<double> ticks(double low, double high, int count) {
  const double raw = (high - low) / count;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 2.5, 5.0}) {
    if (factor * power >= raw) {
      step = factor * power;
      break;
    }
  }
  std::vector<double> result;
  for (double t = std::ceil(low / step) * step; t <= high + step * 1e-9; t += step) {
    result.push_back(std::fabs(t) < step * 1e-9 ? 0 : t);
  }
  return result;
}

// Beyond, differences of two values overflow.
bool drawable(double v) { return std::fabs(v) < 1e300; }

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void add(double v) {
    if (!drawable(v)) return;
    low = std::min(low, v);
    high = std::max(high, v);
  }
  void widen() {
    if (!(low <= high)) low = 0, high = 1;
    if (high - low <= 1e-9 * std::fabs(high)) {
      const double pad = high == 0 ? 0.5 : std::fabs(high) * 0.1;
      low -= pad;
      high += pad;
    }
  }
  double place(double v) const { return (v - low) / (high - low); }
};

std::string text_at(double x, double y, const char* anchor, const std::string& text,
                    const char* css = "t") {
  return fmt::format("<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>",
                     css, x, y, anchor, escape_html(text));
}

}  // namespace

std::string escape_html(const std::string& text) {
  std::string out;
  // A page is as little to be commanded as a terminal, and has to be UTF-8.
  for (const char c : printable_lines(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string line_chart(const std::string& title, const std::string& x_label,
                       const std::vector<Series>& series) {
  Range xs, ys;
  for (const Series& s : series) {
    for (const double v : s.x) xs.add(v);
    for (const double v : s.y) ys.add(v);
  }
  xs.widen();
  ys.widen();
  const double margin = 0.05 * (ys.high - ys.low);
  ys.high += margin;
  ys.low -= ys.low >= 0 && ys.low < margin ? ys.low : margin;
  const auto px = [&](double v) { return kLeft + xs.place(v) * (kWidth - kLeft - kRight); };
  const auto py = [&](double v) {
    return kHeight - kBottom - ys.place(v) * (kHeight - kTop - kBottom);
  };

  std::string out = fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">",
                                kWidth, kHeight, escape_html(title));
  out += text_at(kLeft, 18, "start", title, "h");
  for (const double t : ticks(ys.low, ys.high, 5)) {
    out += fmt::format("<line class=\"g\" x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>", kLeft,
                       kWidth - kRight, py(t), py(t));
    out += text_at(kLeft - 6, py(t) + 4, "end", fmt::format("{:.4g}", t));
  }
  for (const double t : ticks(xs.low, xs.high, 8)) {
    if (t == std::floor(t))
      out += text_at(px(t), kHeight - kBottom + 16, "middle", fmt::format("{:.4g}", t));
  }
  out += text_at((kLeft + kWidth - kRight) / 2, kHeight - 8, "middle", x_label);
  double legend = kWidth - kRight;
  for (std::size_t i = series.size(); i-- > 0;) {
    const Series& s = series[i];
    const char* colour = kColours[i % std::size(kColours)];
    std::string path;
    bool pen_down = false;
    for (std::size_t k = 0; k < s.x.size(); ++k) {
      if (!drawable(s.y[k])) {
        pen_down = false;
        continue;
      }
      path += fmt::format("{}{:.1f} {:.1f}", pen_down ? "L" : "M", px(s.x[k]), py(s.y[k]));
      pen_down = true;
      if (s.x.size() <= 40) {
        out += fmt::format(
            "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.6\" fill=\"{}\"><title>{}: "
            "{:.6g}</title></circle>",
            px(s.x[k]), py(s.y[k]), colour, escape_html(s.name), s.y[k]);
      }
    }
    out += fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>", path,
                       colour);
    out += text_at(legend, 18, "end", s.name);
    legend -= 7.0 * static_cast<double>(display_width(s.name)) + 6;
    out +=
        fmt::format("<rect x=\"{:.1f}\" y=\"9\" width=\"10\" height=\"10\" rx=\"2\" fill=\"{}\"/>",
                    legend - 10, colour);
    legend -= 22;
  }
  return out + "</svg>";
}

std::string confusion_chart(const std::vector<std::vector<long long>>& counts,
                            const std::vector<std::string>& names) {
  const std::size_t n = counts.size();
  if (n == 0 || n > 40) return {};
  for (const auto& row : counts) {
    if (row.size() != n) {
      throw ValueError(fmt::format("confusion_chart: a row of {}, {} expected", row.size(), n));
    }
  }
  std::size_t longest = 0;
  for (const std::string& name : names) longest = std::max(longest, display_width(name));
  const double cell = n <= 12 ? 38 : 22;
  const double label = 7.0 * static_cast<double>(std::min<std::size_t>(longest, 16)) + 12;
  const double width = label + cell * static_cast<double>(n) + label / 2;  // names lean out
  const double top = label + 22;
  const auto name_of_class = [&](std::size_t i) {
    const std::string name = i < names.size() ? names[i] : std::to_string(i);
    return shortened(name, 16);
  };
  std::string out = fmt::format(
      "<svg viewBox=\"0 0 {0:.0f} {1:.0f}\" style=\"max-width:{0:.0f}px\" role=\"img\" "
      "aria-label=\"confusion matrix\">",
      width, top + cell * static_cast<double>(n) + 10);
  out += text_at(4, 16, "start", "rows: truth, columns: prediction", "t");
  for (std::size_t r = 0; r < n; ++r) {
    const double y = top + cell * static_cast<double>(r);
    const double x0 = label + cell * static_cast<double>(r) + cell / 2;
    out += text_at(label - 6, y + cell / 2 + 4, "end", name_of_class(r));
    out += fmt::format(
        "<text class=\"t\" transform=\"translate({:.1f} {:.1f}) rotate(-60)\">{}</text>", x0 + 4,
        top - 6, escape_html(name_of_class(r)));
    long long total = 0;
    for (const long long c : counts[r]) total += c;
    for (std::size_t c = 0; c < n; ++c) {
      const double share =
          total > 0 ? static_cast<double>(counts[r][c]) / static_cast<double>(total) : 0;
      const double x = label + cell * static_cast<double>(c);
      out += fmt::format(
          "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"3\" fill=\"{}\" "
          "fill-opacity=\"{:.3f}\"><title>{} taken for {}: {}</title></rect>",
          x, y, cell - 1.5, cell - 1.5, r == c ? "var(--c1)" : "var(--c2)",
          counts[r][c] == 0 ? 0.04 : 0.12 + 0.88 * share, escape_html(name_of_class(r)),
          escape_html(name_of_class(c)), counts[r][c]);
      if (counts[r][c] > 0 && n <= 20) {
        out += text_at(x + cell / 2 - 1, y + cell / 2 + 4, "middle", std::to_string(counts[r][c]),
                       share > 0.5 ? "w" : "t");
      }
    }
  }
  return out + "</svg>";
}

}  // namespace nacre::cli
