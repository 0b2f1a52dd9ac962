// The exact text of every check of norms, cross-entropy, attention and sampling.
#include <gtest/gtest.h>

#include "tests/support/errors.h"

#include "nacre/ops/define/emit.h"

namespace nacre {
namespace {

using Ints = std::vector<std::int64_t>;

using test::check_errors;
using test::kLine;
using test::text_of;

Operand at(DType dtype, const Shape& shape) { return {zeros(shape, dtype), kLine}; }

TEST(NetworkErrors, Normalize) {
  check_errors({
      {Op::normalize,
       {{"axes", Ints{-1}}, {"epsilon", 1e-5}},
       {},
       R"(normalize: 1 inputs expected, 0 given
  called at net.cpp:7)"},
      {Op::normalize,
       {{"axes", Ints{-1}}, {"epsilon", 1e-5}},
       {{i32, {4, 6}}},
       R"(normalize: floating point expected, i32 given
  input i32[4,6]
  called at net.cpp:7
  hint: convert it with x.to(nacre::f32))"},
      {Op::normalize,
       {{"axes", Ints{}}, {"epsilon", 1e-5}},
       {{f32, {4, 6}}},
       R"(normalize: no axes given to normalize over
  input f32[4,6]
  called at net.cpp:7)"},
      {Op::normalize,
       {{"axes", Ints{2}}, {"epsilon", 1e-5}},
       {{f32, {4, 6}}},
       R"(normalize: axis 2 is out of range for rank 2
  input f32[4,6]
  called at net.cpp:7)"},
      {Op::normalize,
       {{"axes", Ints{1, -1}}, {"epsilon", 1e-5}},
       {{f32, {4, 6}}},
       R"(normalize: an axis is given twice
  input f32[4,6]
  called at net.cpp:7)"},
      {Op::normalize,
       {{"axes", Ints{1}}, {"epsilon", -1.0}},
       {{f32, {4, 6}}},
       R"(normalize: epsilon must not be negative, it is -1
  input f32[4,6]
  called at net.cpp:7)"},
      {Op::normalize,
       {{"axes", Ints{-1}}, {"epsilon", 1e-5}},
       {{f32, {4, 6}}, {f32, {5}}},
       R"(normalize: the weight of shape [5] does not broadcast to [4,6]
  left f32[4,6], right f32[5]
  called at net.cpp:7
  hint: it has the shape of the normalised axes)"},
      {Op::normalize,
       {{"axes", Ints{-1}}, {"epsilon", 1e-5}},
       {{f32, {4, 6}}, {f64, {6}}},
       R"(normalize: the weight is f64, the input f32
  left f32[4,6], right f64[6]
  called at net.cpp:7
  hint: convert one of them with x.to(dtype))"},
      {Op::normalize,
       {{"axes", Ints{-1}}, {"epsilon", 1e-5}},
       {{f32, {4, 6}}, {f32, {6}}, {f32, {3, 6}}},
       R"(normalize: the bias of shape [3,6] does not broadcast to [4,6]
  inputs f32[4,6], f32[6], f32[3,6]
  called at net.cpp:7
  hint: it has the shape of the normalised axes)"},
      {Op::normalize_backward,
       {{"axes", Ints{-1}}, {"epsilon", 1e-5}},
       {{f32, {4, 6}}, {f32, {4, 6}}},
       R"(normalize_backward: 4 inputs expected, 2 given
  left f32[4,6], right f32[4,6]
  called at net.cpp:7)"},
      {Op::normalize_backward,
       {{"axes", Ints{-1}}, {"epsilon", 1e-5}},
       {{f32, {4, 5}}, {f32, {4, 6}}, {f32, {4, 1}}, {f32, {4, 1}}},
       R"(normalize_backward: a gradient f32[4,6] expected, f32[4,5] given
  inputs f32[4,5], f32[4,6], f32[4,1], f32[4,1]
  called at net.cpp:7)"},
      {Op::normalize_backward,
       {{"axes", Ints{-1}}, {"epsilon", 1e-5}},
       {{f32, {4, 6}}, {f32, {4, 6}}, {f64, {4, 1}}, {f32, {4, 1}}},
       R"(normalize_backward: statistics of dtype f32 expected, f64 given
  inputs f32[4,6], f32[4,6], f64[4,1], f32[4,1]
  called at net.cpp:7)"},
      {Op::normalize_backward,
       {{"axes", Ints{-1}}, {"epsilon", 1e-5}},
       {{f32, {4, 6}}, {f32, {4, 6}}, {f32, {4}}, {f32, {4, 1}}},
       R"(normalize_backward: statistics f32[4,1] expected, f32[4] given
  inputs f32[4,6], f32[4,6], f32[4], f32[4,1]
  called at net.cpp:7)"},
      {Op::normalize_backward,
       {{"axes", Ints{-1}}, {"epsilon", 1e-5}},
       {{f32, {4, 6}}, {f32, {4, 6}}, {f32, {4, 1}}, {f32, {4, 1}}, {f32, {5}}},
       R"(normalize_backward: the weight of shape [5] does not broadcast to [4,6]
  inputs f32[4,6], f32[4,6], f32[4,1], f32[4,1], f32[5]
  called at net.cpp:7
  hint: it has the shape of the normalised axes)"},
  });
}

TEST(NetworkErrors, CrossEntropy) {
  check_errors({
      {Op::softmax_cross_entropy,
       {{"axis", std::int64_t{1}}},
       {{f32, {4, 6}}},
       R"(softmax_cross_entropy: 2 inputs expected, 1 given
  input f32[4,6]
  called at net.cpp:7)"},
      {Op::softmax_cross_entropy,
       {{"axis", std::int64_t{1}}},
       {{i32, {4, 6}}, {i64, {4}}},
       R"(softmax_cross_entropy: floating point expected, i32 given
  left i32[4,6], right i64[4]
  called at net.cpp:7
  hint: convert it with x.to(nacre::f32))"},
      {Op::softmax_cross_entropy,
       {{"axis", std::int64_t{2}}},
       {{f32, {4, 6}}, {i64, {4}}},
       R"(softmax_cross_entropy: axis 2 is out of range for rank 2
  left f32[4,6], right i64[4]
  called at net.cpp:7)"},
      {Op::softmax_cross_entropy,
       {{"axis", std::int64_t{1}}},
       {{f32, {4, 6}}, {f32, {4}}},
       R"(softmax_cross_entropy: integer labels expected, f32 given
  left f32[4,6], right f32[4]
  called at net.cpp:7
  hint: class numbers are i32 or i64)"},
      {Op::softmax_cross_entropy,
       {{"axis", std::int64_t{1}}},
       {{f32, {4, 6}}, {i64, {4, 1}}},
       R"(softmax_cross_entropy: labels of shape [4] expected, [4,1] given
  left f32[4,6], right i64[4,1]
  called at net.cpp:7
  hint: one class number for each place, without the axis of the classes)"},
      {Op::softmax_cross_entropy,
       {{"axis", std::int64_t{1}}},
       {{f32, {4, 0}}, {i64, {4}}},
       R"(softmax_cross_entropy: there are no classes
  left f32[4,0], right i64[4]
  called at net.cpp:7)"},
      {Op::softmax_cross_entropy_backward,
       {{"axis", std::int64_t{1}}},
       {{f32, {4, 6}}, {i64, {4}}},
       R"(softmax_cross_entropy_backward: 3 inputs expected, 2 given
  left f32[4,6], right i64[4]
  called at net.cpp:7)"},
      {Op::softmax_cross_entropy_backward,
       {{"axis", std::int64_t{1}}},
       {{f32, {4, 6}}, {i64, {4}}, {f32, {5}}},
       R"(softmax_cross_entropy_backward: a gradient f32[4] expected, f32[5] given
  inputs f32[4,6], i64[4], f32[5]
  called at net.cpp:7)"},
      {Op::softmax,
       {{"axis", std::int64_t{2}}},
       {{f32, {4, 6}}},
       R"(softmax: axis 2 is out of range for rank 2
  input f32[4,6]
  called at net.cpp:7)"},
      {Op::softmax,
       {{"axis", std::int64_t{0}}},
       {{i32, {4}}},
       R"(softmax: floating point expected, i32 given
  input i32[4]
  called at net.cpp:7
  hint: convert it with x.to(nacre::f32))"},
      {Op::log_softmax,
       {{"axis", std::int64_t{-3}}},
       {{f32, {4, 6}}},
       R"(log_softmax: axis -3 is out of range for rank 2
  input f32[4,6]
  called at net.cpp:7)"},
  });
}

TEST(NetworkErrors, Attention) {
  check_errors({
      {Op::attention,
       {{"scale", 0.5}, {"causal", false}},
       {{f32, {2, 5, 4}}, {f32, {2, 7, 4}}},
       R"(attention: 3 inputs expected, 2 given
  left f32[2,5,4], right f32[2,7,4]
  called at net.cpp:7)"},
      {Op::attention,
       {{"scale", 0.5}, {"causal", false}},
       {{i32, {2, 5, 4}}, {f32, {2, 7, 4}}, {f32, {2, 7, 3}}},
       R"(attention: floating point expected, i32 given
  inputs i32[2,5,4], f32[2,7,4], f32[2,7,3]
  called at net.cpp:7
  hint: convert it with x.to(nacre::f32))"},
      {Op::attention,
       {{"scale", 0.5}, {"causal", false}},
       {{f32, {2, 5, 4}}, {f64, {2, 7, 4}}, {f32, {2, 7, 3}}},
       R"(attention: dtypes differ (f32 vs f64)
  inputs f32[2,5,4], f64[2,7,4], f32[2,7,3]
  called at net.cpp:7
  hint: convert one of them with x.to(dtype))"},
      {Op::attention,
       {{"scale", 0.5}, {"causal", false}},
       {{f32, {4}}, {f32, {2, 7, 4}}, {f32, {2, 7, 3}}},
       R"(attention: queries, keys and values need at least two axes
  inputs f32[4], f32[2,7,4], f32[2,7,3]
  called at net.cpp:7
  hint: q is [..., queries, features], k [..., keys, features], v [..., keys, values])"},
      {Op::attention,
       {{"scale", 0.5}, {"causal", false}},
       {{f32, {2, 5, 4}}, {f32, {3, 7, 4}}, {f32, {2, 7, 3}}},
       R"(attention: the leading axes [2], [3] and [2] do not broadcast
  inputs f32[2,5,4], f32[3,7,4], f32[2,7,3]
  called at net.cpp:7)"},
      {Op::attention,
       {{"scale", 0.5}, {"causal", false}},
       {{f32, {2, 5, 4}}, {f32, {2, 7, 5}}, {f32, {2, 7, 3}}},
       R"(attention: queries have 4 features, keys 5
  inputs f32[2,5,4], f32[2,7,5], f32[2,7,3]
  called at net.cpp:7)"},
      {Op::attention,
       {{"scale", 0.5}, {"causal", false}},
       {{f32, {2, 5, 4}}, {f32, {2, 7, 4}}, {f32, {2, 6, 3}}},
       R"(attention: there are 7 keys and 6 values
  inputs f32[2,5,4], f32[2,7,4], f32[2,6,3]
  called at net.cpp:7)"},
      {Op::attention,
       {{"scale", 0.5}, {"causal", false}},
       {{f32, {2, 5, 4}}, {f32, {2, 7, 4}}, {f32, {2, 7, 3}}, {i32, {5, 7}}},
       R"(attention: the mask is i32, bool or f32 expected
  inputs f32[2,5,4], f32[2,7,4], f32[2,7,3], i32[5,7]
  called at net.cpp:7
  hint: bool: true may be seen; float: added to the scores)"},
      {Op::attention,
       {{"scale", 0.5}, {"causal", false}},
       {{f32, {2, 5, 4}}, {f32, {2, 7, 4}}, {f32, {2, 7, 3}}, {boolean, {4, 7}}},
       R"(attention: the mask of shape [4,7] does not broadcast to the scores [2,5,7]
  inputs f32[2,5,4], f32[2,7,4], f32[2,7,3], bool[4,7]
  called at net.cpp:7)"},
      {Op::attention_backward,
       {{"scale", 0.5}, {"causal", false}},
       {{f32, {2, 5, 4}}, {f32, {2, 7, 4}}, {f32, {2, 7, 3}}},
       R"(attention_backward: 4 inputs expected, 3 given
  inputs f32[2,5,4], f32[2,7,4], f32[2,7,3]
  called at net.cpp:7)"},
      {Op::attention_backward,
       {{"scale", 0.5}, {"causal", false}},
       {{f32, {2, 5, 4}}, {f32, {2, 7, 4}}, {f32, {2, 7, 3}}, {f32, {2, 5, 4}}},
       R"(attention_backward: a gradient f32[2,5,3] expected, f32[2,5,4] given
  inputs f32[2,5,4], f32[2,7,4], f32[2,7,3], f32[2,5,4]
  called at net.cpp:7)"},
  });
}

TEST(NetworkErrors, Sampling) {
  check_errors({
      {Op::resize,
       {{"size", Ints{4, 4}}, {"mode", std::string("linear")}, {"step", std::vector<double>{}}},
       {},
       R"(resize: 1 inputs expected, 0 given
  called at net.cpp:7)"},
      {Op::resize,
       {{"size", Ints{4, 4}}, {"mode", std::string("linear")}, {"step", std::vector<double>{}}},
       {{u8, {2, 3, 8, 8}}},
       R"(resize: floating point expected, u8 given
  input u8[2,3,8,8]
  called at net.cpp:7
  hint: convert it with x.to(nacre::f32))"},
      {Op::resize,
       {{"size", Ints{4, 4}}, {"mode", std::string("linear")}, {"step", std::vector<double>{}}},
       {{f32, {8, 8}}},
       R"(resize: rank 3, 4 or 5 expected (batch, channels, 1 to 3 spatial axes), 2 given
  input f32[8,8]
  called at net.cpp:7
  hint: a single image needs a batch axis: expand_dims(x, {0}))"},
      {Op::resize,
       {{"size", Ints{4}}, {"mode", std::string("linear")}, {"step", std::vector<double>{}}},
       {{f32, {2, 3, 8, 8}}},
       R"(resize: 1 sizes given for 2 spatial axes
  input f32[2,3,8,8]
  called at net.cpp:7)"},
      {Op::resize,
       {{"size", Ints{4, 0}}, {"mode", std::string("linear")}, {"step", std::vector<double>{}}},
       {{f32, {2, 3, 8, 8}}},
       R"(resize: sizes must be at least 1, not 0
  input f32[2,3,8,8]
  called at net.cpp:7)"},
      {Op::resize,
       {{"size", Ints{4, 4}}, {"mode", std::string("linear")}, {"step", std::vector<double>{}}},
       {{f32, {2, 3, 0, 8}}},
       R"(resize: an image without pixels has nothing to sample
  input f32[2,3,0,8]
  called at net.cpp:7)"},
      {Op::resize,
       {{"size", Ints{4, 4}}, {"mode", std::string("area")}, {"step", std::vector<double>{}}},
       {{f32, {2, 3, 8, 8}}},
       R"(resize: unknown mode "area"
  input f32[2,3,8,8]
  called at net.cpp:7
  hint: nearest, nearest_exact, linear or cubic)"},
      {Op::resize,
       {{"size", Ints{4, 4}}, {"mode", std::string("linear")}, {"step", std::vector<double>{2}}},
       {{f32, {2, 3, 8, 8}}},
       R"(resize: 1 steps given for 2 spatial axes
  input f32[2,3,8,8]
  called at net.cpp:7)"},
      {Op::resize_backward,
       {{"size", Ints{4, 4}},
        {"mode", std::string("linear")},
        {"step", std::vector<double>{}},
        {"from", Ints{8, 8}}},
       {{f32, {2, 3, 4, 5}}},
       R"(resize_backward: a gradient of size [4,4] expected
  input f32[2,3,4,5]
  called at net.cpp:7)"},
      {Op::take_pixels, {}, {{f32, {2, 3, 9}}}, R"(take_pixels: 2 inputs expected, 1 given
  input f32[2,3,9]
  called at net.cpp:7)"},
      {Op::take_pixels, {}, {{f32, {2, 9}}, {i64, {2, 4}}}, R"(take_pixels: rank 3 expected, 2 given
  left f32[2,9], right i64[2,4]
  called at net.cpp:7)"},
      {Op::take_pixels,
       {},
       {{f32, {2, 3, 9}}, {i64, {2, 4, 1}}},
       R"(take_pixels: rank 2 expected, 3 given
  left f32[2,3,9], right i64[2,4,1]
  called at net.cpp:7)"},
      {Op::take_pixels,
       {},
       {{i32, {2, 3, 9}}, {i64, {2, 4}}},
       R"(take_pixels: floating point expected, i32 given
  left i32[2,3,9], right i64[2,4]
  called at net.cpp:7
  hint: convert it with x.to(nacre::f32))"},
      {Op::take_pixels,
       {},
       {{f32, {2, 3, 9}}, {i32, {2, 4}}},
       R"(take_pixels: an i64 index expected, i32 given
  left f32[2,3,9], right i32[2,4]
  called at net.cpp:7
  hint: convert it with index.to(nacre::i64))"},
      {Op::take_pixels,
       {},
       {{f32, {2, 3, 9}}, {i64, {3, 4}}},
       R"(take_pixels: 2 images and 3 indices
  left f32[2,3,9], right i64[3,4]
  called at net.cpp:7)"},
      {Op::scatter_pixels,
       {{"pixels", std::int64_t{9}}},
       {{f32, {2, 3, 5}}, {i64, {2, 4}}},
       R"(scatter_pixels: 5 places and 4 indices
  left f32[2,3,5], right i64[2,4]
  called at net.cpp:7)"},
  });
}

TEST(NetworkErrors, Functions) {
  EXPECT_EQ(text_of([] { batch_norm(at(f32, {4})); }),
            R"(batch_norm: rank 2 or more expected (batch, channels, ...), 1 given
  input f32[4]
  called at net.cpp:7
  hint: a single sample needs a batch axis: expand_dims(x, {0}))");
  EXPECT_EQ(text_of([] {
              batch_norm(at(f32, {4, 6}), zeros({5}));
            }),
            R"(batch_norm: weight and bias of shape [6] expected, [5] given
  input f32[4,6]
  called at net.cpp:7
  hint: they have one value a channel)");
  EXPECT_EQ(text_of([] {
              batch_norm_inference(at(f32, {4, 6}), zeros({5}), zeros({6}));
            }),
            R"(batch_norm_inference: weight and bias of shape [6] expected, [5] given
  input f32[4,6]
  called at net.cpp:7
  hint: they have one value a channel)");
  EXPECT_EQ(text_of([] {
              group_norm(at(f32, {4, 6}), 4);
            }),
            R"(group_norm: 6 channels do not divide into 4 groups
  input f32[4,6]
  called at net.cpp:7)");
  EXPECT_EQ(text_of([] {
              instance_norm(at(f32, {4, 6}));
            }),
            R"(instance_norm: there is no spatial axis to normalize over
  input f32[4,6]
  called at net.cpp:7
  hint: images are [batch, channels, spatial...]; layer_norm takes flat features)");
  EXPECT_EQ(text_of([] {
              softmax_cross_entropy(at(f32, {4, 6}), zeros({4}, i64), {.label_smoothing = 1});
            }),
            R"(softmax_cross_entropy: label_smoothing must be in [0, 1), it is 1
  input f32[4,6]
  called at net.cpp:7)");
  EXPECT_EQ(text_of([] {
              softmax_cross_entropy(at(f32, {4, 6}), zeros({4, 5}));
            }),
            R"(softmax_cross_entropy: probabilities need the shape of the logits
  left f32[4,6], right f32[4,5]
  called at net.cpp:7
  hint: class numbers must be of an integer type: labels.to(nacre::i64))");
  EXPECT_EQ(text_of([] {
              pixel_shuffle(at(f32, {1, 6, 2, 2}), 2);
            }),
            R"(pixel_shuffle: [batch, c * 2 * 2, height, width] expected
  input f32[1,6,2,2]
  called at net.cpp:7)");
  EXPECT_EQ(text_of([] {
              pixel_unshuffle(at(f32, {1, 6, 3, 2}), 2);
            }),
            R"(pixel_unshuffle: [batch, channels, h * 2, w * 2] expected
  input f32[1,6,3,2]
  called at net.cpp:7)");
  EXPECT_EQ(text_of([] {
              grid_sample(at(f32, {1, 6, 3}), zeros({1, 2, 2, 2}));
            }),
            R"(grid_sample: images [batch, channels, height, width] expected
  left f32[1,6,3], right f32[1,2,2,2]
  called at net.cpp:7)");
  EXPECT_EQ(text_of([] {
              grid_sample(at(f32, {1, 6, 3, 2}), zeros({1, 2, 2, 3}));
            }),
            R"(grid_sample: a grid [1, h, w, 2] expected
  left f32[1,6,3,2], right f32[1,2,2,3]
  called at net.cpp:7
  hint: its last axis is (x, y))");
  EXPECT_EQ(text_of([] {
              affine_grid(at(f32, {1, 3, 3}), 2, 2);
            }),
            R"(affine_grid: theta of shape [batch, 2, 3] and a size expected
  input f32[1,3,3]
  called at net.cpp:7)");
}

}  // namespace
}  // namespace nacre
