// Running text as the samples of a language model: what comes before, and the token that is next.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "nacre/data/dataset.h"
#include "nacre/data/text/text.h"
#include "nacre/data/text/tokenizer/tokenizer.h"

namespace nacre::data {

// The lines of a text for it, without line ends; those that are empty stay in running text only.
// Throws IoError as read_text.
std::vector<std::string> language_lines(const std::filesystem::path& path, bool apart);

// How text becomes tokens and samples, and tokens text again. It travels in the model file.
class LanguageForm {
 public:
  struct Options {
    std::int64_t length = 64;  // tokens of a sample
    // Each line is a sample of its own that begins and ends with a line break, instead of pieces of
    // one running text: names, verses, sentences.
    bool lines = false;
  };
  // Characters, or the tokens of a tokenizer. Throws ValueError for a length below 1 or above 2^20,
  // or an encoder of words: texts come back as they were only from characters.
  using Encoder = std::variant<TextEncoder, Tokenizer>;
  LanguageForm(Encoder encoder, const Options& options);

  TokenIds numbers(std::string_view text) const;
  std::string text(const TokenIds& numbers) const;
  // How many of the tokens of a text stand for what there is no token for.
  std::int64_t unknown(const TokenIds& numbers) const;
  // The text of tokens that come one by one.
  std::function<std::string(std::int64_t token)> reader() const;
  // Numbers that a token may have.
  std::int64_t size() const;
  std::int64_t length() const { return options_.length; }
  bool lines() const { return options_.lines; }

  // Inputs i64 [length], targets the same one token later; behind the end of a short line inputs
  // are 0 and targets -100, which losses and metrics pass over. A longer line loses its end.
  // Running text is joined by line breaks; `moves`: each epoch begins the pieces at another place,
  // so that in the course of training every token is predicted from every length of past. Throws
  // ValueError when there is not enough text for one sample.
  Dataset samples(const std::vector<std::string>& lines, bool moves) const;

  // The lines of a file, as samples() takes them.
  std::vector<std::string> read(const std::filesystem::path& path) const {
    return language_lines(path, options_.lines);
  }

  std::string to_json() const;
  // Throws IoError naming `source`.
  static LanguageForm from_json(const std::string& text, const std::string& source);

 private:
  Dataset of_lines(const std::vector<std::string>& lines) const;

  Encoder encoder_;
  Options options_;
};

// i64 tokens [n] as pieces of `length`, as LanguageForm::samples says. Throws ValueError for fewer
// than length + 1 tokens (2 * length where they move).
Dataset pieces_of(std::vector<std::int64_t> tokens, std::int64_t length, bool moves, Info info);

}  // namespace nacre::data
