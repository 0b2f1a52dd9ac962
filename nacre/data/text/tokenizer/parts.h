// What a Tokenizer is made of; for its own files.
#pragma once

#include <map>

#include "nacre/data/text/tokenizer/steps.h"
#include "nacre/data/text/tokenizer/tokenizer.h"

namespace nacre::data {

// A piece of what a post-processor makes: a text, or a special token.
struct TemplatePiece {
  char sequence = 0;  // 'A', 'B', or 0 for a token
  std::string token;
  TokenIds ids;  // of the token
  std::int64_t type = 0;
};

enum class DecoderKind : std::uint8_t { none, byte_level, word_piece };

struct Tokenizer::Parts {
  Normalizers normalizers;
  PreTokenizers pre_tokenizers;
  std::shared_ptr<const WordModel> model;
  std::shared_ptr<const BytePairs> pairs;  // what the model was made of: one of both
  std::shared_ptr<const WordPieces> pieces;
  std::vector<AddedToken> added;
  std::vector<TemplatePiece> single, pair;  // empty: the texts alone
  std::string processor = {};               // its JSON, as it was read
  DecoderKind decoder = DecoderKind::none;
  std::string decoder_prefix = "##";
  bool decoder_cleanup = true;

  std::map<std::string, std::size_t> by_content = {};  // of added tokens
  std::map<std::int64_t, std::size_t> by_id = {};
};

}  // namespace nacre::data
