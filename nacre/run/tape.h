// GradientTape: records what is computed while it lives, to differentiate it afterwards.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "nacre/ops/define/operand.h"
#include "nacre/run/variable.h"

namespace nacre {

struct GradientTapeOptions {
  bool persistent = false;      // gradient() may be called more than once
  bool watch_variables = true;  // trainable Variables are watched when they are read
};

// Watches Variables that are read and tensors given to watch(). Works on concrete tensors and
// within traced functions alike; tapes nest, for higher derivatives.
//
//   GradientTape tape;
//   Tensor loss = mean(square(w * x + b - y));
//   auto [dw, db] = tape.gradient(loss, w, b);
//
// A tape records until stop(), its end or, unless it is persistent, its gradient(). A persistent
// tape that still records sees its own gradient computations too, so that they can be
// differentiated in turn.
class GradientTape {
 public:
  explicit GradientTape(GradientTapeOptions options = {});
  ~GradientTape();
  GradientTape(const GradientTape&) = delete;
  GradientTape& operator=(const GradientTape&) = delete;

  // Makes `x` something to differentiate with respect to; returns it. Within a traced function a
  // concrete tensor becomes a value of the trace: compute with what watch() returns. Throws
  // DTypeError unless x is floating point.
  Tensor watch(const Operand& x);
  // Records nothing from now on; what was recorded stays.
  void stop();

  // d target / d source for each source; a target that is not a scalar counts as its sum. Sources
  // that do not influence the target get zeros. Throws GradientError (see autodiff/backward.h),
  // DTypeError for a target that is not floating point and, for a second call on a tape that is
  // not persistent, ValueError.
  Tensors gradient(const Operand& target, const Tensors& sources);
  // The same weighted with a cotangent of the target's spec (ShapeError, DTypeError).
  Tensors gradient(const Operand& target, const Tensors& sources, const Operand& cotangent);
  // The same for the sum over several targets, each with its cotangent.
  Tensors gradient(const Tensors& targets, const Tensors& sources, const Tensors& cotangents,
                   const Location& at = std::source_location::current());
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

// While it lives, the tapes that exist now record nothing; tapes made in its time do.
class TapePause {
 public:
  TapePause();
  ~TapePause();
  TapePause(const TapePause&) = delete;
  TapePause& operator=(const TapePause&) = delete;

 private:
  std::vector<GradientTape::Record*> paused_;
};

}  // namespace nacre
