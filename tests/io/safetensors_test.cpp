#include "nacre/io/safetensors.h"

#include <gtest/gtest.h>

#include <chrono>
#include <numeric>

#include "nacre/base/error.h"
#include "nacre/base/threads.h"
#include "tests/support/files.h"

namespace nacre::io {
namespace {

using test::expect_error;

NamedTensors some() {
  return {{"flag", Tensor::from(std::vector<std::uint8_t>{1, 2, 3}, {3})},
          {"conv1.weight", tensor({{1, 2}, {3, 4.5}})},
          {"half", tensor({0.5, -2}, bf16)},
          {"steps", Tensor::scalar(7, i64)},
          {"none", zeros({0, 4})},
          {"mask", tensor({1, 0, 1}, boolean)}};
}

// A file of the format around this header.
std::string file_of(const std::string& header, const std::string& data = {}) {
  std::string out;
  for (int i = 0; i < 8; ++i) out.push_back(static_cast<char>(header.size() >> (8 * i)));
  return out + header + data;
}

TensorFile parse(const std::string& bytes) { return parse_safetensors(bytes_of(bytes), "t"); }

TEST(Safetensors, RoundTrip) {
  const test::TemporaryFolder folder;
  const Metadata metadata = {{"architecture", "{\"a\": \"\\u00e9\"}"}, {"format", "nacre"}};
  save_safetensors(folder / "m.safetensors", some(), metadata);
  const TensorFile file = load_safetensors(folder / "m.safetensors");
  EXPECT_EQ(file.metadata, metadata);
  EXPECT_EQ(load_safetensors_metadata(folder / "m.safetensors"), metadata);
  ASSERT_EQ(file.tensors.size(), some().size());
  for (const NamedTensor& t : some()) {
    const Tensor& back = file.at(t.name);
    EXPECT_EQ(back.spec(), t.tensor.spec()) << t.name;
    EXPECT_EQ(back.to_vector<double>(), t.tensor.to_vector<double>()) << t.name;
  }
  expect_error<IoError>([&] { file.at("conv2.weight"); }, {"m.safetensors", "conv2", "conv1"});
}

std::string digest_in(const std::string& bytes) {
  return bytes.substr(bytes.find("xxh64-blocks:") + 13, 16);
}

TEST(Safetensors, BytesAreThoseOfTheFormat) {
  const std::string bytes = safetensors_bytes({{"a", Tensor::from(std::vector<std::uint8_t>{7})}});
  const std::string header = R"({"__metadata__":{"nacre.digest":"xxh64-blocks:)" +
                             digest_in(bytes) +
                             R"("},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
  std::string padded = header;
  while (padded.size() % 8) padded += ' ';
  EXPECT_EQ(bytes, file_of(padded, "\x07"));
}

