// Going on with a sequence of tokens, by a network that gives logits of the next one: int64 [batch,
// steps] to [batch, steps, vocabulary].
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "nacre/nn/layer.h"

namespace nacre {

using Tokens = std::vector<std::int64_t>;

struct GenerateOptions {
  std::int64_t most = 100;  // new tokens of each sequence, at least 1
  double temperature = 1;   // logits are divided by it; 0: always the most probable token
  std::int64_t top_k = 0;   // chooses among so many of the most probable; 0: all
  double top_p = 1;         // among the fewest that have this probability together, in (0, 1]
                     // (Holtzman et al., "The curious case of neural text degeneration", 2020)
  double min_p = 0;  // among those of at least this share of the greatest probability
  // Above 1: tokens that are there already become less probable (Keskar et al., "CTRL", 2019).
  double repetition_penalty = 1;
  std::uint64_t seed = 0;
  std::vector<Tokens> stop = {};  // a sequence ends behind any of these, which it keeps
  // How many tokens the network can look back; 0: any number. A longer sequence goes on from the
  // newer half of them.
  std::int64_t context = 0;
  // false: reads everything anew for each token instead of keeping what the layers made of it.
  bool cache = true;
  // Called with each new token and the number of its sequence; false ends all.
  std::function<bool(std::size_t sequence, std::int64_t token)> on_token = {};
};

// The new tokens of each prompt. The same options and prompts give the same tokens. Throws
// ValueError for an empty prompt and options out of range, and what the network throws.
std::vector<Tokens> generate(nn::Layer& network, const std::vector<Tokens>& prompts,
                             const GenerateOptions& options = {});
Tokens generate(nn::Layer& network, const Tokens& prompt, const GenerateOptions& options = {});

struct BeamOptions {
  std::int64_t beams = 5;     // sequences that are followed at a time
  std::int64_t most = 100;    // new tokens
  std::int64_t end = -1;      // the token behind which a sequence ends; -1: none
  double length_penalty = 1;  // scores are divided by length^this: above 0 favours longer ones
};
struct Beam {
  Tokens tokens;     // new ones, the end included
  double score = 0;  // the sum of log-probabilities over length^length_penalty
};
// The most probable continuations found, the best first, at most `beams`. Throws as generate().
std::vector<Beam> beam_search(nn::Layer& network, const Tokens& prompt,
                              const BeamOptions& options = {});

// What both are made of: reads sequences piece by piece and gives the logits of the next token. One
// plan serves each length of piece.
class TokenReader {
 public:
  // `network` must live as long.
  TokenReader(nn::Layer& network, std::int64_t batch, std::int64_t room);
  ~TokenReader();
  TokenReader(const TokenReader&) = delete;
  TokenReader& operator=(const TokenReader&) = delete;

  // i64 [batch, n] to f32 [batch, vocabulary]: the logits behind the last of them.
  Tensor read(const Tensor& tokens);
  // See nn::Decoding.
  void reorder(const Tensor& parents);
  void restart();
  // Plans made so far.
  std::size_t plans() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nacre
