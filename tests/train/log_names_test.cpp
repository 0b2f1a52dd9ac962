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

// The lines have columns of their own: a metric of that name would stand in them twice, and readers
// refuse such a line. Said before the training, not after its first epoch.
TEST(Callbacks, LogsRefuseTheNamesOfTheirOwnColumns) {
  const test::TemporaryFolder folder;
  for (const char* name : {"epoch", "step", "learning_rate"}) {
    for (const CallbackPtr& log : {json_lines_log(folder / "log"), csv_log(folder / "log")}) {
      Model model{nn::Sequential{nn::Dense{{.units = 1}}}};
      model.compile(
          {.loss = loss::mse(), .metrics = {{name, metric::Metric("mae").measure().clone()}}});
      int batches = 0;
      const auto count = make_callback({.on_batch_end = [&](TrainingState&) { ++batches; }});
      test::expect_error<ValueError>(
          [&] {
            model.fit(ones({4, 2}), ones({4, 1}),
                      {.epochs = 1, .callbacks = {count, log}, .verbose = 0});
          },
          {"_log: a metric is called", name, "hint"});
      EXPECT_EQ(batches, 0);
      EXPECT_FALSE(std::filesystem::exists(folder / "log"));
    }
  }
}

}  // namespace
}  // namespace nacre
