// BLEU and chrF.
#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "nacre/base/error.h"
#include "nacre/base/utf8.h"
#include "nacre/metric/text.h"
#include "nacre/metric/text_words.h"

namespace nacre::metric {
namespace {

using Counts = std::map<Texts, std::int64_t>;

Counts ngrams(const Texts& words, std::size_t n) {
  Counts out;
  for (std::size_t i = 0; i + n <= words.size(); ++i) {
    ++out[Texts(words.begin() + static_cast<std::ptrdiff_t>(i),
                words.begin() + static_cast<std::ptrdiff_t>(i + n))];
  }
  return out;
}

std::int64_t total_of(const Counts& counts) {
  std::int64_t n = 0;
  for (const auto& [gram, count] : counts) n += count;
  return n;
}

std::int64_t common(const Counts& a, const Counts& b) {
  std::int64_t n = 0;
  for (const auto& [gram, count] : a) {
    const auto found = b.find(gram);
    if (found != b.end()) n += std::min(count, found->second);
  }
  return n;
}

void check(const Texts& hypotheses, const std::vector<Texts>& references, const char* who) {
  if (references.empty()) throw ValueError(fmt::format("{}: no references", who));
  for (const Texts& list : references) {
    if (list.size() == hypotheses.size()) continue;
    throw ValueError(
        fmt::format("{}: {} texts, but {} references", who, hypotheses.size(), list.size()));
  }
}

std::string lowered(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point_at(text, at);
    if (!c.valid) {
      out += text[at];
    } else {
      utf8proc_uint8_t bytes[4];
      const auto n =
          utf8proc_encode_char(utf8proc_tolower(static_cast<utf8proc_int32_t>(c.value)), bytes);
      out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(n));
    }
    at += c.bytes;
  }
  return out;
}

// The counts of a corpus.
struct Sums {
  std::vector<std::int64_t> correct, total;
  std::int64_t length = 0, reference_length = 0;
};

void add_sentence(Sums& sums, const Texts& words, const std::vector<Texts>& references) {
  sums.length += static_cast<std::int64_t>(words.size());
  // The reference whose length is nearest, of two the shorter.
  std::int64_t nearest = std::numeric_limits<std::int64_t>::max();
  for (const Texts& r : references) {
    const auto n = static_cast<std::int64_t>(r.size());
    const auto distance = [&](std::int64_t l) {
      return std::abs(l - static_cast<std::int64_t>(words.size()));
    };
    if (nearest == std::numeric_limits<std::int64_t>::max() ||
        std::pair(distance(n), n) < std::pair(distance(nearest), nearest)) {
      nearest = n;
    }
  }
  sums.reference_length += nearest;
  for (std::size_t n = 1; n <= sums.correct.size(); ++n) {
    const Counts own = ngrams(words, n);
    Counts best;  // the most that any reference has
    for (const Texts& r : references) {
      for (const auto& [gram, count] : ngrams(r, n)) {
        std::int64_t& most = best[gram];
        most = std::max(most, count);
      }
    }
    sums.correct[n - 1] += common(own, best);
    sums.total[n - 1] += total_of(own);
  }
}

Bleu score_of(const Sums& sums, const BleuOptions& o) {
  Bleu out{.precisions = std::vector<double>(sums.correct.size(), 0.0),
           .length = sums.length,
           .reference_length = sums.reference_length};
  const auto c = static_cast<double>(sums.length);
  const auto r = static_cast<double>(sums.reference_length);
  if (sums.length < sums.reference_length) {
    out.brevity_penalty = sums.length > 0 ? std::exp(1 - r / c) : 0;
  }
  const double value = o.value >= 0 ? o.value : o.smooth == "floor" ? 0.1 : 1;
  if (std::all_of(sums.correct.begin(), sums.correct.end(), [](auto n) { return n == 0; })) {
    return out;
  }
  double halves = 1;
  std::size_t order = sums.correct.size();
  double logs = 0;
  for (std::size_t n = 0; n < sums.correct.size(); ++n) {
    auto correct = static_cast<double>(sums.correct[n]);
    auto total = static_cast<double>(sums.total[n]);
    if (o.smooth == "add-k" && n > 0) {
      correct += value;
      total += value;
    }
    if (total == 0) break;
    if (o.effective_order) order = n + 1;
    if (correct == 0 && o.smooth == "exp") {
      halves *= 2;
      out.precisions[n] = 100 / (halves * total);
    } else if (correct == 0 && o.smooth == "floor") {
      out.precisions[n] = 100 * value / total;
    } else {
      out.precisions[n] = 100 * correct / total;
    }
  }
  for (std::size_t n = 0; n < order; ++n) {
    if (out.precisions[n] == 0) return out;
    logs += std::log(out.precisions[n]);
  }
  out.score = out.brevity_penalty * std::exp(logs / static_cast<double>(order));
  return out;
}

}  // namespace

