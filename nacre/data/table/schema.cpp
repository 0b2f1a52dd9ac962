#include "nacre/data/table/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "nacre/base/error.h"
#include "nacre/data/table/cell.h"

namespace nacre::data {
namespace {

constexpr ColumnType kNumber = ColumnType::number;
constexpr ColumnType kComma = ColumnType::decimal_comma;
constexpr ColumnType kThousands = ColumnType::thousands;

std::size_t at(ColumnType type) { return static_cast<std::size_t>(type); }

// Whether a plain number is one with a decimal comma too: "12", or "1.234", which there is 1234.
bool also_decimal_comma(std::string_view cell) {
  const auto dot = cell.find('.');
  if (dot == cell.npos) return cell.find_first_of("eE") == cell.npos;
  const std::size_t sign = cell[0] == '-' || cell[0] == '+' ? 1 : 0;
  return cell.size() == dot + 4 && dot > sign && dot <= sign + 3 &&
         cell.find_first_of("eE") == cell.npos;
}

bool also_thousands(std::string_view cell) {
  return cell.find_first_of("eE") == cell.npos && cell[0] != '.' && cell.back() != '.';
}

std::string quoted_words(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "\"" : ", \"") + word + "\"";
  return out;
}

}  // namespace

void Seen::note(std::size_t at_line, std::string_view cell) {
  if (count++ > 0) return;
  line = at_line;
  text = short_text(cell);
}

void ColumnStatistics::add_number(std::string_view cell, double value, std::int64_t row) {
  ++numbers_[at(kNumber)];
  const bool digits = cell.find_first_not_of("0123456789") == cell.npos;
  only_digits_ = only_digits_ && digits;
  fractions_ = fractions_ || value != std::floor(value);
  if (distinct_.size() <= kFew) distinct_.insert(value);
  const double offset = value - static_cast<double>(row);
  if (numbers_[at(kNumber)] == 1) offset_ = offset;
  counts_up_ = counts_up_ && offset == offset_;
}

void ColumnStatistics::add(std::string_view cell, std::size_t line, std::int64_t row,
                           const Words& missing_words) {
  ++cells;
  if (missing_words.contains(cell)) {
    missing.note(line, cell);
    return;
  }
  double value = 0;
  const bool plain = to_number(cell, kNumber, value);
  if ((plain && !std::isfinite(value)) || (!plain && is_infinite_word(cell))) {
    infinite.note(line, cell);
    return;
  }
  bool comma = false;
  bool thousands = false;
  if (plain) {
    add_number(cell, value, row);
    if (is_code(cell)) codes.note(line, cell);
    comma = also_decimal_comma(cell);
    thousands = also_thousands(cell);
  } else {
    only_digits_ = false;
    comma = to_number(cell, kComma, value) && std::isfinite(value);
    thousands = to_number(cell, kThousands, value) && std::isfinite(value);
    if (!comma && !thousands && stands_for_nothing(cell)) {
      nothing.note(line, cell);
      if (nothing_words.size() < 16 &&
          std::find(nothing_words.begin(), nothing_words.end(), cell) == nothing_words.end()) {
        nothing_words.emplace_back(cell);
      }
      return;
    }
    if (comma || thousands) {
      if (distinct_.size() <= kFew) distinct_.insert(value);
      fractions_ = fractions_ || value != std::floor(value);
    } else if (is_date(cell)) {
      dates.note(line, cell);
    } else if (has_unit(cell)) {
      units.note(line, cell);
    }
    odd_[at(kNumber)].note(line, cell);
  }
  if (comma) ++numbers_[at(kComma)];
  if (thousands) ++numbers_[at(kThousands)];
  if (!comma) odd_[at(kComma)].note(line, cell);
  if (!thousands) odd_[at(kThousands)].note(line, cell);
}

ColumnType ColumnStatistics::best() const {
  ColumnType type = kNumber;
  for (const ColumnType other : {kComma, kThousands}) {
    if (numbers(other) > numbers(type)) type = other;
  }
  return type;
}

bool ColumnStatistics::nearly_numbers() const {
  const std::int64_t real = values() - nothing.count;
  return real > 0 && numbers(best()) * 5 >= real * 4;
}

namespace {

// What decide() puts together for one column.
struct Case {
  const ColumnStatistics& s;
  const std::string& file;
  const std::string& column;
  const std::string& name;
  Decision out = {};

