// Handwritten digits, 8x8 grey: UCI, "Optical recognition of handwritten digits", its test part.
#include "nacre/data/sets/builtin.h"
#include "nacre/data/sets/builtin_data.h"
#include "nacre/data/sets/set_row.h"

namespace nacre::data {
namespace {

NamedSet load_digits(const std::filesystem::path&) {
  const Packed p = unpack_builtin(kDigits, kDigitsPacked, 1797, {1, 8, 8});
  const Dataset all = Dataset::from({p.features}, {p.labels},
                                    {.name = "digits",
                                     .class_names = digit_names(),
                                     .column_names = {},
                                     .preprocessing = picture_form(1, 8)})
                          .scale(1.0 / 16);
  return with_test_part(all, 360.0 / 1797);
}

}  // namespace

const SetRow& digits_set() {
  static const SetRow row{.description = {.name = "digits",
                                          .what = "handwritten digits, 8x8 grey",
                                          .source = "inside the library (UCI, 1998)",
                                          .licence = "CC BY 4.0",
                                          .train = 1437,
                                          .test = 360,
                                          .classes = 10},
                          .load = load_digits};
  return row;
}

}  // namespace nacre::data
