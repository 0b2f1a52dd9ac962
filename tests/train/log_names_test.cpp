// The logs of a run take whatever name a program gives a metric.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "nacre/base/json.h"
#include "nacre/base/utf8.h"
#include "nacre/nacre.h"
#include "tests/support/files.h"

namespace nacre {
namespace {

TEST(Callbacks, LogsTakeAnyNameOfAMetric) {
  const test::TemporaryFolder folder;
  const std::string evil = "a\"b,c\n\x1b[31m caf\xe9";
  Model model{nn::Sequential{nn::Dense{{.units = 1}}}};
  model.compile(
      {.loss = loss::mse(), .metrics = {{evil, metric::Metric("mae").measure().clone()}}});
  model.fit(ones({4, 2}), ones({4, 1}),
            {.epochs = 2,
             .callbacks = {csv_log(folder / "log.csv"), json_lines_log(folder / "log.jsonl")},
             .verbose = 0});
  std::ifstream json(folder / "log.jsonl");
  std::ifstream csv(folder / "log.csv");
  std::string line;
  std::getline(csv, line);
  EXPECT_EQ(line, "epoch,step,learning_rate,loss,\"a\"\"b,c\\n\\x1b[31m caf\\xe9\"");
  int epochs = 0;
  while (std::getline(json, line)) {
    const auto entry = parse_json(line, "log.jsonl");
    EXPECT_TRUE(entry.contains(as_utf8(evil))) << line;
    ++epochs;
  }
  EXPECT_EQ(epochs, 2);
  int rows = 0;
  while (std::getline(csv, line)) ++rows;
  EXPECT_EQ(rows, 2);
}

// Names that the logs give to something else would hide it, or be hidden.
TEST(Callbacks, NamesOfTheLogsAreNoNamesOfMetrics) {
  Model model{nn::Sequential{nn::Dense{{.units = 1}}}};
  const auto compile_with = [&](std::vector<metric::Metric> metrics) {
    model.compile({.loss = loss::mse(), .metrics = std::move(metrics)});
  };
  for (const char* name :
       {"epoch", "step", "seconds", "learning_rate", "loss", "val_loss", "val_"}) {
    test::expect_error<ValueError>([&] { compile_with({metric::Metric("mae").named(name)}); },
                                   {"compile", name, "another name"});
  }
  test::expect_error<ValueError>(
      [&] {
        compile_with({"mae", "mse", "mae"});
      },
      {"two metrics are called \"mae\""});
  EXPECT_NO_THROW(compile_with({"mae", metric::Metric("mae").named("epochs")}));
  // Those of several outputs are made of two names.
  const auto outputs = [](const char* first, const char* metric) {
    return std::vector<OutputOptions>{
        {.name = first, .loss = loss::mse(), .metrics = {metric::Metric("mae").named(metric)}},
        {.name = "b", .loss = loss::mse()}};
  };
  EXPECT_NO_THROW(model.compile({.outputs = outputs("a", "mae")}));
  test::expect_error<ValueError>([&] { model.compile({.outputs = outputs("val", "mae")}); },
                                 {"\"val_loss\""});
  test::expect_error<ValueError>([&] { model.compile({.outputs = outputs("a", "loss")}); },
                                 {"two", "\"a_loss\""});
}

}  // namespace
}  // namespace nacre
