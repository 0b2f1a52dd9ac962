// Pictures give the values that are stored: against Pillow, and by hand.
#include <gtest/gtest.h>

#include <cstdlib>

#include "nacre/base/error.h"
#include "nacre/base/input.h"
#include "nacre/data/files/npy.h"
#include "nacre/data/image/image.h"
#include "tests/support/files.h"

namespace nacre::data {
namespace {

using test::expect_error;
using Values = std::vector<std::int32_t>;

std::string big_endian(std::uint32_t value, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i)));
  return out;
}

std::string chunk(const std::string& kind, const std::string& data) {
  return big_endian(static_cast<std::uint32_t>(data.size()), 4) + kind + data +
         big_endian(crc32_of(bytes_of(kind + data)), 4);
}

// One row of `width` pixels; deflate's stored block makes the file by hand.
std::string png(std::uint32_t width, std::uint32_t height, int depth, int kind,
                const std::string& row, const std::string& more = "") {
  const std::string rows = '\0' + row;
  std::uint32_t a = 1, b = 0;
  for (const char c : rows) {
    a = (a + static_cast<unsigned char>(c)) % 65521;
    b = (b + a) % 65521;
  }
  const std::string packed =
      "\x78\x01" + deflate_raw(bytes_of(rows)) + big_endian((b << 16) | a, 4);
  return "\x89PNG\r\n\x1a\n" +
         chunk("IHDR", big_endian(width, 4) + big_endian(height, 4) + static_cast<char>(depth) +
                           static_cast<char>(kind) + std::string(3, '\0')) +
         more + chunk("IDAT", packed) + chunk("IEND", "");
}

Values values_of(const std::string& file, int channels) {
  return decode_image(bytes_of(file), "t", channels).to_vector<std::int32_t>();
}

TEST(Picture, EveryKindIsAsPillowReadsIt) {
  if (!have_images()) GTEST_SKIP() << "built without pictures";
  // tools/picture_oracle.py wrote it.
  const auto golden =
      read_npz(std::filesystem::path(NACRE_SOURCE_DIR) / "tests/data/golden/pictures.npz");
  int kinds = 0;
  for (const auto& [name, file] : golden) {
    if (name.find('.') != name.npos) continue;
    ++kinds;
    const auto* bytes = reinterpret_cast<const std::byte*>(file.data<std::uint8_t>().data());
    const Bytes all(bytes, static_cast<std::size_t>(file.elements()));
    for (const int channels : {3, 1}) {
      const Tensor& want = golden.at(name + (channels == 3 ? ".colour" : ".grey"));
      const Tensor got = decode_image(all, name, channels);
      ASSERT_EQ(got.spec(), want.spec()) << name;
      // Other releases of libjpeg may round otherwise.
      const int slack = name.starts_with("jpeg") ? 2 : 0;
      const auto a = got.to_vector<std::int32_t>();
      const auto b = want.to_vector<std::int32_t>();
      for (std::size_t i = 0; i < a.size(); ++i) {
        ASSERT_LE(std::abs(a[i] - b[i]), slack) << name << ", " << channels << " channels, " << i;
      }
    }
  }
  EXPECT_EQ(kinds, 61);
}

TEST(Picture, ValuesAreThoseStored) {
  if (!have_images()) GTEST_SKIP() << "built without pictures";
  EXPECT_EQ(values_of(png(1, 1, 16, 0, big_endian(25700, 2)), 1), (Values{100}));
  EXPECT_EQ(values_of(png(1, 1, 16, 2, big_endian(25700, 2) + big_endian(255, 2) + "\xff\xff"), 3),
            (Values{100, 0, 255}));
  EXPECT_EQ(values_of(png(1, 1, 8, 2, std::string("\xff\0\0", 3)), 1), (Values{76}));
  EXPECT_EQ(values_of(png(2, 1, 8, 4, std::string("\0\x80\0\0", 4)), 1), (Values{127, 255}));
  EXPECT_EQ(values_of(png(1, 1, 8, 6, std::string("\0\0\xff\x80", 4)), 3), (Values{127, 127, 255}));
  for (const std::uint32_t gamma : {100000u, 45455u, 220000u}) {
    EXPECT_EQ(values_of(png(2, 1, 8, 0, "\x0a\xc8", chunk("gAMA", big_endian(gamma, 4))), 1),
              (Values{10, 200}));
  }
  // A chunk that means colours of another screen moves nothing either.
  EXPECT_EQ(
      values_of(png(1, 1, 8, 0, "\x64",
                    chunk("sRGB", std::string(1, '\0')) + chunk("cHRM", std::string(32, '\1'))),
                3),
      (Values{100, 100, 100}));
}

TEST(Picture, WhatAFileCannotHoldIsRefused) {
  if (!have_images()) GTEST_SKIP() << "built without pictures";
  const std::string row(8, 'x');
  expect_error<IoError>([&] { values_of(png(900000, 200, 8, 0, row), 1); },
                        {"t: damaged", "cannot hold 900000 x 200 pixels"});
  expect_error<IoError>([&] { values_of(png(900000, 900000, 8, 0, row), 1); }, {"2^28 pixels"});
  // Fewer rows than promised.
  expect_error<IoError>([&] { values_of(png(8, 2, 8, 0, row), 1); }, {"t: damaged PNG"});
  const std::string whole = png(8, 1, 8, 0, row);
  expect_error<IoError>([&] { values_of(whole.substr(0, 50), 1); }, {"t: damaged PNG", "cut off"});
}

}  // namespace
}  // namespace nacre::data
