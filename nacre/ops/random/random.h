// Random tensors, as pure functions of a key: i64[2] = {seed, stream}. The same key gives the same
// bits on every machine and with any number of threads; two draws need two keys, which a Generator
// (run/generator.h) hands out.
//
// Word w of a draw is word w % 4 of block w / 4 of Philox4x32-10 (base/random.h) under key `seed`
// in stream `stream`. Element i uses
//   32-bit results   word i, or of a pair (normal) words 2p and 2p + 1 with p = i / 2;
//   64-bit results   words 2i (high half) and 2i + 1, or words 4p .. 4p + 3 of a pair.
// f64 and whole numbers are 64-bit, f32, bf16, f16, bernoulli and dropout are 32-bit.
// Gradients stop at every draw, but for gamma's concentration; write mean + scale * normal to
// differentiate with respect to mean and scale.
// Errors: DTypeError or ShapeError for a key that is not i64[2], ValueError for ranges.
#pragma once

#include "nacre/ops/define/operand.h"

namespace nacre {

// Uniform in [low, high), from 24 random bits (f64: 53, f16: 11, bf16: 8); rounding in
// low + (high - low) * u may give `high` itself unless they are 0 and 1.
Tensor random_uniform(const Operand& key, const Shape& shape, double low = 0, double high = 1,
                      DType dtype = f32);
// Normal, by Box and Muller's method; within 6.7 (f64: 8.6) deviations. stddev >= 0.
Tensor random_normal(const Operand& key, const Shape& shape, double mean = 0, double stddev = 1,
                     DType dtype = f32);
// Normal within mean + stddev * [low, high], by the inverse of the distribution.
Tensor random_truncated_normal(const Operand& key, const Shape& shape, double mean = 0,
                               double stddev = 1, double low = -2, double high = 2,
                               DType dtype = f32);
// Exponential of rate 1, always above 0; divide by a rate.
Tensor random_exponential(const Operand& key, const Shape& shape, DType dtype = f32);
// Gumbel: -log of exponential.
Tensor random_gumbel(const Operand& key, const Shape& shape, DType dtype = f32);
// Whole numbers in [low, high) of an integer dtype that holds them.
Tensor random_integers(const Operand& key, const Shape& shape, std::int64_t low, std::int64_t high,
                       DType dtype = i64);
// 1 with the given probability (a number, or a tensor that broadcasts to `shape`), else 0.
Tensor random_bernoulli(const Operand& key, const Shape& shape, const Operand& probability = 0.5,
                        DType dtype = f32);
// Gamma of scale 1 with a positive concentration (a number, or a floating tensor that broadcasts to
// `shape` and gives the dtype), by Marsaglia and Tsang's method (2000). Has a gradient by implicit
// reparameterisation (Figurnov et al., 2018), of first order only.
Tensor random_gamma(const Operand& key, const Shape& shape, const Operand& concentration);
// 0 .. count-1 in random order: i64[count].
Tensor random_permutation(const Operand& key, std::int64_t count);
// Indices along the last axis of floating `logits` with probabilities softmax(logits): i64 of the
// shape without that axis; with `samples` > 0, that many in its place, drawn independently.
Tensor random_categorical(const Operand& key, const Operand& logits, std::int64_t samples = 0);
// softmax((logits + gumbel) / temperature) along the last axis: a categorical draw that lets
// gradients through (Jang et al., 2017). `hard` gives the one-hot vector with that gradient.
Tensor gumbel_softmax(const Operand& key, const Operand& logits, double temperature = 1,
                      bool hard = false);
// `count` new keys: i64[count, 2]; rows of it are used as keys.
Tensor split_key(const Operand& key, std::int64_t count = 2);

}  // namespace nacre
