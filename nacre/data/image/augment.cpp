#include "nacre/data/image/augment.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "nacre/base/error.h"
#include "nacre/data/image/image_ops.h"

namespace nacre::data {
namespace {

double tangent(double degrees) { return std::tan(degrees * std::numbers::pi / 180); }

// Two buffers of one picture: steps that cannot work in place write to the other one.
class Canvas {
 public:
  Canvas(const void* in, const Spec& spec, void* out)
      : picture_{static_cast<float*>(out), spec.shape[0], spec.shape[1], spec.shape[2]},
        out_(static_cast<float*>(out)) {
    static thread_local std::vector<float> scratch;
    scratch.resize(static_cast<std::size_t>(spec.elements()));
    other_ = scratch.data();
    // The input is only read: the first step out of place takes it as it is.
    picture_.data = const_cast<float*>(static_cast<const float*>(in));
    next_ = out_;
  }
  const Picture& source() const { return picture_; }
  float* target() const { return next_; }
  // What target() holds is the picture now.
  void flip() {
    picture_.data = next_;
    next_ = next_ == out_ ? other_ : out_;
  }
  // The picture, writable.
  const Picture& in_place() {
    if (picture_.data != out_ && picture_.data != other_) {
      std::copy_n(picture_.data, picture_.elements(), next_);
      flip();
    }
    return picture_;
  }
  void finish() {
    if (picture_.data != out_) std::copy_n(picture_.data, picture_.elements(), out_);
  }
  void warp_by(const Affine& map, float fill) {
    warp(picture_, next_, map, fill);
    flip();
  }

 private:
  Picture picture_;
  float* out_;
  float* other_ = nullptr;
  float* next_ = nullptr;
};

// The operations and ranges of RandAugment's public code; magnitude in 0..1.
void rand_augment_once(Canvas& canvas, double magnitude, float fill, RandomStream& random) {
  const auto choice = random.below(14);
  const double sign = random.bits() & 1 ? 1 : -1;
  const double enhance = 1 + sign * 0.9 * magnitude;
  const Picture shape = canvas.source();
  const auto geometric = [&](double degrees, double sx, double sy, double dx, double dy) {
    canvas.warp_by(inverse_affine(shape, degrees, 1, sx, sy, dx, dy), fill);
  };
  switch (choice) {
    case 0:
      return;  // identity
    case 1:
      return stretch_contrast(canvas.in_place());
    case 2:
      return equalise(canvas.in_place());
    case 3:
      return geometric(sign * 30 * magnitude, 0, 0, 0, 0);
    case 4:
      return solarise(canvas.in_place(), 1 - magnitude);
    case 5:
      return adjust_saturation(canvas.in_place(), enhance);
    case 6:
      return posterise(canvas.in_place(), 8 - static_cast<int>(std::lround(4 * magnitude)));
    case 7:
      return adjust_contrast(canvas.in_place(), enhance);
    case 8:
      return adjust_brightness(canvas.in_place(), enhance);
    case 9:
      return adjust_sharpness(canvas.in_place(), enhance);
    case 10:
      return geometric(0, sign * 0.3 * magnitude, 0, 0, 0);
    case 11:
      return geometric(0, 0, sign * 0.3 * magnitude, 0, 0);
    case 12:
      return geometric(0, 0, 0, sign * 0.33 * magnitude * static_cast<double>(shape.width), 0);
    default:
      return geometric(0, 0, 0, 0, sign * 0.33 * magnitude * static_cast<double>(shape.height));
  }
}

// A box with a random share of the area and aspect, as a map to the whole picture.
Affine random_box(const Picture& p, const ImageAugmentation& a, RandomStream& random) {
  const double area = static_cast<double>(p.pixels());
  const double most = std::log(a.crop_aspect);
  double w = static_cast<double>(p.width);
  double h = static_cast<double>(p.height);
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double share = area * random.uniform(a.crop_area[0], a.crop_area[1]);
    const double aspect = std::exp(random.uniform(-most, most));
    const double tried_w = std::sqrt(share * aspect);
    const double tried_h = std::sqrt(share / aspect);
    if (tried_w <= w && tried_h <= h) {
      w = tried_w;
      h = tried_h;
      break;
    }
  }
  const double x0 = random.uniform(0, static_cast<double>(p.width) - w);
  const double y0 = random.uniform(0, static_cast<double>(p.height) - h);
  const double kx = w / static_cast<double>(p.width);
  const double ky = h / static_cast<double>(p.height);
  return {kx, 0, x0 + kx / 2 - 0.5, 0, ky, y0 + ky / 2 - 0.5};
}

class AugmentStep final : public Transform {
 public:
  explicit AugmentStep(const ImageAugmentation& a) : a_(a) {}