// Written by Python's safetensors 0.8; tools/make_golden_data.py made it.
TEST(Safetensors, ReadsWhatPythonWrote) {
  const TensorFile file =
      load_safetensors(std::string(NACRE_SOURCE_DIR) + "/tests/io/golden/python.safetensors.bin");
  EXPECT_EQ(file.metadata.at("made by"), "python");
  EXPECT_EQ(file.at("f16").spec(), (Spec{f16, {2, 2}}));
  EXPECT_EQ(file.at("f16").to_vector<float>(), (std::vector<float>{0.5, 1, -2, 65504}));
  EXPECT_EQ(file.at("i16").spec(), (Spec{i32, {3}}));
  EXPECT_EQ(file.at("i16").to_vector<std::int32_t>(), (std::vector<std::int32_t>{-1, 0, 32767}));
  EXPECT_EQ(file.at("u32").to_vector<std::int64_t>(), (std::vector<std::int64_t>{4294967295}));
  EXPECT_EQ(file.at("layer.weight").to_vector<float>(), (std::vector<float>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(file.at("empty").shape(), (Shape{0, 3}));
  EXPECT_EQ(file.at("flags").to_vector<std::int32_t>(), (std::vector<std::int32_t>{1, 0}));
}

TEST(Safetensors, RefusesWhatIsWrong) {
  const auto entry = [](const std::string& dtype, const std::string& shape,
                        const std::string& offsets) {
    return R"({"a":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets +
           "}}";
  };
  const struct {
    std::string bytes;
    const char* part;
  } cases[] = {
      {"", "at least 8"},
      {std::string(8, '\xff'), "promised"},
      {file_of("[]"), "'{' expected"},
      {file_of("{\"a\":"), "not JSON"},
      {file_of(R"({"a":1})"), "needs dtype"},
      {file_of(entry("\"F8\"", "[1]", "[0,4]"), "1234"), "F8"},
      {file_of(entry("\"F32\"", "[-1]", "[0,4]"), "1234"), "shape"},
      {file_of(entry("\"F32\"", "[1]", "[0,8]"), "12345678"), "needs 4 bytes"},
      {file_of(entry("\"F32\"", "[1]", "[4,8]"), "12345678"), "hole"},
      {file_of(entry("\"F32\"", "[2]", "[0,8]"), "1234"), "has 4 bytes"},
      {file_of(entry("\"F32\"", "[1]", "[0,4]"), "12345"), "the data has 5"},
      {file_of(entry("\"F32\"", "[4294967296,4294967296,4294967296]", "[0,4]"), "1234"), "large"},
      {file_of(entry("\"F32\"", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), "1234"), "rank 9"},
      {file_of(R"({"__metadata__":{"a":1}})"), "metadata \"a\""},
      {file_of(R"({"__metadata__":[]})"), "__metadata__ is not"},
      {file_of(R"({"__metadata__":{"a":"1","a":"2"}})"), "metadata \"a\" is there twice"},
      {file_of(R"({"a":{"dtype":"U8","dtype":"I8","shape":[0],"data_offsets":[0,0]}})"), "twice"},
      {file_of(entry("\"U8\"", "[[1]]", "[0,1]"), "1"), "shape"},
      {file_of(entry("\"U8\"", "{}", "[0,1]"), "1"), "its shape is not a list"},
      {file_of(entry("\"U8\"", "[1]", "[0,1,2]"), "1"), "data_offsets"},
      {file_of(entry("\"U8\"", "[1]", "[0,1.5]"), "1"), "data_offsets"},
      {file_of(entry("{}", "[1]", "[0,1]"), "1"), "dtype is not a text"},
      {file_of("{\"a\":" + std::string(1'000'000, '[')), "dtype"},
      {file_of(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},)"
               R"("a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})"),
       "twice"},
  };
  for (const auto& c : cases) expect_error<IoError>([&] { parse(c.bytes); }, {"t: ", c.part});
  EXPECT_THROW(safetensors_bytes({{"a", zeros({1})}, {"a", zeros({1})}}), ValueError);
  EXPECT_THROW(safetensors_bytes({{"__metadata__", zeros({1})}}), ValueError);
  expect_error<ValueError>(
      [] {
        safetensors_bytes({{"caf\xe9", zeros({1})}});
      },
      {"caf\\xe9", "UTF-8"});
  expect_error<ValueError>(
      [] {
        safetensors_bytes({}, {{"k", "caf\xe9"}});
      },
      {"caf\\xe9", "UTF-8"});
}

// One bit, anywhere: in the data it changes a weight, in the header a name, a shape or a metadata.
TEST(Safetensors, EveryFlippedBitIsNoticed) {
  const std::string whole = safetensors_bytes(some(), {{"layers", "[{\"type\":\"dense\"}]"}});
  const TensorFile expected = parse(whole);
  const std::size_t digest = whole.find("nacre.digest");
  for (std::size_t i = 0; i < whole.size(); ++i) {
    // Without its name the digest is one more text: nothing that matters has changed.
    const bool name_of_digest = i >= digest && i < digest + std::string("nacre.digest").size();
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
      bool noticed = false;
      try {
        noticed = parse(damaged).metadata != expected.metadata;
      } catch (const IoError&) {
        noticed = true;
      }
      // Blanks of JSON may become other blanks.
      const bool blank = damaged[i] == '\t' || damaged[i] == '\n' || damaged[i] == '\r';
      EXPECT_TRUE(noticed || blank || name_of_digest) << "byte " << i << " bit " << bit;
    }
  }
  std::string damaged = whole;
  damaged[damaged.size() - 3] ^= 1;
  expect_error<IoError>([&] { parse(damaged); }, {"t: ", "checksum", "damaged", "nacre.digest"});
}

