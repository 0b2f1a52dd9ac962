// Learning which pairs to merge: counts of pairs are kept up to date word by word, so that a merge
// costs in proportion to the words it is in.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <queue>
#include <set>
#include <unordered_set>

#include "nacre/base/error.h"
#include "nacre/base/utf8.h"
#include "nacre/data/text/tokenizer/characters.h"
#include "nacre/data/text/tokenizer/word_model.h"

namespace nacre::data {
namespace {

using Pair = std::pair<std::int64_t, std::int64_t>;

struct PairHash {
  std::size_t operator()(const Pair& p) const {
    const std::uint64_t both =
        static_cast<std::uint64_t>(p.first) << 32 | static_cast<std::uint64_t>(p.second);
    return both * 0x9E3779B97F4A7C15u >> 16;  // Fibonacci hashing (Knuth)
  }
};

struct Word {
  TokenIds symbols;
  std::int64_t count = 0;
};

class Trainer {
 public:
  Trainer(const WordCounts& words, const std::vector<std::string>& alphabet,
          const TrainOptions& options, const std::string& prefix)
      : options_(options), prefix_(prefix) {
    for (const std::string& token : options.special) out_.vocabulary.add(token);
    add_alphabet(words, alphabet);
    // Equal results whatever the order of a hash table.
    const std::map<std::string, std::int64_t> sorted(words.begin(), words.end());
    for (const auto& [text, count] : sorted) words_.push_back({symbols_of(text), count});
    for (std::size_t w = 0; w < words_.size(); ++w) {
      const TokenIds& s = words_[w].symbols;
      for (std::size_t i = 0; i + 1 < s.size(); ++i) {
        const Pair pair{s[i], s[i + 1]};
        counts_[pair] += words_[w].count;
        where_[pair].insert(w);
      }
    }
    for (const auto& [pair, count] : counts_) offer(pair);
  }

  BytePairs run() {
    while (out_.vocabulary.size() < options_.vocabulary && !heap_.empty()) {
      const Candidate best = heap_.top();
      heap_.pop();
      const std::int64_t now = counts_[best.pair];
      if (now != best.count) {  // it has changed since
        offer(best.pair);
        continue;
      }
      if (now < std::max<std::int64_t>(1, options_.least_count)) break;
      merge(best.pair);
    }
    return std::move(out_);
  }

 private:
  struct Candidate {
    std::int64_t count;
    Pair pair;
    bool operator<(const Candidate& other) const {
      return count != other.count ? count < other.count : pair > other.pair;
    }
  };

  // By code point, as Hugging Face's trainer has it.
  void add_alphabet(const WordCounts& words, const std::vector<std::string>& alphabet) {
    std::map<char32_t, std::string> all;
    const auto add = [&](std::string_view text) {
      for (const Character& c : characters_of(text)) {
        all.emplace(c.value, std::string(text.substr(c.begin, c.end - c.begin)));
      }
    };
    for (const std::string& one : alphabet) add(one);
    for (const auto& [text, count] : words) add(text);
    for (const auto& [value, text] : all) out_.vocabulary.add(text);
  }

  TokenIds symbols_of(const std::string& text) {
    TokenIds out;
    for (const Character& c : characters_of(text)) {
      const std::string one = text.substr(c.begin, c.end - c.begin);
      out.push_back(out_.vocabulary.add(out.empty() ? one : prefix_ + one));
    }
    return out;
  }

  void offer(const Pair& pair) {
    const std::int64_t count = counts_[pair];
    if (count > 0) heap_.push({count, pair});
  }

  void merge(const Pair& pair) {
    const std::string left = out_.vocabulary.token(pair.first);
    const std::string right = out_.vocabulary.token(pair.second);
    const bool inner = !prefix_.empty() && right.starts_with(prefix_);
    const std::int64_t token =
        out_.vocabulary.add(left + (inner ? right.substr(prefix_.size()) : right));
    out_.merges.emplace_back(left, right);
    std::unordered_set<Pair, PairHash> changed;
    const std::set<std::size_t> words = std::move(where_[pair]);
    where_.erase(pair);
    for (const std::size_t w : words) merge_in(w, pair, token, changed);
    counts_.erase(pair);
    for (const Pair& p : changed) offer(p);
  }

  void merge_in(std::size_t w, const Pair& pair, std::int64_t token,
                std::unordered_set<Pair, PairHash>& changed) {
    TokenIds& s = words_[w].symbols;
    const std::int64_t count = words_[w].count;
    const auto less = [&](std::int64_t a, std::int64_t b) { counts_[{a, b}] -= count; };
    const auto more = [&](std::int64_t a, std::int64_t b) {
      counts_[{a, b}] += count;
      where_[{a, b}].insert(w);
      changed.insert({a, b});
    };
    TokenIds out;
    for (std::size_t i = 0; i < s.size(); ++i) {
      if (i + 1 >= s.size() || s[i] != pair.first || s[i + 1] != pair.second) {
        out.push_back(s[i]);
        continue;
      }
      if (!out.empty()) {
        less(out.back(), s[i]);
        more(out.back(), token);
      }
      if (i + 2 < s.size()) {
        less(s[i + 1], s[i + 2]);
        // What follows may be merged itself: then it is counted from there.
        more(token, s[i + 2]);
      }
      out.push_back(token);
      ++i;
    }
    s = std::move(out);
  }

  TrainOptions options_;
  std::string prefix_;
  BytePairs out_;
  std::vector<Word> words_;
  std::unordered_map<Pair, std::int64_t, PairHash> counts_;
  std::unordered_map<Pair, std::set<std::size_t>, PairHash> where_;
  std::priority_queue<Candidate> heap_;
};

}  // namespace

BytePairs train_byte_pairs(const WordCounts& words, const std::vector<std::string>& alphabet,
                           const TrainOptions& options, const std::string& prefix) {
  if (options.vocabulary < 1 || options.least_count < 0) {
    throw ValueError("train_byte_pairs: vocabulary must be at least 1, least_count at least 0");
  }
  return Trainer(words, alphabet, options, prefix).run();
}

}  // namespace nacre::data
