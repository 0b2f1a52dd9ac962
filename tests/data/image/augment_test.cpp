#include "nacre/data/image/augment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "nacre/base/error.h"
#include "nacre/data/image/image_ops.h"
#include "tests/support/files.h"

namespace nacre::data {
namespace {

using Floats = std::vector<float>;

Tensor run_step(const std::shared_ptr<const Transform>& step, const Tensor& x,
                std::uint64_t seed = 1) {
  Tensor out(step->output(x.spec()));
  RandomStream random(seed);
  step->apply(x.raw_data(), x.spec(), out.raw_mutable_data(), random);
  return out;
}

Tensor picture(std::int64_t channels, std::int64_t h, std::int64_t w) {
  RandomStream random(9);
  Tensor out({f32, {channels, h, w}});
  for (float& v : out.mutable_data<float>()) v = static_cast<float>(random.uniform());
  return out;
}

TEST(Augment, NothingSetChangesNothing) {
  const Tensor x = picture(3, 5, 4);
  EXPECT_EQ(run_step(augment_step({}), x).to_vector<float>(), x.to_vector<float>());
}

TEST(Augment, FlipIsHalfOfTheCases) {
  const Tensor x = tensor({{{1, 2, 3}, {4, 5, 6}}});
  int flipped = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    const Floats y = run_step(augment_step({.flip_horizontal = true}), x, seed).to_vector<float>();
    if (y == Floats{3, 2, 1, 6, 5, 4}) {
      ++flipped;
    } else {
      ASSERT_EQ(y, x.to_vector<float>());
    }
  }
  EXPECT_NEAR(flipped, 500, 80);
}

TEST(Augment, CropWithPaddingGivesEachPlace) {
  const Tensor x = full({1, 3, 3}, 0.0);
  Tensor dot = x.clone();
  dot.mutable_data<float>()[4] = 1;
  std::map<Floats, int> seen;
  for (std::uint64_t seed = 0; seed < 900; ++seed) {
    ++seen[run_step(augment_step({.crop_padding = 1}), dot, seed).to_vector<float>()];
  }
  ASSERT_EQ(seen.size(), 9u);  // the dot in each of the nine places
  for (const auto& [place, count] : seen) {
    EXPECT_EQ(std::count(place.begin(), place.end(), 1.0f), 1);
    EXPECT_NEAR(count, 100, 50);
  }
  const Tensor filled = run_step(augment_step({.crop_padding = 100, .fill = 7}), x, 3);
  for (const float v : filled.data<float>()) ASSERT_TRUE(v == 7 || v == 0);
}

TEST(Augment, QuarterTurnIsExact) {
  const Floats x = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  Floats in = x;
  Floats out(9);
  const Picture p{in.data(), 1, 3, 3};
  warp(p, out.data(), inverse_affine(p, 90, 1, 0, 0, 0, 0), 0);
  const Floats turned = {3, 6, 9, 2, 5, 8, 1, 4, 7};  // counter-clockwise
  for (std::size_t i = 0; i < 9; ++i) EXPECT_NEAR(out[i], turned[i], 1e-5);
  warp(p, out.data(), inverse_affine(p, 0, 1, 0, 0, 1, 0), 0);
  const Floats moved = {0, 1, 2, 0, 4, 5, 0, 7, 8};
  for (std::size_t i = 0; i < 9; ++i) EXPECT_NEAR(out[i], moved[i], 1e-5);
}

TEST(Augment, ColourOperations) {
  Floats v = {1, 0, 0, 0.5, 0, 0.25};  // a red and a dark cyan pixel: r r, g g, b b
  const Picture p{v.data(), 3, 1, 2};
  adjust_hue(p, 1.0 / 3);
  EXPECT_NEAR(v[0], 0, 1e-6);
  EXPECT_NEAR(v[2], 1, 1e-6);  // red has become green
  EXPECT_NEAR(v[4], 0, 1e-6);
  adjust_saturation(p, 0);
  EXPECT_NEAR(v[0], v[2], 1e-6);
  EXPECT_NEAR(v[0], 0.587, 1e-6);
  Floats g = {0.2f, 0.4f, 0.6f, 0.8f};
  const Picture q{g.data(), 1, 2, 2};
  adjust_contrast(q, 0.5);
  EXPECT_NEAR(g[0], 0.35, 1e-6);
  stretch_contrast(q);
  EXPECT_NEAR(g[0], 0, 1e-6);
  EXPECT_NEAR(g[3], 1, 1e-6);
  solarise(q, 0.5);
  EXPECT_NEAR(g[3], 0, 1e-6);
  Floats b = {0.9f};
  posterise({b.data(), 1, 1, 1}, 1);
  EXPECT_NEAR(b[0], 128.0 / 255, 1e-6);
  Floats e = {0.5f, 0.5f, 0.6f, 0.61f};
  equalise({e.data(), 1, 2, 2});
  EXPECT_EQ(e, (Floats{0, 0, 0.5, 1}));
  Floats flat(9, 0.3f);
  adjust_sharpness({flat.data(), 1, 3, 3}, 1.9);
  for (const float f : flat) EXPECT_NEAR(f, 0.3, 1e-6);
}

TEST(Augment, EverythingAtOnceStaysInRangeAndRepeats) {
  const ImageAugmentation all{.crop_area = {0.3, 1},
                              .crop_padding = 2,
                              .flip_horizontal = true,
                              .flip_vertical = true,
                              .rotate = 30,
                              .translate = 0.2,
                              .zoom = {0.8, 1.3},
                              .shear = 10,
                              .rand_augment = 3,
                              .magnitude = 15,
                              .brightness = 0.4,
                              .contrast = 0.4,
                              .saturation = 0.4,
                              .hue = 0.2,
                              .cutout = 3};
  const auto step = augment_step(all);
  for (const std::int64_t channels : {1, 3}) {
    const Tensor x = picture(channels, 11, 8);
    std::set<Floats> seen;
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
      const Floats y = run_step(step, x, seed).to_vector<float>();
      for (const float v : y) ASSERT_TRUE(v >= -1e-5f && v <= 1 + 1e-5f) << v;
      ASSERT_EQ(y, run_step(step, x, seed).to_vector<float>());
      seen.insert(y);
    }
    EXPECT_GT(seen.size(), 290u);
  }
}