Bleu bleu(const Texts& hypotheses, const std::vector<Texts>& references,
          const BleuOptions& options) {
  check(hypotheses, references, "bleu");
  if (options.smooth != "exp" && options.smooth != "floor" && options.smooth != "add-k" &&
      options.smooth != "none") {
    throw ValueError(fmt::format(
        "bleu: unknown smooth \"{}\"\n  hint: known are exp, floor, add-k, none", options.smooth));
  }
  if (options.most < 1) throw ValueError("bleu: most must be at least 1");
  const auto most = static_cast<std::size_t>(options.most);
  Sums sums{std::vector<std::int64_t>(most), std::vector<std::int64_t>(most)};
  const auto words = [&](const std::string& text) {
    return bleu_words(options.lowercase ? lowered(text) : text, options.tokenize);
  };
  for (std::size_t i = 0; i < hypotheses.size(); ++i) {
    std::vector<Texts> own;
    for (const Texts& list : references) own.push_back(words(list[i]));
    add_sentence(sums, words(hypotheses[i]), own);
  }
  return score_of(sums, options);
}

namespace {

// Marks at the ends of words are words of their own, as chrF++ has it.
Texts chrf_words(const std::string& text) {
  constexpr std::string_view kMarks = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
  Texts out;
  for (const std::string& word : words_of(text)) {
    const auto is_mark = [&](char c) { return kMarks.find(c) != kMarks.npos; };
    if (word.size() > 1 && is_mark(word.back())) {
      out.push_back(word.substr(0, word.size() - 1));
      out.push_back(word.substr(word.size() - 1));
    } else if (word.size() > 1 && is_mark(word.front())) {
      out.push_back(word.substr(0, 1));
      out.push_back(word.substr(1));
    } else {
      out.push_back(word);
    }
  }
  return out;
}

struct Grams {
  std::vector<Counts> counts;
};

Grams grams_of(const std::string& given, const ChrfOptions& o) {
  const std::string text = o.lowercase ? lowered(given) : given;
  Texts characters = characters_in(text);
  if (!o.whitespace) {
    std::erase_if(characters, [](const std::string& c) { return words_of(c).empty(); });
  }
  Grams out;
  for (int n = 1; n <= o.characters; ++n) {
    out.counts.push_back(ngrams(characters, static_cast<std::size_t>(n)));
  }
  const Texts words = o.words > 0 ? chrf_words(text) : Texts();
  for (int n = 1; n <= o.words; ++n) {
    out.counts.push_back(ngrams(words, static_cast<std::size_t>(n)));
  }
  return out;
}

// {of the text, of the reference, of both} for each order.
using Matches = std::vector<std::array<double, 3>>;

// Of the mean precision and the mean recall of all orders that both have.
double f_score(const Matches& all, double beta) {
  const double factor = beta * beta;
  double precision = 0;
  double recall = 0;
  int orders = 0;
  for (const auto& [own, reference, both] : all) {
    if (own == 0 || reference == 0) continue;
    ++orders;
    precision += both / own;
    recall += both / reference;
  }
  if (precision == 0 || recall == 0) return 0;
  precision /= orders;
  recall /= orders;
  return 100 * (1 + factor) * precision * recall / (factor * precision + recall);
}

}  // namespace

double chrf(const Texts& hypotheses, const std::vector<Texts>& references,
            const ChrfOptions& options) {
  check(hypotheses, references, "chrf");
  const auto orders = static_cast<std::size_t>(options.characters + options.words);
  Matches sums(orders, {0, 0, 0});
  for (std::size_t i = 0; i < hypotheses.size(); ++i) {
    const Grams own = grams_of(hypotheses[i], options);
    double best = -1;
    Matches chosen(orders, {0, 0, 0});
    for (const Texts& list : references) {
      const Grams reference = grams_of(list[i], options);
      Matches here(orders, {0, 0, 0});
      for (std::size_t n = 0; n < orders; ++n) {
        const auto count = static_cast<double>(total_of(reference.counts[n]));
        // An order that the reference does not have says nothing about the text.
        here[n] = {count > 0 ? static_cast<double>(total_of(own.counts[n])) : 0, count,
                   static_cast<double>(common(own.counts[n], reference.counts[n]))};
      }
      const double score = f_score(here, options.beta);
      if (score > best) {
        best = score;
        chosen = here;
      }
    }
    for (std::size_t n = 0; n < orders; ++n) {
      for (std::size_t k = 0; k < 3; ++k) sums[n][k] += chosen[n][k];
    }
  }
  return f_score(sums, options.beta);
}

}  // namespace nacre::metric
