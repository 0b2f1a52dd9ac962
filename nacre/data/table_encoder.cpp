#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "nacre/base/error.h"
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
std::vector<std::string> classes_of(const Column& column, TableOptions::Task task,
                                    const std::string& source) {
  if (task == TableOptions::Task::values) {
    if (column.kind == Column::Kind::category) {
      throw ValueError(
          fmt::format("{}: the target \"{}\" holds texts, not values", source, column.name));
    }
    return {};
  }
  if (column.kind == Column::Kind::category) return column.categories;
  std::vector<std::string> out;
  if (task == TableOptions::Task::classes) {
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
    throw_io(source, fmt::format("data row {}, column {}: the class \"{}\" is not known", row + 1,
                                 column.name, name));
  }
  return found - classes.begin();
}

}  // namespace

TableEncoder TableEncoder::fit(const Table& table, const TableOptions& options) {
  if (table.rows == 0 || table.columns.empty()) {
    throw ValueError(table.source + ": the table has no rows");
  }
  TableEncoder out;
  out.has_target_ = options.has_target;
  if (options.has_target) {
    out.target_ = options.target.empty() ? table.columns.back().name : options.target;
    out.classes_ = classes_of(table.column(out.target_), options.task, table.source);
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
      throw ValueError(format_error(
          {.op = table.source,
           .what = fmt::format("column \"{}\" has {} different texts, at most {} are expected",
                               column.name, column.categories.size(), options.most_categories),
           .hint = "leave it out, or raise most_categories"}));
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
        throw ValueError(fmt::format("{}: the numbers of column \"{}\" are too large", table.source,
                                     column.name));
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
  if (out.inputs_.empty()) throw ValueError(table.source + ": no columns are left as inputs");
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
  const Column* target = nullptr;
  for (const Column& c : table.columns) {
    if (has_target_ && c.name == target_) target = &c;
  }
  std::vector<std::size_t> rows;
  std::vector<std::int64_t> classes;
  std::vector<float> values;
  for (std::size_t r = 0; r < static_cast<std::size_t>(table.rows); ++r) {
    if (target && !classes_.empty()) {
      const std::int64_t c = class_at(*target, r, classes_, table.source);
      if (c < 0) continue;
      classes.push_back(c);
    } else if (target) {
      if (target->kind != Column::Kind::number) {
        throw_io(table.source, fmt::format("the target \"{}\" holds texts, not values", target_));
      }
      if (std::isnan(target->numbers[r])) continue;
      values.push_back(static_cast<float>(target->numbers[r]));
    }
    rows.push_back(r);
  }
  const auto n = static_cast<std::int64_t>(rows.size());
  Tensor x({f32, {n, features()}});
  std::vector<const Column*> columns;
  for (const Input& input : inputs_) {
    columns.push_back(&table.column(input.name));
    if (input.categories.empty() && columns.back()->kind != Column::Kind::number) {
      throw_io(table.source,
               fmt::format("column \"{}\": numbers expected, it holds texts", input.name));
    }
  }
  float* to = x.mutable_data<float>().data();
  for (const std::size_t r : rows) {
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
  if (target && !classes_.empty()) targets.push_back(Tensor::from(classes));
  if (target && classes_.empty()) targets.push_back(Tensor::from(values, {n, 1}));
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
      entry["mean"] = input.mean;
      entry["deviation"] = input.deviation;
    } else {
      entry["categories"] = input.categories;
    }
    inputs.push_back(entry);
  }
  Json out = {{"kind", "table"}, {"inputs", inputs}, {"classes", classes_}};
  if (has_target_) out["target"] = target_;
  return out.dump();
}

TableEncoder TableEncoder::from_json(const std::string& text, const std::string& source) {
  try {
    const Json json = Json::parse(text);
    TableEncoder out;
    out.has_target_ = json.contains("target");
    if (out.has_target_) out.target_ = json["target"].get<std::string>();
    out.classes_ = json.at("classes").get<std::vector<std::string>>();
    for (const Json& entry : json.at("inputs")) {
      Input input{.name = entry.at("name").get<std::string>(), .categories = {}};
      if (entry.contains("categories")) {
        input.categories = entry["categories"].get<std::vector<std::string>>();
      } else {
        input.mean = entry.at("mean").get<double>();
        input.deviation = entry.at("deviation").get<double>();
      }
      out.inputs_.push_back(std::move(input));
    }
    return out;
  } catch (const Json::exception& e) {
    throw_io(source, fmt::format("its preprocessing of tables is damaged: {}", e.what()));
  }
}

}  // namespace nacre::data
