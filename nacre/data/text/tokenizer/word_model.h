// What makes tokens of a piece of text: byte-pair encoding or WordPiece.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "nacre/base/xxhash.h"

namespace nacre::data {

using TokenIds = std::vector<std::int64_t>;

// Tokens by number and by text.
class Vocabulary {
 public:
  // Number of a token that is new; of one that is known, its own.
  std::int64_t add(const std::string& token);
  // Throws ValueError when the number is taken by another token, or is out of range.
  void put(const std::string& token, std::int64_t number);
  std::optional<std::int64_t> find(std::string_view token) const;
  // "" for a number that no token has.
  const std::string& token(std::int64_t number) const;
  // One more than the greatest number.
  std::int64_t size() const { return static_cast<std::int64_t>(tokens_.size()); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const { return xxhash64(s); }
  };
  std::vector<std::string> tokens_;
  std::unordered_map<std::string, std::int64_t, Hash, std::equal_to<>> numbers_;
};

// Sennrich et al., "Neural machine translation of rare words with subword units", 2016: the pair of
// neighbours that was merged first in training is merged first.
struct BytePairs {
  Vocabulary vocabulary;
  std::vector<std::pair<std::string, std::string>> merges;  // the earliest first
  std::optional<std::string> unknown = {};  // stands for characters that no token has; else they go
  bool fuse_unknown = false;                // several in a row are one
};

// Schuster and Nakajima, 2012, as BERT has it: the longest token that fits, from the left.
struct WordPieces {
  Vocabulary vocabulary;
  std::string unknown = "[UNK]";  // for a word that no tokens make
  std::string prefix = "##";      // of tokens within a word
  std::int64_t most_characters = 100;
};

class WordModel {
 public:
  virtual ~WordModel() = default;
  // Appends the tokens of a piece.
  virtual void encode(const std::string& piece, TokenIds& to) const = 0;
  virtual const Vocabulary& vocabulary() const = 0;
};

// Throws ValueError for a merge of tokens that are not in the vocabulary.
std::shared_ptr<const WordModel> word_model(BytePairs pairs);
std::shared_ptr<const WordModel> word_model(WordPieces pieces);

struct TrainOptions {
  std::int64_t vocabulary = 8000;         // tokens, special ones included
  std::int64_t least_count = 2;           // of a pair that is merged
  std::vector<std::string> special = {};  // the first tokens
};
using WordCounts = std::unordered_map<std::string, std::int64_t>;
// Learns merges from words (as pre-tokenizers leave them) and how often they occur. Of pairs that
// are equally frequent that of the lower numbers is first. `alphabet` is in the vocabulary whether
// it occurs or not; `prefix` begins tokens within a word.
BytePairs train_byte_pairs(const WordCounts& words, const std::vector<std::string>& alphabet,
                           const TrainOptions& options, const std::string& prefix = "");

}  // namespace nacre::data
