#include "cli/report.h"

#include <fmt/format.h>

#include <cmath>
#include <set>

#include "cli/chart.h"

namespace nacre::cli {
namespace {

constexpr const char* kNotFinite = "not finite";
constexpr const char* kStyle = R"css(
:root{--bg:#fbfaf8;--fg:#23262b;--dim:#6b7280;--line:#e3e0da;--card:#fff;--c1:#2f6f8f;--c2:#c2553a;--c3:#5a8f4a;--c4:#8a63a8}
@media(prefers-color-scheme:dark){:root{--bg:#16181c;--fg:#e7e5e1;--dim:#9aa0a8;--line:#2d3138;--card:#1d2026;--c1:#6fb3d2;--c2:#e58a6f;--c3:#93c47d;--c4:#b794d6}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif}
main{max-width:1120px;margin:0 auto;padding:28px 20px 60px}h1{font-size:26px;margin:0 0 4px}h2{font-size:18px;margin:34px 0 10px}
.dim{color:var(--dim)}.grid{display:grid;gap:16px;grid-template-columns:repeat(auto-fit,minmax(330px,1fr))}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px}
.tiles{display:flex;flex-wrap:wrap;gap:12px;margin-top:18px}.tile{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:10px 18px}
.tile b{display:block;font-size:24px;font-variant-numeric:tabular-nums}svg{width:100%;height:auto;display:block}
svg text{font-family:system-ui,sans-serif}.t{font-size:12px;fill:var(--fg)}.w{font-size:12px;fill:var(--bg)}.h{font-size:14px;font-weight:600;fill:var(--fg)}.g{stroke:var(--line)}
pre{overflow:auto;background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px;font-size:13px;margin:0}
.mistakes{display:grid;gap:12px;grid-template-columns:repeat(auto-fill,minmax(132px,1fr))}.mistakes figure{margin:0;text-align:center}
.mistakes img{width:100%;max-width:112px;image-rendering:pixelated;border-radius:6px;border:1px solid var(--line)}figcaption{font-size:13px;line-height:1.35}
table{border-collapse:collapse}td{padding:3px 14px 3px 0;vertical-align:top}.wrong{color:var(--c2)}
)css";

// One chart for each quantity, with its validation twin in the same one.
std::string curves(const Report& report) {
  std::set<std::string> names;
  for (const auto& epoch : report.history) {
    for (const auto& [name, value] : epoch) {
      const bool counts = name == "epoch" || name == "step";
      if (!counts && name.rfind("val_", 0) != 0) names.insert(name);
    }
  }
  std::string out;
  for (const std::string& name : names) {
    Series train{"training", {}, {}};
    Series validation{"validation", {}, {}};
    for (std::size_t i = 0; i < report.history.size(); ++i) {
      const auto& epoch = report.history[i];
      const double x = static_cast<double>(i + 1);
      if (const auto it = epoch.find(name); it != epoch.end()) {
        train.x.push_back(x);
        train.y.push_back(it->second);
      }
      if (const auto it = epoch.find("val_" + name); it != epoch.end()) {
        validation.x.push_back(x);
        validation.y.push_back(it->second);
      }
    }
    std::vector<Series> both{train};
    if (!validation.x.empty()) both.push_back(validation);
    out += "<div class=\"card\">" + line_chart(name, "epoch", both) + "</div>";
  }
  return out;
}

std::string mistakes(const Report& report) {
  std::string out;
  for (const Mistake& m : report.mistakes) {
    out += "<figure>";
    if (!m.png.empty()) {
      out += fmt::format("<img alt=\"{}\" src=\"data:image/png;base64,{}\">", escape_html(m.truth),
                         escape_html(m.png));
    }
    out += fmt::format(
        "<figcaption>{}{} <span class=\"wrong\">taken for {}</span> "
        "<span class=\"dim\">{}</span></figcaption></figure>",
        m.text.empty() ? "" : escape_html(m.text) + "<br>", escape_html(m.truth),
        escape_html(m.predicted),
        std::isfinite(m.probability) ? fmt::format("{:.0f}%", 100 * m.probability) : kNotFinite);
  }
  return out;
}

std::string texts(const Report& report) {
  std::string out;
  for (const std::string& text : report.texts) out += "<pre>" + escape_html(text) + "</pre>";
  return out;
}

std::string section(const std::string& title, const std::string& body) {
  return body.empty() ? "" : "<h2>" + escape_html(title) + "</h2>" + body;
}

}  // namespace

std::string report_html(const Report& report) {
  std::string tiles;
  for (const auto& [name, value] : report.evaluation) {
    tiles += fmt::format("<div class=\"tile\"><span class=\"dim\">{}</span><b>{}</b></div>",
                         escape_html("test " + name),
                         std::isfinite(value) ? fmt::format("{:.4f}", value) : kNotFinite);
  }
  std::string environment;
  for (const auto& [name, value] : report.environment) {
    environment += fmt::format("<tr><td class=\"dim\">{}</td><td>{}</td></tr>", escape_html(name),
                               escape_html(value));
  }
  const std::string drawn = curves(report);
  const std::string matrix = confusion_chart(report.confusion, report.class_names);
  const std::string wrong = mistakes(report);
  const auto pre = [](const std::string& text) {
    return text.empty() ? "" : "<pre>" + escape_html(text) + "</pre>";
  };
  return fmt::format(
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
      "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\"><meta name=\"viewport\" "
      "content=\"width=device-width,initial-scale=1\"><title>{0}</title><style>{1}</style></head>"
      "<body><main><h1>{0}</h1><div class=\"dim\">{2}</div><div class=\"tiles\">{3}</div>"
      "{4}{5}{6}{7}{8}{9}{10}</main></body></html>\n",
      escape_html(report.title), kStyle,
      fmt::format("{} epoch{}", report.history.size(), report.history.size() == 1 ? "" : "s"),
      tiles, section("Curves", drawn.empty() ? "" : "<div class=\"grid\">" + drawn + "</div>"),
      section("Confusion matrix", matrix.empty() ? "" : "<div class=\"card\">" + matrix + "</div>"),
      section("Worst mistakes",
              wrong.empty() ? "" : "<div class=\"mistakes card\">" + wrong + "</div>"),
      section("What it writes", texts(report)), section("Model", pre(report.model_summary)),
      section("Configuration", pre(report.config)),
      section("Environment", environment.empty() ? "" : "<table>" + environment + "</table>"));
}

}  // namespace nacre::cli
