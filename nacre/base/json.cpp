#include "nacre/base/json.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "nacre/base/error.h"
#include "nacre/base/file.h"
#include "nacre/base/utf8.h"

namespace nacre {
namespace {

using Json = nlohmann::json;

// The library's text without its own number: "at line 1, column 3: syntax error ...".
std::string reason_of(const Json::exception& e) {
  std::string what = e.what();
  if (what.starts_with('[')) what = what.substr(std::min(what.size(), what.find(']') + 2));
  const std::string_view prefix = "parse error ";
  if (what.starts_with(prefix)) what = what.substr(prefix.size());
  return printable(what);
}

// Builds the value; stops at what the library would take without a word. Depth is bounded here
// since copying and writing a value recurse.
class Builder : public nlohmann::json_sax<Json> {
 public:
  Builder(Json& root, const JsonLimits& limits) : root_(root), limits_(limits) {}
  const std::string& problem() const { return problem_; }

  bool null() override { return put(nullptr) != nullptr; }
  bool boolean(bool value) override { return put(value) != nullptr; }
  bool number_integer(number_integer_t value) override { return put(value) != nullptr; }
  bool number_unsigned(number_unsigned_t value) override { return put(value) != nullptr; }
  bool number_float(number_float_t value, const string_t&) override {
    return put(value) != nullptr;
  }
  bool string(string_t& value) override { return put(std::move(value)) != nullptr; }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_array() override { return close(); }
  bool key(string_t& value) override {
    const auto [place, fresh] = stack_.back()->get_ref<Json::object_t&>().try_emplace(value);
    slot_ = &place->second;
    if (!fresh) problem_ = fmt::format("the key \"{}\" is there twice", printable(value));
    return fresh;
  }
  bool parse_error(std::size_t, const std::string&, const Json::exception& e) override {
    problem_ = reason_of(e);
    return false;
  }

 private:
  // Where it now stands; places in maps and the last elements of lists stay while they are filled.
  Json* put(Json value) {
    if (stack_.empty()) return &(root_ = std::move(value));
    Json& top = *stack_.back();
    if (top.is_object()) return &(*slot_ = std::move(value));
    top.push_back(std::move(value));
    return &top.back();
  }
  bool open(Json empty) {
    if (static_cast<int>(stack_.size()) >= limits_.depth) {
      problem_ = fmt::format("nested deeper than {} levels", limits_.depth);
      return false;
    }
    stack_.push_back(put(std::move(empty)));
    return true;
  }
  bool close() {
    stack_.pop_back();
    return true;
  }

