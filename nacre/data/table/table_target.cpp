#include "nacre/data/table/table_target.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>

#include "nacre/base/error.h"
#include "nacre/base/text.h"
#include "nacre/data/files/encoding.h"
#include "nacre/data/table/cell.h"

namespace nacre::data {
namespace {

// Different whole numbers, rising, when there are at most 20 and nothing else.
std::vector<double> few_whole_numbers(const Column& column) {
  std::set<double> values;
  for (const double v : column.numbers) {
    if (std::isnan(v)) continue;
    if (v != std::floor(v)) return {};
    values.insert(v);
    if (values.size() > 20) return {};
  }
  return {values.begin(), values.end()};
}

// Another column that could be meant: the last one with a few classes that come again, else "".
std::string likely_target(const Table& table, const Column& not_this) {
  for (auto c = table.columns.rbegin(); c != table.columns.rend(); ++c) {
    if (c->name == not_this.name) continue;
    const auto n = static_cast<std::int64_t>(
        c->kind == Column::Kind::category ? c->categories.size() : few_whole_numbers(*c).size());
    if (n >= 2 && n <= 100 && 2 * n <= table.rows) return c->name;
  }
  return {};
}

// Refuses what is no set of classes.
void expect_classes(const Table& table, const Column& column, std::size_t classes, bool asked,
                    const TableOptions& options) {
  const std::int64_t known = table.rows - column.missing;
  const auto n = static_cast<std::int64_t>(classes);
  const bool texts = column.kind == Column::Kind::category;
  for (const std::string& name : column.categories) {
    if (name.size() <= kMostNameBytes) continue;
    throw_io(table.source,
             fmt::format("the target \"{}\" has a class of {} bytes (\"{}\"), at most {} are "
                         "expected: it looks like text",
                         column.name, with_thousands(static_cast<long long>(name.size())),
                         short_text(name), with_thousands(kMostNameBytes)),
             "name the column to predict (data.target)");
  }
  const bool own = 2 * n > known && n > 20;  // nearly each row has its own
  if (n <= options.most_classes && !own) return;
  const std::string other = likely_target(table, column);
  const std::string meant =
      other.empty() ? "" : fmt::format("; did you mean data.target = \"{}\"?", other);
  throw_io(table.source,
           fmt::format("the target \"{}\"{} has {} classes in {} rows{}: it looks like {}",
                       column.name, options.target.empty() ? " (the last column)" : "",
                       with_thousands(n), with_thousands(known),
                       own ? "" : fmt::format(", at most {} are expected", options.most_classes),
                       texts ? "text or an id" : "values to predict"),
           (texts || !asked ? "name the column to predict"
                            : "data.task = \"regression\" predicts values") +
               meant);
}

std::string name_at(const Column& column, std::size_t row) {
  return column.kind == Column::Kind::category
             ? column.categories[static_cast<std::size_t>(column.codes[row])]
             : number_text(column.numbers[row]);
}

bool missing_at(const Column& column, std::size_t row) {
  return column.kind == Column::Kind::category ? column.codes[row] < 0
                                               : std::isnan(column.numbers[row]);
}

}  // namespace

std::string number_text(double value) { return fmt::format("{}", value); }

std::vector<std::string> classes_of(const Table& table, const Column& column,
                                    const TableOptions& options, std::string& why) {
  if (!options.classes.empty()) {
    why = "as given";
    return options.classes;
  }
  const bool asked = options.task == TableOptions::Task::classes;
  const bool texts = column.kind == Column::Kind::category;
  if (options.task == TableOptions::Task::values) {
    if (texts) {
      throw ValueError(
          fmt::format("{}: the target \"{}\" holds texts, not values", table.source, column.name));
    }
    why = "values, as asked";
    return {};
  }
  if (texts) {
    expect_classes(table, column, column.categories.size(), asked, options);
    why = fmt::format("{} different texts, so classes", column.categories.size());
    return column.categories;
  }
  std::vector<std::string> out;
  if (asked) {
    std::set<double> values;
    for (const double v : column.numbers) {
      if (!std::isnan(v)) values.insert(v);
    }
    expect_classes(table, column, values.size(), asked, options);
    for (const double v : values) out.push_back(number_text(v));
    why = "classes, as asked";
    return out;
  }
  for (const double v : few_whole_numbers(column)) out.push_back(number_text(v));
  why = out.empty() ? "numbers, so values to predict"
                    : fmt::format(
                          "{} different whole numbers, so classes; data.task = "
                          "\"regression\" predicts values",
                          out.size());
  return out;
}

TableTarget read_target(const Table& table, const Column& column,
                        std::vector<std::string> classes) {
  TableTarget out{
      .name = column.name, .class_names = std::move(classes), .rows = {}, .values = {}, .why = {}};
  const bool as_classes = !out.class_names.empty();
  if (!as_classes && column.kind != Column::Kind::number) {
    throw_io(table.source, fmt::format("the target \"{}\" holds texts, not values", column.name));
  }
  std::unordered_map<std::string, std::int64_t> number_of;
  for (const std::string& name : out.class_names) {
    number_of.emplace(name, static_cast<std::int64_t>(number_of.size()));
  }
  std::vector<std::int64_t> numbers;
  std::vector<float> values;
  for (std::size_t r = 0; r < static_cast<std::size_t>(table.rows); ++r) {
    if (missing_at(column, r)) continue;
    out.rows.push_back(static_cast<std::int64_t>(r));
    if (!as_classes) {
      values.push_back(static_cast<float>(column.numbers[r]));
      if (std::isfinite(values.back())) continue;
      throw_io(table.source,
               fmt::format("data row {}, column \"{}\": the target {} is not finite in f32",
                           table.data_row(r), column.name, column.numbers[r]));
    }
    const auto found = number_of.find(name_at(column, r));
    if (found == number_of.end()) {
      const auto shown =
          std::span(out.class_names).first(std::min<std::size_t>(20, out.class_names.size()));
      throw_io(
          table.source,
          fmt::format("data row {}, column \"{}\": the class \"{}\" is not known, known {} {}{}",
                      table.data_row(r), column.name, name_at(column, r),
                      out.class_names.size() == 1 ? "is" : "are", fmt::join(shown, ", "),
                      shown.size() < out.class_names.size() ? ", ..." : ""));
    }
    numbers.push_back(found->second);
  }
  const auto n = static_cast<std::int64_t>(out.rows.size());
  out.values = as_classes ? Tensor::from(numbers) : Tensor::from(values, {n, 1});
  return out;
}

TableTarget target_of(const Table& table, const TableOptions& options) {
  if (table.rows == 0 || table.columns.empty()) throw_io(table.source, "the table has no rows");
  const Column& column =
      options.target.empty() ? table.columns.back() : table.column(options.target);
  std::string why;
  TableTarget out = read_target(table, column, classes_of(table, column, options, why));
  out.why = std::move(why);
  return out;
}

}  // namespace nacre::data
