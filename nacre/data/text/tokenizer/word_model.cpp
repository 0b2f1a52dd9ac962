#include "nacre/data/text/tokenizer/word_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <queue>

#include "nacre/base/error.h"
#include "nacre/base/utf8.h"
#include "nacre/data/text/tokenizer/characters.h"

namespace nacre::data {

namespace {

constexpr std::int64_t kMostTokens = std::int64_t{1} << 24;

std::uint64_t key_of(std::int64_t a, std::int64_t b) {
  return static_cast<std::uint64_t>(a) << 32 | static_cast<std::uint64_t>(b);
}

}  // namespace

std::int64_t Vocabulary::add(const std::string& token) {
  const auto [place, fresh] = numbers_.try_emplace(token, size());
  if (fresh) tokens_.push_back(token);
  return place->second;
}

void Vocabulary::put(const std::string& token, std::int64_t number) {
  if (number < 0 || number >= kMostTokens) {
    throw ValueError(fmt::format("token \"{}\": number {} is not in 0..{}", printable(token),
                                 number, kMostTokens - 1));
  }
  const auto at = static_cast<std::size_t>(number);
  if (at >= tokens_.size()) tokens_.resize(at + 1);
  const auto [place, fresh] = numbers_.try_emplace(token, number);
  const bool taken = !tokens_[at].empty() && tokens_[at] != token;
  if (taken || (!fresh && place->second != number)) {
    throw ValueError(fmt::format("token \"{}\": number {} is that of \"{}\"", printable(token),
                                 number, printable(tokens_[at])));
  }
  tokens_[at] = token;
}

std::optional<std::int64_t> Vocabulary::find(std::string_view token) const {
  const auto found = numbers_.find(token);
  if (found == numbers_.end()) return std::nullopt;
  return found->second;
}

const std::string& Vocabulary::token(std::int64_t number) const {
  static const std::string none;
  return number >= 0 && number < size() ? tokens_[static_cast<std::size_t>(number)] : none;
}

namespace {

// Pieces repeat: their tokens are kept.
class Cache {
 public:
  bool find(const std::string& piece, TokenIds& to) const {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(piece);
    if (found == known_.end()) return false;
    to.insert(to.end(), found->second.begin(), found->second.end());
    return true;
  }
  void keep(const std::string& piece, TokenIds tokens) const {
    constexpr std::size_t kMostPieces = 1 << 16, kMostBytes = 256;
    if (piece.size() > kMostBytes) return;
    const std::lock_guard lock(mutex_);
    if (known_.size() < kMostPieces) known_.emplace(piece, std::move(tokens));
  }

 private:
  mutable std::mutex mutex_;
  mutable std::unordered_map<std::string, TokenIds> known_;
};

class BytePairModel final : public WordModel {
 public:
  explicit BytePairModel(BytePairs pairs) : pairs_(std::move(pairs)) {
    std::int64_t rank = 0;
    for (const auto& [left, right] : pairs_.merges) {
      const auto a = pairs_.vocabulary.find(left);
      const auto b = pairs_.vocabulary.find(right);
      const auto both = pairs_.vocabulary.find(left + right);
      if (!a || !b || !both) {
        throw ValueError(fmt::format("merge {}: \"{}\" and \"{}\", or both together, are no tokens",
                                     rank, printable(left), printable(right)));
      }
      ranks_.emplace(key_of(*a, *b), std::pair(rank++, *both));
    }
    if (pairs_.unknown) {
      unknown_ = pairs_.vocabulary.find(*pairs_.unknown);
      if (!unknown_) {
        throw ValueError(fmt::format("the unknown token \"{}\" is not in the vocabulary",
                                     printable(*pairs_.unknown)));
      }
    }
  }

  const Vocabulary& vocabulary() const override { return pairs_.vocabulary; }

  void encode(const std::string& piece, TokenIds& to) const override {
    if (cache_.find(piece, to)) return;
    TokenIds tokens = merged(symbols_of(piece));
    to.insert(to.end(), tokens.begin(), tokens.end());
    cache_.keep(piece, std::move(tokens));
  }

