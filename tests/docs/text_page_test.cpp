// The blocks of docs/text.md.
#include <gtest/gtest.h>

#include "nacre/nacre.h"

using namespace nacre;

namespace {

TEST(TextPage, ATokenizer) {
  // clang-format off
  const data::Tokenizer tokenizer = data::Tokenizer::train({"low lower lowest", "new newer newest"},
                                                           {.vocabulary = 270});
  // clang-format on
  const data::TokenIds ids = tokenizer.encode("newest").ids;
  std::string text = tokenizer.decode(ids);  // "newest"
  EXPECT_EQ(text, "newest");
}

TEST(TextPage, ATransformerWrites) {
  // clang-format off
  nn::Layer net = nn::Sequential{nn::Embedding(64, 32),
                                 nn::TransformerBlock({.units = 32, .heads = 4, .causal = true,
                                                       .rotary = true, .activation = "silu",
                                                       .gated = true, .rms_norm = true}),
                                 nn::Dense(64)};
  Tokens written = generate(net, Tokens{1, 2, 3}, {.most = 20, .temperature = 0.8, .top_p = 0.9});
  std::vector<Beam> best = beam_search(net, {1, 2, 3}, {.beams = 4, .most = 10});
  // clang-format on
  EXPECT_EQ(written.size(), 20u);
  EXPECT_EQ(best.size(), 4u);
}

TEST(TextPage, Measures) {
  const metric::Texts written_texts{"the cat sat on the mat"};
  const metric::Texts references{"the cat is on the mat"};
  double score = metric::bleu(written_texts, {references}).score;        // in 0..100
  double overlap = metric::rouge_l(written_texts[0], references[0]).f1;  // in 0..1
  double errors = metric::word_error_rate(written_texts, references);
  EXPECT_NEAR(score, 37.99, 0.1);
  EXPECT_NEAR(overlap, 5.0 / 6, 1e-9);
  EXPECT_NEAR(errors, 1.0 / 6, 1e-9);
}

}  // namespace
