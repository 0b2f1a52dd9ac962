#include "nacre/data/text/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "nacre/base/error.h"
#include "nacre/base/json.h"
#include "nacre/base/text.h"
#include "nacre/data/files/encoding.h"
#include "nacre/data/files/folder.h"

namespace nacre::data {
namespace {

// Of one text; what is written is what can be read.
constexpr std::int64_t kMostTokens = 1 << 28;
constexpr std::size_t kMostClasses = 1000;

bool is_word_character(std::string_view c) {
  if (c.size() > 1) return true;
  const char b = c[0];
  return (b >= 'a' && b <= 'z') || (b >= '0' && b <= '9') || b == '\'';
}

// The line's number in the class list, adding the class when it is new.
std::int64_t class_number(std::vector<std::string>& names, const std::string& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return found - names.begin();
  names.push_back(name);
  return static_cast<std::int64_t>(names.size()) - 1;
}

}  // namespace

std::string read_text(const std::filesystem::path& path) {
  const MappedFile file(path);
  std::string text = to_utf8(file.bytes());
  if (const auto zero = text.find('\0'); zero != text.npos) {
    throw_io(path.string(), fmt::format("byte {} is zero: a text is expected", zero));
  }
  return text;
}

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    out.push_back(text.substr(at, end - at));
    if (out.back().ends_with('\r')) out.back().pop_back();
    at = end + 1;
  }
  return out;
}

std::vector<std::string> read_lines(const std::filesystem::path& path) {
  std::vector<std::string> out = split_lines(read_text(path));
  std::erase_if(out,
                [](const std::string& line) { return line.find_first_not_of(" \t") == line.npos; });
  return out;
}

LabelledText read_class_files(
    const std::vector<std::pair<std::string, std::filesystem::path>>& classes) {
  LabelledText out;
  for (const auto& [name, path] : classes) {
    const std::int64_t label = class_number(out.class_names, name);
    for (std::string& line : read_lines(path)) {
      out.texts.push_back(std::move(line));
      out.labels.push_back(label);
    }
  }
  return out;
}

LabelledText read_labelled_lines(const std::filesystem::path& path) {
  std::vector<std::pair<std::string, std::string>> rows;
  std::map<std::string, std::int64_t> classes;
  const std::vector<std::string> lines = read_lines(path);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto tab = lines[i].find('\t');
    if (tab == lines[i].npos || tab == 0) {
      throw_io(path.string(),
               fmt::format("text {}: a class, a tab and the text are expected, \"{}\" "
                           "is there",
                           i + 1, shortened(lines[i], 60)),
               "a text without classes can be modelled: data.task = \"language\"");
    }
    if (tab > kMostNameBytes) {
      throw_io(
          path.string(),
          fmt::format("text {}: the class before the tab has {} bytes, at most {} are expected",
                      i + 1, with_thousands(static_cast<long long>(tab)), kMostNameBytes),
          "the class stands before the tab, the text after it: is it the other way round?");
    }
    rows.emplace_back(lines[i].substr(0, tab), lines[i].substr(tab + 1));
    classes[rows.back().first] = 0;
  }
  if (classes.size() > kMostClasses || (classes.size() > 20 && 2 * classes.size() > rows.size())) {
    throw_io(
        path.string(),
        fmt::format("{} classes in {} texts, at most {} and half as many as texts are expected",
                    with_thousands(static_cast<long long>(classes.size())),
                    with_thousands(static_cast<long long>(rows.size())), kMostClasses),
        "the class stands before the tab, the text after it: is it the other way round?");
  }
  LabelledText out;
  for (auto& [name, number] : classes) number = class_number(out.class_names, name);
  for (auto& [name, text] : rows) {
    out.labels.push_back(classes[name]);
    out.texts.push_back(std::move(text));
  }
  return out;
}

LabelledText read_text_folder(const std::filesystem::path& folder) {
  const LabelledFiles files = list_classes(folder, {".txt"});
  LabelledText out{{}, files.labels, files.class_names};
  for (const auto& path : files.files) out.texts.push_back(read_text(path));
  return out;
}

TextEncoder TextEncoder::fit(const std::vector<std::string>& texts, const TextOptions& options) {
  if (options.length < 1 || options.most_words < 1 || options.least_count < 1) {
    throw ValueError("TextEncoder: length, most_words and least_count must be above 0");
  }
  if (options.length > kMostTokens) {
    throw ValueError(
        fmt::format("TextEncoder: length {}, at most {}", options.length, kMostTokens));
  }
  TextEncoder out;
  out.options_ = options;
  std::unordered_map<std::string, std::int64_t> counts;
  for (const std::string& text : texts) {
    for (std::string& token : out.tokens(text)) ++counts[std::move(token)];
  }
  std::vector<std::pair<std::int64_t, std::string>> order;
  for (const auto& [token, count] : counts) {
    if (count >= options.least_count) order.emplace_back(-count, token);
  }
  std::sort(order.begin(), order.end());
  if (static_cast<std::int64_t>(order.size()) > options.most_words) {
    order.resize(static_cast<std::size_t>(options.most_words));
  }
  for (auto& [count, token] : order) out.vocabulary_.push_back(std::move(token));
  out.index();
  return out;
}