  [[noreturn]] void fail(const Seen& cell, const std::string& what, const std::string& hint) const {
    throw_io(file, fmt::format("row {}, {}: {}", cell.line, column, what), hint);
  }
  std::string types(const char* type) const {
    return fmt::format("data.types = [\"{}={}\"]", name, type);
  }

  void expect_finite() const {
    if (s.infinite.count == 0) return;
    fail(s.infinite,
         fmt::format("\"{}\" is no finite number (the first of {})", s.infinite.text,
                     s.infinite.count),
         fmt::format("correct it, or say that it stands for nothing: data.missing = [\"{}\"]",
                     s.infinite.text));
  }
  void note_missing() {
    if (s.missing.count == 0) return;
    out.why += fmt::format(", {} missing (the first in row {}{})", s.missing.count, s.missing.line,
                           s.missing.text.empty() ? "" : ": \"" + s.missing.text + "\"");
  }
  void take_nothing_as_missing() {
    if (s.nothing.count == 0) return;
    out.warnings.push_back(
        fmt::format("{} among numbers: taken as missing ({} of {} cells, the first in row {})",
                    quoted_words(s.nothing_words), s.nothing.count, s.cells, s.nothing.line));
  }
  void be_number(ColumnType type, const std::string& reason) {
    out.type = type;
    out.why = reason;
    note_missing();
  }
  void be_category(const std::string& reason) {
    out.type = ColumnType::category;
    out.why = reason;
    note_missing();
  }
  void warn_mixed() {
    const ColumnType best = s.best();
    const Seen& odd = s.odd(best).count > 0 ? s.odd(best) : s.nothing;
    out.warnings.push_back(fmt::format(
        "{} of {} cells are numbers, but row {} holds \"{}\": taken as categories; "
        "{} or data.missing = [\"{}\"] makes it one of numbers",
        s.numbers(best), s.values(), odd.line, odd.text, types(to_string(best).c_str()), odd.text));
  }
};

void decide_as_asked(Case& c, ColumnType asked) {
  if (asked == ColumnType::category) {
    c.be_category("as asked");
    return;
  }
  c.expect_finite();
  if (const Seen& odd = c.s.odd(asked); odd.count > 0) {
    c.fail(odd, fmt::format("a number expected, \"{}\" is there", odd.text),
           fmt::format("correct it, or say that it stands for nothing: data.missing = [\"{}\"]",
                       odd.text));
  }
  c.take_nothing_as_missing();
  c.be_number(asked, asked == kNumber ? "numbers, as asked"
                                      : "numbers written as " + to_string(asked) + ", as asked");
}

// All cells that are something are numbers.
void decide_on_numbers(Case& c, ColumnType best) {
  const ColumnStatistics& s = c.s;
  if (best != kNumber && s.numbers(kComma) == s.numbers(kThousands)) {
    const Seen& cell = s.odd(kNumber);
    c.fail(
        cell,
        fmt::format("\"{}\" could be a number of thousands or one with a decimal comma", cell.text),
        c.types("thousands") + " or \"" + c.name + "=decimal-comma\" says which");
  }
  if (s.nothing.count > 0 && s.distinct_numbers() < 2) {
    c.be_category("numbers and texts");
    c.warn_mixed();
    return;
  }
  if (best == kNumber && s.codes.count > 0 && s.only_digits()) {
    c.be_category(
        fmt::format("digits that a number would not keep (row {}: \"{}\"), so codes; {} "
                    "says otherwise",
                    s.codes.line, s.codes.text, c.types("number")));
    return;
  }
  c.take_nothing_as_missing();
  const char* how = best == kComma       ? " with a decimal comma"
                    : best == kThousands ? " with marks between thousands"
                                         : "";
  c.be_number(best,
              s.missing.count + s.nothing.count == 0
                  ? fmt::format("all {} cells are numbers{}", s.cells, how)
                  : fmt::format("{} of {} cells are numbers{}", s.numbers(best), s.cells, how));
}

}  // namespace

