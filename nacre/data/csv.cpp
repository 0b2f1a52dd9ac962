#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <unordered_set>

#include "nacre/base/error.h"
#include "nacre/base/text.h"
#include "nacre/data/encoding.h"
#include "nacre/data/table.h"

namespace nacre::data {
namespace {

struct Row {
  std::vector<std::string> fields;
  std::size_t line = 0;
};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool to_number(std::string_view text, double& out) {
  text = trimmed(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error == std::errc::result_out_of_range && end == text.data() + text.size()) {
    out = text.starts_with('-') ? -HUGE_VAL : HUGE_VAL;
    return true;
  }
  return error == std::errc() && end == text.data() + text.size() && std::isfinite(out);
}

class Reader {
 public:
  Reader(std::string_view text, const std::string& file, char separator, char comment)
      : text_(text), file_(file), separator_(separator), comment_(comment) {}

  // The next row that is not empty; false at the end.
  bool next(Row& row) {
    while (at_ < text_.size()) {
      row.line = line_;
      if (comment_ && text_[at_] == comment_) {
        at_ = std::min(text_.find('\n', at_), text_.size() - 1) + 1;
        ++line_;
        continue;
      }
      row.fields.clear();
      read_row(row);
      if (row.fields.size() > 1 || !trimmed(row.fields[0]).empty()) return true;
    }
    return false;
  }

 private:
  void read_row(Row& row) {
    while (true) {
      row.fields.emplace_back();
      read_field(row, row.fields.back());
      if (at_ >= text_.size()) return;
      const char c = text_[at_++];
      if (c == separator_) continue;
      if (c == '\r' && at_ < text_.size() && text_[at_] == '\n') ++at_;
      ++line_;
      return;
    }
  }
  bool at_stop() const {
    return at_ >= text_.size() || text_[at_] == separator_ || text_[at_] == '\n' ||
           text_[at_] == '\r';
  }
  void read_field(const Row& row, std::string& out) {
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] == ' ' && separator_ != ' ') ++at_;
    if (at_ < text_.size() && text_[at_] == '"') {
      read_quoted(row, out);
      return;
    }
    while (!at_stop()) ++at_;
    out = trimmed(text_.substr(begin, at_ - begin));
  }
  void read_quoted(const Row& row, std::string& out) {
    ++at_;
    while (true) {
      const auto quote = text_.find('"', at_);
      if (quote == text_.npos) {
        throw_io(file_, fmt::format("row {}, column {}: a quote is opened and never closed",
                                    row.line, row.fields.size()));
      }
      const auto part = text_.substr(at_, quote - at_);
      line_ += static_cast<std::size_t>(std::count(part.begin(), part.end(), '\n'));
      out.append(part);
      at_ = quote + 1;
      if (at_ >= text_.size() || text_[at_] != '"') break;
      out.push_back('"');
      ++at_;
    }
    while (at_ < text_.size() && text_[at_] == ' ' && separator_ != ' ') ++at_;
    if (!at_stop()) {
      throw_io(file_, fmt::format("row {}, column {}: a separator is expected after the quote",
                                  row.line, row.fields.size()));
    }
  }

  std::string_view text_;
  const std::string& file_;
  char separator_;
  char comment_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
};

// The separator that gives the first rows one and the same number of columns, as many as possible.
char guess_separator(std::string_view text, const std::string& file, char comment) {
  char best = ',';
  std::size_t most = 1;
  for (const char candidate : {',', ';', '\t', '|'}) {
    try {
      Reader reader(text, file, candidate, comment);
      Row row;
      std::size_t columns = 0;
      bool equal = true;
      for (int k = 0; k < 20 && reader.next(row); ++k) {
        equal = equal && (columns == 0 || row.fields.size() == columns);
        columns = row.fields.size();
      }
      if (equal && columns > most) {
        most = columns;
        best = candidate;
      }
    } catch (const IoError&) {
      // Quotes that do not fit this separator: it is another one.
    }
  }
  return best;
}

struct Contents {
  std::vector<Row> rows;
  std::unordered_set<std::string> missing;
  bool is_missing(const std::string& field) const { return missing.contains(field); }
};

bool looks_like_header(const Contents& c) {
  if (c.rows.size() < 2) return false;
  const Row& first = c.rows[0];
  std::set<std::string> names;
  double number = 0;
  for (const std::string& field : first.fields) {
    if (to_number(field, number) || c.is_missing(field) || !names.insert(field).second)
      return false;
  }
  bool recurs = false;
  for (std::size_t k = 0; k < first.fields.size(); ++k) {
    bool numbers = true;
    bool any = false;
    for (std::size_t r = 1; r < c.rows.size(); ++r) {
      const std::string& field = c.rows[r].fields[k];
      if (c.is_missing(field)) continue;
      any = true;
      numbers = numbers && to_number(field, number);
      recurs = recurs || field == first.fields[k];
    }
    if (any && numbers) return true;
  }
  return !recurs;
}

