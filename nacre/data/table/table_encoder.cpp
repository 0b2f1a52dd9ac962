#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <unordered_map>
#include <unordered_set>

#include "nacre/base/error.h"
#include "nacre/base/json.h"
#include "nacre/base/text.h"
#include "nacre/data/table/cell.h"
#include "nacre/data/table/table.h"
#include "nacre/data/table/table_target.h"

namespace nacre::data {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMostBytes = std::int64_t{1} << 33;

// Mean and deviation of what is there (Welford). Throws IoError naming a number that is not finite.
std::pair<double, double> moments_of(const Column& column, const Table& table) {
  double n = 0, mean = 0, squares = 0;
  for (std::size_t r = 0; r < column.numbers.size(); ++r) {
    const double v = column.numbers[r];
    if (std::isnan(v)) continue;
    if (!std::isfinite(v)) {
      throw_io(table.source, fmt::format("data row {}, column \"{}\": {} is no finite number",
                                         table.data_row(r), column.name, v));
    }
    n += 1;
    const double delta = v - mean;
    mean += delta / n;
    squares += delta * (v - mean);
  }
  const double deviation = n > 0 && squares > 0 ? std::sqrt(squares / n) : 1;
  if (!std::isfinite(deviation) || !std::isfinite(mean)) {
    throw_io(table.source, fmt::format("the numbers of column \"{}\" are too large", column.name));
  }
  return {mean, deviation};
}

}  // namespace

