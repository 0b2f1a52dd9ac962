// Tables: CSV files, their columns' types, and how rows become inputs of a model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "nacre/base/file.h"
#include "nacre/data/dataset.h"

namespace nacre::data {

struct CsvOptions {
  enum class Header { automatic, present, absent };
  char separator = '\0';              // '\0': of comma, semicolon, tab and |, what fits best
  Header header = Header::automatic;  // a first row of texts above numbers, or of unique texts
  char comment = '\0';                // lines that begin with it are skipped
  std::vector<std::string> missing = {"", "?", "NA", "N/A", "n/a", "nan", "NaN", "null", "NULL"};
  std::vector<std::string> numbers = {};  // columns that must be numbers
  std::vector<std::string> categories =
      {};  // columns taken as categories though they look like numbers
};

struct Column {
  enum class Kind { number, category };
  std::string name;  // of the header, else "column 1", ...
  Kind kind = Kind::number;
  std::vector<double> numbers = {};          // NaN where missing
  std::vector<std::int32_t> codes = {};      // index into categories, -1 where missing
  std::vector<std::string> categories = {};  // sorted
  std::int64_t missing = 0;
};

struct Table {
  std::string source;  // for errors
  std::vector<Column> columns;
  std::int64_t rows = 0;

  // Throws ValueError with the nearest name.
  const Column& column(const std::string& name) const;
  // The rows of these numbers, in this order; categories that none of them has are gone.
  Table select(std::span<const std::int64_t> numbers) const;
};

// Fields may be quoted ("" within quotes is one quote, line ends may be quoted); blanks around
// others are dropped. A column whose fields are all numbers or missing is one of numbers, others
// are categories. The text may be UTF-8, UTF-16 with a byte order mark, or else Latin-1. Throws
// IoError naming file, row (from 1, counted in lines of the file) and column.
Table read_csv(const std::filesystem::path& path, const CsvOptions& options = {});
Table parse_csv(Bytes bytes, const std::string& name, const CsvOptions& options = {});

struct TableOptions {
  enum class Task { automatic, classes, values };
  std::string target = {};  // the column to predict; empty: the last one
  bool has_target = true;
  // automatic: classes for categories and for at most 20 different whole numbers.
  Task task = Task::automatic;
  // The classes, where other rows than those to learn from may have more of them.
  std::vector<std::string> classes = {};
  std::vector<std::string> leave_out = {};
  bool standardise = true;             // numbers to mean 0 and deviation 1
  std::int64_t most_categories = 256;  // a column with more is an error that says to leave it out
};

// The column to predict: which rows have it, and what it says there.
struct TableTarget {
  std::string name;
  std::vector<std::string> class_names;  // none: values
  std::vector<std::int64_t> rows;        // that are not missing
  Tensor values;                         // of those rows: i64 [n] classes, or f32 [n, 1]
};
// Throws ValueError for a target that is no column, or values asked of texts.
TableTarget target_of(const Table& table, const TableOptions& options = {});

// How rows become f32 [features]: numbers standardised, missing ones at the mean; categories
// one-hot in alphabetical order, missing and unknown ones all zero. Learned from one table (of the
// training rows only: Table::select), applied to others.
class TableEncoder {
 public:
  // Throws ValueError for options that name no column, IoError when there are no rows, no input
  // columns, or too many categories.
  static TableEncoder fit(const Table& table, const TableOptions& options = {});

  // Inputs f32 [features]; targets i64 [] for classes, f32 [1] for values, none when the table
  // lacks the target's column. Rows whose target is missing are left out. Throws IoError on missing
  // columns and on a class that fit() did not see.
  Dataset encode(const Table& table) const;
  // One row of fields in the order of input_names(). Throws ValueError naming the field.
  Tensor encode_row(std::span<const std::string> fields) const;

  std::int64_t features() const;
  std::vector<std::string> input_names() const;    // columns
  std::vector<std::string> feature_names() const;  // after one-hot: "colour=red"
  const std::vector<std::string>& class_names() const { return classes_; }
  const std::string& target() const { return target_; }  // "" without one
  bool predicts_classes() const { return has_target_ && !classes_.empty(); }

  std::string to_json() const;
  // Throws IoError naming `source`.
  static TableEncoder from_json(const std::string& text, const std::string& source);

 private:
  struct Input {
    std::string name;
    std::vector<std::string> categories;  // empty: numbers
    double mean = 0;
    double deviation = 1;
  };
  void put(const Input& input, double number, const std::string* category, float*& to) const;

  std::vector<Input> inputs_;
  std::string target_;
  bool has_target_ = true;
  std::vector<std::string> classes_;
};

}  // namespace nacre::data