void TextEncoder::index() {
  number_of_.clear();
  for (std::size_t i = 0; i < vocabulary_.size(); ++i) {
    number_of_.emplace(vocabulary_[i], static_cast<std::int64_t>(i) + 2);
  }
}

std::vector<std::string> TextEncoder::tokens(std::string_view text) const {
  std::vector<std::string> out;
  if (options_.level == TextOptions::Level::character) {
    for (const std::string_view c : characters(text)) out.emplace_back(c);
    return out;
  }
  std::string word;
  const auto finish = [&] {
    if (!word.empty()) out.push_back(std::exchange(word, {}));
  };
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  for (const std::string_view c : characters(lower)) {
    if (is_word_character(c)) {
      word += c;
      continue;
    }
    finish();
    if (static_cast<unsigned char>(c[0]) > ' ') out.emplace_back(c);
  }
  finish();
  return out;
}

std::vector<std::int64_t> TextEncoder::numbers(std::string_view text) const {
  std::vector<std::int64_t> out;
  for (const std::string& token : tokens(text)) {
    const auto found = number_of_.find(token);
    out.push_back(found == number_of_.end() ? kUnknown : found->second);
  }
  return out;
}

Tensor TextEncoder::encode(std::string_view text) const {
  std::vector<std::int64_t> tokens = numbers(text);
  tokens.resize(static_cast<std::size_t>(options_.length), kPadding);
  return Tensor::from(tokens);
}

std::string TextEncoder::decode(const std::vector<std::int64_t>& numbers) const {
  std::string out;
  for (const std::int64_t n : numbers) {
    if (n == kPadding) continue;
    if (!out.empty() && options_.level == TextOptions::Level::word) out += ' ';
    const bool known = n >= 2 && n < size();
    out += known ? vocabulary_[static_cast<std::size_t>(n - 2)] : "\xef\xbf\xbd";
  }
  return out;
}

std::string TextEncoder::to_json() const {
  const bool words = options_.level == TextOptions::Level::word;
  return json_text(nlohmann::json({{"kind", "text"},
                                   {"level", words ? "word" : "character"},
                                   {"length", options_.length},
                                   {"vocabulary", vocabulary_}}),
                   "TextEncoder");
}

TextEncoder TextEncoder::from_json(const std::string& text, const std::string& source) {
  const std::string name = source + ": preprocessing of text";
  const nlohmann::json parsed = parse_json(text, name);
  const JsonView json(parsed, name, "the file is damaged, or of a newer program");
  TextEncoder out;
  const std::string level = json.at("level").text();
  if (level != "word" && level != "character") json.at("level").fail("\"word\" or \"character\"");
  out.options_.level = level == "word" ? TextOptions::Level::word : TextOptions::Level::character;
  out.options_.length = json.at("length").whole(1, kMostTokens);
  out.vocabulary_ = json.at("vocabulary").texts();
  out.index();
  return out;
}

Dataset text_set(const LabelledText& text, const TextEncoder& encoder) {
  const auto n = static_cast<std::int64_t>(text.texts.size());
  constexpr std::int64_t kMostBytes = std::int64_t{1} << 33;
  if (n > kMostBytes / 8 / encoder.length()) {
    throw ValueError(format_error(
        {.op = "text_set",
         .what = fmt::format("{} texts of {} tokens are more than {}", with_thousands(n),
                             encoder.length(), human_bytes(static_cast<double>(kMostBytes))),
         .hint = "take fewer tokens (data.text_length in a recipe)"}));
  }
  Tensor x({i64, {n, encoder.length()}});
  auto* to = x.mutable_data<std::int64_t>().data();
  for (const std::string& t : text.texts) {
    const Tensor row = encoder.encode(t);
    const auto from = row.data<std::int64_t>();
    to = std::copy(from.begin(), from.end(), to);
  }
  Info info;
  info.class_names = text.class_names;
  info.preprocessing = encoder.to_json();
  return Dataset::from({x}, {Tensor::from(text.labels)}, info);
}

Dataset sequence_set(std::string_view text, const TextEncoder& encoder) {
  const std::vector<std::int64_t> all = encoder.numbers(text);
  const std::int64_t length = encoder.length();
  const auto n = (static_cast<std::int64_t>(all.size()) - 1) / length;
  if (all.size() < 2 || n < 1) {
    throw ValueError(
        fmt::format("sequence_set: {} tokens, {} and one more are needed", all.size(), length));
  }
  const auto count = static_cast<std::ptrdiff_t>(n * length);
  const std::vector<std::int64_t> x(all.begin(), all.begin() + count);
  const std::vector<std::int64_t> y(all.begin() + 1, all.begin() + 1 + count);
  Info info;
  info.preprocessing = encoder.to_json();
  return Dataset::from({Tensor::from(x, {n, length})}, {Tensor::from(y, {n, length})}, info);
}

}  // namespace nacre::data
