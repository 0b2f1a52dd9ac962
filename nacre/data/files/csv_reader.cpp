#include "nacre/data/files/csv_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "nacre/base/error.h"
#include "nacre/base/file.h"
#include "nacre/data/table/cell.h"

namespace nacre::data {

bool CsvReader::next(CsvRow& row) {
  while (at_ < text_.size()) {
    row.line = line_;
    if (comment_ && text_[at_] == comment_) {
      at_ = std::min(text_.find('\n', at_), text_.size() - 1) + 1;
      ++line_;
      continue;
    }
    row.cells.clear();
    unquoted_.clear();
    read_row(row);
    if (row.cells.size() > 1 || !trimmed(row.cells[0]).empty()) return true;
  }
  return false;
}

void CsvReader::read_row(CsvRow& row) {
  while (true) {
    if (row.cells.size() == kMostColumns) {
      throw_io(file_, fmt::format("row {}: more than {} columns", row.line, kMostColumns),
               "this is no table, or its separator is another one");
    }
    row.cells.emplace_back();
    const std::string_view cell = read_field(row);
    row.cells.back() = cell;
    if (at_ >= text_.size()) return;
    const char c = text_[at_++];
    if (c == separator_) continue;
    if (c == '\r' && at_ < text_.size() && text_[at_] == '\n') ++at_;
    ++line_;
    return;
  }
}

std::string_view CsvReader::read_field(const CsvRow& row) {
  const std::size_t begin = at_;
  while (at_ < text_.size() && text_[at_] == ' ' && separator_ != ' ') ++at_;
  if (at_ < text_.size() && text_[at_] == '"') return read_quoted(row);
  while (!at_stop()) ++at_;
  return trimmed(text_.substr(begin, at_ - begin));
}

std::string_view CsvReader::read_quoted(const CsvRow& row) {
  const std::size_t begin = ++at_;
  std::string* copy = nullptr;
  std::string_view cell;
  while (true) {
    const auto quote = text_.find('"', at_);
    if (quote == text_.npos) {
      throw_io(file_, fmt::format("row {}, column {}: a quote is opened and never closed", row.line,
                                  row.cells.size()));
    }
    const auto part = text_.substr(at_, quote - at_);
    line_ += static_cast<std::size_t>(std::count(part.begin(), part.end(), '\n'));
    const bool doubled = quote + 1 < text_.size() && text_[quote + 1] == '"';
    if (doubled && !copy) copy = &unquoted_.emplace_back();
    if (copy) copy->append(part);
    if (doubled) copy->push_back('"');
    at_ = quote + (doubled ? 2 : 1);
    if (!doubled) {
      cell = copy ? std::string_view(*copy) : text_.substr(begin, quote - begin);
      break;
    }
  }
  while (at_ < text_.size() && text_[at_] == ' ' && separator_ != ' ') ++at_;
  if (!at_stop()) {
    throw_io(file_, fmt::format("row {}, column {}: a separator is expected after the quote",
                                row.line, row.cells.size()));
  }
  return cell;
}

namespace {

struct Trial {
  std::size_t columns = 0;
  bool equal = true;           // all rows have as many
  bool decimal_commas = true;  // cells with a comma are numbers
  bool any_comma = false;
};

Trial try_separator(std::string_view text, const std::string& file, char candidate, char comment) {
  Trial out;
  CsvReader reader(text, file, candidate, comment);
  CsvRow row;
  double number = 0;
  for (int k = 0; k < 20 && reader.next(row); ++k) {
    out.equal = out.equal && (out.columns == 0 || row.cells.size() == out.columns);
    out.columns = row.cells.size();
    for (const std::string_view cell : row.cells) {
      if (cell.find(',') == cell.npos) continue;
      out.any_comma = true;
      out.decimal_commas = out.decimal_commas && to_number(cell, ColumnType::decimal_comma, number);
    }
  }
  return out;
}

}  // namespace

char guess_separator(std::string_view text, const std::string& file, char comment) {
  char best = ',';
  std::size_t most = 1;
  for (const char candidate : {',', ';', '\t', '|'}) {
    try {
      const Trial trial = try_separator(text, file, candidate, comment);
      const bool european =
          candidate == ';' && trial.any_comma && trial.decimal_commas && trial.columns > 1;
      if (trial.equal && (trial.columns > most || european)) {
        most = trial.columns;
        best = candidate;
      }
    } catch (const IoError&) {
      // Quotes that do not fit this separator: it is another one.
    }
  }
  return best;
}

}  // namespace nacre::data
