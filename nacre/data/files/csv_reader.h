// The rows of a CSV text, one after the other, without copies of its cells.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace nacre::data {

// More columns are no table.
constexpr std::size_t kMostColumns = std::size_t{1} << 18;

struct CsvRow {
  std::vector<std::string_view> cells;  // into the text, or into the reader until its next row
  std::size_t line = 0;                 // of the file, from 1
};

class CsvReader {
 public:
  // Text and file name stay valid.
  CsvReader(std::string_view text, const std::string& file, char separator, char comment)
      : text_(text), file_(file), separator_(separator), comment_(comment) {}

  // The next row that is not empty; false at the end. Throws IoError on a quote that is never
  // closed or followed by text, and above kMostColumns.
  bool next(CsvRow& row);

 private:
  void read_row(CsvRow& row);
  std::string_view read_field(const CsvRow& row);
  std::string_view read_quoted(const CsvRow& row);
  bool at_stop() const {
    return at_ >= text_.size() || text_[at_] == separator_ || text_[at_] == '\n' ||
           text_[at_] == '\r';
  }

  std::string_view text_;
  const std::string& file_;
  char separator_;
  char comment_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::deque<std::string> unquoted_;  // cells with doubled quotes
};

// The separator that gives the first rows one and the same number of columns, as many as possible;
// ';' before ',' where its cells are numbers with a decimal comma.
char guess_separator(std::string_view text, const std::string& file, char comment);

}  // namespace nacre::data