  Json& root_;
  const JsonLimits& limits_;
  std::vector<Json*> stack_;
  Json* slot_ = nullptr;
  std::string problem_;
};

int depth_of(const Json& root) {
  int deepest = 0;
  std::vector<std::pair<const Json*, int>> open{{&root, 1}};
  while (!open.empty()) {
    const auto [value, depth] = open.back();
    open.pop_back();
    if (!value->is_structured()) continue;
    deepest = std::max(deepest, depth);
    for (const Json& item : *value) open.emplace_back(&item, depth + 1);
  }
  return deepest;
}

std::string member_of(const std::string& where, const std::string& key) {
  return where.empty() ? key : where + "." + key;
}

// The place of the first text or key that is not UTF-8.
std::string not_utf8_in(const Json& value, const std::string& where) {
  if (value.is_string()) {
    return is_utf8(value.get_ref<const std::string&>()) ? "" : where.empty() ? "the text" : where;
  }
  std::size_t i = 0;
  if (value.is_object()) {
    for (const auto& [key, item] : value.items()) {
      if (!is_utf8(key)) return member_of(where, key);
      if (std::string found = not_utf8_in(item, member_of(where, key)); !found.empty())
        return found;
    }
  } else if (value.is_array()) {
    for (const Json& item : value) {
      std::string found = not_utf8_in(item, fmt::format("{}[{}]", where, i++));
      if (!found.empty()) return found;
    }
  }
  return {};
}

// What came, for an error.
std::string shown(const Json& value) {
  if (value.is_array()) return fmt::format("a list of {}", value.size());
  if (value.is_object()) return fmt::format("an object of {} keys", value.size());
  return printable(shortened(value.dump(-1, ' ', false, Json::error_handler_t::replace), 60));
}

}  // namespace

nlohmann::json parse_json(std::string_view text, const std::string& name,
                          const JsonLimits& limits) {
  if (text.size() > limits.bytes) {
    throw_io(name, fmt::format("{} bytes of JSON, at most {} are expected here", text.size(),
                               limits.bytes));
  }
  // The library takes a zero byte for the end, whatever follows.
  if (const std::size_t zero = text.find('\0'); zero != text.npos) {
    throw_io(name, fmt::format("not JSON as expected: byte {} is zero", zero),
             "the file is damaged, or of another kind");
  }
  Json value;
  Builder builder(value, limits);
  if (!Json::sax_parse(text.begin(), text.end(), &builder)) {
    throw_io(name, "not JSON as expected: " + builder.problem(),
             "the file is damaged, or of another kind");
  }
  return value;
}

nlohmann::json read_json(const std::filesystem::path& path, const JsonLimits& limits) {
  return parse_json(read_file(path, limits.bytes), path.string(), limits);
}

std::string json_text(const nlohmann::json& value, const std::string& name, int indent,
                      const JsonLimits& limits) {
  if (const int depth = depth_of(value); depth > limits.depth) {
    throw ValueError(fmt::format("{}: nested {} levels deep, at most {} can be read back", name,
                                 depth, limits.depth));
  }
  std::string text;
  try {
    text = value.dump(indent);
  } catch (const Json::exception&) {
    throw ValueError(format_error({.op = name,
                                   .what = fmt::format("\"{}\" is not UTF-8, as JSON has to be",
                                                       printable(not_utf8_in(value, ""))),
                                   .hint = "rename what has this name, or convert it to UTF-8"}));
  }
  if (text.size() > limits.bytes) {
    throw ValueError(fmt::format("{}: {} bytes of JSON, at most {} can be read back", name,
                                 text.size(), limits.bytes));
  }
  return text;
}

JsonView::JsonView(const Json& value, std::string name, std::string hint)
    : value_(&value), name_(std::move(name)), hint_(std::move(hint)) {}

JsonView JsonView::inner(const Json& value, const std::string& where) const {
  JsonView out(value, name_, hint_);
  out.where_ = where;
  return out;
}
JsonView JsonView::element(std::size_t i) const {
  return inner((*value_)[i], fmt::format("{}[{}]", where_, i));
}

JsonView JsonView::at(const std::string& key) const {
  if (std::optional<JsonView> found = find(key)) return *std::move(found);
  throw_io(name_, fmt::format("\"{}\" is missing", printable(member_of(where_, key))), hint_);
}

std::optional<JsonView> JsonView::find(const std::string& key) const {
  if (!value_->is_object()) fail("an object");
  const auto found = value_->find(key);
  if (found == value_->end()) return std::nullopt;
  return inner(*found, member_of(where_, key));
}

std::vector<std::pair<std::string, JsonView>> JsonView::members() const {
  if (!value_->is_object()) fail("an object");
  std::vector<std::pair<std::string, JsonView>> out;
  for (const auto& [key, item] : value_->items()) {
    out.emplace_back(key, inner(item, member_of(where_, key)));
  }
  return out;
}

std::vector<JsonView> JsonView::items(std::size_t most) const {
  if (!value_->is_array() || value_->size() > most) {
    fail(most == kMost ? "a list" : fmt::format("a list of at most {}", most));
  }
  std::vector<JsonView> out;
  out.reserve(value_->size());
  for (std::size_t i = 0; i < value_->size(); ++i) out.push_back(element(i));
  return out;
}

bool JsonView::is_text() const { return value_->is_string(); }

std::string JsonView::text() const {
  if (!value_->is_string()) fail("a text");
  return value_->get<std::string>();
}

bool JsonView::flag() const {
  if (!value_->is_boolean()) fail("true or false");
  return value_->get<bool>();
}

std::int64_t JsonView::whole(std::int64_t least, std::int64_t most) const {
  using Limits = std::numeric_limits<std::int64_t>;
  const auto expected = [&] {
    if (least == Limits::min()) return std::string("a whole number of 64 bits");
    if (most == Limits::max()) return fmt::format("a whole number of at least {}", least);
    return fmt::format("a whole number in {}..{}", least, most);
  };
  if (!value_->is_number_integer()) fail(expected());
  // Above 2^63 the library would wrap.
  if (value_->is_number_unsigned() &&
      value_->get<std::uint64_t>() > static_cast<std::uint64_t>(Limits::max())) {
    fail(expected());
  }
  const auto n = value_->get<std::int64_t>();
  if (n < least || n > most) fail(expected());
  return n;
}

double JsonView::number(double least, double most) const {
  const double n = value_->is_number() ? value_->get<double>() : std::nan("");
  if (n >= least && n <= most) return n;
  fail(most == std::numeric_limits<double>::max() && least == -most
           ? "a number"
           : fmt::format("a number in {}..{}", least, most));
}

double JsonView::number_or_null() const {
  if (value_->is_null()) return std::nan("");
  if (!value_->is_number()) fail("a number, or null for one that is not finite");
  return value_->get<double>();
}

std::vector<std::string> JsonView::texts() const {
  if (!value_->is_array()) fail("a list of texts");
  std::vector<std::string> out;
  out.reserve(value_->size());
  for (std::size_t i = 0; i < value_->size(); ++i) {
    const Json& item = (*value_)[i];
    out.push_back(item.is_string() ? item.get<std::string>() : element(i).text());
  }
  return out;
}

std::vector<double> JsonView::numbers() const {
  if (!value_->is_array()) fail("a list of numbers");
  std::vector<double> out;
  out.reserve(value_->size());
  for (std::size_t i = 0; i < value_->size(); ++i) {
    const Json& item = (*value_)[i];
    out.push_back(item.is_number() ? item.get<double>() : element(i).number());
  }
  return out;
}

std::vector<std::int64_t> JsonView::wholes(std::int64_t least, std::int64_t most) const {
  if (!value_->is_array()) fail("a list of whole numbers");
  std::vector<std::int64_t> out;
  out.reserve(value_->size());
  for (std::size_t i = 0; i < value_->size(); ++i) {
    const Json& item = (*value_)[i];
    const bool small = item.is_number_integer() && !item.is_number_unsigned();
    const auto n = small ? item.get<std::int64_t>() : element(i).whole(least, most);
    if (n < least || n > most) element(i).whole(least, most);
    out.push_back(n);
  }
  return out;
}

void JsonView::fail(const std::string& expected) const {
  const std::string place = where_.empty() ? "" : fmt::format("\"{}\": ", printable(where_));
  throw_io(name_, fmt::format("{}{} expected, {} came", place, expected, shown(*value_)), hint_);
}

}  // namespace nacre
