// Forms of preprocessing as a model file keeps them: what is written is read, what is read is
// checked.
#include "nacre/data/preprocess.h"

#include <gtest/gtest.h>

#include "nacre/base/error.h"
#include "nacre/data/text/text.h"
#include "tests/support/files.h"

namespace nacre::data {
namespace {

using test::expect_error;

TEST(PreprocessJson, NamesTheKeyThatIsWrong) {
  const auto read = [](const char* text) {
    return [text] { Preprocess::from_json(text, "m.safetensors"); };
  };
  const std::string image =
      R"("kind":"image","height":2,"width":2,"fit":"pad","mean":[],"deviation":[])";
  const struct {
    std::string text;
    const char* part;
  } cases[] = {
      {"[1", "not JSON"},
      {"[]", "an object"},
      {"{}", "\"kind\" is missing"},
      {R"({"kind":"smell"})", "\"kind\""},
      {"{" + image + R"(,"channels":4294967297})", "\"channels\": a whole number in 1..3"},
      {"{" + image + R"(,"channels":2})", "2 channels"},
      {R"({"kind":"image","channels":1,"height":-1,"width":2,"fit":"pad","mean":[],"deviation":[]})",
       "\"height\""},
      {R"({"kind":"image","channels":1,"height":1,"width":2,"fit":"bend","mean":[],"deviation":[]})",
       "\"fit\""},
      {R"({"kind":"image","channels":1,"height":1,"width":2,"fit":"pad","mean":[1],"deviation":[]})",
       "1 means and 0 deviations"},
      {R"({"kind":"image","channels":1,"height":1,"width":2,"fit":"pad","mean":["a"],"deviation":[]})",
       "\"mean[0]\""},
      {R"({"kind":"sound","rate":4294983296,"length":5,"mono":true})", "\"rate\""},
      {R"({"kind":"sound","rate":8000,"length":-5,"mono":true})", "\"length\""},
      {R"({"kind":"sound","rate":8000,"length":5,"mono":1})", "\"mono\": true or false"},
      {R"({"kind":"sound","rate":8000,"length":5,"mono":true,"bands":-1})", "\"bands\""},
      {R"({"kind":"text","level":"word","length":0,"vocabulary":[]})", "\"length\""},
      {R"({"kind":"text","level":"line","length":3,"vocabulary":[]})", "\"level\""},
      {R"({"kind":"text","level":"word","length":3,"vocabulary":["a",2]})", "\"vocabulary[1]\""},
      {R"({"kind":"table","classes":[],"inputs":[{"name":"a","mean":0,"deviation":-1}]})",
       "\"inputs[0].deviation\""},
      {R"({"kind":"table","classes":[],"inputs":[{"name":"a","mean":null,"deviation":1}]})",
       "\"inputs[0].mean\""},
      {R"({"kind":"table","classes":"a","inputs":[]})", "\"classes\""}};
  for (const auto& c : cases) {
    expect_error<IoError>(read(c.text.c_str()), {"m.safetensors", c.part});
    try {
      Preprocess::from_json(c.text, "m");
    } catch (const IoError& e) {
      EXPECT_EQ(std::string(e.what()).find("json.exception"), std::string::npos) << e.what();
    }
  }
}

TEST(PreprocessJson, WritesNothingThatCannotBeRead) {
  expect_error<ValueError>([] { Preprocess(ImageForm{.channels = 2}).to_json(); }, {"2 channels"});
  expect_error<ValueError>([] { Preprocess(ImageForm{.height = 70000, .width = 1}).to_json(); },
                           {"70000 x 1"});
  expect_error<ValueError>([] { Preprocess(ImageForm{.mean = {1}}).to_json(); }, {"1 means"});
  expect_error<ValueError>([] { Preprocess(SoundForm{.rate = 0, .length = 1}).to_json(); },
                           {"0 Hz"});
  expect_error<ValueError>([] { TextEncoder::fit({"a"}, {.length = (1 << 28) + 1}); },
                           {"268435456"});
  // At the bounds both work.
  for (const Preprocess& form :
       {Preprocess(ImageForm{.channels = 3, .height = 1 << 16, .width = 1 << 16}),
        Preprocess(SoundForm{.rate = 10'000'000, .length = 1 << 30, .mono = false}),
        Preprocess(TextEncoder::fit({"a"}, {.length = 1 << 28}))}) {
    EXPECT_EQ(Preprocess::from_json(form.to_json(), "m").to_json(), form.to_json());
  }
}

}  // namespace
}  // namespace nacre::data
