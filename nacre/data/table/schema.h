// What the columns of a table are: statistics of their cells, and the decision these lead to.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "nacre/data/table/table.h"

namespace nacre::data {

struct WordHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view word) const {
    return std::hash<std::string_view>{}(word);
  }
};
using Words = std::unordered_set<std::string, WordHash, std::equal_to<>>;

// Cells of a kind: how many, and the first of them.
struct Seen {
  std::int64_t count = 0;
  std::size_t line = 0;  // of the file
  std::string text = {};
  void note(std::size_t at, std::string_view cell);
};

// All that the cells of one column tell.
class ColumnStatistics {
 public:
  // The cell in row `row` of the data (rows come in order, but for -1, a first row that turned out
  // to be no header, which may come last) and line `line` of the file.
  void add(std::string_view cell, std::size_t line, std::int64_t row, const Words& missing_words);

  std::int64_t cells = 0;
  Seen missing;                            // words of CsvOptions::missing
  Seen nothing;                            // "-" and such
  Seen infinite;                           // "inf", 1e400
  Seen codes;                              // "007"
  Seen dates, units;                       // texts that are almost numbers
  std::vector<std::string> nothing_words;  // the different ones, at most 16

  // Cells that are something.
  std::int64_t values() const { return cells - missing.count; }
  // Cells that are finite numbers as `type` writes them.
  std::int64_t numbers(ColumnType type) const { return numbers_[static_cast<std::size_t>(type)]; }
  // The first cell that is none, infinite, nor stands for nothing.
  const Seen& odd(ColumnType type) const { return odd_[static_cast<std::size_t>(type)]; }
  // The way of writing that most cells have, plain numbers before others.
  ColumnType best() const;
  // At least four of five values are numbers.
  bool nearly_numbers() const;
  // Fractions, or more different values than categories would have.
  bool many_numbers() const { return distinct_.size() > kFew || fractions_; }
  // At most kFew + 1 are counted.
  std::size_t distinct_numbers() const { return distinct_.size(); }
  // Each number is one above that before it.
  bool counts_up() const { return counts_up_ && numbers_[1] == cells; }
  bool only_digits() const { return only_digits_; }

 private:
  static constexpr std::size_t kFew = 20;
  void add_number(std::string_view cell, double value, std::int64_t row);

  std::array<std::int64_t, 5> numbers_{};
  std::array<Seen, 5> odd_;
  bool only_digits_ = true;
  bool fractions_ = false;
  bool counts_up_ = true;
  double offset_ = 0;  // number minus row
  std::unordered_set<double> distinct_;
};

// What a column is taken for.
struct Decision {
  ColumnType type = ColumnType::number;
  std::string why;
  std::vector<std::string> warnings;
};

// `asked` decides where it is not automatic. Throws IoError that names `file`, the row and
// `column` ("column 3 (age)") for cells that cannot be meant; `name` is the column's name alone.
Decision decide(const ColumnStatistics& statistics, ColumnType asked, const std::string& file,
                const std::string& column, const std::string& name);

struct HeaderGuess {
  bool header = false;
  std::string warning = {};  // empty where there is no doubt
};
// Whether the first row names the columns. `below`: of all other rows; `again`: the first row's
// cell comes again below; `second`: the cells of the second row.
HeaderGuess guess_header(const std::vector<std::string>& first,
                         const std::vector<std::string>& second,
                         const std::vector<ColumnStatistics>& below, const std::vector<bool>& again,
                         const Words& missing);

}  // namespace nacre::data
