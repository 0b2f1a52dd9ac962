#include "nacre/base/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "nacre/base/error.h"
#include "nacre/base/file.h"
#include "nacre/base/xxhash.h"
#include "tests/support/files.h"

namespace nacre {
namespace {

using Json = nlohmann::json;
using test::expect_error;

std::string repeated(const char* part, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += part;
  return out;
}

TEST(Json, ReadsWhatTheLibraryReads) {
  for (const char* text :
       {"null", "-3", "18446744073709551615", "2.5e3", "\"a\\u00e9\"", "[]", "{}",
        R"({"a":[1,{"b":null},[true,false]],"c":{"d":"e"}})", " [ 1 , 2 ] "}) {
    EXPECT_EQ(parse_json(text, "t"), Json::parse(text)) << text;
  }
}

TEST(Json, BoundsDepthAndSizeAndRefusesWhatIsAmbiguous) {
  const auto read = [](const std::string& text) { return [=] { parse_json(text, "t.json"); }; };
  expect_error<IoError>(read(repeated("[", 1'000'000)), {"t.json: ", "deeper than 128"});
  expect_error<IoError>(read(repeated("{\"a\":", 50'000)), {"t.json: ", "deeper than 128"});
  EXPECT_NO_THROW(parse_json(repeated("[", 128) + repeated("]", 128), "t"));
  expect_error<IoError>(read(R"({"a":1,"b":{"c":1,"c":2}})"), {"\"c\" is there twice"});
  expect_error<IoError>([] { parse_json("[1, 2]", "t", {.bytes = 5}); },
                        {"t: 6 bytes", "at most 5"});
  for (const char* bad : {"", "[1", "{\"a\" 1}", "nul", "1 2", "\"\xff\"", "1e999", "\"\n\""}) {
    expect_error<IoError>(read(bad), {"t.json: not JSON"});
    try {
      parse_json(bad, "t");
    } catch (const IoError& e) {
      EXPECT_EQ(std::string(e.what()).find("json.exception"), std::string::npos) << e.what();
    }
  }
}

// A byte of zero ends nothing.
TEST(Json, ReadsToTheEnd) {
  using namespace std::string_literals;
  for (const std::string& text : {"{}\0{}"s, "[1]\0"s, "[1]\0\xff"s, "\0[1]"s}) {
    expect_error<IoError>([&] { parse_json(text, "t.json"); }, {"t.json: ", "is zero"});
  }
}

// What is written can be read, or is not written.
TEST(Json, WritersHaveTheLimitsOfReaders) {
  Json deep = 1;
  for (int i = 0; i < 128; ++i) deep = Json::array({std::move(deep)});
  EXPECT_EQ(parse_json(json_text(deep, "t"), "t"), deep);
  deep = Json::array({std::move(deep)});
  expect_error<ValueError>([&] { json_text(deep, "t"); }, {"t: ", "129", "128"});
  expect_error<ValueError>([] { json_text("123456", "t", -1, {.bytes = 6}); }, {"8 bytes", "6"});
  expect_error<ValueError>(
      [] {
        json_text({{"a", {"x", "caf\xe9"}}}, "names");
      },
      {"names: ", "\"a[1]\"", "UTF-8"});
  expect_error<ValueError>([] { json_text({{"caf\xe9", 1}}, "names"); }, {"caf\\xe9", "UTF-8"});
}

TEST(Json, ViewsNameThePlaceAndWhatCame) {
  const Json json = Json::parse(
      R"({"list":[{"n":3},{"n":-1},{"n":9223372036854775808},{"n":1e30},{"n":"x"}],"t":[1,"b"],"z":null})");
  const JsonView view(json, "f.json", "do this");
  const auto list = view.at("list").items();
  EXPECT_EQ(list[0].at("n").whole(0, 3), 3);
  expect_error<IoError>([&] { list[1].at("n").whole(0, 3); },
                        {"f.json: \"list[1].n\"", "0..3", "-1 came", "do this"});
  expect_error<IoError>([&] { list[2].at("n").whole(); },
                        {"list[2].n", "64 bits", "9223372036854775808"});
  expect_error<IoError>([&] { list[3].at("n").whole(0); }, {"list[3].n", "at least 0", "1e+30"});
  expect_error<IoError>([&] { list[4].at("n").number(0, 1); }, {"list[4].n", "0..1", "\"x\""});
  expect_error<IoError>([&] { list[0].at("m"); }, {"\"list[0].m\" is missing"});
  expect_error<IoError>([&] { view.at("t").texts(); }, {"\"t[0]\": a text", "1 came"});
  expect_error<IoError>([&] { view.at("t").wholes(0, 9); }, {"\"t[1]\"", "0..9"});
  expect_error<IoError>([&] { view.at("list").items(4); }, {"at most 4", "a list of 5"});
  expect_error<IoError>([&] { view.at("list").at("a"); }, {"an object", "a list of 5"});
  EXPECT_TRUE(std::isnan(view.at("z").number_or_null()));
  expect_error<IoError>([&] { view.at("z").number(); }, {"\"z\": a number", "null"});
}

// Values of the reference implementation.
TEST(XxHash, KnownAnswersInAnyPieces) {
  const struct {
    const char* text;
    std::uint64_t hash;
  } known[] = {{"", 0xef46db3751d8e999},
               {"a", 0xd24ec4f1a98c6e5b},
               {"abc", 0x44bc2cf5ad770999},
               {"Nobody inspects the spammish repetition", 0xfbcea83c8a378bf1}};
  for (const auto& k : known) EXPECT_EQ(xxhash64(k.text), k.hash) << k.text;
  std::string text;
  for (int i = 0; i < 300; ++i) text += static_cast<char>(i * 7);
  for (std::size_t cut = 0; cut <= text.size(); cut += 13) {
    XxHash64 hash;
    hash.update(std::string_view(text).substr(0, cut));
    hash.update(std::string_view(text).substr(cut));
    EXPECT_EQ(hash.value(), xxhash64(text)) << cut;
  }
  // Blocks, in one piece and in many.
  const std::string large(BlockHash64::kBlock * 2 + 77, 'x');
  BlockHash64 whole;
  whole.update(bytes_of(large));
  BlockHash64 pieces;
  for (std::size_t at = 0; at < large.size(); at += 100'003) {
    pieces.update(bytes_of(std::string_view(large).substr(at, 100'003)));
  }
  EXPECT_EQ(whole.value(), pieces.value());
}

}  // namespace
}  // namespace nacre
