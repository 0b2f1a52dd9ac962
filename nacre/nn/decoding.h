// Decoding: reading a sequence piece by piece. While it is current, layers that look at the past
// keep what later tokens will ask of it: attention its keys and values, recurrent layers their
// states. So a model that was trained on whole sequences gives one token at the cost of one.
//
//   nn::Decoding past(1, 256);                   // one sequence of up to 256 tokens
//   const nn::Decoding::Scope reading(past);
//   Tensor logits = network(first_tokens);       // [1, n]
//   past.advance(n);
//   logits = network(next_token);                // [1, 1]
//
// Where the next token stands is data, so a compiled step is traced once for each length of piece.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "nacre/nn/layer.h"

namespace nacre::nn {

class Decoding {
 public:
  // For `batch` sequences of at most `room` tokens. Throws ValueError unless both are at least 1.
  Decoding(std::int64_t batch, std::int64_t room);
  Decoding(const Decoding&) = delete;
  Decoding& operator=(const Decoding&) = delete;

  // Makes it the current one of this thread. Layers infer then, whatever training() says before.
  class Scope {
   public:
    explicit Scope(Decoding& decoding);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Decoding* outer_;
    TrainingScope infer_;
  };
  static Decoding* current();

  std::int64_t batch() const { return batch_; }
  std::int64_t room() const { return room_; }
  // The place of the first token of the piece that is read, i64 [].
  Tensor position() const { return position_.value(); }
  // i64 [n]: the places of the n tokens of the piece.
  Tensor positions(std::int64_t n) const;
  // The piece of n tokens was read. Within a trace it belongs to the step.
  void advance(std::int64_t n);

  // What a layer keeps under a name: zeros of this spec before the first time.
  Variable& kept(const LayerBase& layer, std::string_view name, const Spec& spec);
  // Sequence i goes on from what sequence parents[i] was: i64 [batch]. For beam search.
  void reorder(const Tensor& parents);
  // Begins anew at place 0; what was kept is forgotten.
  void restart();

 private:
  std::int64_t batch_, room_;
  Variable position_;
  std::map<std::pair<const LayerBase*, std::string>, Variable> kept_;
};

}  // namespace nacre::nn
