// What a reader is given need not be a file, nor an honest one: nothing waits, and nothing grows
// beyond what the bytes that are there can mean.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "nacre/base/error.h"
#include "nacre/base/input.h"
#include "nacre/data/files/cifar.h"
#include "nacre/data/files/idx.h"
#include "nacre/data/files/npy.h"
#include "nacre/data/files/tar.h"
#include "nacre/data/files/zip.h"
#include "nacre/data/image/image.h"
#include "nacre/data/sound/sound.h"
#include "nacre/data/table/table.h"
#include "nacre/data/text/text.h"
#include "tests/support/files.h"

namespace nacre::data {
namespace {

namespace fs = std::filesystem;
using test::expect_error;

TEST(Bounds, NoReaderWaitsForAPipe) {
  const test::TemporaryFolder folder;
  const fs::path pipe = folder / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const std::function<void(const fs::path&)> readers[] = {
      [](const fs::path& p) { read_csv(p); },
      [](const fs::path& p) { read_image(p); },
      [](const fs::path& p) { read_sound(p); },
      [](const fs::path& p) { read_text(p); },
      [](const fs::path& p) { read_npy(p); },
      [](const fs::path& p) { read_npz(p); },
      [](const fs::path& p) { read_idx(p); },
      [](const fs::path& p) { read_cifar(p, 10); },
      [&](const fs::path& p) { unpack_tar(p, folder / "out"); },
      [](const fs::path& p) { read_file(p); }};
  for (const auto& read : readers) {
    expect_error<IoError>([&] { read(pipe); }, {"pipe", "a file is expected, this is a pipe"});
    expect_error<IoError>([&] { read("/dev/zero"); }, {"/dev/zero", "this is a device"});
  }
}

TEST(Bounds, ZipEntriesThatOverlapAreRefused) {
  // The second row of the directory points to the first entry's data.
  const std::string zeros(200, '\0');
  std::string zip = zip_of({{"aa", zeros}, {"bb", zeros}}, true);
  const auto second = zip.rfind("bb");
  const auto row = second - 46;
  std::fill_n(zip.begin() + static_cast<std::ptrdiff_t>(row) + 42, 4, '\0');
  expect_error<IoError>([&] { read_zip(bytes_of(zip), "t"); }, {"t: ", "overlap", "aa", "bb"});
  // Names that come twice, in a zip and as keys of arrays.
  EXPECT_THROW(read_zip(bytes_of(zip_of({{"a", "x"}, {"a", "y"}}, false)), "t"), IoError);
  const std::string array = npy_bytes(Tensor::from(std::vector<float>{1}));
  expect_error<IoError>(
      [&] {
        parse_npz(bytes_of(zip_of({{"a", array}, {"a.npy", array}}, false)), "t");
      },
      {"\"a\" is there twice"});
}

TEST(Bounds, WhatUnpacksToFarMoreIsRefused) {
  EXPECT_EQ(most_unpacked(10), (64u << 20) + 1000);
  EXPECT_EQ(most_unpacked(~0ull), ~0ull);
  const std::string zeros(std::size_t{80} << 20, '\0');
  expect_error<IoError>(
      [&] {
        read_zip(bytes_of(zip_of({{"z", zeros}}, true)), "t");
      },
      {"\"z\" claims 83886080", "without compression"});
  // The same as a gzip'ed IDX: refused by its header, and read_rest by what comes.
  const std::string head{'\0', '\0', '\x08', '\1', '\5', '\0', '\0', '\0'};
  const std::string packed = gzip_of(bytes_of(head + zeros + std::string(8, '\0')));
  {
    Input input("t", bytes_of(packed));
    expect_error<IoError>([&] { read_idx(input); }, {"83886080 elements", "are there"});
  }
  Input input("t", bytes_of(packed));
  expect_error<IoError>([&] { input.read_rest(~0ull); }, {"unpacks to more"});
}

TEST(Bounds, TextsAndSounds) {
  const test::TemporaryFolder folder;
  std::string lines;
  for (int i = 0; i < 60; ++i) lines += "text number " + std::to_string(i) + "\tclass\n";
  write_file(folder / "swapped.txt", lines);
  expect_error<IoError>([&] { read_labelled_lines(folder / "swapped.txt"); },
                        {"60 classes in 60 texts", "other way round"});
  const TextEncoder encoder = TextEncoder::fit({"a"}, {.length = 1 << 28});
  const LabelledText text{std::vector<std::string>(5, "a"), std::vector<std::int64_t>(5), {"c"}};
  expect_error<ValueError>([&] { text_set(text, encoder); }, {"5 texts of 268435456 tokens"});
  if (!have_sound()) return;
  // A WAV of floats, one of which is none.
  std::string wav = encode_wav(Tensor::from(std::vector<float>(8, 0.5f), {1, 8}), 8000);
  wav[20] = 3;   // floats
  wav[32] = 4;   // bytes of a sample
  wav[34] = 32;  // bits
  std::string floats;
  for (int i = 0; i < 4; ++i) {
    floats += i == 2 ? std::string("\0\0\xc0\x7f", 4) : std::string(4, '\0');
  }
  wav = wav.substr(0, 44) + floats;
  expect_error<IoError>([&] { decode_sound(bytes_of(wav), "t"); },
                        {"t: sample 2 of channel 0", "no finite number"});
}

}  // namespace
}  // namespace nacre::data
