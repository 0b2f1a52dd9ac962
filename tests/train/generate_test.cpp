// Going on with sequences: the same with and without what is kept, and the options.
#include "nacre/train/generate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "nacre/nacre.h"
#include "tests/support/errors.h"

namespace nacre {
namespace {

using test::text_of;

constexpr std::int64_t kVocabulary = 11;

nn::Layer transformer(const nn::TransformerBlockOptions& more = {}) {
  nn::TransformerBlockOptions o = more;
  o.units = 16;
  o.heads = 4;
  o.causal = true;
  nn::Sequential net{
      nn::Embedding(kVocabulary, 16, {.weight_initializer = nn::init::normal(0, 1)})};
  if (!o.rotary && !o.alibi) net.add(nn::PositionEmbedding(64));
  net.add(nn::TransformerBlock(o));
  net.add(nn::TransformerBlock(o));
  net.add(nn::Dense(kVocabulary, {.weight_initializer = nn::init::normal(0, 1)}));
  return net;
}

template <class Recurrent>
nn::Layer recurrent() {
  return nn::Sequential{
      nn::Embedding(kVocabulary, 8, {.weight_initializer = nn::init::normal(0, 1)}),
      Recurrent(nn::RecurrentOptions{.units = 12, .layers = 2, .return_sequences = true}),
      nn::Dense(kVocabulary, {.weight_initializer = nn::init::normal(0, 1)})};
}

std::vector<nn::Layer> networks() {
  return {transformer(),
          transformer({.kv_heads = 2, .rotary = true, .gated = true}),
          transformer({.window = 5, .alibi = true}),
          recurrent<nn::LSTM>(),
          recurrent<nn::GRU>(),
          recurrent<nn::SimpleRNN>()};
}

Tokens counted(std::int64_t n, std::int64_t step) {
  Tokens out;
  for (std::int64_t i = 0; i < n; ++i) out.push_back(i * step % kVocabulary);
  return out;
}

TEST(Generate, TheCacheChangesNothing) {
  int k = 0;
  for (nn::Layer& net : networks()) {
    // Prompts of different lengths, one longer than a piece of the reader.
    const std::vector<Tokens> prompts{{3}, counted(35, 3), {1, 2, 3, 4}};
    GenerateOptions options{.most = 12, .temperature = 0.9, .seed = 5};
    const auto with = generate(net, prompts, options);
    options.cache = false;
    EXPECT_EQ(generate(net, prompts, options), with) << k++;
    EXPECT_EQ(with[0].size(), 12u);
  }
}

// Beyond the context it goes on from the newer half, with the cache and without.
TEST(Generate, GoesOnBeyondTheContext) {
  nn::Layer net = transformer();
  GenerateOptions options{.most = 40, .temperature = 0.7, .context = 10};
  const Tokens with = generate(net, {1, 2, 3}, options);
  options.cache = false;
  EXPECT_EQ(generate(net, {1, 2, 3}, options), with);
  EXPECT_EQ(with.size(), 40u);
  EXPECT_EQ(generate(net, counted(25, 2), options).size(), 40u);
}

TEST(Generate, OnePlanServesEveryPlace) {
  nn::Layer net = transformer();
  TokenReader reader(net, 1, 60);
  for (int i = 0; i < 50; ++i) reader.read(Tensor::from(Tokens{i % kVocabulary}, {1, 1}));
  EXPECT_EQ(reader.plans(), 1u);
}

TEST(Generate, TheSeedDecides) {
  nn::Layer net = transformer();
  const auto text = [&](std::uint64_t seed) {
    return generate(net, Tokens{1}, {.most = 30, .temperature = 2, .seed = seed});
  };
  EXPECT_EQ(text(1), text(1));
  EXPECT_NE(text(1), text(2));
  // Sequences of one prompt differ.
  const auto two = generate(net, std::vector<Tokens>{{1}, {1}}, {.most = 30, .temperature = 2});
  EXPECT_NE(two[0], two[1]);
}

// A network that gives the same logits whatever it reads.
nn::Layer fixed(const std::vector<float>& logits) {
  return nn::Sequential{[logits](const Tensor& x) {
    const auto n = static_cast<std::int64_t>(logits.size());
    return broadcast_to(Tensor::from(logits).reshape({1, 1, n}), {x.size(0), x.size(1), n});
  }};
}

std::vector<double> shares(nn::Layer& net, GenerateOptions options, std::size_t tokens) {
  options.most = 4000;
  std::vector<double> counts(tokens, 0.0);
  for (const std::int64_t t : generate(net, Tokens{0}, options)) {
    counts[static_cast<std::size_t>(t)] += 1.0 / 4000;
  }
  return counts;
}

TEST(Generate, SamplesWhatTheOptionsAllow) {
  // Probabilities 0.5, 0.25, 0.15, 0.1.
  const std::vector<double> p{0.5, 0.25, 0.15, 0.1};
  std::vector<float> logits;
  for (const double v : p) logits.push_back(static_cast<float>(std::log(v)));
  nn::Layer net = fixed(logits);
  const auto all = shares(net, {}, 4);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(all[i], p[i], 0.03);
  const auto greedy = shares(net, {.temperature = 0}, 4);
  EXPECT_NEAR(greedy[0], 1, 1e-9);
  const auto cold = shares(net, {.temperature = 0.5}, 4);  // squares: .25, .0625, .0225, .01
  EXPECT_NEAR(cold[0], 0.25 / 0.345, 0.03);
  const auto two = shares(net, {.top_k = 2}, 4);
  EXPECT_NEAR(two[0], 2.0 / 3, 0.03);
  EXPECT_EQ(two[2] + two[3], 0);
  const auto nucleus = shares(net, {.top_p = 0.8}, 4);  // 0.5 + 0.25 < 0.8: three
  EXPECT_GT(nucleus[2], 0);
  EXPECT_EQ(nucleus[3], 0);
  const auto sure = shares(net, {.min_p = 0.4}, 4);
  EXPECT_GT(sure[1], 0);
  EXPECT_EQ(sure[2] + sure[3], 0);
  // What was said is not the best any more, until all was said.
  EXPECT_EQ(generate(net, Tokens{0}, {.most = 3, .temperature = 0, .repetition_penalty = 1e3}),
            (Tokens{1, 2, 3}));
}

TEST(Generate, StopsWhereItIsTold) {
  nn::Layer net = fixed({0, 5, 0});
  EXPECT_EQ(generate(net, Tokens{0}, {.most = 9, .temperature = 0, .stop = {{1, 1, 1}}}),
            (Tokens{1, 1, 1}));
  int seen = 0;
  const auto some =
      generate(net, std::vector<Tokens>{{0}, {0, 2}},
               {.most = 9, .temperature = 0, .on_token = [&](std::size_t, std::int64_t) {
                  return ++seen < 3;
                }});
  EXPECT_EQ(some[0].size() + some[1].size(), 3u);
}

// The best of all sequences of three tokens, by trying all.
TEST(Generate, BeamsFindTheMostProbable) {
  nn::Layer net = recurrent<nn::GRU>();
  const TrainingScope infer(false);
  double best = -1e9;
  Tokens best_tokens;
  for (std::int64_t code = 0; code < 1331; ++code) {
    const Tokens t{code / 121, code / 11 % 11, code % 11};
    const Tensor logits = net(Tensor::from(Tokens{4, t[0], t[1]}, {1, 3}));
    const Tensor logs = log_softmax(logits, -1);
    double sum = 0;
    for (std::int64_t i = 0; i < 3; ++i) {
      sum += logs[0][i][t[static_cast<std::size_t>(i)]].item<double>();
    }
    if (sum > best) {
      best = sum;
      best_tokens = t;
    }
  }
  const auto wide = beam_search(net, {4}, {.beams = 40, .most = 3, .length_penalty = 0});
  EXPECT_EQ(wide[0].tokens, best_tokens);
  EXPECT_NEAR(wide[0].score, best, 1e-4);
  const auto one = beam_search(net, {4}, {.beams = 1, .most = 6, .length_penalty = 0});
  EXPECT_EQ(one[0].tokens, generate(net, Tokens{4}, {.most = 6, .temperature = 0}));
  const auto ended =
      beam_search(net, {4}, {.beams = 3, .most = 30, .end = best_tokens[0], .length_penalty = 0});
  EXPECT_EQ(ended[0].tokens.back(), best_tokens[0]);
  EXPECT_TRUE(std::is_sorted(ended.begin(), ended.end(),
                             [](const Beam& a, const Beam& b) { return a.score > b.score; }));
}

TEST(Generate, SaysWhatIsWrong) {
  nn::Layer net = transformer();
  EXPECT_NE(text_of<ValueError>([&] { generate(net, Tokens{}); }).find("prompt 0 is empty"),
            std::string::npos);
  EXPECT_THROW(generate(net, Tokens{1}, {.temperature = -1}), ValueError);
  EXPECT_THROW(generate(net, Tokens{1}, {.top_p = 0}), ValueError);
  nn::Layer sees_all = nn::Sequential{nn::Embedding(5, 8), nn::MultiHeadAttention(2)};
  EXPECT_NE(text_of<ValueError>([&] { generate(sees_all, Tokens{1}); }).find(".causal = true"),
            std::string::npos);
  nn::Layer both = nn::Sequential{nn::Embedding(5, 8),
                                  nn::LSTM(4, {.bidirectional = true, .return_sequences = true})};
  EXPECT_NE(text_of<ValueError>([&] { generate(both, Tokens{1}); }).find("reads from the end"),
            std::string::npos);
  nn::Layer last = nn::Sequential{nn::Embedding(5, 8), nn::LSTM(4)};
  EXPECT_NE(text_of<ShapeError>([&] { generate(last, Tokens{1}); }).find("return_sequences"),
            std::string::npos);
  nn::Layer broken = fixed({std::nanf(""), 1});
  EXPECT_NE(text_of<ValueError>([&] { generate(broken, Tokens{1}); }).find("NaN"),
            std::string::npos);
}

}  // namespace
}  // namespace nacre
