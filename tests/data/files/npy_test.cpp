#include "nacre/data/files/npy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "nacre/base/error.h"
#include "nacre/data/dataset.h"
#include "nacre/data/files/zip.h"
#include "tests/support/files.h"

namespace nacre::data {
namespace {

using test::expect_error;

std::filesystem::path golden(const std::string& name) {
  return std::filesystem::path(NACRE_SOURCE_DIR) / "tests/data/golden" / name;
}

std::vector<double> count_to(int n) {
  std::vector<double> out(static_cast<std::size_t>(n));
  std::iota(out.begin(), out.end(), 0);
  return out;
}

Tensor parse(const std::string& bytes) { return parse_npy(bytes_of(bytes), "t"); }

std::string file_of(std::string header, const std::string& data) {
  header += '\n';
  return std::string("\x93NUMPY\1\0", 8) + static_cast<char>(header.size()) + '\0' + header + data;
}

// The files are NumPy's; tools/make_golden_data.py made them.
TEST(Npy, ReadsWhatNumpyWrote) {
  const Tensor fortran = read_npy(golden("fortran.npy"));
  EXPECT_EQ(fortran.spec(), (Spec{f32, {2, 3, 4}}));
  EXPECT_EQ(fortran.to_vector<double>(), count_to(24));
  const Tensor big = read_npy(golden("big_endian.npy"));
  EXPECT_EQ(big.spec(), (Spec{i32, {2, 3, 4}}));
  EXPECT_EQ(big.to_vector<double>(), count_to(24));
  EXPECT_EQ(read_npy(golden("scalar.npy")).item<double>(), 2.5);
}

TEST(Npz, ReadsWhatNumpyWrote) {
  const auto stored = read_npz(golden("stored.npz"));
  EXPECT_EQ(stored.at("x").to_vector<double>(), count_to(24));
  EXPECT_EQ(stored.at("y").spec(), (Spec{boolean, {2}}));
  const auto deflated = read_npz(golden("deflated.npz"));
  EXPECT_EQ(deflated.at("x").spec(), (Spec{i64, {2, 3, 4}}));
  EXPECT_EQ(deflated.at("x").to_vector<double>(), count_to(24));
  EXPECT_EQ(deflated.at("h").item(), 1.5);
}

TEST(Npz, WritesOnlyWhatItReads) {
  std::vector<ZipEntry> entries(65536);
  for (std::size_t i = 0; i < entries.size(); ++i) entries[i].name = std::to_string(i);
  expect_error<ValueError>([&] { zip_of(entries, false); }, {"65536 entries", "65535"});
  entries.pop_back();
  const std::string whole = zip_of(entries, false);
  EXPECT_EQ(read_zip(bytes_of(whole), "t").size(), 65535u);
  expect_error<ValueError>(
      [&] {
        zip_of({{std::string(65536, 'n'), ""}}, false);
      },
      {"65536 bytes"});
  // Two entries of one name: the reader would have to guess.
  const std::string one = npy_bytes(zeros({1}));
  const std::string twice = zip_of({{"a.npy", one}, {"a", one}}, false);
  expect_error<IoError>([&] { parse_npz(bytes_of(twice), "t"); }, {"t: ", "\"a\" is there twice"});
}

TEST(Npy, WhatIsNotFiniteIsNamed) {
  const float nan = std::nanf("");
  expect_finite(Tensor::from(std::vector<float>{1, 2}), "t");
  expect_finite(Tensor::from(std::vector<std::int64_t>{1, 2}), "t");
  expect_error<IoError>(
      [&] {
        expect_finite(Tensor::from(std::vector<float>{1, 2, 3, nan}, {2, 2}), "t");
      },
      {"t: row 2, column 2: nan is not finite"});
  expect_error<IoError>(
      [&] {
        expect_finite(Tensor::from(std::vector<float>{1, HUGE_VALF}), "t");
      },
      {"t: row 2: inf"});
  std::vector<double> many(24, 0);
  many[17] = -HUGE_VAL;
  expect_error<IoError>(
      [&] {
        expect_finite(Tensor::from(many, {2, 3, 4}), "t");
      },
      {"row 2, place [1, 1]: -inf"});
  // Moments would be NaN for all samples.
  const Dataset set = Dataset::from({Tensor::from(std::vector<float>{1, 2, 3, nan, 5, 6}, {3, 2})});
  expect_error<ValueError>([&] { measure(set); }, {"sample 1, channel or column 1", "not finite"});
}

TEST(Npy, RoundTripOfEachType) {
  const test::TemporaryFolder folder;
  for (const DType dtype : {f32, f64, f16, i8, u8, i32, i64, boolean}) {
    for (const Shape& shape : {Shape{}, Shape{3}, Shape{2, 0}, Shape{2, 2}}) {
      const Tensor t = ones(shape, dtype);
      write_npy(folder / "a.npy", t);
      const Tensor back = read_npy(folder / "a.npy");
      EXPECT_EQ(back.spec(), t.spec());
      EXPECT_EQ(back.to_vector<double>(), t.to_vector<double>());
    }
  }
  EXPECT_THROW(npy_bytes(zeros({1}, bf16)), DTypeError);
}

TEST(Npz, RoundTrip) {
  const test::TemporaryFolder folder;
  for (const bool compress : {false, true}) {
    write_npz(folder / "a.npz", {{"a", zeros({100, 10})}, {"b", tensor({1, 2})}}, compress);
    const auto back = read_npz(folder / "a.npz");
    ASSERT_EQ(back.size(), 2u);
    EXPECT_EQ(back.at("a").spec(), (Spec{f32, {100, 10}}));
    EXPECT_EQ(back.at("b").to_vector<float>(), (std::vector<float>{1, 2}));
    EXPECT_EQ(std::filesystem::file_size(folder / "a.npz") > 4000, !compress);
  }
}

TEST(Npy, RefusesWhatIsWrong) {
  const auto with = [](const std::string& type, const std::string& shape) {
    return "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }";
  };
  EXPECT_EQ(parse(file_of(with("<f4", "(1,)"), "abcd")).elements(), 1);
  const struct {
    std::string bytes;
    const char* part;
  } cases[] = {
      {"", "not an NPY file"},
      {"\x93NUMPY\x09zzzz", "version 9"},
      {file_of(with("<f4", "(1,)"), "abc"), "needs 4 bytes, 3"},
      {file_of(with("<f4", "(1,)"), "abcde"), "needs 4 bytes, 5"},
      {file_of(with("|O", "(1,)"), "abcd"), "\"|O\""},
      {file_of(with("<c8", "(1,)"), "abcdefgh"), "\"<c8\""},
      {file_of(with("<f4", "(-1,)"), ""), "a size expected"},
      {file_of(with("<f4", "(9999999999,9999999999)"), ""), "multiplies"},
      {file_of(with("<f4", "(1,1,1,1,1,1,1,1,1)"), "abcd"), "rank 9"},
      {file_of("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}", ""), "fields"},
      {file_of("{'descr': '<f4', 'shape': ()}", "abcd"), "fortran_order"},
      {file_of("{'descr", ""), "without end"},
      {file_of(with("<u8", "(1,)"), std::string(8, '\xff')), "does not fit into i64"},
  };
  for (const auto& c : cases) expect_error<IoError>([&] { parse(c.bytes); }, {"t: ", c.part});
}

TEST(Npy, DamageIsAnIoError) {
  test::batter(npy_bytes(ones({3, 5})), [](const std::string& b) { parse(b); });
}

TEST(Zip, DamageIsAnIoError) {
  for (const bool compress : {false, true}) {
    const std::string zip =
        zip_of({{"a.npy", npy_bytes(ones({30, 5}))}, {"b.npy", npy_bytes(ones({1}))}}, compress);
    test::batter(zip, [](const std::string& b) { parse_npz(bytes_of(b), "t"); });
    std::string changed = zip;
    changed[zip.find("NUMPY") == zip.npos ? 60 : 200] ^= 1;
    EXPECT_THROW(parse_npz(bytes_of(changed), "t"), IoError);
  }
  expect_error<IoError>([] { parse_npz(bytes_of("PK"), "file.npz"); }, {"file.npz", "zip"});
}

}  // namespace
}  // namespace nacre::data