Table Table::select(std::span<const std::int64_t> numbers) const {
  Table out{.source = source,
            .columns = {},
            .rows = static_cast<std::int64_t>(numbers.size()),
            .header = header,
            .separator = separator,
            .warnings = warnings,
            .missing = missing};
  for (const std::int64_t n : numbers) {
    out.selected.push_back(data_row(static_cast<std::size_t>(n)) - 1);
  }
  for (const Column& column : columns) {
    Column part{.name = column.name, .kind = column.kind};
    part.type = column.type;
    part.why = column.why;
    part.warnings = column.warnings;
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

TableEncoder TableEncoder::fit(const Table& table, const TableOptions& options) {
  if (table.rows == 0 || table.columns.empty()) throw_io(table.source, "the table has no rows");
  TableEncoder out;
  out.has_target_ = options.has_target;
  out.missing_ = table.missing;
  out.header_ = table.header;
  if (static_cast<unsigned char>(table.separator) < 0x80) out.separator_ = table.separator;
  if (options.has_target) {
    out.target_ = options.target.empty() ? table.columns.back().name : options.target;
    const Column& target = table.column(out.target_);
    std::string why;
    out.classes_ = classes_of(table, target, options, why);
    out.target_type_ = target.type;
  }
  const std::unordered_set<std::string> left_out(options.leave_out.begin(),
                                                 options.leave_out.end());
  for (const std::string& name : options.leave_out) {
    table.column(name);
    if (!options.has_target || name != out.target_) continue;
    throw ValueError(fmt::format(
        "{}: the column \"{}\" is to be left out and is the target: name another one to predict",
        table.source, name));
  }
  for (const Column& column : table.columns) {
    if ((options.has_target && column.name == out.target_) || left_out.contains(column.name)) {
      continue;
    }
    if (static_cast<std::int64_t>(column.categories.size()) > options.most_categories) {
      throw_io(table.source,
               fmt::format("column \"{}\" has {} different texts, at most {} are expected",
                           column.name, column.categories.size(), options.most_categories),
               "leave it out (data.leave_out in a recipe), raise most_categories, or read it as "
               "numbers (data.types) where it holds some");
    }
    Input input{.name = column.name, .categories = column.categories};
    if (column.kind == Column::Kind::number) {
      std::tie(input.mean, input.deviation) = moments_of(column, table);
      // Missing numbers are still put at the mean; nothing else is moved.
      if (!options.standardize) input.deviation = 0;
      input.type = column.type;
    } else if (column.categories.empty()) {
      continue;  // nothing but missing fields
    } else {
      input.type = ColumnType::category;
    }
    out.inputs_.push_back(std::move(input));
  }
  if (out.inputs_.empty()) {
    throw_io(table.source, "no columns are left as inputs",
             table.columns.size() == 1 ? "it has one column: is its separator another one?" : "");
  }
  return out;
}

float TableEncoder::Input::scaled(double number) const {
  if (std::isnan(number)) number = mean;
  return static_cast<float>(deviation == 0 ? number : (number - mean) / deviation);
}

namespace {

// The columns of a table by the names of inputs. Throws IoError naming those it lacks.
std::vector<const Column*> find_columns(const Table& table, const std::vector<std::string>& names) {
  std::unordered_map<std::string_view, const Column*> known;
  for (const Column& c : table.columns) known.emplace(c.name, &c);
  std::vector<const Column*> out;
  std::vector<std::string> lacking;
  for (const std::string& name : names) {
    const auto found = known.find(name);
    if (found == known.end()) {
      lacking.push_back('"' + name + '"');
    } else {
      out.push_back(found->second);
    }
  }
  if (lacking.empty()) return out;
  const std::size_t more = lacking.size() - std::min<std::size_t>(lacking.size(), 20);
  lacking.resize(lacking.size() - more);
  std::vector<std::string> have;
  for (const Column& c : table.columns) {
    if (have.size() < 20) have.push_back(c.name);
  }
  throw_io(table.source,
           fmt::format("no column is called {}{}; the columns are {}{}", fmt::join(lacking, ", "),
                       more > 0 ? fmt::format(" and {} more", more) : "", fmt::join(have, ", "),
                       have.size() < table.columns.size() ? ", ..." : ""),
           "the first row must name the columns as in training");
}

// For each category of a column of texts its place among the known ones, -1 for others.
std::vector<std::int64_t> places_of(const Column& column, const std::vector<std::string>& known) {
  std::unordered_map<std::string_view, std::int64_t> place;
  for (const std::string& name : known) {
    place.emplace(name, static_cast<std::int64_t>(place.size()));
  }
  std::vector<std::int64_t> out;
  for (const std::string& name : column.categories) {
    const auto found = place.find(name);
    out.push_back(found == place.end() ? -1 : found->second);
  }
  return out;
}

}  // namespace

Dataset TableEncoder::encode(const Table& table, std::vector<std::string>* warnings) const {
  const std::vector<const Column*> columns = find_columns(table, input_names());
  for (std::size_t k = 0; k < inputs_.size(); ++k) {
    if (inputs_[k].categories.empty() && columns[k]->kind != Column::Kind::number) {
      throw_io(table.source,
               fmt::format("column \"{}\": numbers expected, it holds texts", inputs_[k].name));
    }
  }
  TableTarget target;
  const auto at = std::find_if(table.columns.begin(), table.columns.end(),
                               [&](const Column& c) { return c.name == target_; });
  if (has_target_ && at != table.columns.end()) {
    target = read_target(table, *at, classes_);
  } else {
    target.rows.resize(static_cast<std::size_t>(table.rows));
    std::iota(target.rows.begin(), target.rows.end(), std::int64_t{0});
  }
  const auto n = static_cast<std::int64_t>(target.rows.size());
  const std::int64_t width = features();
  if (n > kMostBytes / 4 / width) {
    throw_io(table.source,
             fmt::format("{} rows of {} features (categories count one each) are more than {}",
                         with_thousands(n), with_thousands(width),
                         human_bytes(static_cast<double>(kMostBytes))),
             "leave out the columns with the most categories (data.leave_out)");
  }
  Tensor x({f32, {n, width}});
  float* const to = x.mutable_data<float>().data();
  std::fill_n(to, n * width, 0.0f);
  std::int64_t first = 0;  // feature of input k
  for (std::size_t k = 0; k < inputs_.size(); ++k) {
    encode_input(inputs_[k], *columns[k], table, target.rows, to + first, width, warnings);
    first += inputs_[k].width();
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

void TableEncoder::encode_input(const Input& input, const Column& column, const Table& table,
                                std::span<const std::int64_t> rows, float* to, std::int64_t stride,
                                std::vector<std::string>* warnings) {
  if (input.categories.empty()) {
    for (const std::int64_t row : rows) {
      const double number = column.numbers[static_cast<std::size_t>(row)];
      *to = input.scaled(number);
      if (!std::isfinite(*to)) {
        throw_io(table.source,
                 fmt::format("data row {}, column \"{}\": {} is not finite in f32",
                             table.data_row(static_cast<std::size_t>(row)), input.name, number));
      }
      to += stride;
    }
    return;
  }
  // Texts, or numbers that were texts where the encoder learned.
  Column texts;
  const Column* from = &column;
  if (column.kind == Column::Kind::number) {
    std::unordered_map<double, std::int32_t> codes;
    for (const double v : column.numbers) {
      if (std::isnan(v)) {
        texts.codes.push_back(-1);
        continue;
      }
      const auto [code, is_new] = codes.emplace(v, static_cast<std::int32_t>(codes.size()));
      if (is_new) texts.categories.push_back(number_text(v));
      texts.codes.push_back(code->second);
    }
    from = &texts;
  }
  const std::vector<std::int64_t> places = places_of(*from, input.categories);
  constexpr std::size_t kExamples = 3;
  std::int64_t unknown = 0;
  std::vector<std::int32_t> examples;  // the first different ones
  std::string shown;
  for (const std::int64_t row : rows) {
    const std::int32_t code = from->codes[static_cast<std::size_t>(row)];
    const std::int64_t place = code < 0 ? -1 : places[static_cast<std::size_t>(code)];
    if (place >= 0) to[place] = 1;
    to += stride;
    if (code < 0 || place >= 0) continue;
    ++unknown;
    if (examples.size() > kExamples ||
        std::find(examples.begin(), examples.end(), code) != examples.end()) {
      continue;
    }
    examples.push_back(code);
    shown += examples.size() > kExamples
                 ? ", ..."
                 : fmt::format("{}data row {}: \"{}\"", shown.empty() ? "" : ", ",
                               table.data_row(static_cast<std::size_t>(row)),
                               short_text(from->categories[static_cast<std::size_t>(code)]));
  }
  if (warnings && unknown > 0) {
    warnings->push_back(
        fmt::format("column \"{}\": {} of {} cells hold categories that the model does not know "
                    "({}): taken as none of them",
                    input.name, unknown, rows.size(), shown));
  }
}

CsvOptions TableEncoder::csv_options() const {
  CsvOptions options{.missing = missing_};
  for (const Input& input : inputs_) {
    options.types.emplace(input.name, input.type);
    options.inputs.push_back(input.name);
  }
  if (has_target_) {
    options.types.emplace(target_, target_type_);
    options.target = target_;
  }
  if (!header_) options.header = CsvOptions::Header::absent;
  options.likely_separator = separator_;
  return options;
}

Tensor TableEncoder::encode_row(std::span<const std::string> fields) const {
  if (fields.size() != inputs_.size()) {
    throw ValueError(
        fmt::format("table: {} fields expected, {} came", inputs_.size(), fields.size()));
  }
  Tensor out = zeros({features()});
  float* to = out.mutable_data<float>().data();
  for (std::size_t k = 0; k < fields.size(); ++k) {
    const Input& input = inputs_[k];
    const std::string field(trimmed(fields[k]));
    const bool missing = std::find(missing_.begin(), missing_.end(), field) != missing_.end();
    if (input.categories.empty()) {
      double number = std::nan("");
      if (!missing && (!to_number(field, input.type, number) || !std::isfinite(number))) {
        throw ValueError(fmt::format("table: field {} ({}): a number expected, \"{}\" came", k + 1,
                                     input.name, fields[k]));
      }
      *to = input.scaled(number);
      if (!std::isfinite(*to)) {
        throw ValueError(fmt::format("table: field {} ({}): {} is not finite in f32", k + 1,
                                     input.name, fields[k]));
      }
    } else if (!missing) {
      const auto found = std::find(input.categories.begin(), input.categories.end(), field);
      if (found != input.categories.end()) to[found - input.categories.begin()] = 1;
    }
    to += input.width();
  }
  return out;
}

std::int64_t TableEncoder::features() const {
  std::int64_t n = 0;
  for (const Input& input : inputs_) n += input.width();
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
      entry["type"] = to_string(input.type);
    } else {
      entry["categories"] = input.categories;
    }
    inputs.push_back(entry);
  }
  Json out = {{"kind", "table"},     {"inputs", inputs},
              {"classes", classes_}, {"missing", missing_},
              {"header", header_},   {"separator", std::string(1, separator_)}};
  if (has_target_) {
    out["target"] = target_;
    out["target_type"] = to_string(target_type_);
  }
  return json_text(out, "TableEncoder");
}

TableEncoder TableEncoder::from_json(const std::string& text, const std::string& source) {
  const std::string name = source + ": preprocessing of tables";
  const Json parsed = parse_json(text, name);
  const JsonView json(parsed, name, "the file is damaged, or of a newer program");
  // Files of older programs say neither types nor missing words.
  const auto type_of = [](const JsonView& entry, const std::string& key, ColumnType otherwise) {
    const auto type = entry.find(key);
    if (!type) return otherwise;
    try {
      return column_type(type->text());
    } catch (const ValueError&) {
      type->fail("a type of columns");
    }
  };
  TableEncoder out;
  const auto target = json.find("target");
  out.has_target_ = target.has_value();
  if (target) out.target_ = target->text();
  out.target_type_ = type_of(json, "target_type", ColumnType::automatic);
  if (const auto missing = json.find("missing")) out.missing_ = missing->texts();
  if (const auto header = json.find("header")) out.header_ = header->flag();
  if (const auto separator = json.find("separator")) {
    const std::string text = separator->text();
    if (text.size() != 1) separator->fail("one character");
    out.separator_ = text[0];
  }
  out.classes_ = json.at("classes").texts();
  for (const JsonView& entry : json.at("inputs").items()) {
    Input input{.name = entry.at("name").text(), .categories = {}};
    if (const auto categories = entry.find("categories")) {
      input.categories = categories->texts();
      if (input.categories.empty()) categories->fail("categories");
      input.type = ColumnType::category;
    } else {
      input.mean = entry.at("mean").number();
      input.deviation = entry.at("deviation").number(0);
      input.type = type_of(entry, "type", ColumnType::number);
      if (input.type == ColumnType::automatic || input.type == ColumnType::category) {
        entry.at("type").fail("a type of numbers");
      }
    }
    out.inputs_.push_back(std::move(input));
  }
  if (out.inputs_.empty()) json.at("inputs").fail("at least one input");
  return out;
}

}  // namespace nacre::data
