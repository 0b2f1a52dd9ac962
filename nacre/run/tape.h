// GradientTape: records what is computed while it lives, to differentiate it afterwards.
#pragma once

#include <memory>
#include <unordered_map>

#include "nacre/ops/emit.h"
#include "nacre/run/variable.h"

namespace nacre {

struct GradientTapeOptions {
  bool persistent = false;  // gradient() may be called more than once
};

// Watches Variables that are read and tensors given to watch(). Works on concrete tensors and
// within traced functions alike; tapes nest, for higher derivatives.
//
//   GradientTape tape;
//   Tensor loss = mean(square(w * x + b - y));
//   auto [dw, db] = tape.gradient(loss, w, b);
class GradientTape {
 public:
  explicit GradientTape(GradientTapeOptions options = {});
  ~GradientTape();
  GradientTape(const GradientTape&) = delete;
  GradientTape& operator=(const GradientTape&) = delete;

  // Makes `x` something to differentiate with respect to; returns it.
  Tensor watch(const Operand& x);
  // d target / d source for each source; a target that is not a scalar counts as its sum. Throws
  // GradientError (see autodiff/backward.h) and, for a second call on a tape that is not
  // persistent, ValueError.
  Tensors gradient(const Operand& target, const Tensors& sources);
  Tensors gradient(const Operand& target, const Tensors& sources, const Operand& cotangent);
  template <class... Sources>
  requires(sizeof...(Sources) > 0 && (std::is_constructible_v<Operand, const Sources&> &&
                                      ...)) auto gradient(const Operand& target,
                                                          const Sources&... sources) {
    Tensors all = gradient(target, Tensors{Operand(sources).tensor()...});
    if constexpr (sizeof...(Sources) == 1) {
      return all[0];
    } else {
      return unpack(all, std::make_index_sequence<sizeof...(Sources)>());
    }
  }

  struct Record;

 private:
  template <std::size_t... I>
  static auto unpack(const Tensors& all, std::index_sequence<I...>) {
    return std::array<Tensor, sizeof...(I)>{all[I]...};
  }
  std::unique_ptr<Record> record_;
};

// For the eager executor: tells all tapes of this thread about an applied op.
bool any_tape();
void record_on_tapes(Op op, const Attrs& attrs, std::span<const Tensor> inputs,
                     std::span<const Tensor> outputs, const Location& at);
void watch_on_tapes(const Tensor& value);

// While it lives, tapes of this thread record nothing.
class TapePause {
 public:
  TapePause();
  ~TapePause();
  TapePause(const TapePause&) = delete;
  TapePause& operator=(const TapePause&) = delete;
};

}  // namespace nacre