  Spec output(const Spec& input) const override {
    if (input.dtype != f32 || input.shape.rank() != 3) {
      throw ShapeError(
          format_error({.op = "augment",
                        .what = "pictures f32 [channels, height, width] expected, the input is " +
                                to_string(input),
                        .hint = "bytes become f32 with scale(1.0 / 255)"}));
    }
    return input;
  }

  void apply(const void* in, const Spec& spec, void* out, RandomStream& random) const override {
    Canvas canvas(in, spec, out);
    geometry(canvas, random);
    for (int i = 0; i < a_.rand_augment; ++i) {
      rand_augment_once(canvas, a_.magnitude / 30, a_.fill, random);
    }
    if (a_.brightness > 0) adjust_brightness(canvas.in_place(), around_one(a_.brightness, random));
    if (a_.contrast > 0) adjust_contrast(canvas.in_place(), around_one(a_.contrast, random));
    if (a_.saturation > 0) adjust_saturation(canvas.in_place(), around_one(a_.saturation, random));
    if (a_.hue > 0) adjust_hue(canvas.in_place(), random.uniform(-a_.hue, a_.hue));
    if (a_.cutout > 0 && spec.elements() > 0) {
      const auto x = random.below(static_cast<std::uint64_t>(spec.shape[2]));
      const auto y = random.below(static_cast<std::uint64_t>(spec.shape[1]));
      cut_out(canvas.in_place(), static_cast<std::int64_t>(x), static_cast<std::int64_t>(y),
              a_.cutout, a_.fill);
    }
    canvas.finish();
  }

 private:
  static double around_one(double range, RandomStream& random) {
    return std::max(0.0, random.uniform(1 - range, 1 + range));
  }

  void geometry(Canvas& canvas, RandomStream& random) const {
    if (a_.crop_area[0] < 1) canvas.warp_by(random_box(canvas.source(), a_, random), a_.fill);
    const bool mirror_x = a_.flip_horizontal && (random.bits() & 1);
    const bool mirror_y = a_.flip_vertical && (random.bits() & 1);
    std::int64_t dx = 0;
    std::int64_t dy = 0;
    if (a_.crop_padding > 0) {
      const auto places = static_cast<std::uint64_t>(2 * a_.crop_padding + 1);
      dx = static_cast<std::int64_t>(random.below(places)) - a_.crop_padding;
      dy = static_cast<std::int64_t>(random.below(places)) - a_.crop_padding;
    }
    if (dx != 0 || dy != 0 || mirror_x || mirror_y) {
      shift_and_flip(canvas.source(), canvas.target(), dx, dy, mirror_x, mirror_y, a_.fill);
      canvas.flip();
    }
    const bool zooms = a_.zoom[0] != 1 || a_.zoom[1] != 1;
    if (a_.rotate > 0 || a_.translate > 0 || zooms || a_.shear > 0) {
      const Picture& p = canvas.source();
      const double degrees = random.uniform(-a_.rotate, a_.rotate);
      const double zoom = random.uniform(a_.zoom[0], a_.zoom[1]);
      const double shear = tangent(random.uniform(-a_.shear, a_.shear));
      const double move_x =
          random.uniform(-a_.translate, a_.translate) * static_cast<double>(p.width);
      const double move_y =
          random.uniform(-a_.translate, a_.translate) * static_cast<double>(p.height);
      canvas.warp_by(inverse_affine(p, degrees, zoom, shear, 0, move_x, move_y), a_.fill);
    }
  }

  ImageAugmentation a_;
};

void check_range(const char* name, double value, double low, double high) {
  if (!(value >= low && value <= high)) {
    throw ValueError(fmt::format("augment: {} = {} ({} to {} expected)", name, value, low, high));
  }
}

}  // namespace

std::shared_ptr<const Transform> augment_step(const ImageAugmentation& a) {
  check_range("crop_area[0]", a.crop_area[0], 1e-6, a.crop_area[1]);
  check_range("crop_area[1]", a.crop_area[1], a.crop_area[0], 1);
  check_range("crop_aspect", a.crop_aspect, 1, 100);
  check_range("crop_padding", a.crop_padding, 0, 1 << 20);
  check_range("rotate", a.rotate, 0, 360);
  check_range("translate", a.translate, 0, 1);
  check_range("zoom[0]", a.zoom[0], 1e-3, a.zoom[1]);
  check_range("zoom[1]", a.zoom[1], a.zoom[0], 1e3);
  check_range("shear", a.shear, 0, 89);
  check_range("rand_augment", a.rand_augment, 0, 100);
  check_range("magnitude", a.magnitude, 0, 30);
  check_range("brightness", a.brightness, 0, 10);
  check_range("contrast", a.contrast, 0, 10);
  check_range("saturation", a.saturation, 0, 10);
  check_range("hue", a.hue, 0, 0.5);
  check_range("cutout", a.cutout, 0, 1 << 20);
  return std::make_shared<AugmentStep>(a);
}

}  // namespace nacre::data
