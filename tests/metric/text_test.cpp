// Measures of texts, by the numbers of sacreBLEU and rouge-score (tools/make_text_reference.py).
#include "nacre/metric/text.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "nacre/base/error.h"
#include "nacre/base/json.h"

namespace nacre::metric {
namespace {

using nlohmann::json;

const json& golden() {
  static const json all = read_json(NACRE_SOURCE_DIR "/tests/metric/golden/text.json");
  return all;
}

std::vector<Texts> references(const json& c) {
  std::vector<Texts> out{golden()["first"].get<Texts>()};
  if (c["references"] == 2) out.push_back(golden()["second"].get<Texts>());
  return out;
}

TEST(TextMetrics, BleuIsSacreBleus) {
  for (const json& c : golden()["bleu"]) {
    const json& o = c["options"];
    BleuOptions options{.tokenize = o.value("tokenize", "13a"),
                        .lowercase = o.value("lowercase", false),
                        .smooth = o.value("smooth_method", "exp"),
                        .effective_order = c.contains("sentence")};
    const Bleu b = c.contains("sentence")
                       ? bleu({c["sentence"]}, {{c["reference"].get<std::string>()}}, options)
                       : bleu(golden()["hypotheses"].get<Texts>(), references(c), options);
    EXPECT_NEAR(b.score, c["score"].get<double>(), 1e-9) << c;
    EXPECT_NEAR(b.brevity_penalty, c["bp"].get<double>(), 1e-12) << c;
    for (std::size_t n = 0; n < 4; ++n) {
      EXPECT_NEAR(b.precisions[n], c["precisions"][n].get<double>(), 1e-9) << c;
    }
  }
}

TEST(TextMetrics, ChrfIsSacreBleus) {
  for (const json& c : golden()["chrf"]) {
    const json& o = c["options"];
    const double score = chrf(golden()["hypotheses"].get<Texts>(), references(c),
                              {.characters = o.value("char_order", 6),
                               .words = o.value("word_order", 0),
                               .beta = o.value("beta", 2.0),
                               .whitespace = o.value("whitespace", false),
                               .lowercase = o.value("lowercase", false)});
    EXPECT_NEAR(score, c["score"].get<double>(), 1e-9) << c;
  }
}

TEST(TextMetrics, RougeIsGoogles) {
  for (const json& c : golden()["rouge"]) {
    const std::string text = c["text"];
    const std::string reference = c["reference"];
    for (const auto& [name, s] : {std::pair("rouge1", rouge_n(text, reference, 1)),
                                  std::pair("rouge2", rouge_n(text, reference, 2)),
                                  std::pair("rougeL", rouge_l(text, reference)),
                                  std::pair("rougeLsum", rouge_lsum(text, reference))}) {
      EXPECT_NEAR(s.precision, c[name][0].get<double>(), 1e-12) << name << c;
      EXPECT_NEAR(s.recall, c[name][1].get<double>(), 1e-12) << name << c;
      EXPECT_NEAR(s.f1, c[name][2].get<double>(), 1e-12) << name << c;
    }
  }
}

TEST(TextMetrics, ErrorRatesCountEdits) {
  EXPECT_EQ(edit_distance({"k", "i", "t", "t", "e", "n"}, {"s", "i", "t", "t", "i", "n", "g"}), 3);
  EXPECT_EQ(edit_distance({}, {"a", "b"}), 2);
  EXPECT_DOUBLE_EQ(word_error_rate({"the cat sat", "a"}, {"the cat sat down", "b"}), 2.0 / 5);
  EXPECT_DOUBLE_EQ(character_error_rate({"学习"}, {"学习吧"}), 1.0 / 3);
  EXPECT_THROW(word_error_rate({"x"}, {""}), ValueError);
  EXPECT_THROW(word_error_rate({"x"}, {"a", "b"}), ValueError);
}

TEST(TextMetrics, AnswersAreComparedAsSquad) {
  EXPECT_EQ(exact_match("The Eiffel Tower!", {"eiffel tower"}), 1);
  EXPECT_EQ(exact_match("Eiffel", {"eiffel tower", "x"}), 0);
  EXPECT_DOUBLE_EQ(token_f1("the big tower", {"eiffel tower"}), 0.5);
  EXPECT_EQ(token_f1("", {""}), 1);
}

TEST(TextMetrics, SaysWhatIsWrong) {
  EXPECT_THROW(bleu({"x"}, {}), ValueError);
  EXPECT_THROW(bleu({"x"}, {{"a", "b"}}), ValueError);
  EXPECT_THROW(bleu({"x"}, {{"a"}}, {.tokenize = "intl"}), ValueError);
  EXPECT_THROW(bleu({"x"}, {{"a"}}, {.smooth = "x"}), ValueError);
  EXPECT_THROW(rouge_n("a", "b", 0), ValueError);
  EXPECT_EQ(bleu({""}, {{"a"}}).score, 0);
}

}  // namespace
}  // namespace nacre::metric
