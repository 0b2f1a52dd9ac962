// The text of the progress line, fitted to the width of a terminal.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace nacre {

// What there is to say of an epoch.
struct Progress {
  std::string epoch;                 // "epoch 2/5"
  std::int64_t batch = 0;            // of `batches`
  std::int64_t batches = 0;          //
  std::vector<std::string> numbers;  // "loss 0.1234", ...
  std::string time;                  // "3.1 s left", or what it took
  std::string rate;                  // "8,796 samples/s"
};

// While the epoch runs: one line of fewer than `columns` characters. What matters least goes first:
// the rate, half of the bar, the bar, the time, the last numbers.
std::string running_line(const Progress& progress, std::size_t columns);
// At its end: all of it, broken into as many lines (joined by '\n', without one at the end) as it
// takes for each to have fewer than `columns` characters.
std::string finished_lines(const Progress& progress, std::size_t columns);

// Columns of the terminal of standard output: what COLUMNS says, else the system, else 80.
std::size_t terminal_columns();

}  // namespace nacre
