// Small charts as SVG text, for reports. Colours follow the page's CSS variables.
#pragma once

#include <string>
#include <vector>

namespace nacre::cli {

struct Series {
  std::string name;
  std::vector<double> x;
  std::vector<double> y;  // as many as x; values that are not finite break the line
};

// Lines with axes, round ticks and a legend.
std::string line_chart(const std::string& title, const std::string& x_label,
                       const std::vector<Series>& series);

// Counts[true][predicted], shaded by the row's share; at most 40 classes, else "".
std::string confusion_chart(const std::vector<std::vector<long long>>& counts,
                            const std::vector<std::string>& names);

// Text made safe for HTML.
std::string escape_html(const std::string& text);

}  // namespace nacre::cli
