// Tokenizers as tokenizer.json.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "nacre/base/error.h"
#include "nacre/base/json.h"
#include "nacre/base/utf8.h"
#include "nacre/data/text/tokenizer/characters.h"
#include "nacre/data/text/tokenizer/parts.h"

namespace nacre::data {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostAdded = 1 << 16;
constexpr std::size_t kMostPieces = 64;
constexpr const char* kHint = "the file is damaged, or describes what this program does not know";

// A key whose value says nothing, or is not there.
bool absent(const JsonView& json, const char* key) {
  const auto value = json.find(key);
  return !value || value->json().is_null();
}

void expect_absent(const JsonView& json, const char* key) {
  if (!absent(json, key)) json.at(key).fail("null: this is not known here");
}

Vocabulary vocabulary_from(const JsonView& json) {
  Vocabulary out;
  for (const auto& [token, number] : json.members()) {
    try {
      out.put(token, number.whole(0, (1 << 24) - 1));
    } catch (const ValueError& e) {
      number.fail(e.what());
    }
  }
  if (out.size() == 0) json.fail("a vocabulary that is not empty");
  return out;
}

// "a b", or ["a", "b"] as newer files have it.
std::pair<std::string, std::string> merge_from(const JsonView& json) {
  if (!json.is_text()) {
    const std::vector<std::string> both = json.texts();
    if (both.size() != 2) json.fail("two tokens");
    return {both[0], both[1]};
  }
  const std::string text = json.text();
  const auto space = text.find(' ');
  if (space == text.npos || text.find(' ', space + 1) != text.npos) {
    json.fail("two tokens with a blank between them");
  }
  return {text.substr(0, space), text.substr(space + 1)};
}

BytePairs byte_pairs_from(const JsonView& json) {
  BytePairs out{.vocabulary = vocabulary_from(json.at("vocab")), .merges = {}};
  for (const JsonView& merge : json.at("merges").items()) out.merges.push_back(merge_from(merge));
  if (!absent(json, "unk_token")) out.unknown = json.at("unk_token").text();
  if (!absent(json, "fuse_unk")) out.fuse_unknown = json.at("fuse_unk").flag();
  for (const char* key : {"dropout", "continuing_subword_prefix", "end_of_word_suffix"}) {
    if (!absent(json, key) && !(json.at(key).is_text() && json.at(key).text().empty())) {
      expect_absent(json, key);
    }
  }
  for (const char* key : {"byte_fallback", "ignore_merges"}) {
    if (!absent(json, key) && json.at(key).flag()) {
      json.at(key).fail("false: this is not known here");
    }
  }
  return out;
}

WordPieces word_pieces_from(const JsonView& json) {
  return {.vocabulary = vocabulary_from(json.at("vocab")),
          .unknown = json.at("unk_token").text(),
          .prefix = json.at("continuing_subword_prefix").text(),
          .most_characters = json.at("max_input_chars_per_word").whole(1, 1 << 20)};
}

std::vector<AddedToken> added_from(const JsonView& json) {
  std::vector<AddedToken> out;
  for (const JsonView& t : json.items(kMostAdded)) {
    const auto flag = [&](const char* key) { return !absent(t, key) && t.at(key).flag(); };
    out.push_back({.content = t.at("content").text(),
                   .id = t.at("id").whole(0, (1 << 24) - 1),
                   .special = flag("special"),
                   .single_word = flag("single_word"),
                   .lstrip = flag("lstrip"),
                   .rstrip = flag("rstrip"),
                   .normalized = flag("normalized")});
  }
  return out;
}

std::vector<TemplatePiece> template_from(const JsonView& list, const JsonView& tokens) {
  std::vector<TemplatePiece> out;
  for (const JsonView& piece : list.items(kMostPieces)) {
    if (const auto sequence = piece.find("Sequence")) {
      const std::string id = sequence->at("id").text();
      if (id != "A" && id != "B") sequence->at("id").fail("\"A\" or \"B\"");
      out.push_back({id[0], "", {}, sequence->at("type_id").whole(0, 1)});
    } else {
      const JsonView token = piece.at("SpecialToken");
      const std::string id = token.at("id").text();
      out.push_back({0, id, tokens.at(id).at("ids").wholes(0, (1 << 24) - 1),
                     token.at("type_id").whole(0, 1)});
    }
  }
  return out;
}

// [CLS] A [SEP] B [SEP]; RoBERTa has two separators between, and one type.
void bert_template(const JsonView& json, bool roberta, std::vector<TemplatePiece>& single,
                   std::vector<TemplatePiece>& pair) {
  const auto token = [&](const char* key, std::int64_t type) {
    const std::vector<JsonView> both = json.at(key).items(2);
    if (both.size() != 2) json.at(key).fail("a token and its number");
    return TemplatePiece{0, both[0].text(), {both[1].whole(0, (1 << 24) - 1)}, type};
  };
  const std::int64_t second = roberta ? 0 : 1;
  single = {token("cls", 0), {'A', "", {}, 0}, token("sep", 0)};
  pair = single;
  if (roberta) pair.push_back(token("sep", 0));
  pair.push_back({'B', "", {}, second});
  pair.push_back(token("sep", second));
}

void read_processor(const JsonView& json, std::vector<TemplatePiece>& single,
                    std::vector<TemplatePiece>& pair) {
  const std::string type = json.at("type").text();
  if (type == "ByteLevel") return;  // changes offsets only
  if (type == "TemplateProcessing") {
    single = template_from(json.at("single"), json.at("special_tokens"));
    pair = template_from(json.at("pair"), json.at("special_tokens"));
  } else if (type == "BertProcessing" || type == "RobertaProcessing") {
    bert_template(json, type == "RobertaProcessing", single, pair);
  } else if (type == "Sequence") {
    for (const JsonView& one : json.at("processors").items(8)) {
      if (one.at("type").text() == "Sequence") one.at("type").fail("no sequence within a sequence");
      read_processor(one, single, pair);
    }
  } else {
    json.at("type").fail(
        "a post-processor that is known (ByteLevel, TemplateProcessing, "
        "BertProcessing, RobertaProcessing, Sequence)");
  }
}

}  // namespace

