// Measures of texts against references: translations, summaries, transcriptions, answers. Plain
// functions on lists of texts, all in UTF-8.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nacre::metric {

using Texts = std::vector<std::string>;

struct BleuOptions {
  // How texts become words: "13a" as mteval has it, "char": each character, "zh": ideographs by
  // themselves and the rest as 13a, "none": at blanks.
  std::string tokenize = "13a";
  bool lowercase = false;
  int most = 4;  // length of n-grams
  // What stands for a precision of 0: "exp" 1/2, 1/4, ... of one match, "floor" `value`, "add-k"
  // `value` more on both sides but for single words, "none". value < 0: 0.1 of floor, 1 of add-k.
  std::string smooth = "exp";
  double value = -1;
  // Of single sentences: leaves n-grams out for which the text is too short.
  bool effective_order = false;
};
struct Bleu {
  double score = 0;                // in 0..100
  std::vector<double> precisions;  // of 1-grams, 2-grams, ..., in 0..100
  double brevity_penalty = 1;
  std::int64_t length = 0, reference_length = 0;  // in words
};
// Papineni et al., "BLEU", 2002, with the numbers of sacreBLEU 2 (Post, "A call for clarity in
// reporting BLEU scores", 2018). `references` holds one list, or more, each with a text for each
// hypothesis. Throws ValueError for lists of other lengths or unknown options.
Bleu bleu(const Texts& hypotheses, const std::vector<Texts>& references,
          const BleuOptions& options = {});

struct ChrfOptions {
  int characters = 6;  // length of n-grams of characters
  int words = 0;       // of words; 2: chrF++
  double beta = 2;     // recall counts so many times as much as precision
  bool whitespace = false;
  bool lowercase = false;
};
// Popovic, "chrF", 2015; in 0..100, as sacreBLEU 2.
double chrf(const Texts& hypotheses, const std::vector<Texts>& references,
            const ChrfOptions& options = {});

struct Score {
  double precision = 0, recall = 0, f1 = 0;  // in 0..1
};
// Lin, "ROUGE", 2004, with the numbers of Google's rouge-score: words are runs of a-z and 0-9 in
// lower case, without stemming. n = 1, 2, ... counts n-grams.
Score rouge_n(std::string_view text, std::string_view reference, int n);
// By the longest common subsequence of words: of whole texts, and of sentences on lines of their
// own (rougeLsum).
Score rouge_l(std::string_view text, std::string_view reference);
Score rouge_lsum(std::string_view text, std::string_view reference);

// Insertions, deletions and substitutions that turn one list into the other, the fewest
// (Levenshtein, 1966).
std::int64_t edit_distance(const Texts& a, const Texts& b);
// Of all texts together: edits over words, or over characters, of the references. Texts are parted
// at blanks. Throws ValueError when the references have none.
double word_error_rate(const Texts& hypotheses, const Texts& references);
double character_error_rate(const Texts& hypotheses, const Texts& references);

// Of answers, as SQuAD has it (Rajpurkar et al., 2016): lower case, without punctuation and the
// articles; the best of the references counts.
double exact_match(std::string_view answer, const Texts& references);
double token_f1(std::string_view answer, const Texts& references);

}  // namespace nacre::metric
