// Tables: CSV files, their columns' types, and how rows become inputs of a model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "nacre/base/file.h"
#include "nacre/data/dataset.h"

namespace nacre::data {

// How the cells of a column are read.
enum class ColumnType {
  automatic,      // by its cells: see read_csv
  number,         // 1234.5, -3e8
  decimal_comma,  // 1234,5; 1.234,5
  thousands,      // 1,234.5; 1 234.5; 1'234.5
  category,       // a text, as it stands there: "001" is not "1"
};
// "number", "decimal-comma", "thousands", "category" ("auto").
std::string to_string(ColumnType type);
// Throws ValueError with the nearest name.
ColumnType column_type(const std::string& name);
// From texts "COLUMN=TYPE" (the last '=' counts). Throws ValueError.
std::map<std::string, ColumnType> column_types(const std::vector<std::string>& assignments);

// The words that stand for a missing cell unless CsvOptions says otherwise: "", "?", "NA", "nan",
// ...
const std::vector<std::string>& usual_missing();

struct CsvOptions {
  enum class Header { automatic, present, absent };
  char separator = '\0';              // '\0': of comma, semicolon, tab and |, what fits best
  Header header = Header::automatic;  // see read_csv
  char comment = '\0';                // lines that begin with it are skipped
  std::vector<std::string> missing = usual_missing();
  std::map<std::string, ColumnType> types = {};  // of columns whose cells are not to decide
  // What an encoder wants to find (TableEncoder::csv_options): a first row that has one of these
  // names is the header; without a header, as many columns as inputs are those. `types` may then
  // name columns that are not there.
  std::vector<std::string> inputs = {};
  std::string target = {};
  char likely_separator = '\0';  // taken where it parts the first row
  // Where it is given: what is wrong with a row or a column is noted there (with the row, at most
  // kMostProblems of them, then how many more) and thrown no more; such a row is left out, such a
  // column one of categories. To show a table that has faults.
  std::vector<std::string>* problems = nullptr;
  static constexpr std::size_t kMostProblems = 20;
};

struct Column {
  enum class Kind { number, category };
  std::string name;  // of the header, else "column 1", ...
  Kind kind = Kind::number;
  std::vector<double> numbers = {};          // NaN where missing
  std::vector<std::int32_t> codes = {};      // index into categories, -1 where missing
  std::vector<std::string> categories = {};  // sorted
  std::int64_t missing = 0;
  ColumnType type = ColumnType::number;    // what it was taken for, never automatic
  std::string why = {};                    // "all 150 cells are numbers"
  std::vector<std::string> warnings = {};  // what may not be meant, with the row
};

struct Table {
  std::string source;  // for errors
  std::vector<Column> columns;
  std::int64_t rows = 0;
  bool header = true;  // whether a first row names the columns
  char separator = ',';
  std::vector<std::string> warnings = {};              // on the table as a whole
  std::vector<std::string> missing = usual_missing();  // the words that stood for a missing cell
  std::vector<std::int64_t> selected = {};             // of select(): which rows these were

  // The data row of the file that row r is, from 1: what errors and warnings name.
  std::int64_t data_row(std::size_t r) const {
    return 1 + (selected.empty() ? static_cast<std::int64_t>(r) : selected[r]);
  }
  // Throws ValueError with the nearest name.
  const Column& column(const std::string& name) const;
  // The rows of these numbers, in this order; categories that none of them has are gone.
  Table select(std::span<const std::int64_t> numbers) const;
};

// Fields may be quoted ("" within quotes is one quote, line ends may be quoted); blanks around
// others are dropped. The text may be UTF-8, UTF-16 with a byte order mark, or else Latin-1 (with a
// warning).
//
// A column whose cells are all numbers or missing is one of numbers, in one of the three ways to
// write them; digits with leading zeros are codes, so categories; others are categories. What may
// not be meant is a warning of the column that names the row: words such as "-" among numbers
// (taken as missing), numbers among categories, texts that differ in case only, one and the same
// value, an index, dates. What cannot be meant is an IoError: a text among many different numbers,
// "inf" or 1e400, numbers such as 1,234 that could be thousands or a decimal comma, two columns of
// one name. `types` decides before all this.
//
// The first row is a header when a text stands above numbers, when its whole numbers are a sequence
// of years or positions that the rows below are not (with a warning), or when none of its texts
// comes again below.
//
// Throws IoError naming file, row (from 1, counted in lines of the file) and column; also for
// more than 2^34 bytes, 2^18 columns or 2^30 cells. ValueError when `types` names no column.
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
  bool standardize = true;             // numbers to mean 0 and deviation 1
  std::int64_t most_categories = 256;  // a column with more is an error that says to leave it out
  std::int64_t most_classes = 1000;    // a target with more is no set of classes
};

// The column to predict: which rows have it, and what it says there.
struct TableTarget {
  std::string name;
  std::vector<std::string> class_names;  // none: values
  std::vector<std::int64_t> rows;        // that are not missing
  Tensor values;                         // of those rows: i64 [n] classes, or f32 [n, 1]
  std::string why;                       // "3 different texts", why these are classes or values
};
// Throws ValueError for a target that is no column, or values asked of texts; IoError for more
// classes than most_classes, or as many as rows, with the likely reason.
TableTarget target_of(const Table& table, const TableOptions& options = {});

// How rows become f32 [features]: numbers standardised, missing ones at the mean; categories
// one-hot in alphabetical order, missing and unknown ones all zero. Learned from one table (of the
// training rows only: Table::select), applied to others.
class TableEncoder {
 public:
  // Throws ValueError for options that name no column, IoError when there are no rows, no input
  // columns, too many categories, or numbers that are not finite.
  static TableEncoder fit(const Table& table, const TableOptions& options = {});

  // Inputs f32 [features]; targets i64 [] for classes, f32 [1] for values, none when the table
  // lacks the target's column. Rows whose target is missing are left out. `warnings` gets a line
  // for each column with categories that fit() did not see. Throws IoError on missing columns, on a
  // class that fit() did not see, on numbers that are not finite in f32, and beyond 2^33 bytes.
  Dataset encode(const Table& table, std::vector<std::string>* warnings = nullptr) const;
  // How to read another file for this encoder: the types, missing words and names it learned.
  CsvOptions csv_options() const;
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
    double deviation = 1;  // 0: numbers as they are
    ColumnType type = ColumnType::number;
    float scaled(double number) const;
    std::int64_t width() const {
      return categories.empty() ? 1 : static_cast<std::int64_t>(categories.size());
    }
  };
  // One input's features of these rows, the first at `to`, each `stride` after the one before.
  static void encode_input(const Input& input, const Column& column, const Table& table,
                           std::span<const std::int64_t> rows, float* to, std::int64_t stride,
                           std::vector<std::string>* warnings);

  std::vector<Input> inputs_;
  std::string target_;
  bool has_target_ = true;
  ColumnType target_type_ = ColumnType::automatic;
  std::vector<std::string> classes_;
  std::vector<std::string> missing_ = usual_missing();
  bool header_ = true;  // whether the table had one
  char separator_ = ',';
};

}  // namespace nacre::data
