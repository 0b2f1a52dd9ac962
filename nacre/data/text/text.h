// Text: files as samples, and how it becomes numbers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "nacre/data/dataset.h"

namespace nacre::data {

// A file as UTF-8 (see to_utf8 in data/files/encoding.h). Throws IoError when it is missing or
// holds zero bytes.
std::string read_text(const std::filesystem::path& path);
// The lines of a text, without line ends; empty ones stay.
std::vector<std::string> split_lines(const std::string& text);
// Those of a file; empty ones are left out.
std::vector<std::string> read_lines(const std::filesystem::path& path);

struct LabelledText {
  std::vector<std::string> texts;
  std::vector<std::int64_t> labels;
  std::vector<std::string> class_names;
};
// One class a file, one text a line: {{"negative", "rt.neg"}, {"positive", "rt.pos"}}.
LabelledText read_class_files(
    const std::vector<std::pair<std::string, std::filesystem::path>>& classes);
// One text a line, after its class and a tab. Throws IoError naming a line without a tab, and for
// more than 1,000 classes or nearly as many as texts.
LabelledText read_labelled_lines(const std::filesystem::path& path);
// FOLDER/CLASS/*.txt, one text a file.
LabelledText read_text_folder(const std::filesystem::path& folder);

struct TextOptions {
  enum class Level { word, character };
  Level level = Level::word;
  std::int64_t length = 128;        // tokens of a sample: longer texts lose their end
  std::int64_t most_words = 20000;  // the vocabulary: the most frequent ones
  std::int64_t least_count = 1;     // words that are rarer are unknown
};

// Text to token numbers: 0 fills up, 1 is an unknown token, the vocabulary follows by frequency.
// Words are runs of letters, digits and apostrophes in lower case (ASCII); any other mark that is
// no blank is a word of its own.
class TextEncoder {
 public:
  static constexpr std::int64_t kPadding = 0;
  static constexpr std::int64_t kUnknown = 1;

  static TextEncoder fit(const std::vector<std::string>& texts, const TextOptions& options = {});

  std::vector<std::string> tokens(std::string_view text) const;
  std::vector<std::int64_t> numbers(std::string_view text) const;
  // i64 [length], cut or filled up.
  Tensor encode(std::string_view text) const;
  // Tokens again, words with blanks between them; padding is left out, unknown is U+FFFD.
  std::string decode(const std::vector<std::int64_t>& numbers) const;
  // Numbers that can occur: the size of an embedding table.
  std::int64_t size() const { return static_cast<std::int64_t>(vocabulary_.size()) + 2; }
  std::int64_t length() const { return options_.length; }
  TextOptions::Level level() const { return options_.level; }

  std::string to_json() const;
  static TextEncoder from_json(const std::string& text, const std::string& source);

 private:
  void index();
  TextOptions options_;
  std::vector<std::string> vocabulary_;
  std::unordered_map<std::string, std::int64_t> number_of_;
};

// Inputs i64 [length], targets i64 [].
Dataset text_set(const LabelledText& text, const TextEncoder& encoder);
// For language models: consecutive pieces of a text, inputs i64 [length], targets the same one
// token later. Throws ValueError when the text is shorter than length + 1 tokens.
Dataset sequence_set(std::string_view text, const TextEncoder& encoder);

}  // namespace nacre::data
