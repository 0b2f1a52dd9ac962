#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "nacre/base/error.h"
#include "nacre/base/json.h"
#include "nacre/data/table.h"

namespace nacre::data {
namespace {

using Json = nlohmann::json;

std::string number_text(double value) { return fmt::format("{}", value); }

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

// The class names a target column gives, or none when it holds values.
std::vector<std::string> classes_of(const Column& column, const TableOptions& options,
                                    const std::string& source) {
  if (!options.classes.empty()) return options.classes;
  if (options.task == TableOptions::Task::values) {
    if (column.kind == Column::Kind::category) {
      throw ValueError(
          fmt::format("{}: the target \"{}\" holds texts, not values", source, column.name));
    }
    return {};
  }
  if (column.kind == Column::Kind::category) return column.categories;
  std::vector<std::string> out;
  if (options.task == TableOptions::Task::classes) {
    std::set<double> values;
    for (const double v : column.numbers) {
      if (!std::isnan(v)) values.insert(v);
    }
    for (const double v : values) out.push_back(number_text(v));
    return out;
  }
  for (const double v : few_whole_numbers(column)) out.push_back(number_text(v));
  return out;
}

// The class of a row's target, -1 where it is missing. Throws IoError on an unknown one.
std::int64_t class_at(const Column& column, std::size_t row,
                      const std::vector<std::string>& classes, const std::string& source) {
  std::string name;
  if (column.kind == Column::Kind::category) {
    if (column.codes[row] < 0) return -1;
    name = column.categories[static_cast<std::size_t>(column.codes[row])];
  } else {
    if (std::isnan(column.numbers[row])) return -1;
    name = number_text(column.numbers[row]);
  }
  const auto found = std::find(classes.begin(), classes.end(), name);
  if (found == classes.end()) {
    throw_io(source,
             fmt::format("data row {}, column \"{}\": the class \"{}\" is not known, known {} {}",
                         row + 1, column.name, name, classes.size() == 1 ? "is" : "are",
                         fmt::join(classes, ", ")));
  }
  return found - classes.begin();
}

// The rows whose target is known, with it.
TableTarget read_target(const Table& table, const Column& column,
                        std::vector<std::string> classes) {
  TableTarget out{.name = column.name, .class_names = std::move(classes), .rows = {}, .values = {}};
  const bool as_classes = !out.class_names.empty();
  if (!as_classes && column.kind != Column::Kind::number) {
    throw_io(table.source, fmt::format("the target \"{}\" holds texts, not values", column.name));
  }
  std::vector<std::int64_t> numbers;
  std::vector<float> values;
  for (std::size_t r = 0; r < static_cast<std::size_t>(table.rows); ++r) {
    if (as_classes) {
      const std::int64_t c = class_at(column, r, out.class_names, table.source);
      if (c < 0) continue;
      numbers.push_back(c);
    } else {
      if (std::isnan(column.numbers[r])) continue;
      values.push_back(static_cast<float>(column.numbers[r]));
    }
    out.rows.push_back(static_cast<std::int64_t>(r));
  }
  const auto n = static_cast<std::int64_t>(out.rows.size());
  out.values = as_classes ? Tensor::from(numbers) : Tensor::from(values, {n, 1});
  return out;
}

}  // namespace

Table Table::select(std::span<const std::int64_t> numbers) const {
  Table out{.source = source, .columns = {}, .rows = static_cast<std::int64_t>(numbers.size())};
  for (const Column& column : columns) {
    Column part{.name = column.name, .kind = column.kind};
    std::vector<std::int32_t> code(column.categories.size(), -1);
    for (const std::int64_t n : numbers) {
      const auto r = static_cast<std::size_t>(n);
      if (column.kind == Column::Kind::number) {
        part.numbers.push_back(column.numbers[r]);
        part.missing += std::isnan(column.numbers[r]);
      } else if (column.codes[r] < 0) {
        ++part.missing;
      } else {
        code[static_cast<std::size_t>(column.codes[r])] = 0;
      }
    }
    for (std::size_t c = 0; c < code.size(); ++c) {
      if (code[c] < 0) continue;
      code[c] = static_cast<std::int32_t>(part.categories.size());
      part.categories.push_back(column.categories[c]);
    }
    if (column.kind == Column::Kind::category) {
      for (const std::int64_t n : numbers) {
        const std::int32_t old = column.codes[static_cast<std::size_t>(n)];
        part.codes.push_back(old < 0 ? -1 : code[static_cast<std::size_t>(old)]);
      }
    }
    out.columns.push_back(std::move(part));
  }
  return out;
}

TableTarget target_of(const Table& table, const TableOptions& options) {
  if (table.rows == 0 || table.columns.empty()) throw_io(table.source, "the table has no rows");
  const Column& column =
      options.target.empty() ? table.columns.back() : table.column(options.target);
  return read_target(table, column, classes_of(column, options, table.source));
}

TableEncoder TableEncoder::fit(const Table& table, const TableOptions& options) {
  if (table.rows == 0 || table.columns.empty()) throw_io(table.source, "the table has no rows");
  TableEncoder out;
  out.has_target_ = options.has_target;
  if (options.has_target) {
    out.target_ = options.target.empty() ? table.columns.back().name : options.target;
    out.classes_ = classes_of(table.column(out.target_), options, table.source);
  }
  for (const std::string& name : options.leave_out) table.column(name);
  for (const Column& column : table.columns) {
    if ((options.has_target && column.name == out.target_) ||
        std::find(options.leave_out.begin(), options.leave_out.end(), column.name) !=
            options.leave_out.end()) {
      continue;
    }
    Input input{.name = column.name, .categories = column.categories};
    if (static_cast<std::int64_t>(column.categories.size()) > options.most_categories) {
      throw_io(table.source,
               fmt::format("column \"{}\" has {} different texts, at most {} are expected",
                           column.name, column.categories.size(), options.most_categories),
               "leave it out (data.leave_out in a recipe), or raise most_categories");
    }
    if (column.kind == Column::Kind::number) {
      double n = 0;
      double squares = 0;
      for (const double v : column.numbers) {  // Welford
        if (std::isnan(v)) continue;
        n += 1;
        const double delta = v - input.mean;
        input.mean += delta / n;
        squares += delta * (v - input.mean);
      }
      if (options.standardise && n > 0 && squares > 0) input.deviation = std::sqrt(squares / n);
      if (!std::isfinite(input.deviation) || !std::isfinite(input.mean)) {
        throw_io(table.source,
                 fmt::format("the numbers of column \"{}\" are too large", column.name));
      }
    } else if (column.categories.empty()) {
      continue;  // nothing but missing fields
    }
    out.inputs_.push_back(std::move(input));
  }
  if (!options.standardise) {
    // Missing numbers are still put at the mean; nothing else is moved.
    for (Input& input : out.inputs_) input.deviation = 0;
  }
  if (out.inputs_.empty()) throw_io(table.source, "no columns are left as inputs");
  return out;
}

// deviation 0 stands for "as it is".
void TableEncoder::put(const Input& input, double number, const std::string* category,
                       float*& to) const {
  if (input.categories.empty()) {
    if (std::isnan(number)) number = input.mean;
    *to++ =
        static_cast<float>(input.deviation == 0 ? number : (number - input.mean) / input.deviation);
    return;
  }
  for (const std::string& name : input.categories) *to++ = category && *category == name ? 1 : 0;
}

Dataset TableEncoder::encode(const Table& table) const {
  std::vector<const Column*> columns;
  std::vector<std::string> names;
  for (const Column& c : table.columns) names.push_back(c.name);
  std::vector<std::string> lacking;
  for (const Input& input : inputs_) {
    const auto found = std::find(names.begin(), names.end(), input.name);
    if (found == names.end()) {
      lacking.push_back('"' + input.name + '"');
      continue;
    }
    columns.push_back(&table.columns[static_cast<std::size_t>(found - names.begin())]);
  }
  if (!lacking.empty()) {
    throw_io(table.source,
             fmt::format("no column is called {}; the columns are {}", fmt::join(lacking, ", "),
                         fmt::join(names, ", ")),
             "the first row must name the columns as in training");
  }
  for (std::size_t k = 0; k < inputs_.size(); ++k) {
    if (inputs_[k].categories.empty() && columns[k]->kind != Column::Kind::number) {
      throw_io(table.source,
               fmt::format("column \"{}\": numbers expected, it holds texts", inputs_[k].name));
    }
  }
  TableTarget target;
  const auto at = std::find(names.begin(), names.end(), target_);
  if (has_target_ && at != names.end()) {
    target =
        read_target(table, table.columns[static_cast<std::size_t>(at - names.begin())], classes_);
  } else {
    target.rows.resize(static_cast<std::size_t>(table.rows));
    std::iota(target.rows.begin(), target.rows.end(), std::int64_t{0});
  }
  const auto n = static_cast<std::int64_t>(target.rows.size());
  Tensor x({f32, {n, features()}});
  float* to = x.mutable_data<float>().data();
  for (const std::int64_t row : target.rows) {
    const auto r = static_cast<std::size_t>(row);
    for (std::size_t k = 0; k < inputs_.size(); ++k) {
      const Column& c = *columns[k];
      std::string text;
      const std::string* category = nullptr;
      double number = 0;
      if (c.kind == Column::Kind::category) {
        if (c.codes[r] >= 0) category = &c.categories[static_cast<std::size_t>(c.codes[r])];
      } else {
        number = c.numbers[r];
        if (!inputs_[k].categories.empty() && !std::isnan(number)) {
          text = number_text(number);
          category = &text;
        }
      }
      put(inputs_[k], number, category, to);
    }
  }
  Info info;
  info.name = table.source;
  info.class_names = classes_;
  info.column_names = feature_names();
  info.preprocessing = to_json();
  Tensors targets;
  if (target.values.defined()) targets.push_back(target.values);
  return Dataset::from({x}, targets, info);
}

Tensor TableEncoder::encode_row(std::span<const std::string> fields) const {
  if (fields.size() != inputs_.size()) {
    throw ValueError(
        fmt::format("table: {} fields expected, {} came", inputs_.size(), fields.size()));
  }
  Tensor out({f32, {features()}});
  float* to = out.mutable_data<float>().data();
  for (std::size_t k = 0; k < fields.size(); ++k) {
    double number = std::nan("");
    if (inputs_[k].categories.empty() && !fields[k].empty() && fields[k] != "?") {
      const char* end = fields[k].data() + fields[k].size();
      const auto [stop, error] = std::from_chars(fields[k].data(), end, number);
      if (error != std::errc() || stop != end) {
        throw ValueError(fmt::format("table: field {} ({}): a number expected, \"{}\" came", k + 1,
                                     inputs_[k].name, fields[k]));
      }
    }
    put(inputs_[k], number, &fields[k], to);
  }
  return out;
}

std::int64_t TableEncoder::features() const {
  std::int64_t n = 0;
  for (const Input& input : inputs_) {
    n += input.categories.empty() ? 1 : static_cast<std::int64_t>(input.categories.size());
  }
  return n;
}

std::vector<std::string> TableEncoder::input_names() const {
  std::vector<std::string> out;
  for (const Input& input : inputs_) out.push_back(input.name);
  return out;
}

std::vector<std::string> TableEncoder::feature_names() const {
  std::vector<std::string> out;
  for (const Input& input : inputs_) {
    if (input.categories.empty()) out.push_back(input.name);
    for (const std::string& c : input.categories) out.push_back(input.name + "=" + c);
  }
  return out;
}

std::string TableEncoder::to_json() const {
  Json inputs = Json::array();
  for (const Input& input : inputs_) {
    Json entry = {{"name", input.name}};
    if (input.categories.empty()) {
      if (!std::isfinite(input.mean) || !std::isfinite(input.deviation)) {
        throw ValueError(
            fmt::format("column \"{}\": its numbers are too large: mean {}, deviation {}",
                        input.name, input.mean, input.deviation));
      }
      entry["mean"] = input.mean;
      entry["deviation"] = input.deviation;
    } else {
      entry["categories"] = input.categories;
    }
    inputs.push_back(entry);
  }
  Json out = {{"kind", "table"}, {"inputs", inputs}, {"classes", classes_}};
  if (has_target_) out["target"] = target_;
  return json_text(out, "TableEncoder");
}

TableEncoder TableEncoder::from_json(const std::string& text, const std::string& source) {
  const std::string name = source + ": preprocessing of tables";
  const Json parsed = parse_json(text, name);
  const JsonView json(parsed, name, "the file is damaged, or of a newer program");
  TableEncoder out;
  const auto target = json.find("target");
  out.has_target_ = target.has_value();
  if (target) out.target_ = target->text();
  out.classes_ = json.at("classes").texts();
  for (const JsonView& entry : json.at("inputs").items()) {
    Input input{.name = entry.at("name").text(), .categories = {}};
    if (const auto categories = entry.find("categories")) {
      input.categories = categories->texts();
    } else {
      input.mean = entry.at("mean").number();
      input.deviation = entry.at("deviation").number(0);
    }
    out.inputs_.push_back(std::move(input));
  }
  return out;
}

}  // namespace nacre::data