 private:
  TokenIds symbols_of(const std::string& piece) const {
    TokenIds out;
    bool after_unknown = false;
    for (const Character& c : characters_of(piece)) {
      const auto number =
          pairs_.vocabulary.find(std::string_view(piece).substr(c.begin, c.end - c.begin));
      if (number) {
        out.push_back(*number);
      } else if (unknown_ && !(after_unknown && pairs_.fuse_unknown)) {
        out.push_back(*unknown_);
      }
      after_unknown = !number;
    }
    return out;
  }

  struct Merge {
    std::int64_t rank, token;
    std::size_t at, left, right;  // where; the tokens that were there
    bool operator<(const Merge& other) const {
      return std::pair(rank, at) > std::pair(other.rank, other.at);
    }
  };

  // The earliest merge first, of equal ones the leftmost: a list of symbols with links, and a heap.
  TokenIds merged(TokenIds symbols) const {
    const std::size_t n = symbols.size();
    constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
    std::vector<std::size_t> next(n), before(n);
    for (std::size_t i = 0; i < n; ++i) {
      next[i] = i + 1 < n ? i + 1 : kNone;
      before[i] = i > 0 ? i - 1 : kNone;
    }
    std::priority_queue<Merge> heap;
    const auto offer = [&](std::size_t i) {
      if (i == kNone || next[i] == kNone) return;
      const auto found = ranks_.find(key_of(symbols[i], symbols[next[i]]));
      if (found == ranks_.end()) return;
      heap.push({found->second.first, found->second.second, i, static_cast<std::size_t>(symbols[i]),
                 static_cast<std::size_t>(symbols[next[i]])});
    };
    for (std::size_t i = 0; i + 1 < n; ++i) offer(i);
    while (!heap.empty()) {
      const Merge m = heap.top();
      heap.pop();
      const std::size_t i = m.at;
      // Something else was merged there since.
      if (symbols[i] != static_cast<std::int64_t>(m.left) || next[i] == kNone ||
          symbols[next[i]] != static_cast<std::int64_t>(m.right)) {
        continue;
      }
      const std::size_t gone = next[i];
      symbols[i] = m.token;
      symbols[gone] = -1;
      next[i] = next[gone];
      if (next[i] != kNone) before[next[i]] = i;
      offer(before[i]);
      offer(i);
    }
    std::erase(symbols, -1);
    return symbols;
  }

  BytePairs pairs_;
  std::optional<std::int64_t> unknown_;
  std::unordered_map<std::uint64_t, std::pair<std::int64_t, std::int64_t>> ranks_;
  Cache cache_;
};

class WordPieceModel final : public WordModel {
 public:
  explicit WordPieceModel(WordPieces pieces) : pieces_(std::move(pieces)) {
    const auto unknown = pieces_.vocabulary.find(pieces_.unknown);
    if (!unknown) {
      throw ValueError(fmt::format("the unknown token \"{}\" is not in the vocabulary",
                                   printable(pieces_.unknown)));
    }
    unknown_ = *unknown;
  }
  const Vocabulary& vocabulary() const override { return pieces_.vocabulary; }

  void encode(const std::string& piece, TokenIds& to) const override {
    if (cache_.find(piece, to)) return;
    TokenIds tokens = parts_of(piece);
    to.insert(to.end(), tokens.begin(), tokens.end());
    cache_.keep(piece, std::move(tokens));
  }

 private:
  TokenIds parts_of(const std::string& piece) const {
    const std::vector<Character> all = characters_of(piece);
    if (static_cast<std::int64_t>(all.size()) > pieces_.most_characters) return {unknown_};
    TokenIds out;
    for (std::size_t begin = 0; begin < all.size();) {
      std::size_t end = all.size();
      std::optional<std::int64_t> found;
      for (; end > begin && !found; --end) {
        const std::string part =
            (begin > 0 ? pieces_.prefix : "") +
            piece.substr(all[begin].begin, all[end - 1].end - all[begin].begin);
        found = pieces_.vocabulary.find(part);
      }
      if (!found) return {unknown_};
      out.push_back(*found);
      begin = end + 1;
    }
    return out;
  }

  WordPieces pieces_;
  std::int64_t unknown_ = 0;
  Cache cache_;
};

}  // namespace

std::shared_ptr<const WordModel> word_model(BytePairs pairs) {
  return std::make_shared<BytePairModel>(std::move(pairs));
}
std::shared_ptr<const WordModel> word_model(WordPieces pieces) {
  return std::make_shared<WordPieceModel>(std::move(pieces));
}

}  // namespace nacre::data