bool named(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

void fill_numbers(const Contents& c, std::size_t first, std::size_t k, Column& column) {
  for (std::size_t r = first; r < c.rows.size(); ++r) {
    double number = std::numeric_limits<double>::quiet_NaN();
    if (c.is_missing(c.rows[r].fields[k])) {
      ++column.missing;
    } else {
      to_number(c.rows[r].fields[k], number);
    }
    column.numbers.push_back(number);
  }
}

void fill_categories(const Contents& c, std::size_t first, std::size_t k, Column& column) {
  std::map<std::string, std::int32_t> codes;
  for (std::size_t r = first; r < c.rows.size(); ++r) {
    if (!c.is_missing(c.rows[r].fields[k])) codes.emplace(c.rows[r].fields[k], 0);
  }
  for (auto& [name, code] : codes) {
    code = static_cast<std::int32_t>(column.categories.size());
    column.categories.push_back(name);
  }
  for (std::size_t r = first; r < c.rows.size(); ++r) {
    const auto found = codes.find(c.rows[r].fields[k]);
    column.codes.push_back(found == codes.end() ? -1 : found->second);
    if (found == codes.end()) ++column.missing;
  }
}

Column make_column(const Contents& c, std::size_t first, std::size_t k, std::string name,
                   const CsvOptions& options, const std::string& file) {
  Column column{.name = std::move(name)};
  const Row* odd = nullptr;  // the first row with a text in this column
  double number = 0;
  for (std::size_t r = first; r < c.rows.size() && !odd; ++r) {
    const std::string& field = c.rows[r].fields[k];
    if (!c.is_missing(field) && !to_number(field, number)) odd = &c.rows[r];
  }
  if (odd && named(options.numbers, column.name)) {
    throw_io(file, fmt::format("row {}, column {} ({}): a number expected, \"{}\" is there",
                               odd->line, k + 1, column.name, odd->fields[k].substr(0, 60)));
  }
  if (odd || named(options.categories, column.name)) {
    column.kind = Column::Kind::category;
    fill_categories(c, first, k, column);
  } else {
    fill_numbers(c, first, k, column);
  }
  return column;
}

}  // namespace

const Column& Table::column(const std::string& name) const {
  std::vector<std::string> names;
  for (const Column& c : columns) {
    if (c.name == name) return c;
    names.push_back(c.name);
  }
  throw ValueError(
      fmt::format("{}: no column is called \"{}\"{}", source, name, did_you_mean(name, names)));
}

Table read_csv(const std::filesystem::path& path, const CsvOptions& options) {
  const MappedFile file(path);
  return parse_csv(file.bytes(), path.string(), options);
}

Table parse_csv(Bytes bytes, const std::string& name, const CsvOptions& options) {
  const std::string text = to_utf8(bytes);
  if (text.find('\0') != text.npos) {
    throw_io(name, fmt::format("byte {} is zero: a text is expected", text.find('\0')));
  }
  const char separator =
      options.separator ? options.separator : guess_separator(text, name, options.comment);
  Contents contents;
  contents.missing.insert(options.missing.begin(), options.missing.end());
  Reader reader(text, name, separator, options.comment);
  for (Row row; reader.next(row);) {
    const std::size_t columns =
        contents.rows.empty() ? row.fields.size() : contents.rows[0].fields.size();
    if (row.fields.size() != columns) {
      throw_io(name, fmt::format("row {}: {} columns, the first row has {}", row.line,
                                 row.fields.size(), columns));
    }
    contents.rows.push_back(std::move(row));
    row = {};
  }
  if (contents.rows.empty()) throw_io(name, "no rows: the file is empty");
  const bool header =
      options.header == CsvOptions::Header::present ||
      (options.header == CsvOptions::Header::automatic && looks_like_header(contents));
  Table table{.source = name, .columns = {}, .rows = 0};
  const std::size_t first = header ? 1 : 0;
  table.rows = static_cast<std::int64_t>(contents.rows.size() - first);
  std::set<std::string> taken;
  for (std::size_t k = 0; k < contents.rows[0].fields.size(); ++k) {
    std::string title = header ? contents.rows[0].fields[k] : "";
    if (title.empty()) title = fmt::format("column {}", k + 1);
    if (!taken.insert(title).second) {
      throw_io(name,
               fmt::format("row {}: two columns are called \"{}\"", contents.rows[0].line, title));
    }
    table.columns.push_back(make_column(contents, first, k, title, options, name));
  }
  for (const auto* list : {&options.numbers, &options.categories}) {
    for (const std::string& wanted : *list) table.column(wanted);
  }
  return table;
}

}  // namespace nacre::data
