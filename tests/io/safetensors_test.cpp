#include "nacre/io/safetensors.h"

#include <gtest/gtest.h>

#include "nacre/base/error.h"
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

TEST(Safetensors, BytesAreThoseOfTheFormat) {
  const std::string bytes = safetensors_bytes({{"a", Tensor::from(std::vector<std::uint8_t>{7})}});
  const std::string header = R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
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
      {file_of(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},)"
               R"("a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})"),
       "twice"},
  };
  for (const auto& c : cases) expect_error<IoError>([&] { parse(c.bytes); }, {"t: ", c.part});
  EXPECT_THROW(safetensors_bytes({{"a", zeros({1})}, {"a", zeros({1})}}), ValueError);
  EXPECT_THROW(safetensors_bytes({{"__metadata__", zeros({1})}}), ValueError);
  EXPECT_THROW(safetensors_bytes({{"\xff", zeros({1})}}), ValueError);
}

TEST(Safetensors, DamageIsAnIoError) {
  test::batter(safetensors_bytes(some(), {{"k", "v"}}), [](const std::string& b) { parse(b); });
}

}  // namespace
}  // namespace nacre::io
