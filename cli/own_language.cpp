// A text to model the language of.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "cli/undivided.h"
#include "nacre/base/error.h"
#include "nacre/base/text.h"
#include "nacre/data/text/language.h"

namespace nacre::cli {
namespace {

namespace fs = std::filesystem;
using Lines = std::vector<std::string>;
using Rows = std::vector<std::int64_t>;

struct OwnLanguage final : OwnData::Undivided {
  Lines lines;
  std::string name;
  bool apart = false;       // each line is a sample of its own
  std::int64_t length = 0;  // 0: of running text 64, of lines that of the longest
  std::string tokens;       // see DataRecipe
  std::int64_t vocabulary = 0;

  Lines select(const Rows& rows) const {
    Lines out;
    for (const std::int64_t r : rows) out.push_back(lines[static_cast<std::size_t>(r)]);
    return out;
  }

  data::LanguageForm::Encoder learn_tokens(const Lines& from) const {
    if (tokens == "bpe") {
      return data::Tokenizer::train({joined(from)}, {.vocabulary = vocabulary});
    }
    if (tokens != "character") return data::Tokenizer::load(tokens);
    // With the characters that begin and end each line.
    return data::TextEncoder::fit({"\n", joined(from)},
                                  {.level = data::TextOptions::Level::character});
  }

  data::LanguageForm learn(const Lines& from) const {
    const data::LanguageForm::Encoder encoder = learn_tokens(from);
    if (length > 0 || !apart) {
      return {encoder, {.length = length > 0 ? length : 64, .lines = apart}};
    }
    const data::LanguageForm any(encoder, {});
    std::size_t longest = 0;
    for (const std::string& line : from) longest = std::max(longest, any.numbers(line).size());
    return {encoder,
            {.length = std::clamp<std::int64_t>(static_cast<std::int64_t>(longest) + 1, 2, 512),
             .lines = apart}};
  }

  std::int64_t encode(const Rows& train, std::vector<data::Dataset*> parts,
                      const std::vector<std::string>& names, const std::vector<Rows>& rows,
                      const std::string& known, std::vector<std::string>* unseen) const override {
    const data::LanguageForm form =
        known.empty() ? learn(select(train)) : form_of<data::LanguageForm>(known);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const bool trains = i == 0;
      const Lines own = select(rows[i]);
      const std::string text = joined(own);
      const data::TokenIds all = form.numbers(text);
      const std::int64_t strange = form.unknown(all);
      if (strange > 0 && unseen) {
        unseen->push_back(fmt::format("{} text: {} of {} characters are none of the training text",
                                      names[i], with_thousands(strange),
                                      with_thousands(static_cast<long long>(all.size()))));
      }
      data::Dataset set = form.samples(own, trains);
      data::Info info = set.info();
      info.name = name;
      *parts[i] = set.with_info(info);
    }
    return form.size();
  }

 private:
  static std::string joined(const Lines& lines) {
    std::string out;
    for (const std::string& line : lines) out.append(line).push_back('\n');
    return out;
  }
};

data::Dataset numbers(std::int64_t begin, std::int64_t end, const std::string& name) {
  if (begin == end) return {};
  Rows rows(static_cast<std::size_t>(end - begin));
  std::iota(rows.begin(), rows.end(), begin);
  return numbered(rows, {}, named_info(name, {}));
}

// The first line of the last `share` of a text by its bytes.
std::int64_t line_at(const Lines& lines, double share) {
  double bytes = 0;
  for (const std::string& line : lines) bytes += static_cast<double>(line.size() + 1);
  double left = bytes * share;
  auto i = static_cast<std::int64_t>(lines.size());
  while (i > 0 && left >= static_cast<double>(lines[static_cast<std::size_t>(i - 1)].size() + 1)) {
    left -= static_cast<double>(lines[static_cast<std::size_t>(--i)].size() + 1);
  }
  return i;
}

}  // namespace

std::unique_ptr<OwnData::Undivided> open_language(const DataRecipe& recipe, data::Parts& parts,
                                                  Findings& findings) {
  if (recipe.path.empty() || fs::is_directory(recipe.path)) {
    throw ValueError("data.task = \"language\" takes one file of text as data.path");
  }
  auto own = std::make_unique<OwnLanguage>();
  own->name = recipe.path;
  own->apart = recipe.lines;
  own->length = recipe.text_length;
  own->tokens = recipe.tokens;
  own->vocabulary = recipe.vocabulary;
  own->lines = data::language_lines(recipe.path, recipe.lines);
  if (own->lines.empty()) throw IoError(recipe.path + ": no text: the file is empty");
  const auto all = static_cast<std::int64_t>(own->lines.size());
  if (recipe.lines) {
    parts.train = numbers(0, all, own->name);
  } else {
    // Samples go over line breaks: validation and test are the end of the text, in one piece each.
    const std::int64_t test = line_at(own->lines, recipe.test);
    const std::int64_t validation = line_at(own->lines, recipe.test + recipe.validation);
    parts.train = numbers(0, validation, own->name);
    parts.validation = numbers(validation, test, own->name);
    parts.test = numbers(test, all, own->name);
  }
  findings.notes.push_back(fmt::format(
      "{} lines of text, {}", with_thousands(all),
      recipe.lines ? "each a sample" : "one running text; its end is for validation and testing"));
  return own;
}

}  // namespace nacre::cli
