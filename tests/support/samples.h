// Makes tensors from the samples of ops, and compares them.
#pragma once

#include <string>

#include "nacre/base/random.h"
#include "nacre/ops/define/op_def.h"

namespace nacre::testing {

// A tensor of the host filled as the sample says; `seed` decides the values.
Tensor fill_input(const SampleInput& input, std::uint64_t seed);
// All inputs of a sample; floating inputs as `floats` when it is given and not f32 (f64 for
// gradients, bf16 for precision).
Tensors fill_inputs(const Sample& sample, std::uint64_t seed, DType floats = f32);

// The sample with every floating spec, and every dtype attribute, replaced by `floats`.
Sample with_floats(const Sample& sample, DType floats);

// "" when all elements agree within absolute + relative * |expected| (NaN agrees with NaN), else a
// text that names the first element that does not.
std::string difference(const Tensor& actual, const Tensor& expected, double relative,
                       double absolute);

// "add [f32[3,7], f32[7]] {..}".
std::string describe(Op op, const Sample& sample);

}  // namespace nacre::testing