TEST(Augment, CutoutAndErrors) {
  const Tensor x = full({2, 8, 8}, 1.0);
  const Floats y = run_step(augment_step({.cutout = 4}), x, 5).to_vector<float>();
  const auto zeros = std::count(y.begin(), y.end(), 0.0f);
  EXPECT_GE(zeros, 2 * 4);
  EXPECT_LE(zeros, 2 * 16);
  EXPECT_THROW(augment_step({.hue = 0.7}), ValueError);
  EXPECT_THROW(augment_step({.zoom = {2, 1}}), ValueError);
  test::expect_error<ShapeError>(
      [] {
        augment_step({})->output({u8, {1, 2, 2}});
      },
      {"u8[1,2,2]", "scale(1.0 / 255)"});
}

TEST(SoundMasking, MasksBands) {
  const Tensor x = full({1, 6, 10}, 1.0);
  const auto step =
      mask_step({.frequency_masks = 1, .frequency_width = 3, .time_masks = 1, .time_width = 4});
  bool masked = false;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const Floats y = run_step(step, x, seed).to_vector<float>();
    // Rows and columns that are all zero; everything else is one.
    std::set<std::size_t> rows, columns;
    for (std::size_t r = 0; r < 6; ++r) {
      if (std::all_of(y.begin() + static_cast<std::ptrdiff_t>(r * 10),
                      y.begin() + static_cast<std::ptrdiff_t>(r * 10 + 10),
                      [](float v) { return v == 0; }))
        rows.insert(r);
    }
    for (std::size_t c = 0; c < 10; ++c) {
      bool zero = true;
      for (std::size_t r = 0; r < 6; ++r) zero = zero && y[r * 10 + c] == 0;
      if (zero) columns.insert(c);
    }
    EXPECT_LE(rows.size(), 3u);
    EXPECT_LE(columns.size(), 4u);
    masked = masked || (!rows.empty() && !columns.empty());
    for (std::size_t i = 0; i < y.size(); ++i) {
      ASSERT_EQ(y[i] == 0, rows.contains(i / 10) || columns.contains(i % 10));
    }
  }
  EXPECT_TRUE(masked);
  EXPECT_THROW(mask_step({.time_masks = -1}), ValueError);
}

TEST(WaveAugmentation, ShiftsAndScales) {
  const Tensor x = tensor({{1, 2, 3, 4}});
  EXPECT_EQ(run_step(wave_step({}), x).to_vector<float>(), (Floats{1, 2, 3, 4}));
  const Floats gained = run_step(wave_step({.gain = 0.5}), x).to_vector<float>();
  EXPECT_NEAR(gained[3] / gained[0], 4, 1e-5);
  EXPECT_NE(gained[0], 1);
  EXPECT_NE(run_step(wave_step({.noise = 0.1}), x).to_vector<float>(), x.to_vector<float>());
  EXPECT_THROW(wave_step({.shift = 2}), ValueError);
}

TEST(Mix, MixupBlendsInputsAndTargetsAlike) {
  Batch batch{
      {tensor({{1, 0}, {0, 1}, {0, 0}})}, {Tensor::from(std::vector<std::int64_t>{0, 1, 2})}, {}};
  RandomStream random(4);
  mixup(0.4, 3)(batch, random);
  const Floats x = batch.inputs[0].to_vector<float>();
  const Floats y = batch.targets[0].to_vector<float>();
  ASSERT_EQ(batch.targets[0].shape(), (Shape{3, 3}));
  for (std::size_t r = 0; r < 3; ++r) {
    EXPECT_NEAR(y[3 * r] + y[3 * r + 1] + y[3 * r + 2], 1, 1e-6);
    EXPECT_NEAR(x[2 * r], y[3 * r], 1e-6);  // feature k is the share of class k
    EXPECT_NEAR(x[2 * r + 1], y[3 * r + 1], 1e-6);
  }
  EXPECT_THROW(mixup(0, 3), ValueError);
}

TEST(Mix, CutmixPastesTheShareItSays) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Tensor x({f32, {2, 1, 8, 8}});
    for (std::size_t i = 0; i < 128; ++i) x.mutable_data<float>()[i] = i < 64 ? 0.0f : 1.0f;
    Batch batch{{x}, {Tensor::from(std::vector<std::int64_t>{0, 1})}, {}};
    RandomStream random(seed);
    cutmix(1, 2)(batch, random);
    const Floats v = batch.inputs[0].to_vector<float>();
    const double ones = std::count(v.begin(), v.begin() + 64, 1.0f);
    EXPECT_NEAR(batch.targets[0].to_vector<float>()[1], ones / 64, 1e-6);
  }
}

}  // namespace
}  // namespace nacre::data
