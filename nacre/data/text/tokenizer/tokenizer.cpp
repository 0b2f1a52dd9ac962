#include "nacre/data/text/tokenizer/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>

#include "nacre/base/durable.h"
#include "nacre/base/error.h"
#include "nacre/base/file.h"
#include "nacre/base/json.h"
#include "nacre/base/utf8.h"
#include "nacre/data/text/tokenizer/characters.h"
#include "nacre/data/text/tokenizer/parts.h"

namespace nacre::data {
namespace {

// Bytes that are no UTF-8 become U+FFFD.
std::string clean(std::string_view text) {
  if (is_utf8(text)) return std::string(text);
  std::string out;
  for (const Character& c : characters_of(text)) append_utf8(out, c.value);
  return out;
}

// A stretch of the text: an added token, or what lies between two.
struct Stretch {
  std::string text;
  std::int64_t token = -1;
};

bool touches_word(std::string_view text, std::size_t begin, std::size_t end) {
  const auto is_word = [](char32_t c) { return is_letter(c) || is_number(c) || c == '_'; };
  const std::vector<Character> before = characters_of(text.substr(0, begin));
  const std::vector<Character> after = characters_of(text.substr(end));
  return (!before.empty() && is_word(before.back().value)) ||
         (!after.empty() && is_word(after.front().value));
}

// Parts the text at the added tokens that are looked for in it; the longest of those that begin at
// a place counts.
std::vector<Stretch> part(const std::string& text, const std::vector<AddedToken>& tokens,
                          bool normalized) {
  std::vector<const AddedToken*> known;
  for (const AddedToken& t : tokens) {
    if (t.normalized == normalized && !t.content.empty()) known.push_back(&t);
  }
  if (known.empty()) return {{text, -1}};
  bool first_bytes[256] = {};
  for (const AddedToken* t : known) first_bytes[static_cast<unsigned char>(t->content[0])] = true;
  std::vector<Stretch> out;
  std::size_t begin = 0;
  const auto finish = [&](std::size_t end) {
    if (end > begin) out.push_back({text.substr(begin, end - begin), -1});
  };
  for (std::size_t at = 0; at < text.size();) {
    const AddedToken* best = nullptr;
    if (first_bytes[static_cast<unsigned char>(text[at])]) {
      for (const AddedToken* t : known) {
        if (text.compare(at, t->content.size(), t->content) != 0) continue;
        if (t->single_word && touches_word(text, at, at + t->content.size())) continue;
        if (!best || t->content.size() > best->content.size()) best = t;
      }
    }
    if (!best) {
      ++at;
      continue;
    }
    std::size_t from = at;
    std::size_t to = at + best->content.size();
    const auto blank = [&](std::size_t i) {
      return i < text.size() && is_white(static_cast<unsigned char>(text[i]));
    };
    while (best->lstrip && from > begin && blank(from - 1)) --from;
    while (best->rstrip && blank(to)) ++to;
    finish(from);
    out.push_back({best->content, best->id});
    begin = at = to;
  }
  finish(text.size());
  return out;
}

// The blank before a mark goes, token by token, as in Hugging Face's decoder.
std::string tidied(std::string token) {
  constexpr std::pair<const char*, const char*> kChanges[] = {
      {" .", "."},   {" ?", "?"},     {" !", "!"},    {" ,", ","},
      {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
      {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [from, to] : kChanges) {
    token =
        Normalizer{.kind = Normalizer::Kind::replace, .pattern = from, .content = to}.apply(token);
  }
  return token;
}

std::string join_word_pieces(const std::vector<std::string>& tokens, const std::string& prefix,
                             bool cleanup) {
  std::string out;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    std::string token = tokens[i];
    if (i > 0) {
      token = token.starts_with(prefix) ? token.substr(prefix.size()) : " " + token;
    }
    out += cleanup ? tidied(std::move(token)) : token;
  }
  return out;
}

}  // namespace

Tokenizer Tokenizer::load(const std::filesystem::path& path) {
  return from_json(read_file(path, JsonLimits{}.bytes), path.string());
}

void Tokenizer::save(const std::filesystem::path& path) const { write_file(path, to_json()); }

std::int64_t Tokenizer::size() const {
  std::int64_t n = parts_->model->vocabulary().size();
  for (const AddedToken& t : parts_->added) n = std::max(n, t.id + 1);
  return n;
}

const std::vector<AddedToken>& Tokenizer::added() const { return parts_->added; }

std::optional<std::int64_t> Tokenizer::id_of(std::string_view token) const {
  const auto found = parts_->by_content.find(std::string(token));
  if (found != parts_->by_content.end()) return parts_->added[found->second].id;
  return parts_->model->vocabulary().find(token);
}

std::string Tokenizer::token_of(std::int64_t id) const {
  const auto found = parts_->by_id.find(id);
  return found != parts_->by_id.end() ? parts_->added[found->second].content
                                      : parts_->model->vocabulary().token(id);
}

namespace {

template <class Parts>
TokenIds plain(const Parts& p, std::string_view given) {
  TokenIds out;
  for (const Stretch& raw : part(clean(given), p.added, false)) {
    if (raw.token >= 0) {
      out.push_back(raw.token);
      continue;
    }
    std::string text = raw.text;
    for (const Normalizer& n : p.normalizers) text = n.apply(text);
    for (const Stretch& stretch : part(text, p.added, true)) {
      if (stretch.token >= 0) {
        out.push_back(stretch.token);
        continue;
      }
      std::vector<std::string> pieces{stretch.text};
      for (const PreTokenizer& step : p.pre_tokenizers) step.apply(pieces);
      for (const std::string& piece : pieces) p.model->encode(piece, out);
    }
  }
  return out;
}

void append(Encoding& to, const TokenIds& ids, std::int64_t type, bool special) {
  to.ids.insert(to.ids.end(), ids.begin(), ids.end());
  to.type_ids.insert(to.type_ids.end(), ids.size(), type);
  to.special.insert(to.special.end(), ids.size(), special);
}

}  // namespace

Encoding Tokenizer::encode(std::string_view text, bool special) const {
  Encoding out;
  if (!special || parts_->single.empty()) {
    append(out, plain(*parts_, text), 0, false);
    return out;
  }
  for (const TemplatePiece& piece : parts_->single) {
    append(out, piece.sequence ? plain(*parts_, text) : piece.ids, piece.type, !piece.sequence);
  }
  return out;
}

Encoding Tokenizer::encode(std::string_view text, std::string_view second, bool special) const {
  Encoding out;
  if (!special || parts_->pair.empty()) {
    append(out, plain(*parts_, text), 0, false);
    append(out, plain(*parts_, second), 1, false);
    return out;
  }
  for (const TemplatePiece& piece : parts_->pair) {
    const TokenIds ids = piece.sequence == 'A'   ? plain(*parts_, text)
                         : piece.sequence == 'B' ? plain(*parts_, second)
                                                 : piece.ids;
    append(out, ids, piece.type, !piece.sequence);
  }
  return out;
}

std::string Tokenizer::decode(const TokenIds& ids, bool skip_special) const {
  std::vector<std::string> tokens;
  for (const std::int64_t id : ids) {
    const auto added = parts_->by_id.find(id);
    if (skip_special && added != parts_->by_id.end() && parts_->added[added->second].special) {
      continue;
    }
    std::string token = token_of(id);
    if (!token.empty()) tokens.push_back(std::move(token));
  }
  switch (parts_->decoder) {
    case DecoderKind::word_piece:
      return join_word_pieces(tokens, parts_->decoder_prefix, parts_->decoder_cleanup);
    case DecoderKind::byte_level: {
      std::string bytes;
      for (const std::string& token : tokens) bytes += characters_as_bytes(token);
      return clean(bytes);
    }
    case DecoderKind::none:
      break;
  }
  return fmt::format("{}", fmt::join(tokens, " "));
}

std::string StreamDecoder::add(std::int64_t id) {
  ids_.push_back(id);
  const std::string all = tokenizer_.decode(ids_);
  // The end of a text whose last character is not whole yet.
  if (all.ends_with("\xef\xbf\xbd") && ids_.size() < 8) return {};
  std::string fresh = all.substr(std::min(said_.size(), all.size()));
  ids_ = {id};
  said_ = tokenizer_.decode(ids_);
  return fresh;
}

}  // namespace nacre::data
