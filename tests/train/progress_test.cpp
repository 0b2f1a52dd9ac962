// The progress line fits every terminal.
#include "nacre/train/progress.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>

namespace nacre {
namespace {

Progress full_progress() {
  return {.epoch = "epoch 12/300",
          .batch = 1234,
          .batches = 1875,
          .numbers = {"loss 0.1234", "accuracy 0.9876", "top_5_accuracy 0.9999", "val_loss 0.2345",
                      "val_accuracy 0.9765", "val_top_5_accuracy 0.9998"},
          .time = "3.1 s left",
          .rate = "118,796 samples/s"};
}

TEST(ProgressText, RunningLineFitsAndDropsWhatMattersLeast) {
  const Progress p = full_progress();
  std::size_t before = 0;
  for (std::size_t columns = 2; columns <= 260; ++columns) {
    const std::string line = running_line(p, columns);
    EXPECT_LT(line.size(), columns) << line;
    EXPECT_EQ(line.find('\n'), line.npos);
    if (columns >= 40) {
      EXPECT_NE(line.find("epoch 12/300"), line.npos) << line;
      EXPECT_NE(line.find("1234/1875"), line.npos) << line;
      EXPECT_NE(line.find("loss 0.1234"), line.npos) << line;
    }
    if (columns < 40) continue;
    EXPECT_GE(line.size() + 12, before) << "more room, less said: " << line;
    before = line.size();
  }
  const std::string whole = running_line(p, 260);
  for (const char* part :
       {"[=============       ]", "val_top_5_accuracy 0.9998", "3.1 s left", "118,796 samples/s"}) {
    EXPECT_NE(whole.find(part), whole.npos) << whole;
  }
  Progress little = p;
  little.numbers.resize(1);
  EXPECT_EQ(running_line(little, 75).find("samples"), std::string::npos);
  EXPECT_NE(running_line(little, 75).find("left"), std::string::npos);
}

TEST(ProgressText, FinishedLinesSayAllInLinesThatFit) {
  const Progress p = full_progress();
  for (std::size_t columns = 40; columns <= 260; ++columns) {
    const std::string text = finished_lines(p, columns);
    std::istringstream lines(text);
    std::size_t count = 0;
    std::string joined;
    for (std::string line; std::getline(lines, line); ++count) {
      EXPECT_LT(line.size(), columns) << line;
      if (count > 0) {
        EXPECT_EQ(line.substr(0, 2), "  ");
      }
      joined += (count > 0 ? line.substr(2) : line) + " ";
    }
    EXPECT_LE(count, 1 + 150 / (columns - 24)) << text;
    for (const std::string& part : p.numbers) EXPECT_NE(joined.find(part), joined.npos) << text;
    EXPECT_NE(joined.find(p.time), joined.npos) << text;
    EXPECT_NE(joined.find(p.rate), joined.npos) << text;
  }
  EXPECT_EQ(finished_lines({.epoch = "epoch 1/5",
                            .numbers = {"loss 0.4447", "accuracy 0.8384"},
                            .time = "6.5 s",
                            .rate = "8,796 samples/s"},
                           100),
            "epoch 1/5  loss 0.4447, accuracy 0.8384  6.5 s  8,796 samples/s");
  EXPECT_EQ(finished_lines({.epoch = "epoch 1/5",
                            .numbers = {"loss 0.4447", "accuracy 0.8384"},
                            .time = "6.5 s",
                            .rate = "8,796 samples/s"},
                           30),
            "epoch 1/5  loss 0.4447,\n  accuracy 0.8384  6.5 s\n  8,796 samples/s");
}

TEST(ProgressText, ColumnsOfTheEnvironmentCountFirst) {
  setenv("COLUMNS", "57", 1);
  EXPECT_EQ(terminal_columns(), 57u);
  setenv("COLUMNS", "none", 1);
  EXPECT_GT(terminal_columns(), 0u);
  unsetenv("COLUMNS");
}

}  // namespace
}  // namespace nacre
