// A CSV is read twice: what its columns are is decided by all cells, then they are filled. So it
// takes the memory of the numbers it holds, not of its texts.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <unordered_map>

#include "nacre/base/error.h"
#include "nacre/base/text.h"
#include "nacre/base/utf8.h"
#include "nacre/data/files/csv_reader.h"
#include "nacre/data/files/encoding.h"
#include "nacre/data/table/cell.h"
#include "nacre/data/table/schema.h"
#include "nacre/data/table/table.h"

namespace nacre::data {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 34;
constexpr std::int64_t kMostCells = std::int64_t{1} << 30;

// The bytes as UTF-8, copied only where they must be changed.
struct Text {
  std::string_view view;
  std::string copy;
  std::string warning;
};

void read_text(Bytes bytes, const std::string& name, Text& out) {
  if (bytes.size() > kMostBytes) {
    throw_io(name, fmt::format("{} bytes, a table has at most {}", bytes.size(), kMostBytes));
  }
  const std::string_view raw(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const bool marked = raw.starts_with("\xff\xfe") || raw.starts_with("\xfe\xff");
  if (!marked) {
    if (const auto zero = raw.find('\0'); zero != raw.npos) {
      throw_io(name, fmt::format("byte {} is zero: a text is expected", zero),
               "a table is a CSV file; UTF-16 needs a byte order mark");
    }
    out.view = raw.starts_with("\xef\xbb\xbf") ? raw.substr(3) : raw;
    const std::size_t good = utf8_until(out.view);
    if (good == out.view.size()) return;
    const auto line = 1 + std::count(out.view.begin(),
                                     out.view.begin() + static_cast<std::ptrdiff_t>(good), '\n');
    out.warning = fmt::format("row {} is not UTF-8: the file is read as Latin-1", line);
  }
  out.copy = to_utf8(bytes);
  if (const auto zero = out.copy.find('\0'); zero != out.copy.npos) {
    throw_io(name, fmt::format("character {} is zero: a text is expected", zero));
  }
  out.view = out.copy;
}

// The first reading: its first row, and what the columns of all others are.
struct Survey {
  std::vector<std::string> first, second;  // cells
  std::size_t first_line = 0;
  std::vector<ColumnStatistics> columns;
  std::vector<bool> again;  // whether the first row's cell comes again
  std::int64_t rows = 0;    // below the first
};

// What is wrong with a table: thrown, or noted where the caller wants to know all.
class Problems {
 public:
  explicit Problems(const CsvOptions& options) : out_(options.problems) {}
  ~Problems() {
    if (out_ && more_ > 0) out_->push_back(fmt::format("and {} more", more_));
  }
  Problems(const Problems&) = delete;
  Problems& operator=(const Problems&) = delete;

  bool noted() const { return out_ != nullptr; }
  void note(const std::string& what) {
    if (out_->size() < CsvOptions::kMostProblems) {
      out_->push_back(what);
    } else {
      ++more_;
    }
  }

 private:
  std::vector<std::string>* out_;
  std::int64_t more_ = 0;
};

// Whether the row has its cells; else that is a problem.
bool has_width(const CsvRow& row, std::size_t columns, const std::string& name,
               Problems& problems) {
  if (row.cells.size() == columns) return true;
  const std::string what =
      fmt::format("row {}: {} columns, the first row has {}", row.line, row.cells.size(), columns);
  if (!problems.noted()) {
    throw_io(name, what, "a text with the separator in it must stand in quotes");
  }
  problems.note(what);
  return false;
}

Survey survey(CsvReader reader, const std::string& name, const Words& missing, Problems& problems) {
  Survey out;
  CsvRow row;
  if (!reader.next(row)) throw_io(name, "no rows: the file is empty");
  out.first.assign(row.cells.begin(), row.cells.end());
  out.first_line = row.line;
  const std::size_t n = out.first.size();
  out.columns.resize(n);
  out.again.resize(n);
  while (reader.next(row)) {
    if (!has_width(row, n, name, problems)) continue;
    if (out.rows == 0) out.second.assign(row.cells.begin(), row.cells.end());
    for (std::size_t k = 0; k < n; ++k) {
      out.columns[k].add(row.cells[k], row.line, out.rows, missing);
      if (row.cells[k] == out.first[k]) out.again[k] = true;
    }
    if (++out.rows > kMostCells / static_cast<std::int64_t>(n)) {
      throw_io(name, fmt::format("more than {} rows of {} columns: a table has at most 2^30 cells",
                                 out.rows - 1, n));
    }
  }
  return out;
}

bool has_header(const Survey& s, const CsvOptions& options, const Words& missing,
                std::vector<std::string>& warnings) {
  if (options.header != CsvOptions::Header::automatic) {
    return options.header == CsvOptions::Header::present;
  }
  const std::set<std::string_view> known(options.inputs.begin(), options.inputs.end());
  for (const std::string& cell : s.first) {
    if (known.contains(cell) || (!options.target.empty() && cell == options.target)) return true;
  }
  if (s.rows == 0) return false;
  HeaderGuess guess = guess_header(s.first, s.second, s.columns, s.again, missing);
  if (!guess.warning.empty()) warnings.push_back(std::move(guess.warning));
  return guess.header;
}

// A name for each column.
std::vector<std::string> names_of(const Survey& s, bool header, const CsvOptions& options,
                                  const std::string& file, std::vector<std::string>& warnings) {
  if (!header && s.first.size() == options.inputs.size()) return options.inputs;
  std::vector<std::string> out;
  std::unordered_map<std::string, std::size_t> taken;
  std::size_t unnamed = 0;
  for (std::size_t k = 0; k < s.first.size(); ++k) {
    std::string title = header ? s.first[k] : "";
    if (title.size() > kMostNameBytes) {
      throw_io(
          file,
          fmt::format("row {}: the name of column {} has {} bytes, at most {} are expected",
                      s.first_line, k + 1, with_thousands(static_cast<long long>(title.size())),
                      with_thousands(kMostNameBytes)),
          "is the first row one of names? data.header = \"absent\" takes it as data");
    }
    if (title.empty()) {
      title = fmt::format("column {}", k + 1);
      if (unnamed++ == 0 && header) {
        warnings.push_back(fmt::format("column {} has no name in row {}: it is called \"{}\"",
                                       k + 1, s.first_line, title));
      }
    }
    if (const auto [other, is_new] = taken.emplace(title, k); !is_new) {
      throw_io(file,
               fmt::format("row {}: two columns are called \"{}\" ({} and {})", s.first_line, title,
                           other->second + 1, k + 1),
               "rename one of them");
    }
    out.push_back(std::move(title));
  }
  return out;
}

// The categories of a column while it is filled.
using Codes = std::unordered_map<std::string, std::int32_t, WordHash, std::equal_to<>>;

void put(Column& column, Codes& codes, std::string_view cell, const Words& missing) {
  const bool none = missing.contains(cell);
  if (column.kind == Column::Kind::number) {
    // What decide() let pass and is no number stands for nothing.
    double number = 0;
    const bool known = !none && to_number(cell, column.type, number);
    column.missing += known ? 0 : 1;
    column.numbers.push_back(known ? number : std::numeric_limits<double>::quiet_NaN());
    return;
  }
  column.missing += none ? 1 : 0;
  if (none) {
    column.codes.push_back(-1);
    return;
  }
  auto found = codes.find(cell);
  if (found == codes.end()) {
    const auto next = static_cast<std::int32_t>(codes.size());
    found = codes.emplace(cell, next).first;
  }
  column.codes.push_back(found->second);
}

// Categories in alphabetical order, codes that fit it.
void sort_categories(Column& column, const Codes& codes) {
  std::vector<std::pair<std::string_view, std::int32_t>> order;
  for (const auto& [name, code] : codes) order.emplace_back(name, code);
  std::sort(order.begin(), order.end());
  std::vector<std::int32_t> place(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    column.categories.emplace_back(order[i].first);
    place[static_cast<std::size_t>(order[i].second)] = static_cast<std::int32_t>(i);
  }
  for (std::int32_t& code : column.codes) {
    if (code >= 0) code = place[static_cast<std::size_t>(code)];
  }
}

// What only the whole column tells.
void look_over(Column& column, const ColumnStatistics& s, std::size_t columns) {
  constexpr std::int64_t kMany = 20;
  const std::int64_t values = s.cells - column.missing;
  if (column.kind == Column::Kind::number) {
    if (s.cells > 1 && column.missing == 0 && s.distinct_numbers() == 1) {
      column.warnings.push_back(fmt::format("holds {} in every row", column.numbers[0]));
    } else if (s.counts_up() && s.cells > kMany && columns > 2) {
      column.warnings.push_back(fmt::format(
          "counts the rows ({}, {}, ...): if it is an index, leave it out (data.leave_out)",
          column.numbers[0], column.numbers[1]));
    }
    return;
  }
  const auto different = static_cast<std::int64_t>(column.categories.size());
  column.why += fmt::format(": {} different", different);
  if (different == 1 && s.cells > 1 && column.missing == 0) {
    column.warnings.push_back(fmt::format("holds \"{}\" in every row", column.categories[0]));
  } else if (different == values && values > kMany) {
    column.warnings.push_back(
        "holds another text in every row: if it is an id, leave it out (data.leave_out)");
  }
  if (different > 10000) return;
  std::unordered_map<std::string, const std::string*> folded;
  for (const std::string& name : column.categories) {
    std::string lower(trimmed(name));
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const auto [other, is_new] = folded.emplace(std::move(lower), &name);
    if (is_new) continue;
    column.warnings.push_back(
        fmt::format("\"{}\" and \"{}\" are two categories: they differ in case "
                    "or blanks only",
                    *other->second, name));
    break;
  }
}

char separator_of(std::string_view text, const std::string& name, const CsvOptions& options) {
  if (options.separator) return options.separator;
  if (options.likely_separator) {
    CsvRow first;
    const bool any = CsvReader(text, name, options.likely_separator, options.comment).next(first);
    if (any && (first.cells.size() > 1 || options.inputs.size() == 1)) {
      return options.likely_separator;
    }
  }
  return guess_separator(text, name, options.comment);
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
  return parse_csv(file.bytes(), as_utf8(path.string()), options);
}

Table parse_csv(Bytes bytes, const std::string& name, const CsvOptions& options) {
  Text text;
  read_text(bytes, name, text);
  Table table{.source = name, .columns = {}, .rows = 0, .header = false, .separator = ','};
  if (!text.warning.empty()) table.warnings.push_back(text.warning);
  table.separator = separator_of(text.view, name, options);
  table.missing = options.missing;
  const Words missing(options.missing.begin(), options.missing.end());
  const auto reader = [&] { return CsvReader(text.view, name, table.separator, options.comment); };
  Problems problems(options);
  Survey s = survey(reader(), name, missing, problems);
  table.header = has_header(s, options, missing, table.warnings);
  if (!table.header) {
    for (std::size_t k = 0; k < s.first.size(); ++k) {
      s.columns[k].add(s.first[k], s.first_line, -1, missing);
    }
  }
  table.rows = s.rows + (table.header ? 0 : 1);
  const std::vector<std::string> names = names_of(s, table.header, options, name, table.warnings);
  if (options.inputs.empty()) {
    for (const auto& [wanted, type] : options.types) {
      if (std::find(names.begin(), names.end(), wanted) == names.end()) {
        throw ValueError(fmt::format("{}: data.types: no column is called \"{}\"{}", name, wanted,
                                     did_you_mean(wanted, names)));
      }
    }
  }
  std::vector<Codes> filling(names.size());
  for (std::size_t k = 0; k < names.size(); ++k) {
    const auto asked = options.types.find(names[k]);
    const ColumnType type = asked == options.types.end() ? ColumnType::automatic : asked->second;
    Decision d;
    try {
      d = decide(s.columns[k], type, name, fmt::format("column {} ({})", k + 1, names[k]),
                 names[k]);
    } catch (const IoError& e) {
      if (!problems.noted()) throw;
      problems.note(std::string(e.what()).substr(name.size() + 2));
      d = {.type = ColumnType::category, .why = "refused, see below", .warnings = {}};
    }
    Column& column = table.columns.emplace_back();
    column.name = names[k];
    column.kind = d.type == ColumnType::category ? Column::Kind::category : Column::Kind::number;
    column.type = d.type;
    column.why = std::move(d.why);
    column.warnings = std::move(d.warnings);
  }
  CsvReader again = reader();
  CsvRow row;
  if (table.header) again.next(row);
  while (again.next(row)) {
    if (row.cells.size() != names.size()) continue;  // a problem that was noted
    for (std::size_t k = 0; k < names.size(); ++k) {
      put(table.columns[k], filling[k], row.cells[k], missing);
    }
  }
  for (std::size_t k = 0; k < names.size(); ++k) {
    sort_categories(table.columns[k], filling[k]);
    look_over(table.columns[k], s.columns[k], names.size());
  }
  // A separator at the end of each row makes a column of nothing.
  const bool nameless = !table.header || s.first.back().empty();
  if (nameless && table.columns.size() > 1 && s.columns.back().values() == 0) {
    table.columns.pop_back();
    table.warnings.emplace_back("each row ends with a separator: what follows it is left out");
  }
  return table;
}

}  // namespace nacre::data
