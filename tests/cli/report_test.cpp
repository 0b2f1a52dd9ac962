#include "cli/report.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cli/chart.h"
#include "cli/console.h"

namespace nacre::cli {
namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Report, StandsAloneAndEscapes) {
  Report report;
  report.title = "a <b> & \"c\"";
  report.config = "{\"x\": \"</pre><script>\"}";
  report.model_summary = "layer <1>";
  report.environment = {{"cpu", "<fast>"}};
  report.history = {{{"epoch", 1}, {"loss", 2.0}, {"val_loss", 2.5}},
                    {{"epoch", 2}, {"loss", 1.0}, {"val_loss", 1.5}}};
  report.evaluation = {{"accuracy", 0.875}};
  report.confusion = {{3, 1}, {0, 4}};
  report.class_names = {"<cat>", "dog"};
  report.mistakes = {{"", "1, 2", "<cat>", "dog", 0.75}};
  const std::string page = report_html(report);
  EXPECT_TRUE(page.starts_with("<!doctype html>"));
  EXPECT_TRUE(has(page, "a &lt;b&gt; &amp;"));
  for (const char* raw : {"<script", "<cat>", "<fast>", "<1>", "<b>  "}) {
    EXPECT_FALSE(has(page, raw)) << raw;
  }
  // Nothing is fetched.
  for (const char* outside : {"src=\"http", "href=", "@import", "url("}) {
    EXPECT_FALSE(has(page, outside)) << outside;
  }
  EXPECT_TRUE(has(page, "0.8750"));
  EXPECT_TRUE(has(page, "75%"));
  EXPECT_TRUE(has(page, "Confusion matrix"));
  EXPECT_TRUE(has(page, "<svg"));
}

TEST(Report, LeavesOutWhatThereIsNot) {
  Report report;
  report.title = "t";
  const std::string page = report_html(report);
  for (const char* part : {"Confusion", "Curves", "mistakes\"", "Environment", "<svg"}) {
    EXPECT_FALSE(has(page, part)) << part;
  }
}

TEST(Chart, BreaksLinesAtWhatIsNotFinite) {
  const double nan = std::nan("");
  const std::string svg =
      line_chart("loss", "epoch", {{"train", {1, 2, 3, 4}, {1, nan, INFINITY, 2}}});
  EXPECT_TRUE(has(svg, "<svg"));
  EXPECT_FALSE(has(svg, "nan"));
  EXPECT_FALSE(has(svg, "inf"));
  // One value, and all values alike, have an axis too.
  for (const auto& y : {std::vector<double>{3}, std::vector<double>{3, 3}}) {
    std::vector<double> x(y.size());
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i);
    const std::string flat = line_chart("t", "x", {{"s", x, y}});
    EXPECT_FALSE(has(flat, "nan"));
    EXPECT_FALSE(has(flat, "inf"));
  }
}

TEST(Chart, DrawsAtMostFortyClasses) {
  const std::vector<std::vector<long long>> few(40, std::vector<long long>(40, 1));
  const std::vector<std::vector<long long>> many(41, std::vector<long long>(41, 1));
  EXPECT_FALSE(confusion_chart(few, {}).empty());
  EXPECT_TRUE(confusion_chart(many, {}).empty());
  EXPECT_TRUE(confusion_chart({}, {}).empty());
}

TEST(Console, AlignsColumns) {
  EXPECT_EQ(table({{"set", "train"}, {"digits", "1,437"}, {"x", "9"}}, {false, true}),
            "set     train\n-------------\ndigits  1,437\nx           9\n");
}

}  // namespace
}  // namespace nacre::cli