// Data of several blocks, which threads share: tensors begin and end anywhere in them.
TEST(Safetensors, BlocksOfTheDigestAreNoBoundariesOfTensors) {
  NamedTensors large;
  for (int i = 0; i < 7; ++i) {
    std::vector<float> values(123'457 + static_cast<std::size_t>(i));
    std::iota(values.begin(), values.end(), 0.5f);
    large.push_back({"t" + std::to_string(i), Tensor::from(values)});
  }
  large.push_back({"flags", Tensor::from(std::vector<std::uint8_t>(1'500'001, 3))});
  large.push_back({"mask", zeros({1'200'003}, boolean)});
  const std::string bytes = safetensors_bytes(large);
  for (const int workers : {1, 2, 3}) {
    const int before = threads();
    set_threads(workers);
    const TensorFile file = parse(bytes);
    std::string damaged = bytes;
    damaged[damaged.size() - 1'100'000] ^= 1;
    expect_error<IoError>([&] { parse(damaged); }, {"checksum"});
    set_threads(before);
    for (const NamedTensor& t : large) {
      EXPECT_EQ(file.at(t.name).to_vector<double>(), t.tensor.to_vector<double>()) << t.name;
    }
  }
}

// What other programs write has no digest; what they rewrite without a change keeps a good one.
TEST(Safetensors, DigestIsNoBusinessOfOtherPrograms) {
  const std::string entry = R"("a":{"shape":[1],"data_offsets":[0,1],"dtype":"U8","more":[{}]})";
  EXPECT_EQ(parse(file_of("{" + entry + "}", "\x07")).at("a").item(), 7);
  const std::string ours =
      safetensors_bytes({{"a", Tensor::from(std::vector<std::uint8_t>{7})}}, {{"k", "v"}});
  const std::string digest = R"("nacre.digest":"xxh64-blocks:)" + digest_in(ours) + "\"";
  const std::string theirs = "{" + entry + R"(, "__metadata__": {"k": "v", )" + digest + "}}";
  const TensorFile file = parse(file_of(theirs, "\x07"));
  EXPECT_EQ(file.metadata, (Metadata{{"k", "v"}}));
  expect_error<IoError>([&] { parse(file_of(theirs, "\x08")); }, {"checksum"});
  expect_error<ValueError>(
      [] {
        safetensors_bytes({}, {{"nacre.digest", "x"}});
      },
      {"nacre.digest"});
}

// Twenty times the tensors take about twenty times as long: the least of some runs decides.
TEST(Safetensors, ReadsManyTensorsInLinearTime) {
  const auto seconds = [](int n) {
    NamedTensors many;
    const Tensor one = zeros({1});
    for (int i = 0; i < n; ++i) many.push_back({"layer" + std::to_string(i), one});
    double least = 1e9;
    for (int run = 0; run < 3; ++run) {
      const auto begin = std::chrono::steady_clock::now();
      EXPECT_EQ(parse(safetensors_bytes(many)).tensors.size(), many.size());
      const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
      least = std::min(least, spent.count());
    }
    return least;
  };
  EXPECT_LT(seconds(40000), 20 * 6 * seconds(2000));  // a quadratic way takes 400 times as long
}

TEST(Safetensors, WritesNoHeaderThatIsTooLongToRead) {
  const std::string huge(100'000'001, 'x');
  expect_error<ValueError>(
      [&] {
        safetensors_bytes({}, {{"nacre.class_names", huge}});
      },
      {"nacre.class_names", "100000000", "class names"});
  expect_error<ValueError>(
      [&] {
        safetensors_bytes({{huge, zeros({1})}});
      },
      {"names of 100000001"});
  // The longest that is written can be read.
  const std::string most(99'999'900, 'x');
  EXPECT_EQ(parse(safetensors_bytes({}, {{"k", most}})).metadata.at("k").size(), most.size());
}

TEST(Safetensors, DamageIsAnIoError) {
  test::batter(safetensors_bytes(some(), {{"k", "v"}}), [](const std::string& b) { parse(b); });
}

}  // namespace
}  // namespace nacre::io
