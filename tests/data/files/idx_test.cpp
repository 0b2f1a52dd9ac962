#include "nacre/data/files/idx.h"

#include <gtest/gtest.h>

#include "nacre/base/error.h"
#include "nacre/data/sets/named.h"
#include "tests/support/files.h"

namespace nacre::data {
namespace {

using test::expect_error;

Tensor parse(const std::string& bytes) {
  Input input("t", bytes_of(bytes));
  return read_idx(input);
}

TEST(Idx, RoundTripOfEachType) {
  const test::TemporaryFolder folder;
  for (const DType dtype : {u8, i8, i32, f32, f64}) {
    for (const char* name : {"a.idx", "a.gz"}) {
      const Tensor t = tensor({{1, 2, 3}, {4, 5, 100}}, dtype);
      write_idx(folder / name, t);
      const Tensor back = read_idx(folder / name);
      EXPECT_EQ(back.spec(), t.spec());
      EXPECT_EQ(back.to_vector<double>(), t.to_vector<double>());
    }
  }
  EXPECT_THROW(write_idx(folder / "b", zeros({2}, i64)), DTypeError);
}

TEST(Idx, ShortsAreBigEndian) {
  const std::string bytes("\0\0\x0b\1\0\0\0\2\xff\xfe\1\2", 12);
  EXPECT_EQ(parse(bytes).to_vector<std::int32_t>(), (std::vector<std::int32_t>{-2, 258}));
}

TEST(Idx, RefusesWhatIsWrong) {
  const std::string good("\0\0\x08\1\0\0\0\2ab", 10);
  EXPECT_EQ(parse(good).elements(), 2);
  expect_error<IoError>([&] { parse(""); }, {"t: ", "begin an IDX file"});
  expect_error<IoError>([&] { parse("PNG."); }, {"not an IDX file", "50 4e 47 2e"});
  expect_error<IoError>([&] { parse(good.substr(0, 9)); }, {"at most 1 are there"});
  expect_error<IoError>([&] { parse(good + "c"); }, {"more bytes follow"});
  expect_error<IoError>([&] { parse(std::string("\0\0\x08\3", 4) + std::string(12, '\xff')); },
                        {"multiply"});
  expect_error<IoError>([&] { parse(std::string("\0\0\x08\2", 4) + std::string(8, '\5')); },
                        {"at most 0 are there"});
}

TEST(Idx, DamageIsAnIoError) {
  test::batter(std::string("\0\0\x0d\2\0\0\0\3\0\0\0\5", 12) + std::string(60, 'x'),
               [](const std::string& b) { parse(b); });
}

TEST(Named, DigitsAreInside) {
  const NamedSet digits = load("digits");
  EXPECT_EQ(digits.train.size(), 1437);
  EXPECT_EQ(digits.test.size(), 360);
  EXPECT_EQ(digits.train.input_specs()[0], (Spec{f32, {1, 8, 8}}));
  EXPECT_EQ(digits.train.info().class_names.size(), 10u);
  const Batch all = digits.train.concat(digits.test).all();
  double sum = 0;
  for (const float v : all.inputs[0].data<float>()) sum += v;
  EXPECT_DOUBLE_EQ(sum * 16, 561718);  // numpy: load_digits().data.sum()
  std::vector<int> counts(10);
  for (const std::int64_t c : all.targets[0].data<std::int64_t>())
    ++counts[static_cast<std::size_t>(c)];
  EXPECT_EQ(counts, (std::vector<int>{178, 182, 177, 183, 181, 182, 181, 179, 174, 180}));
}

TEST(Named, IrisIsInside) {
  const NamedSet iris = load("iris");
  EXPECT_EQ(iris.train.size(), 120);
  EXPECT_EQ(iris.test.size(), 30);
  const Moments m = measure(iris.train.concat(iris.test));
  EXPECT_NEAR(m.mean[0], 5.843333, 1e-5);
  EXPECT_NEAR(m.mean[3], 1.199333, 1e-5);
}

TEST(Named, UnknownNamesGetASuggestion) {
  expect_error<ValueError>([] { load("fashion_mnist"); }, {"did you mean \"fashion-mnist\"?"});
  EXPECT_EQ(named_sets().size(), 6u);
}

TEST(Named, FashionMnist) {
  if (find_set("fashion-mnist").empty()) GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  const NamedSet set = load("fashion-mnist");
  EXPECT_EQ(set.train.size(), 60000);
  EXPECT_EQ(set.test.size(), 10000);
  EXPECT_EQ(set.train.input_specs()[0], (Spec{f32, {1, 28, 28}}));
  EXPECT_EQ(set.train.take(4).labels(), (std::vector<std::int64_t>{9, 0, 0, 3}));
  EXPECT_NEAR(measure(set.train).mean[0], 0.2860, 1e-4);
  EXPECT_NEAR(measure(set.train).deviation[0], 0.3530, 1e-4);
}

TEST(Named, MnistTestPart) {
  NACRE_NEED_PANTRY(folder, "mnist-t10k");
  const Tensor labels = read_idx(folder / "t10k-labels-idx1-ubyte.gz");
  EXPECT_EQ(labels.shape(), (Shape{10000}));
  EXPECT_EQ(labels.to_vector<std::int32_t>()[0], 7);
  EXPECT_EQ(read_idx(folder / "t10k-images-idx3-ubyte.gz").shape(), (Shape{10000, 28, 28}));
}

}  // namespace
}  // namespace nacre::data