Decision decide(const ColumnStatistics& s, ColumnType asked, const std::string& file,
                const std::string& column, const std::string& name) {
  Case c{s, file, column, name};
  if (asked != ColumnType::automatic) {
    decide_as_asked(c, asked);
    return std::move(c.out);
  }
  const ColumnType best = s.best();
  const std::int64_t numbers = s.numbers(best);
  const std::int64_t real = s.values() - s.nothing.count - s.infinite.count;
  if (numbers == real && s.infinite.count > 0) c.expect_finite();
  if (s.values() == 0) {
    c.be_number(kNumber, "no cell holds anything");
    c.out.warnings.push_back("is empty");
  } else if (numbers == real && real > 0) {
    decide_on_numbers(c, best);
  } else if (s.nearly_numbers() && s.many_numbers()) {
    const Seen& odd = s.odd(best);
    c.fail(
        odd,
        fmt::format("\"{}\" stands among numbers ({} of {} cells are numbers)", odd.text, numbers,
                    s.values()),
        fmt::format("correct it; data.missing = [\"{}\"] takes it as missing, {} takes all cells "
                    "as texts, data.header = \"present\" a first row as names",
                    odd.text, c.types("category")));
  } else {
    c.be_category(numbers > 0 ? "numbers and texts" : "texts");
    if (numbers > 0) {
      c.warn_mixed();
    } else if (s.dates.count == real) {
      c.out.warnings.push_back(
          fmt::format("holds dates (row {}: \"{}\"), which are taken as texts: make columns of "
                      "numbers of them (year, month, day), or leave it out",
                      s.dates.line, s.dates.text));
    } else if (s.units.count == real) {
      c.out.warnings.push_back(
          fmt::format("holds numbers with something around them (row {}: \"{}\"), taken as texts: "
                      "remove what is no number",
                      s.units.line, s.units.text));
    }
  }
  return std::move(c.out);
}

namespace {

// 0, 1, 2, ... or 1, 2, 3, ...: positions, as programs write them where columns have no names.
bool are_positions(const std::vector<double>& values) {
  if (values.size() < 3 || (values[0] != 0 && values[0] != 1)) return false;
  for (std::size_t i = 1; i < values.size(); ++i) {
    if (values[i] != values[i - 1] + 1) return false;
  }
  return true;
}

bool is_year(double value) { return value == std::floor(value) && value >= 1000 && value < 3000; }

}  // namespace

HeaderGuess guess_header(const std::vector<std::string>& first,
                         const std::vector<std::string>& second,
                         const std::vector<ColumnStatistics>& below, const std::vector<bool>& again,
                         const Words& missing) {
  std::vector<double> numbers;       // of the first row, above numbers
  std::vector<double> numbers_next;  // of the second row, there
  std::int64_t above = 0;            // texts above numbers
  bool recurs = false;               // a text of the first row above texts comes again
  bool texts = false;                // a text above texts
  bool distinct = true;
  bool plain_names = true;  // no number or missing cell among them
  std::set<std::string> names;
  for (std::size_t k = 0; k < first.size(); ++k) {
    const std::string& cell = first[k];
    double value = 0;
    const bool number = to_number(cell, kNumber, value);
    const bool named =
        !number && !missing.contains(cell) && !stands_for_nothing(cell) && !is_infinite_word(cell);
    plain_names = plain_names && named;
    distinct = distinct && names.insert(cell).second;
    if (below[k].nearly_numbers()) {
      if (named && !below[k].many_numbers() && again[k]) continue;  // a rare text among few numbers
      above += named ? 1 : 0;
      if (number) {
        numbers.push_back(value);
        numbers_next.push_back(0);
        to_number(second[k], kNumber, numbers_next.back());
      }
    } else if (named) {
      texts = true;
      recurs = recurs || again[k];
    }
  }
  HeaderGuess out;
  const bool years = std::all_of(numbers.begin(), numbers.end(), is_year);
  const bool next_years = std::all_of(numbers_next.begin(), numbers_next.end(), is_year);
  if (numbers.empty()) {
    out.header = above > 0 || (plain_names && distinct && !recurs);
    return out;
  }
  const bool sequence = (are_positions(numbers) && !are_positions(numbers_next)) ||
                        (years && !next_years && (above > 0 || texts || numbers.size() > 1));
  out.header = sequence && !recurs && distinct;
  if (out.header) {
    out.warning = fmt::format(
        "row 1 is taken as the names of the columns, although it has numbers in it ({:g}, ...): "
        "data.header = \"absent\" takes it as data",
        numbers[0]);
  } else if (above > 0) {
    out.warning =
        "row 1 is taken as data, although it has texts above numbers: data.header = \"present\" "
        "takes it as the names of the columns";
  } else if (sequence) {
    out.warning =
        "row 1 is taken as data, although its numbers could be names: data.header = \"present\" "
        "takes it as the names of the columns";
  }
  return out;
}

}  // namespace nacre::data
