// Tokenizer: text to the numbers of its tokens and back, as Hugging Face's tokenizer.json describes
// it. What of such a file is not known here is refused by its name, never passed over.
//
//   const Tokenizer t = Tokenizer::train(texts, {.vocabulary = 8000});
//   const TokenIds ids = t.encode("Byte pairs!").ids;
//   t.decode(ids);                       // "Byte pairs!"
//   t.save("tokenizer.json");            // opens in the `tokenizers` package
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "nacre/data/text/tokenizer/word_model.h"

namespace nacre::data {

// A token that is found in the text before all else.
struct AddedToken {
  std::string content;
  std::int64_t id = 0;
  bool special = false;      // left out by decode(skip_special = true)
  bool single_word = false;  // only where no letter or digit touches it
  bool lstrip = false;       // takes the blanks before it
  bool rstrip = false;       // takes the blanks behind it
  bool normalized = false;   // is looked for in the normalized text
};

struct Encoding {
  TokenIds ids;
  TokenIds type_ids;          // 1 for the second text of a pair
  std::vector<bool> special;  // added by the post-processor
};

class Tokenizer {
 public:
  struct TrainSpec {
    enum class Kind : std::uint8_t { byte_pairs, word_pieces };
    Kind kind = Kind::byte_pairs;
    std::int64_t vocabulary = 8000;  // special tokens, and the 256 bytes, included
    std::int64_t least_count = 2;    // of a pair that is merged
    std::vector<std::string> special =
        {};  // default of word pieces: [PAD] [UNK] [CLS] [SEP] [MASK]
  };
  // Byte pairs over GPT-2's pieces of bytes, or word pieces as BERT's. Throws ValueError for a
  // vocabulary that does not hold the alphabet.
  static Tokenizer train(const std::vector<std::string>& texts, const TrainSpec& spec);
  static Tokenizer train(const std::vector<std::string>& texts) {
    return train(texts, TrainSpec());
  }

  // Throws IoError naming `source`, and what of it is not known.
  static Tokenizer from_json(const std::string& text, const std::string& source);
  static Tokenizer load(const std::filesystem::path& path);
  std::string to_json() const;
  void save(const std::filesystem::path& path) const;

  // The tokens of a text, or of a pair; special ones of the post-processor where `special`. Bytes
  // that are no UTF-8 count as U+FFFD.
  Encoding encode(std::string_view text, bool special = true) const;
  Encoding encode(std::string_view text, std::string_view pair, bool special = true) const;
  std::string decode(const TokenIds& ids, bool skip_special = true) const;

  // One more than the greatest number of a token.
  std::int64_t size() const;
  std::optional<std::int64_t> id_of(std::string_view token) const;
  // "" for a number that no token has.
  std::string token_of(std::int64_t id) const;
  const std::vector<AddedToken>& added() const;

 private:
  struct Parts;
  friend struct TokenizerJson;
  explicit Tokenizer(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {}
  std::shared_ptr<const Parts> parts_;
};

// Text of tokens that come one by one: holds back bytes until they are whole characters.
class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}
  // What the token adds to the text.
  std::string add(std::int64_t id);

 private:
  Tokenizer tokenizer_;
  TokenIds ids_;
  std::string said_;
};

}  // namespace nacre::data
