// The exact text of every check of convolutions and pools.
#include <gtest/gtest.h>

#include "tests/support/errors.h"

#include "nacre/ops/define/emit.h"

namespace nacre {
namespace {

using Ints = std::vector<std::int64_t>;

using test::check_errors;

TEST(ConvErrors, Conv) {
  check_errors({
      {Op::conv, {}, {{f32, {2, 3, 8, 8}}}, R"(conv: 2 inputs expected, 1 given
  input f32[2,3,8,8]
  called at net.cpp:7)"},
      {Op::conv,
       {},
       {{i32, {2, 3, 8, 8}}, {i32, {4, 3, 3, 3}}},
       R"(conv: floating point expected, i32 given
  left i32[2,3,8,8], right i32[4,3,3,3]
  called at net.cpp:7
  hint: convert it with x.to(nacre::f32))"},
      {Op::conv, {}, {{f32, {2, 3, 8, 8}}, {f64, {4, 3, 3, 3}}}, R"(conv: dtypes differ (f32 vs f64)
  left f32[2,3,8,8], right f64[4,3,3,3]
  called at net.cpp:7
  hint: convert one of them with x.to(dtype))"},
      {Op::conv,
       {},
       {{f32, {3, 8}}, {f32, {4, 3, 3, 3}}},
       R"(conv: rank 3, 4 or 5 expected (batch, channels, 1 to 3 spatial axes), 2 given
  left f32[3,8], right f32[4,3,3,3]
  called at net.cpp:7
  hint: a single image needs a batch axis: expand_dims(x, {0}))"},
      {Op::conv,
       {},
       {{f32, {2, 3, 8, 8}}, {f32, {4, 3, 3}}},
       R"(conv: weights of rank 4 expected, 3 given
  left f32[2,3,8,8], right f32[4,3,3]
  called at net.cpp:7
  hint: weights are [output channels, input channels / groups, kernel...])"},
      {Op::conv,
       {{"stride", Ints{1}}},
       {{f32, {2, 3, 8, 8}}, {f32, {4, 3, 3, 3}}},
       R"(conv: 1 stride values given for 2 spatial axes
  left f32[2,3,8,8], right f32[4,3,3,3]
  called at net.cpp:7)"},
      {Op::conv,
       {{"stride", Ints{1, 0}}},
       {{f32, {2, 3, 8, 8}}, {f32, {4, 3, 3, 3}}},
       R"(conv: stride must be at least 1, not 0
  left f32[2,3,8,8], right f32[4,3,3,3]
  called at net.cpp:7)"},
      {Op::conv,
       {{"dilation", Ints{1, 1, 1}}},
       {{f32, {2, 3, 8, 8}}, {f32, {4, 3, 3, 3}}},
       R"(conv: 3 dilation values given for 2 spatial axes
  left f32[2,3,8,8], right f32[4,3,3,3]
  called at net.cpp:7)"},
      {Op::conv,
       {{"dilation", Ints{0, 1}}},
       {{f32, {2, 3, 8, 8}}, {f32, {4, 3, 3, 3}}},
       R"(conv: dilation must be at least 1, not 0
  left f32[2,3,8,8], right f32[4,3,3,3]
  called at net.cpp:7)"},
      {Op::conv,
       {{"padding", Ints{1, 1}}},
       {{f32, {2, 3, 8, 8}}, {f32, {4, 3, 3, 3}}},
       R"(conv: 2 padding values given for 2 spatial axes
  left f32[2,3,8,8], right f32[4,3,3,3]
  called at net.cpp:7)"},
      {Op::conv,
       {{"padding", Ints{1, 1, -1, 1}}},
       {{f32, {2, 3, 8, 8}}, {f32, {4, 3, 3, 3}}},
       R"(conv: padding must be at least 0, not -1
  left f32[2,3,8,8], right f32[4,3,3,3]
  called at net.cpp:7)"},
      {Op::conv,
       {},
       {{f32, {2, 3, 8, 8}}, {f32, {4, 3, 0, 3}}},
       R"(conv: kernel must be at least 1, not 0
  left f32[2,3,8,8], right f32[4,3,0,3]
  called at net.cpp:7)"},
      {Op::conv,
       {{"groups", std::int64_t{0}}},
       {{f32, {2, 3, 8, 8}}, {f32, {4, 3, 3, 3}}},
       R"(conv: groups must be at least 1, not 0
  left f32[2,3,8,8], right f32[4,3,3,3]
  called at net.cpp:7)"},
      {Op::conv,
       {{"groups", std::int64_t{3}}},
       {{f32, {2, 3, 8, 8}}, {f32, {4, 3, 3, 3}}},
       R"(conv: 4 output channels do not divide into 3 groups
  left f32[2,3,8,8], right f32[4,3,3,3]
  called at net.cpp:7)"},
      {Op::conv,
       {},
       {{f32, {2, 3, 8, 8}}, {f32, {4, 5, 3, 3}}},
       R"(conv: the input has 3 channels, the weights take 5
  left f32[2,3,8,8], right f32[4,5,3,3]
  called at net.cpp:7
  hint: images are [batch, channels, spatial...]; channels_last = true takes [batch, spatial..., channels])"},
      {Op::conv,
       {{"groups", std::int64_t{2}}},
       {{f32, {2, 3, 8, 8}}, {f32, {4, 3, 3, 3}}},
       R"(conv: the input has 3 channels, the weights take 6 in 2 groups
  left f32[2,3,8,8], right f32[4,3,3,3]
  called at net.cpp:7
  hint: images are [batch, channels, spatial...]; channels_last = true takes [batch, spatial..., channels])"},
      {Op::conv,
       {},
       {{f32, {2, 3, 8, 8}}, {f32, {4, 3, 9, 3}}},
       R"(conv: a window of 9 does not fit spatial axis 0 of size 8 with padding 0
  left f32[2,3,8,8], right f32[4,3,9,3]
  called at net.cpp:7
  hint: use a smaller kernel or dilation, or padding = kSame)"},
      {Op::conv,
       {},
       {{f32, {2, 3, 8, 8}}, {f32, {4, 3, 3, 3}}, {f32, {5}}},
       R"(conv: a bias of shape [4] expected, [5] given
  inputs f32[2,3,8,8], f32[4,3,3,3], f32[5]
  called at net.cpp:7)"},
      {Op::conv,
       {{"activation", std::string("tanh")}},
       {{f32, {2, 3, 8, 8}}, {f32, {4, 3, 3, 3}}},
       R"(conv: activation "tanh" cannot be fused
  left f32[2,3,8,8], right f32[4,3,3,3]
  called at net.cpp:7
  hint: apply it to the result)"},
  });
}

TEST(ConvErrors, ConvBackwardInput) {
  check_errors({
      {Op::conv_backward_input,
       {{"size", Ints{8, 8}}},
       {{f32, {2, 4, 6, 6}}},
       R"(conv_backward_input: 2 inputs expected, 1 given
  input f32[2,4,6,6]
  called at net.cpp:7)"},
      {Op::conv_backward_input,
       {{"size", Ints{8, 8}}},
       {{u8, {2, 4, 6, 6}}, {u8, {4, 3, 3, 3}}},
       R"(conv_backward_input: floating point expected, u8 given
  left u8[2,4,6,6], right u8[4,3,3,3]
  called at net.cpp:7
  hint: convert it with x.to(nacre::f32))"},
      {Op::conv_backward_input,
       {{"size", Ints{8, 8}}},
       {{f32, {2, 4, 6, 6}}, {f64, {4, 3, 3, 3}}},
       R"(conv_backward_input: dtypes differ (f32 vs f64)
  left f32[2,4,6,6], right f64[4,3,3,3]
  called at net.cpp:7
  hint: convert one of them with x.to(dtype))"},
      {Op::conv_backward_input,
       {{"size", Ints{8, 8}}},
       {{f32, {4, 6}}, {f32, {4, 3, 3, 3}}},
       R"(conv_backward_input: rank 3, 4 or 5 expected (batch, channels, 1 to 3 spatial axes), 2 given
  left f32[4,6], right f32[4,3,3,3]
  called at net.cpp:7
  hint: a single image needs a batch axis: expand_dims(x, {0}))"},
      {Op::conv_backward_input,
       {{"size", Ints{8, 8}}},
       {{f32, {2, 4, 6, 6}}, {f32, {4, 3, 3}}},
       R"(conv_backward_input: weights of rank 4 expected, 3 given
  left f32[2,4,6,6], right f32[4,3,3]
  called at net.cpp:7
  hint: weights are [input channels, output channels / groups, kernel...])"},
      {Op::conv_backward_input,
       {{"size", Ints{8, 8}}, {"stride", Ints{2, 2, 2}}},
       {{f32, {2, 4, 6, 6}}, {f32, {4, 3, 3, 3}}},
       R"(conv_backward_input: 3 stride values given for 2 spatial axes
  left f32[2,4,6,6], right f32[4,3,3,3]
  called at net.cpp:7)"},
      {Op::conv_backward_input,
       {{"size", Ints{8, 8}}, {"groups", std::int64_t{3}}},
       {{f32, {2, 4, 6, 6}}, {f32, {4, 3, 3, 3}}},
       R"(conv_backward_input: 4 output channels do not divide into 3 groups
  left f32[2,4,6,6], right f32[4,3,3,3]
  called at net.cpp:7)"},
      {Op::conv_backward_input,
       {{"size", Ints{8, 8}}},
       {{f32, {2, 4, 6, 6}}, {f32, {5, 3, 3, 3}}},
       R"(conv_backward_input: the input has 4 channels, the weights take 5
  left f32[2,4,6,6], right f32[5,3,3,3]
  called at net.cpp:7
  hint: weights are [input channels, output channels / groups, kernel...])"},
      {Op::conv_backward_input,
       {{"size", Ints{8}}},
       {{f32, {2, 4, 6, 6}}, {f32, {4, 3, 3, 3}}},
       R"(conv_backward_input: 1 sizes given for 2 spatial axes
  left f32[2,4,6,6], right f32[4,3,3,3]
  called at net.cpp:7)"},
      {Op::conv_backward_input,
       {{"size", Ints{8, 9}}},
       {{f32, {2, 4, 6, 6}}, {f32, {4, 3, 3, 3}}},
       R"(conv_backward_input: size 9 on spatial axis 1 belongs to 7 places of the window, the input has 6
  left f32[2,4,6,6], right f32[4,3,3,3]
  called at net.cpp:7
  hint: output_padding must be below the stride)"},
  });
}

TEST(ConvErrors, ConvBackwardWeights) {
  check_errors({
      {Op::conv_backward_weights,
       {{"kernel", Ints{3, 3}}},
       {{f32, {2, 3, 8, 8}}},
       R"(conv_backward_weights: 2 inputs expected, 1 given
  input f32[2,3,8,8]
  called at net.cpp:7)"},
      {Op::conv_backward_weights,
       {{"kernel", Ints{3, 3}}},
       {{i64, {2, 3, 8, 8}}, {i64, {2, 4, 6, 6}}},
       R"(conv_backward_weights: floating point expected, i64 given
  left i64[2,3,8,8], right i64[2,4,6,6]
  called at net.cpp:7
  hint: convert it with x.to(nacre::f32))"},
      {Op::conv_backward_weights,
       {{"kernel", Ints{3, 3}}},
       {{f32, {2, 3, 8, 8}}, {f64, {2, 4, 6, 6}}},
       R"(conv_backward_weights: dtypes differ (f32 vs f64)
  left f32[2,3,8,8], right f64[2,4,6,6]
  called at net.cpp:7
  hint: convert one of them with x.to(dtype))"},
      {Op::conv_backward_weights,
       {{"kernel", Ints{3, 3}}},
       {{f32, {3, 8}}, {f32, {2, 4, 6, 6}}},
       R"(conv_backward_weights: rank 3, 4 or 5 expected (batch, channels, 1 to 3 spatial axes), 2 given
  left f32[3,8], right f32[2,4,6,6]
  called at net.cpp:7
  hint: a single image needs a batch axis: expand_dims(x, {0}))"},
      {Op::conv_backward_weights,
       {{"kernel", Ints{3, 3}}},
       {{f32, {2, 3, 8, 8}}, {f32, {2, 4, 6}}},
       R"(conv_backward_weights: rank 4 expected, 3 given
  left f32[2,3,8,8], right f32[2,4,6]
  called at net.cpp:7)"},
      {Op::conv_backward_weights,
       {{"kernel", Ints{3}}},
       {{f32, {2, 3, 8, 8}}, {f32, {2, 4, 6, 6}}},
       R"(conv_backward_weights: 1 kernel values given for 2 spatial axes
  left f32[2,3,8,8], right f32[2,4,6,6]
  called at net.cpp:7)"},
      {Op::conv_backward_weights,
       {{"kernel", Ints{3, 3}}, {"groups", std::int64_t{3}}},
       {{f32, {2, 3, 8, 8}}, {f32, {2, 4, 6, 6}}},
       R"(conv_backward_weights: 4 output channels do not divide into 3 groups
  left f32[2,3,8,8], right f32[2,4,6,6]
  called at net.cpp:7)"},
      {Op::conv_backward_weights,
       {{"kernel", Ints{3, 3}}, {"groups", std::int64_t{2}}},
       {{f32, {2, 3, 8, 8}}, {f32, {2, 4, 6, 6}}},
       R"(conv_backward_weights: 3 input channels do not divide into 2 groups
  left f32[2,3,8,8], right f32[2,4,6,6]
  called at net.cpp:7)"},
      {Op::conv_backward_weights,
       {{"kernel", Ints{3, 9}}},
       {{f32, {2, 3, 8, 8}}, {f32, {2, 4, 6, 6}}},
       R"(conv_backward_weights: a window of 9 does not fit spatial axis 1 of size 8 with padding 0
  left f32[2,3,8,8], right f32[2,4,6,6]
  called at net.cpp:7
  hint: use a smaller kernel or dilation, or padding = kSame)"},
      {Op::conv_backward_weights,
       {{"kernel", Ints{3, 3}}},
       {{f32, {2, 3, 8, 8}}, {f32, {2, 4, 5, 6}}},
       R"(conv_backward_weights: a gradient of shape [2,4,6,6] expected, [2,4,5,6] given
  left f32[2,3,8,8], right f32[2,4,5,6]
  called at net.cpp:7)"},
  });
}

TEST(ConvErrors, Pool) {
  check_errors({
      {Op::max_pool, {{"kernel", Ints{2, 2}}}, {}, R"(max_pool: 1 inputs expected, 0 given
  called at net.cpp:7)"},
      {Op::max_pool,
       {{"kernel", Ints{2, 2}}},
       {{boolean, {2, 3, 8, 8}}},
       R"(max_pool: numbers expected, bool given
  input bool[2,3,8,8]
  called at net.cpp:7
  hint: convert it with x.to(nacre::f32))"},
      {Op::max_pool,
       {{"kernel", Ints{2, 2}}},
       {{f32, {8, 8}}},
       R"(max_pool: rank 3, 4 or 5 expected (batch, channels, 1 to 3 spatial axes), 2 given
  input f32[8,8]
  called at net.cpp:7
  hint: a single image needs a batch axis: expand_dims(x, {0}))"},
      {Op::max_pool,
       {{"kernel", Ints{2}}},
       {{f32, {2, 3, 8, 8}}},
       R"(max_pool: 1 kernel values given for 2 spatial axes
  input f32[2,3,8,8]
  called at net.cpp:7)"},
      {Op::max_pool,
       {{"kernel", Ints{2, 0}}},
       {{f32, {2, 3, 8, 8}}},
       R"(max_pool: kernel must be at least 1, not 0
  input f32[2,3,8,8]
  called at net.cpp:7)"},
      {Op::max_pool,
       {{"output", Ints{2}}},
       {{f32, {2, 3, 8, 8}}},
       R"(max_pool: 1 output sizes given for 2 spatial axes
  input f32[2,3,8,8]
  called at net.cpp:7)"},
      {Op::max_pool,
       {{"output", Ints{2, 0}}},
       {{f32, {2, 3, 8, 8}}},
       R"(max_pool: output sizes must be at least 1, not 0
  input f32[2,3,8,8]
  called at net.cpp:7)"},
      {Op::max_pool,
       {{"kernel", Ints{9, 2}}},
       {{f32, {2, 3, 8, 8}}},
       R"(max_pool: the window does not fit spatial axis 0 of size 8
  input f32[2,3,8,8]
  called at net.cpp:7
  hint: use a smaller kernel or dilation, or padding = kSame)"},
      {Op::max_pool,
       {{"kernel", Ints{2, 2}}, {"padding", Ints{2, 0, 0, 0}}},
       {{f32, {2, 3, 8, 8}}},
       R"(max_pool: a window on spatial axis 0 lies wholly in the padding
  input f32[2,3,8,8]
  called at net.cpp:7
  hint: padding must be smaller than the window)"},
      {Op::max_pool_backward,
       {{"kernel", Ints{2, 2}}},
       {{f32, {2, 3, 8, 8}}},
       R"(max_pool_backward: 2 inputs expected, 1 given
  input f32[2,3,8,8]
  called at net.cpp:7)"},
      {Op::max_pool_backward,
       {{"kernel", Ints{2, 2}}},
       {{f32, {2, 3, 8, 8}}, {f32, {2, 3, 4, 5}}},
       R"(max_pool_backward: input 1 of shape [2,3,7,7] expected, [2,3,4,5] given
  left f32[2,3,8,8], right f32[2,3,4,5]
  called at net.cpp:7)"},
      {Op::max_pool_backward,
       {{"kernel", Ints{2, 2}}},
       {{boolean, {2, 3, 8, 8}}, {f32, {2, 3, 4, 4}}},
       R"(max_pool_backward: numbers expected, bool given
  left bool[2,3,8,8], right f32[2,3,4,4]
  called at net.cpp:7
  hint: convert it with x.to(nacre::f32))"},
      {Op::max_pool_gather,
       {{"kernel", Ints{2, 2}}},
       {{f32, {2, 3, 8, 8}}},
       R"(max_pool_gather: 2 inputs expected, 1 given
  input f32[2,3,8,8]
  called at net.cpp:7)"},
      {Op::max_pool_gather,
       {{"kernel", Ints{2, 2}}},
       {{f32, {2, 3, 8, 8}}, {f32, {2, 3, 8, 9}}},
       R"(max_pool_gather: input 1 of shape [2,3,8,8] expected, [2,3,8,9] given
  left f32[2,3,8,8], right f32[2,3,8,9]
  called at net.cpp:7)"},
      {Op::max_pool_gather,
       {{"kernel", Ints{2, 2}}},
       {{boolean, {2, 3, 8, 8}}, {f32, {2, 3, 8, 8}}},
       R"(max_pool_gather: numbers expected, bool given
  left bool[2,3,8,8], right f32[2,3,8,8]
  called at net.cpp:7
  hint: convert it with x.to(nacre::f32))"},
      {Op::avg_pool, {{"kernel", Ints{2, 2}}}, {}, R"(avg_pool: 1 inputs expected, 0 given
  called at net.cpp:7)"},
      {Op::avg_pool,
       {{"kernel", Ints{2, 2}}},
       {{i32, {2, 3, 8, 8}}},
       R"(avg_pool: floating point expected, i32 given
  input i32[2,3,8,8]
  called at net.cpp:7
  hint: convert it with x.to(nacre::f32))"},
      {Op::avg_pool,
       {{"kernel", Ints{2, 2}}},
       {{f32, {8, 8}}},
       R"(avg_pool: rank 3, 4 or 5 expected (batch, channels, 1 to 3 spatial axes), 2 given
  input f32[8,8]
  called at net.cpp:7
  hint: a single image needs a batch axis: expand_dims(x, {0}))"},
      {Op::avg_pool,
       {{"kernel", Ints{2, 2}}, {"dilation", Ints{2, 1}}},
       {{f32, {2, 3, 8, 8}}},
       R"(avg_pool: dilation must be 1, not 2
  input f32[2,3,8,8]
  called at net.cpp:7
  hint: only max_pool has it)"},
      {Op::avg_pool_backward,
       {{"kernel", Ints{2, 2}}, {"size", Ints{8, 8}}},
       {},
       R"(avg_pool_backward: 1 inputs expected, 0 given
  called at net.cpp:7)"},
      {Op::avg_pool_backward,
       {{"kernel", Ints{2, 2}}, {"size", Ints{8, 8}}},
       {{i32, {2, 3, 4, 4}}},
       R"(avg_pool_backward: floating point expected, i32 given
  input i32[2,3,4,4]
  called at net.cpp:7
  hint: convert it with x.to(nacre::f32))"},
      {Op::avg_pool_backward,
       {{"kernel", Ints{2, 2}}, {"size", Ints{8}}},
       {{f32, {2, 3, 4, 4}}},
       R"(avg_pool_backward: 1 sizes given for 2 spatial axes
  input f32[2,3,4,4]
  called at net.cpp:7)"},
      {Op::avg_pool_backward,
       {{"kernel", Ints{2, 2}}, {"size", Ints{8, 8}}},
       {{f32, {2, 3, 4, 3}}},
       R"(avg_pool_backward: input 0 of shape [2,3,7,7] expected, [2,3,4,3] given
  input f32[2,3,4,3]
  called at net.cpp:7)"},
  });
}

}  // namespace
}  // namespace nacre
