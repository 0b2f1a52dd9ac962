// Random changes of samples that leave their meaning alone, for training.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "nacre/data/loader.h"
#include "nacre/data/transform.h"

namespace nacre::data {

// Changes of pictures f32 [channels, height, width] with values in [0, 1], applied in the order of
// the members. The size stays. Everything is off unless set; "up to" ranges are drawn uniformly
// from both signs.
struct ImageAugmentation {
  // A random part of the picture, this share of its area and at most this far from its aspect
  // ratio, stretched to the whole ("random resized crop"; ImageNet's usual range is {0.08, 1}).
  std::array<double, 2> crop_area = {1, 1};
  double crop_aspect = 4.0 / 3;  // used with crop_area
  int crop_padding = 0;          // shifts by up to so many pixels each way, `fill` comes in
  bool flip_horizontal = false;  // in half of the cases
  bool flip_vertical = false;
  double rotate = 0;                    // up to so many degrees
  double translate = 0;                 // up to this part of width and height
  std::array<double, 2> zoom = {1, 1};  // above 1 enlarges
  double shear = 0;                     // up to so many degrees, along x
  // RandAugment (Cubuk et al. 2020): so many operations drawn from its fourteen, at a magnitude of
  // 0..30.
  int rand_augment = 0;
  double magnitude = 9;
  double brightness = 0;  // factors from 1 - b to 1 + b, as the next two
  double contrast = 0;
  double saturation = 0;  // needs 3 channels, as hue; one channel is left alone
  double hue = 0;         // up to this part of the colour circle, at most 0.5
  int cutout = 0;         // a square of this side set to `fill` (DeVries and Taylor 2017)
  float fill = 0;
};

// Throws ValueError for values out of their ranges.
std::shared_ptr<const Transform> augment_step(const ImageAugmentation& augmentation);

// SpecAugment (Park et al. 2019) without warping, on f32 [..., frequencies, frames]: sets random
// bands and stretches to `fill`. Widths are drawn from 0..the width given.
struct SoundMasking {
  int frequency_masks = 0;
  int frequency_width = 0;
  int time_masks = 0;
  int time_width = 0;
  float fill = 0;
};
std::shared_ptr<const Transform> mask_step(const SoundMasking& masking);

// Changes of waveforms f32 [channels, samples].
struct WaveAugmentation {
  double shift = 0;        // up to this part of the length either way; zeros come in
  double gain = 0;         // factor from 1 - gain to 1 + gain
  double noise = 0;        // standard deviation of added white noise
  bool flip_sign = false;  // in half of the cases
};
std::shared_ptr<const Transform> wave_step(const WaveAugmentation& augmentation);

// Mixup (Zhang et al. 2018): each input becomes l x + (1 - l) x', each target likewise, x' from a
// random order of the batch and l from Beta(alpha, alpha). Class indices become f32 rows of
// `classes` values. Throws ValueError for alpha <= 0; DTypeError unless inputs are f32.
BatchStep mixup(double alpha, std::int64_t classes);
// CutMix (Yun et al. 2019): pastes a rectangle of x' into x [n, channels, height, width]; targets
// mix by area.
BatchStep cutmix(double alpha, std::int64_t classes);
// One of the steps for each batch, with equal chances.
BatchStep one_of(std::vector<BatchStep> steps);

}  // namespace nacre::data
