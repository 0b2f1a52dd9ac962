// ROUGE, error rates, and answers.
#include "nacre/metric/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "nacre/base/error.h"
#include "nacre/metric/text_words.h"

namespace nacre::metric {
namespace {

// Runs of a-z and 0-9.
Texts rouge_words(std::string_view text) {
  Texts out;
  std::string word;
  for (const char c : lower_ascii(text) + " ") {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      word += c;
    } else if (!word.empty()) {
      out.push_back(std::exchange(word, {}));
    }
  }
  return out;
}

Score score_of(double both, double own, double reference) {
  Score s;
  s.precision = own > 0 ? both / own : 0;
  s.recall = reference > 0 ? both / reference : 0;
  const double sum = s.precision + s.recall;
  s.f1 = sum > 0 ? 2 * s.precision * s.recall / sum : 0;
  return s;
}

std::map<Texts, std::int64_t> ngrams(const Texts& words, std::size_t n) {
  std::map<Texts, std::int64_t> out;
  for (std::size_t i = 0; i + n <= words.size(); ++i) {
    ++out[Texts(words.begin() + static_cast<std::ptrdiff_t>(i),
                words.begin() + static_cast<std::ptrdiff_t>(i + n))];
  }
  return out;
}

// Lengths of the longest common subsequences of all beginnings of both.
std::vector<std::vector<int>> lengths(const Texts& a, const Texts& b) {
  std::vector<std::vector<int>> table(a.size() + 1, std::vector<int>(b.size() + 1));
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      table[i][j] = a[i - 1] == b[j - 1] ? table[i - 1][j - 1] + 1
                                         : std::max(table[i - 1][j], table[i][j - 1]);
    }
  }
  return table;
}

// The places in `reference` of one longest common subsequence.
std::vector<std::size_t> places(const Texts& reference, const Texts& text) {
  const auto table = lengths(reference, text);
  std::vector<std::size_t> out;
  std::size_t i = reference.size();
  std::size_t j = text.size();
  while (i > 0 && j > 0) {
    if (reference[i - 1] == text[j - 1]) {
      out.push_back(--i);
      --j;
    } else if (table[i][j - 1] > table[i - 1][j]) {
      --j;
    } else {
      --i;
    }
  }
  return out;
}

std::vector<Texts> sentences(std::string_view text) {
  std::vector<Texts> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) out.push_back(rouge_words(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

double error_rate(const Texts& hypotheses, const Texts& references, const char* who,
                  Texts (*part)(std::string_view)) {
  if (hypotheses.size() != references.size()) {
    throw ValueError(
        fmt::format("{}: {} texts, but {} references", who, hypotheses.size(), references.size()));
  }
  std::int64_t edits = 0;
  std::int64_t count = 0;
  for (std::size_t i = 0; i < references.size(); ++i) {
    const Texts reference = part(references[i]);
    edits += edit_distance(part(hypotheses[i]), reference);
    count += static_cast<std::int64_t>(reference.size());
  }
  if (count == 0) throw ValueError(fmt::format("{}: the references are empty", who));
  return static_cast<double>(edits) / static_cast<double>(count);
}

Texts answer_words(std::string_view text) {
  constexpr std::string_view kMarks = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
  std::string bare = lower_ascii(text);
  std::erase_if(bare, [&](char c) { return kMarks.find(c) != kMarks.npos; });
  Texts words = words_of(bare);
  std::erase_if(words, [](const std::string& w) { return w == "a" || w == "an" || w == "the"; });
  return words;
}

}  // namespace

Score rouge_n(std::string_view text, std::string_view reference, int n) {
  if (n < 1) throw ValueError("rouge_n: n must be at least 1");
  const auto own = ngrams(rouge_words(text), static_cast<std::size_t>(n));
  const auto wanted = ngrams(rouge_words(reference), static_cast<std::size_t>(n));
  double both = 0;
  double own_count = 0;
  double wanted_count = 0;
  for (const auto& [gram, count] : own) own_count += static_cast<double>(count);
  for (const auto& [gram, count] : wanted) {
    wanted_count += static_cast<double>(count);
    const auto found = own.find(gram);
    if (found != own.end()) both += static_cast<double>(std::min(count, found->second));
  }
  return score_of(both, own_count, wanted_count);
}

Score rouge_l(std::string_view text, std::string_view reference) {
  const Texts own = rouge_words(text);
  const Texts wanted = rouge_words(reference);
  if (own.empty() || wanted.empty()) return {};
  return score_of(lengths(wanted, own)[wanted.size()][own.size()], static_cast<double>(own.size()),
                  static_cast<double>(wanted.size()));
}

Score rouge_lsum(std::string_view text, std::string_view reference) {
  const std::vector<Texts> own = sentences(text);
  const std::vector<Texts> wanted = sentences(reference);
  std::map<std::string, std::int64_t> own_left, wanted_left;
  double own_count = 0;
  double wanted_count = 0;
  for (const Texts& s : own) {
    own_count += static_cast<double>(s.size());
    for (const std::string& w : s) ++own_left[w];
  }
  for (const Texts& s : wanted) {
    wanted_count += static_cast<double>(s.size());
    for (const std::string& w : s) ++wanted_left[w];
  }
  if (own_count == 0 || wanted_count == 0) return {};
  double hits = 0;
  for (const Texts& s : wanted) {
    std::set<std::size_t> all;  // the union over the sentences of the text
    for (const Texts& t : own) {
      for (const std::size_t place : places(s, t)) all.insert(place);
    }
    for (const std::size_t place : all) {
      const std::string& word = s[place];
      if (own_left[word] > 0 && wanted_left[word] > 0) {
        ++hits;
        --own_left[word];
        --wanted_left[word];
      }
    }
  }
  return score_of(hits, own_count, wanted_count);
}

std::int64_t edit_distance(const Texts& a, const Texts& b) {
  std::vector<std::int64_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<std::int64_t>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::int64_t diagonal = row[0];
    row[0] = static_cast<std::int64_t>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::int64_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({change, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

double word_error_rate(const Texts& hypotheses, const Texts& references) {
  return error_rate(hypotheses, references, "word_error_rate", words_of);
}
double character_error_rate(const Texts& hypotheses, const Texts& references) {
  return error_rate(hypotheses, references, "character_error_rate", characters_in);
}

double exact_match(std::string_view answer, const Texts& references) {
  const Texts own = answer_words(answer);
  return std::any_of(references.begin(), references.end(),
                     [&](const std::string& r) { return answer_words(r) == own; })
             ? 1
             : 0;
}

double token_f1(std::string_view answer, const Texts& references) {
  const Texts own = answer_words(answer);
  double best = 0;
  for (const std::string& reference : references) {
    const Texts wanted = answer_words(reference);
    if (own.empty() || wanted.empty()) {
      best = std::max(best, own == wanted ? 1.0 : 0.0);
      continue;
    }
    std::map<std::string, int> left;
    for (const std::string& w : wanted) ++left[w];
    double both = 0;
    for (const std::string& w : own) both += left[w]-- > 0 ? 1 : 0;
    best = std::max(
        best,
        score_of(both, static_cast<double>(own.size()), static_cast<double>(wanted.size())).f1);
  }
  return best;
}

}  // namespace nacre::metric
