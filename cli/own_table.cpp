// The user's own table.
#include <fmt/format.h>

#include <algorithm>

#include "cli/undivided.h"
#include "nacre/base/utf8.h"

namespace nacre::cli {
namespace {

// Columns that are left out hold what they may.
data::CsvOptions csv_options(const DataRecipe& recipe) {
  data::CsvOptions options;
  options.types = data::column_types(recipe.types);
  for (const std::string& name : recipe.leave_out) {
    options.types.emplace(name, data::ColumnType::category);
  }
  if (!recipe.default_missing) options.missing = {""};
  options.missing.insert(options.missing.end(), recipe.missing.begin(), recipe.missing.end());
  using Header = data::CsvOptions::Header;
  if (recipe.header == "present") options.header = Header::present;
  if (recipe.header == "absent") options.header = Header::absent;
  return options;
}

// What was found out about a table that its user should know.
Findings look_at(const data::Table& table, const data::TableTarget& target,
                 const DataRecipe& recipe) {
  Findings out;
  out.warnings = table.warnings;
  std::int64_t counts[2] = {0, 0};
  std::vector<std::string> gaps;
  for (const data::Column& c : table.columns) {
    const auto& left = recipe.leave_out;
    if (std::find(left.begin(), left.end(), c.name) != left.end()) continue;
    for (const std::string& w : c.warnings) {
      out.warnings.push_back(fmt::format("column \"{}\": {}", c.name, w));
    }
    if (c.name == target.name) continue;
    ++counts[c.kind == data::Column::Kind::category ? 1 : 0];
    if (c.missing > 0) gaps.push_back(fmt::format("{} {}", c.name, c.missing));
  }
  out.notes.push_back(
      fmt::format("{} rows: {} columns of numbers, {} of categories; target \"{}\"{}: {}",
                  table.rows, counts[0], counts[1], target.name,
                  recipe.target.empty() ? " (the last column)" : "", target.why));
  if (!gaps.empty()) {
    const std::size_t all = gaps.size();
    gaps.resize(std::min<std::size_t>(all, 10));
    out.notes.push_back(
        fmt::format("missing cells, numbers at the mean and categories as none: {}{}",
                    fmt::join(gaps, ", "), all > 10 ? ", ..." : ""));
  }
  const auto without = table.rows - static_cast<std::int64_t>(target.rows.size());
  if (without > 0) {
    std::int64_t first = 0;
    while (first < static_cast<std::int64_t>(target.rows.size()) &&
           target.rows[static_cast<std::size_t>(first)] == first) {
      ++first;
    }
    out.warnings.push_back(
        fmt::format("{} of {} rows have no target and are left out, the first of them data row {}",
                    without, table.rows, first + 1));
  }
  return out;
}

data::TableOptions table_options(const DataRecipe& recipe) {
  data::TableOptions options{.target = recipe.target, .leave_out = recipe.leave_out};
  if (recipe.task == "classification") options.task = data::TableOptions::Task::classes;
  if (recipe.task == "regression") options.task = data::TableOptions::Task::values;
  return options;
}

struct OwnTable final : OwnData::Undivided {
  data::Table table;
  data::TableOptions options;

  std::int64_t encode(const std::vector<std::int64_t>& train, std::vector<data::Dataset*> parts,
                      const std::vector<std::string>& names,
                      const std::vector<std::vector<std::int64_t>>& rows, const std::string& known,
                      std::vector<std::string>* unseen) const override {
    const auto encoder = known.empty() ? data::TableEncoder::fit(table.select(train), options)
                                       : form_of<data::TableEncoder>(known);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      std::vector<std::string> warnings;
      *parts[i] = encoder.encode(table.select(rows[i]), &warnings);
      for (const std::string& w : warnings) {
        if (unseen) unseen->push_back(fmt::format("{} rows: {}", names[i], w));
      }
    }
    return 0;
  }
};

}  // namespace

data::Table read_table(const DataRecipe& recipe, std::vector<std::string>* problems) {
  data::CsvOptions options = csv_options(recipe);
  options.problems = problems;
  return data::read_csv(recipe.path, options);
}

std::unique_ptr<OwnData::Undivided> open_table(const DataRecipe& recipe, data::Parts& parts,
                                               Findings& findings) {
  auto own = std::make_unique<OwnTable>();
  own->table = read_table(recipe);
  if (own->table.rows < 2) {
    throw IoError(format_error({.op = own->table.source,
                                .what = "has one row of data: there is nothing to learn from it",
                                .hint = "a row of names alone counts as data"}));
  }
  own->options = table_options(recipe);
  const data::TableTarget target = data::target_of(own->table, own->options);
  if (target.rows.empty()) {
    throw IoError(
        fmt::format("{}: no row has a value in the target \"{}\"", own->table.source, target.name));
  }
  findings = look_at(own->table, target, recipe);
  expect_classes(
      own->table.source, target.class_names,
      fmt::format("the target is \"{}\": is another column meant (data.target)?", target.name));
  own->options.target = target.name;
  own->options.classes = target.class_names;
  own->options.task = target.class_names.empty() ? data::TableOptions::Task::values
                                                 : data::TableOptions::Task::classes;
  parts.train =
      numbered(target.rows, {target.values}, named_info(own->table.source, target.class_names));
  return own;
}

}  // namespace nacre::cli
