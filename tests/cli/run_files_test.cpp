// What a run left, as anybody may have changed it.
#include "cli/run_files.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/chart.h"
#include "nacre/base/error.h"
#include "nacre/base/text.h"
#include "nacre/base/utf8.h"
#include "tests/support/files.h"

namespace nacre::cli {
namespace {

using test::expect_error;
using Json = nlohmann::json;

const std::string kPicture = base64("\x89PNG\r\n\x1a\n and so on");

Json good() {
  return {{"metrics", {{"accuracy", 0.5}, {"loss", nullptr}}},
          {"samples", 3},
          {"confusion", {{1, 0}, {2, 0}}},
          {"class_names", {"a", "b"}},
          {"mistakes",
           {{{"sample", 1},
             {"truth", "b"},
             {"predicted", "a"},
             {"probability", nullptr},
             {"png", kPicture},
             {"text", ""}}}}};
}

Report evaluated(const Json& json) {
  Report report;
  read_evaluation(json.dump(), "r/evaluation.json", report);
  return report;
}

// A run that diverged has numbers that are not finite, null in JSON.
TEST(RunFiles, ReadsWhatRunsWrite) {
  Report report = evaluated(good());
  EXPECT_EQ(report.confusion, (std::vector<std::vector<long long>>{{1, 0}, {2, 0}}));
  EXPECT_TRUE(std::isnan(report.evaluation[1].second));
  read_history("{\"epoch\":1,\"step\":9,\"loss\":null}\n{\"epoch\":2,\"step\":18,\"loss\":0.5}\n",
               "h", report);
  ASSERT_EQ(report.history.size(), 2u);
  EXPECT_TRUE(std::isnan(report.history[0]["loss"]));
  const std::string page = report_html(report);
  EXPECT_NE(page.find("not finite"), std::string::npos);
  EXPECT_NE(page.find(kPicture), std::string::npos);
  EXPECT_EQ(page.find("nan"), std::string::npos);
}

TEST(RunFiles, NamesTheKeyOfAnEvaluationThatIsWrong) {
  const struct {
    const char* pointer;
    Json value;
    const char* part;
  } cases[] = {{"/metrics", Json::array(), "\"metrics\": an object"},
               {"/metrics/loss", "low", "\"metrics.loss\": a number"},
               {"/confusion", Json::parse("[[1,0],[2]]"), "\"confusion[1]\": a list of 2"},
               {"/confusion", Json::parse("[[1,0,3],[2,0,3]]"), "\"confusion[0]\": a list of 2"},
               {"/confusion", Json::parse("[1,2]"), "\"confusion[0]\""},
               {"/confusion/1/0", -1, "\"confusion[1][0]\": a whole number in 0.."},
               {"/confusion/1/0", 1e30, "\"confusion[1][0]\""},
               {"/confusion/1/0", 18446744073709551615u, "\"confusion[1][0]\""},
               {"/class_names", {"a"}, "\"class_names\": a name for each of the 2"},
               {"/class_names/1", 2, "\"class_names[1]\": a text"},
               {"/mistakes", 3, "\"mistakes\": a list"},
               {"/mistakes", Json(std::vector<int>(25)), "at most 24"},
               {"/mistakes/0/probability", "high", "\"mistakes[0].probability\""},
               {"/mistakes/0/truth", nullptr, "\"mistakes[0].truth\": a text"},
               {"/mistakes/0/png", "\"><script>alert(1)</script>", "\"mistakes[0].png\": a PNG"},
               {"/mistakes/0/png", base64("GIF89a"), "\"mistakes[0].png\": a PNG"},
               {"/mistakes/0/png", base64("\x89PNG\r\n\x1a\n" + std::string(1 << 20, 'x')),
                "at most 1048576"}};
  for (const auto& c : cases) {
    Json json = good();
    json[Json::json_pointer(c.pointer)] = c.value;
    expect_error<IoError>([&] { evaluated(json); }, {"r/evaluation.json", c.part, "hint: "});
  }
  Report report;
  for (const std::string& text :
       {std::string("{\"metrics\""), std::string(100'000, '['), std::string()}) {
    expect_error<IoError>([&] { read_evaluation(text, "e.json", report); }, {"e.json: "});
    expect_error<IoError>([&] { read_environment(text, "e.json", report); }, {"e.json: "});
  }
  expect_error<IoError>([&] { read_environment("[1]", "e.json", report); },
                        {"e.json: ", "an object"});
  expect_error<IoError>([&] { read_environment(R"({"cpu":[1]})", "e.json", report); }, {"\"cpu\""});
}

TEST(RunFiles, NamesTheLineOfAHistoryThatIsWrong) {
  const std::string first = "{\"epoch\":1,\"loss\":1}\n";
  const auto read = [&](const std::string& text) {
    return [=] {
      Report report;
      read_history(first + text, "r/history.jsonl", report);
    };
  };
  expect_error<IoError>(read("{\"epoch\":2,\n{\"epoch\":3}\n"),
                        {"r/history.jsonl: line 2", "not JSON"});
  expect_error<IoError>(read("[]\n"), {"line 2", "an object"});
  expect_error<IoError>(read("{}\n"), {"line 2", "\"epoch\" is missing"});
  expect_error<IoError>(read("{\"epoch\":2,\"loss\":\"low\"}\n"), {"line 2", "\"loss\""});
  expect_error<IoError>(read("{\"epoch\":2.5}\n"), {"line 2", "\"epoch\""});
  expect_error<IoError>(read("{\"epoch\":1e30}\n"), {"line 2", "\"epoch\""});
  expect_error<IoError>(read("{\"epoch\":2,\"x\":" + std::string(100'000, '[') + "\n"), {"deeper"});
  // A run that was killed as it wrote.
  Report report;
  read_history(first + "{\"epoch\":2,\"lo", "h", report);
  EXPECT_EQ(report.history.size(), 1u);
  // And one that did an epoch again.
  report = {};
  read_history(first + "{\"epoch\":2,\"loss\":7}\n{\"epoch\":2,\"loss\":8}\n", "h", report);
  ASSERT_EQ(report.history.size(), 2u);
  EXPECT_EQ(report.history[1]["loss"], 8);
}

// Whatever stands in the files, no part of it becomes a part of the page.
TEST(RunFiles, NothingGetsOutOfItsPlaceInThePage) {
  const std::string evil = "'\"><script>alert(1)</script>\x1b[31m\u202e\x01";
  Report report;
  report.title = report.config = report.model_summary = evil;
  report.environment = {{evil, evil}};
  report.history = {{{"epoch", 1}, {evil, 1}, {"val_" + evil, 2}}};
  report.evaluation = {{evil, 1}};
  report.class_names = {evil, evil};
  report.confusion = {{1, 2}, {3, 4}};
  report.mistakes = {{evil, evil, evil, evil, 0.5}};
  const std::string page = report_html(report);
  for (const char* raw : {"<script", "\x1b", "\u202e", "\x01", "alert(1)<"}) {
    EXPECT_EQ(page.find(raw), std::string::npos) << raw;
  }
  EXPECT_NE(page.find("Content-Security-Policy\" content=\"default-src 'none'; img-src data:"),
            std::string::npos);
  EXPECT_LT(page.find("Content-Security-Policy"), page.find("<title>"));
  report.confusion = {{1, 2}, {3}};
  EXPECT_THROW(report_html(report), ValueError);
  // Not UTF-8 is escaped, long names are cut between characters.
  report.confusion = {{1, 2}, {3, 4}};
  report.class_names = {"caf\xe9", "\u6f22\u5b57\u6f22\u5b57\u6f22\u5b57\u6f22\u5b57\u6f22"};
  const std::string named = report_html(report);
  EXPECT_TRUE(is_utf8(named));
  EXPECT_NE(named.find("caf\\xe9"), std::string::npos);
  EXPECT_NE(named.find(">\u6f22\u5b57\u6f22\u5b57\u6f22\u5b57\u6f22…<"), std::string::npos);
}

TEST(RunFiles, ChartsOfHugeNumbersAreFinite) {
  const std::string svg =
      line_chart("loss", "epoch", {{"train", {1, 2, 3}, {-1.7e308, 1.7e308, 1e308}}});
  for (const char* raw : {"nan", "inf"}) EXPECT_EQ(svg.find(raw), std::string::npos) << svg;
}

TEST(RunFiles, DamageIsAnIoError) {
  test::batter(good().dump(), [](const std::string& b) {
    Report report;
    read_evaluation(b, "e", report);
    report_html(report);
  });
  test::batter("{\"epoch\":1,\"loss\":null}\n{\"epoch\":2,\"loss\":0.5,\"val_loss\":1}\n",
               [](const std::string& b) {
                 Report report;
                 read_history(b, "h", report);
                 report_html(report);
               });
}

}  // namespace
}  // namespace nacre::cli