// The friend of Tokenizer that reads and writes it.
struct TokenizerJson {
  using Parts = Tokenizer::Parts;

  static Tokenizer finish(Parts parts) {
    for (std::size_t i = 0; i < parts.added.size(); ++i) {
      parts.by_content.emplace(parts.added[i].content, i);
      parts.by_id.emplace(parts.added[i].id, i);
    }
    return Tokenizer(std::make_shared<const Parts>(std::move(parts)));
  }

  static void set_model(Parts& parts, BytePairs pairs) {
    parts.pairs = std::make_shared<const BytePairs>(pairs);
    parts.model = word_model(std::move(pairs));
  }
  static void set_model(Parts& parts, WordPieces pieces) {
    parts.pieces = std::make_shared<const WordPieces>(pieces);
    parts.model = word_model(std::move(pieces));
  }

  static void read_model(const JsonView& json, Parts& parts) {
    const auto type = json.find("type");
    const std::string name = type ? type->text() : absent(json, "merges") ? "WordPiece" : "BPE";
    try {
      if (name == "BPE") return set_model(parts, byte_pairs_from(json));
      if (name == "WordPiece") return set_model(parts, word_pieces_from(json));
    } catch (const ValueError& e) {
      json.fail(std::string("a model whose parts fit each other: ") + e.what());
    }
    type->fail("a model that is known here (BPE, WordPiece)");
  }

  static void read_decoder(const JsonView& json, Parts& parts) {
    const std::string type = json.at("type").text();
    if (type == "ByteLevel") {
      parts.decoder = DecoderKind::byte_level;
    } else if (type == "WordPiece") {
      parts.decoder = DecoderKind::word_piece;
      parts.decoder_prefix = json.at("prefix").text();
      parts.decoder_cleanup = json.at("cleanup").flag();
    } else {
      json.at("type").fail("a decoder that is known here (ByteLevel, WordPiece)");
    }
  }

  static Tokenizer read(const std::string& text, const std::string& source) {
    const Json parsed = parse_json(text, source);
    const JsonView json(parsed, source, kHint);
    Parts parts;
    expect_absent(json, "truncation");
    expect_absent(json, "padding");
    if (!absent(json, "normalizer")) parts.normalizers = normalizers_from(json.at("normalizer"));
    if (!absent(json, "pre_tokenizer")) {
      parts.pre_tokenizers = pre_tokenizers_from(json.at("pre_tokenizer"));
    }
    read_model(json.at("model"), parts);
    if (!absent(json, "added_tokens")) parts.added = added_from(json.at("added_tokens"));
    if (!absent(json, "post_processor")) {
      read_processor(json.at("post_processor"), parts.single, parts.pair);
      parts.processor = json_text(json.at("post_processor").json(), source);
    }
    if (!absent(json, "decoder")) read_decoder(json.at("decoder"), parts);
    return finish(std::move(parts));
  }

  static Json vocabulary(const Vocabulary& v) {
    Json out = Json::object();
    for (std::int64_t i = 0; i < v.size(); ++i) {
      if (!v.token(i).empty()) out[v.token(i)] = i;
    }
    return out;
  }

  static Json model(const Parts& parts) {
    if (parts.pieces) {
      return {{"type", "WordPiece"},
              {"unk_token", parts.pieces->unknown},
              {"continuing_subword_prefix", parts.pieces->prefix},
              {"max_input_chars_per_word", parts.pieces->most_characters},
              {"vocab", vocabulary(parts.pieces->vocabulary)}};
    }
    Json merges = Json::array();
    for (const auto& [left, right] : parts.pairs->merges) merges.push_back(left + " " + right);
    Json out{{"type", "BPE"},
             {"dropout", nullptr},
             {"unk_token", nullptr},
             {"continuing_subword_prefix", nullptr},
             {"end_of_word_suffix", nullptr},
             {"fuse_unk", parts.pairs->fuse_unknown},
             {"byte_fallback", false},
             {"vocab", vocabulary(parts.pairs->vocabulary)},
             {"merges", std::move(merges)}};
    if (parts.pairs->unknown) out["unk_token"] = *parts.pairs->unknown;
    return out;
  }

