#include "cli/recipe.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <variant>

#include "cli/toml.h"
#include "nacre/base/error.h"
#include "nacre/base/file.h"
#include "nacre/base/json.h"
#include "nacre/base/text.h"
#include "nacre/base/utf8.h"
#include "nacre/data/table/table.h"
#include "nacre/zoo/task.h"

namespace nacre::cli {
namespace {

using Json = nlohmann::json;
using Strings = std::vector<std::string>;
using Field =
    std::variant<std::string*, double*, std::int64_t*, std::uint64_t*, int*, bool*, Strings*>;

// Every key once: what reads, writes, sets and suggests goes through this list.
std::vector<std::pair<std::string, Field>> fields(Recipe& r) {
  return {{"data.name", &r.data.name},
          {"data.path", &r.data.path},
          {"data.target", &r.data.target},
          {"data.task", &r.data.task},
          {"data.lines", &r.data.lines},
          {"data.tokens", &r.data.tokens},
          {"data.vocabulary", &r.data.vocabulary},
          {"data.leave_out", &r.data.leave_out},
          {"data.types", &r.data.types},
          {"data.missing", &r.data.missing},
          {"data.default_missing", &r.data.default_missing},
          {"data.header", &r.data.header},
          {"data.standardize_targets", &r.data.standardize_targets},
          {"data.validation", &r.data.validation},
          {"data.test", &r.data.test},
          {"data.image_size", &r.data.image_size},
          {"data.sound_seconds", &r.data.sound_seconds},
          {"data.text_length", &r.data.text_length},
          {"data.augment", &r.data.augment},
          {"data.limit", &r.data.limit},
          {"data.workers", &r.data.workers},
          {"model.name", &r.model.name},
          {"model.layers", &r.model.layers},
          {"model.blocks", &r.model.blocks},
          {"model.heads", &r.model.heads},
          {"model.width", &r.model.width},
          {"model.dropout", &r.model.dropout},
          {"train.epochs", &r.train.epochs},
          {"train.batch_size", &r.train.batch_size},
          {"train.steps_per_epoch", &r.train.steps_per_epoch},
          {"train.optimizer", &r.train.optimizer},
          {"train.optimizer_options", &r.train.optimizer_options},
          {"train.learning_rate", &r.train.learning_rate},
          {"train.weight_decay", &r.train.weight_decay},
          {"train.schedule", &r.train.schedule},
          {"train.loss", &r.train.loss},
          {"train.metrics", &r.train.metrics},
          {"train.clip_norm", &r.train.clip_norm},
          {"train.label_smoothing", &r.train.label_smoothing},
          {"train.early_stopping", &r.train.early_stopping},
          {"train.checkpoint_every", &r.train.checkpoint_every},
          {"train.seed", &r.train.seed},
          {"train.precision", &r.train.precision},
          {"train.check_finite", &r.train.check_finite},
          {"run.directory", &r.run.directory},
          {"run.threads", &r.run.threads},
          {"run.tensorboard", &r.run.tensorboard}};
}

Field find_field(Recipe& recipe, const std::string& key, const std::string& where) {
  Strings names;
  for (const auto& [name, field] : fields(recipe)) {
    if (name == key) return field;
    names.push_back(name);
  }
  if (key == "data.standardise_targets") {
    throw ValueError(
        fmt::format("{}: \"{}\" is now called \"data.standardize_targets\"", where, key));
  }
  throw ValueError(fmt::format("{}: unknown key \"{}\"{}", where, key, did_you_mean(key, names)));
}

[[noreturn]] void fail_type(const std::string& where, const std::string& key,
                            const std::string& expected, const Json& value) {
  const std::string given = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  throw ValueError(
      fmt::format("{}: \"{}\" must be {}, not {}", where, key, expected, shortened(given, 60)));
}

// A number that the field's type does not hold is an error, never another number.
void put_whole(const Field& field, const Json& value, const std::string& key,
               const std::string& where) {
  if (!value.is_number_integer()) fail_type(where, key, "a whole number", value);
  const bool negative = !value.is_number_unsigned() && value.get<std::int64_t>() < 0;
  const std::uint64_t size = negative ? 0 : value.get<std::uint64_t>();
  const auto expect_at_most = [&](std::uint64_t most) {
    if (size > most) fail_type(where, key, fmt::format("at most {}", most), value);
  };
  if (auto* const* u = std::get_if<std::uint64_t*>(&field)) {
    if (negative) fail_type(where, key, "0 or more", value);
    **u = size;
  } else if (auto* const* i = std::get_if<int*>(&field)) {
    if (negative) fail_type(where, key, "0 or more", value);
    expect_at_most(std::numeric_limits<int>::max());
    **i = static_cast<int>(size);
  } else {
    expect_at_most(std::numeric_limits<std::int64_t>::max());
    **std::get_if<std::int64_t*>(&field) = value.get<std::int64_t>();
  }
}

// Puts a JSON value into a field; numbers may be whole where a fraction is expected.
void put(const Field& field, const Json& value, const std::string& key, const std::string& where) {
  if (auto* const* s = std::get_if<std::string*>(&field)) {
    if (value.is_array() && key == "model.layers") {
      **s = json_text(value, where + ": model.layers");
    } else if (value.is_string()) {
      **s = value.get<std::string>();
    } else {
      fail_type(where, key, "a text", value);
    }
  } else if (auto* const* d = std::get_if<double*>(&field)) {
    if (!value.is_number() || !std::isfinite(value.get<double>())) {
      fail_type(where, key, "a finite number", value);
    }
    **d = value.get<double>();
  } else if (auto* const* b = std::get_if<bool*>(&field)) {
    if (!value.is_boolean()) fail_type(where, key, "true or false", value);
    **b = value.get<bool>();
  } else if (auto* const* list = std::get_if<Strings*>(&field)) {
    if (value.is_object() && (key == "data.types" || key == "train.optimizer_options")) {
      (*list)->clear();  // {zip = "category"}, {momentum = 0.9}
      for (const auto& [name, item] : value.items()) {
        if (key == "data.types" && !item.is_string()) {
          fail_type(where, key + "." + name, "a text", item);
        }
        (*list)->push_back(name + "=" + (item.is_string() ? item.get<std::string>() : item.dump()));
      }
    } else if (value.is_string()) {
      **list = {value.get<std::string>()};
    } else if (value.is_array() && std::all_of(value.begin(), value.end(),
                                               [](const Json& v) { return v.is_string(); })) {
      **list = value.get<Strings>();
    } else {
      fail_type(where, key, "a list of texts", value);
    }
  } else {
    put_whole(field, value, key, where);
  }
}

// {"train": {"epochs": 3}} sets "train.epochs".
void apply(Recipe& recipe, const Json& tables, const std::string& where) {
  for (const auto& [section, table] : tables.items()) {
    if (!table.is_object()) {
      throw ValueError(
          fmt::format("{}: \"{}\" stands outside a section; the sections are [data], "
                      "[model], [train] and [run]",
                      where, section));
    }
    if (table.empty()) {
      const Strings sections{"data", "model", "train", "run"};
      if (std::find(sections.begin(), sections.end(), section) == sections.end()) {
        throw ValueError(fmt::format("{}: unknown section [{}]{}", where, section,
                                     did_you_mean(section, sections)));
      }
    }
    for (const auto& [key, value] : table.items()) {
      const std::string full = section + "." + key;
      put(find_field(recipe, full, where), value, full, where);
    }
  }
}

Json value_of(const Recipe& recipe, const std::string& key) {
  Recipe copy = recipe;
  Json out;
  std::visit([&](auto* value) { out = *value; }, find_field(copy, key, "recipe"));
  return out;
}

// A run keeps its recipe as JSON.
void expect_utf8(const Recipe& recipe) {
  Recipe copy = recipe;
  for (const auto& [name, field] : fields(copy)) {
    Strings texts;
    if (auto* const* s = std::get_if<std::string*>(&field)) texts = {**s};
    if (auto* const* list = std::get_if<Strings*>(&field)) texts = **list;
    for (const std::string& text : texts) {
      if (is_utf8(text)) continue;
      throw ValueError(format_error(
          {.op = "recipe",
           .what = fmt::format("\"{}\" must be UTF-8, \"{}\" is not", name, printable(text)),
           .hint = "rename the file or folder; a folder can also be gone into and called \".\""}));
    }
  }
}

}  // namespace

void fail_choice(const char* what, const std::string& given,
                 const std::vector<std::string>& known) {
  throw ValueError(fmt::format("unknown {} \"{}\"{}\n  hint: known are {}", what, given,
                               did_you_mean(given, known), fmt::join(known, ", ")));
}

Recipe recipe_from_toml(const std::string& text, const std::string& name) {
  Recipe recipe;
  apply(recipe, parse_toml(text, name), name);
  validate(recipe);
  return recipe;
}

Recipe read_recipe(const std::string& path) {
  constexpr std::uint64_t kMost = 64
                                  << 20;  // of any file; what is longer than a recipe is said below
  return recipe_from_toml(read_file(path, kMost), path);
}

void set_key(Recipe& recipe, const std::string& assignment) {
  const auto equals = assignment.find('=');
  if (equals == assignment.npos) {
    throw ValueError("--set " + assignment + ": expected key=value, for example train.epochs=3");
  }
  const std::string key = assignment.substr(0, equals);
  const std::string text = assignment.substr(equals + 1);
  const Field field = find_field(recipe, key, "--set");
  if (std::holds_alternative<std::string*>(field)) {
    put(field, text, key, "--set");
  } else if (std::holds_alternative<Strings*>(field)) {
    Json list = Json::array();
    std::istringstream parts(text);
    for (std::string part; std::getline(parts, part, ',');) list.push_back(part);
    put(field, list, key, "--set");
  } else {
    Json value = text;
    try {
      value = parse_json(text, key);
    } catch (const IoError&) {  // a text then, which has its own error below
    }
    put(field, value, key, "--set");
  }
}

void validate(const Recipe& r) {
  expect_utf8(r);
  const auto expect = [&](bool holds, const std::string& key, const std::string& what) {
    if (!holds) fail_type("recipe", key, what, value_of(r, key));
  };
  expect(r.data.name.empty() || r.data.path.empty(), "data.name",
         "left out when data.path is given: they name two datasets");
  expect(r.data.validation >= 0 && r.data.validation < 1, "data.validation", "in [0, 1)");
  expect(r.data.test >= 0 && r.data.test < 1, "data.test", "in [0, 1)");
  expect(r.data.image_size >= 0 && r.data.image_size <= 4096, "data.image_size", "in 0..4096");
  expect(r.data.sound_seconds > 0 && r.data.sound_seconds <= 600, "data.sound_seconds",
         "above 0 and at most 600");
  expect(r.data.text_length >= 0 && r.data.text_length <= 1 << 20, "data.text_length",
         "in 0..1048576");
  expect(r.data.limit >= 0, "data.limit", "0 or more");
  expect(r.data.vocabulary >= 257 && r.data.vocabulary <= 1 << 20, "data.vocabulary",
         "in 257..1048576");
  expect(r.data.tokens == "character" || r.data.tokens == "bpe" || r.data.tokens.ends_with(".json"),
         "data.tokens", "\"character\", \"bpe\" or a tokenizer.json");
  expect(r.data.workers >= -1 && r.data.workers <= 256, "data.workers", "in 0..256, or -1");
  const auto size = [&](std::int64_t value, const char* key, std::int64_t most) {
    expect(value >= 0 && value <= most, key, fmt::format("in 0..{}", most));
  };
  size(r.model.blocks, "model.blocks", 1000);
  size(r.model.heads, "model.heads", 1024);
  size(r.model.width, "model.width", 1 << 16);
  expect(r.model.dropout >= 0 && r.model.dropout < 1, "model.dropout", "in [0, 1)");
  expect(r.model.layers.empty() || (r.model.blocks == 0 && r.model.heads == 0 &&
                                    r.model.width == 0 && r.model.dropout == 0),
         "model.layers", "left out where sizes of a named model are given");
  expect(r.train.epochs >= 0 && r.train.epochs <= kMostCount, "train.epochs", "in 0..2147483647");
  expect(r.train.batch_size >= 1 && r.train.batch_size <= kMostCount, "train.batch_size",
         "in 1..2147483647");
  expect(r.train.steps_per_epoch >= 0, "train.steps_per_epoch", "0 (all) or more");
  expect(r.train.learning_rate >= 0, "train.learning_rate", "0 (the default) or more");
  expect(r.train.weight_decay >= 0 || r.train.weight_decay == -1, "train.weight_decay",
         "0 or more, or -1 (the optimizer's default)");
  expect(r.train.clip_norm >= 0, "train.clip_norm", "0 (off) or more");
  expect(r.train.label_smoothing >= 0 && r.train.label_smoothing < 1, "train.label_smoothing",
         "in [0, 1)");
  expect(r.train.early_stopping >= 0 && r.train.early_stopping <= kMostCount,
         "train.early_stopping", "0 (off) or a whole number up to 2147483647");
  expect(r.train.checkpoint_every >= 0, "train.checkpoint_every", "0 (once an epoch) or more");
  if (r.train.optimizer == "lbfgs") {  // finds its step by a line search along whole gradients
    const std::string none = "left out: the optimizer lbfgs has none";
    expect(r.train.learning_rate == 0, "train.learning_rate", none);
    expect(r.train.weight_decay <= 0, "train.weight_decay", none);
    expect(r.train.clip_norm == 0, "train.clip_norm", none);
    expect(r.train.schedule == "constant", "train.schedule", none);
    expect(r.train.optimizer_options.empty(), "train.optimizer_options", none);
  }
  const Strings precisions{"f32", "bf16", "auto"};
  expect(std::find(precisions.begin(), precisions.end(), r.train.precision) != precisions.end(),
         "train.precision", "f32, bf16 or auto");
  expect(r.model.layers.empty() || r.model.name == "auto", "model.name",
         "left out when model.layers is given: they describe two networks");
  expect(r.run.threads >= 0 && r.run.threads <= kMostThreads, "run.threads", "in 0..1024");
  const Strings headers{"auto", "present", "absent"};
  expect(std::find(headers.begin(), headers.end(), r.data.header) != headers.end(), "data.header",
         "auto, present or absent");
  data::column_types(r.data.types);
  Strings tasks = zoo::task_names();
  tasks.insert(tasks.begin(), "auto");
  expect(std::find(tasks.begin(), tasks.end(), r.data.task) != tasks.end(), "data.task",
         fmt::format("one of {}", fmt::join(tasks, ", ")));
}

std::vector<KeyChange> changed_keys(const Recipe& before, const Recipe& now) {
  Recipe left = before;
  std::vector<KeyChange> out;
  for (const auto& [key, field] : fields(left)) {
    const Json old = value_of(before, key), value = value_of(now, key);
    if (old != value) out.push_back({key, old.dump(), value.dump()});
  }
  return out;
}

std::string to_json(const Recipe& recipe) {
  Recipe copy = recipe;
  Json tables;
  for (const auto& [name, field] : fields(copy)) {
    const auto dot = name.find('.');
    Json& slot = tables[name.substr(0, dot)][name.substr(dot + 1)];
    std::visit([&](auto* value) { slot = *value; }, field);
  }
  return json_text(tables, "config.json", 2);
}

Recipe recipe_from_json(const std::string& text, const std::string& name) {
  const Json tables = parse_json(text, name);
  if (!tables.is_object()) throw_io(name, "a JSON object of sections is expected");
  try {
    Recipe recipe;
    apply(recipe, tables, name);
    validate(recipe);
    return recipe;
  } catch (const ValueError& e) {
    const std::string what = e.what();
    throw IoError(what.starts_with(name) ? what : name + ": " + what);
  }
}

}  // namespace nacre::cli