  static std::string write(const Parts& parts) {
    Json added = Json::array();
    for (const AddedToken& t : parts.added) {
      added.push_back({{"id", t.id},
                       {"content", t.content},
                       {"single_word", t.single_word},
                       {"lstrip", t.lstrip},
                       {"rstrip", t.rstrip},
                       {"normalized", t.normalized},
                       {"special", t.special}});
    }
    Json decoder;
    if (parts.decoder == DecoderKind::byte_level) {
      decoder = {{"type", "ByteLevel"},
                 {"add_prefix_space", true},
                 {"trim_offsets", true},
                 {"use_regex", true}};
    } else if (parts.decoder == DecoderKind::word_piece) {
      decoder = {{"type", "WordPiece"},
                 {"prefix", parts.decoder_prefix},
                 {"cleanup", parts.decoder_cleanup}};
    }
    const Json out{
        {"version", "1.0"},
        {"truncation", nullptr},
        {"padding", nullptr},
        {"added_tokens", std::move(added)},
        {"normalizer", nacre::data::to_json(parts.normalizers)},
        {"pre_tokenizer", nacre::data::to_json(parts.pre_tokenizers)},
        {"post_processor",
         parts.processor.empty() ? Json() : parse_json(parts.processor, "post_processor")},
        {"decoder", decoder},
        {"model", model(parts)}};
    return json_text(out, "tokenizer.json");
  }

  // The pieces of the texts, as often as they occur.
  static WordCounts words(const std::vector<std::string>& texts, const Parts& parts) {
    WordCounts out;
    for (const std::string& given : texts) {
      std::string text = given;
      for (const Normalizer& n : parts.normalizers) text = n.apply(text);
      std::vector<std::string> pieces{std::move(text)};
      for (const PreTokenizer& step : parts.pre_tokenizers) step.apply(pieces);
      for (std::string& piece : pieces) ++out[std::move(piece)];
    }
    return out;
  }

  static void add_special(Parts& parts, const std::vector<std::string>& special) {
    for (std::size_t i = 0; i < special.size(); ++i) {
      parts.added.push_back(
          {.content = special[i], .id = static_cast<std::int64_t>(i), .special = true});
    }
  }

  static Tokenizer train_pairs(const std::vector<std::string>& texts,
                               const Tokenizer::TrainSpec& spec) {
    Parts parts;
    parts.pre_tokenizers = {{.kind = PreTokenizer::Kind::gpt2}};
    parts.decoder = DecoderKind::byte_level;
    add_special(parts, spec.special);
    set_model(parts, train_byte_pairs(words(texts, parts), byte_characters(),
                                      {.vocabulary = spec.vocabulary,
                                       .least_count = spec.least_count,
                                       .special = spec.special}));
    return finish(std::move(parts));
  }

  static Tokenizer train_pieces(const std::vector<std::string>& texts,
                                const Tokenizer::TrainSpec& spec) {
    Parts parts;
    parts.normalizers = {{.kind = Normalizer::Kind::bert}};
    parts.pre_tokenizers = {{.kind = PreTokenizer::Kind::bert}};
    parts.decoder = DecoderKind::word_piece;
    std::vector<std::string> special = spec.special;
    if (special.empty()) special = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    add_special(parts, special);
    BytePairs pairs = train_byte_pairs(
        words(texts, parts), {},
        {.vocabulary = spec.vocabulary, .least_count = spec.least_count, .special = special}, "##");
    set_model(parts, WordPieces{.vocabulary = std::move(pairs.vocabulary)});
    return finish(std::move(parts));
  }
};

Tokenizer Tokenizer::from_json(const std::string& text, const std::string& source) {
  return TokenizerJson::read(text, source);
}

std::string Tokenizer::to_json() const { return TokenizerJson::write(*parts_); }

Tokenizer Tokenizer::train(const std::vector<std::string>& texts, const TrainSpec& spec) {
  const bool pairs = spec.kind == TrainSpec::Kind::byte_pairs;
  const std::int64_t least = static_cast<std::int64_t>(spec.special.size()) + (pairs ? 256 : 1);
  if (spec.vocabulary < least || spec.vocabulary > (1 << 24)) {
    throw ValueError(fmt::format("Tokenizer::train: a vocabulary of {}, at least {} are needed",
                                 spec.vocabulary, least));
  }
  return pairs ? TokenizerJson::train_pairs(texts, spec) : TokenizerJson::train_pieces(texts, spec);
}

}  // namespace nacre::data
