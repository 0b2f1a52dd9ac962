// Running text as samples of a language model.
#include "nacre/data/text/language.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "nacre/base/error.h"
#include "nacre/data/loader.h"
#include "nacre/data/preprocess.h"
#include "tests/support/errors.h"

namespace nacre::data {
namespace {

TextEncoder characters_of(const std::string& text) {
  return TextEncoder::fit({text}, {.level = TextOptions::Level::character});
}

std::vector<std::int64_t> numbers_of(const Tensor& t) { return t.to_vector<std::int64_t>(); }

TEST(Language, TargetsAreTheNextTokens) {
  const LanguageForm form(characters_of("to be or not\n"), {.length = 5});
  const Dataset set = form.samples({"to be", "or not"}, false);
  ASSERT_EQ(set.size(), 2);  // 13 tokens: 12 are predicted, two whole pieces of them
  EXPECT_EQ(form.text(numbers_of(set.get(0).x())), "to be");
  EXPECT_EQ(form.text(numbers_of(set.get(0).y())), "o be\n");
  EXPECT_EQ(form.text(numbers_of(set.get(1).x())), "\nor n");
  EXPECT_EQ(form.text(numbers_of(set.get(1).y())), "or no");
}

// Every token is predicted, and pieces begin elsewhere in each epoch, the same for all of one
// epoch.
TEST(Language, PiecesMoveFromEpochToEpoch) {
  std::vector<std::int64_t> tokens(1000);
  for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<std::int64_t>(i);
  const Dataset set = pieces_of(tokens, 10, true, {});
  ASSERT_EQ(set.size(), 99);
  std::vector<bool> seen(10, false);
  for (int epoch = 0; epoch < 80; ++epoch) {
    const Batch all = set.all({.seed = 3, .epoch = epoch});
    const std::vector<std::int64_t> x = numbers_of(all.x());
    const std::vector<std::int64_t> y = numbers_of(all.y());
    ASSERT_EQ(x.size(), 990u);
    ASSERT_LT(x[0], 10);
    seen[static_cast<std::size_t>(x[0])] = true;
    for (std::size_t i = 0; i < x.size(); ++i) {
      ASSERT_EQ(x[i], x[0] + static_cast<std::int64_t>(i));
      ASSERT_EQ(y[i], x[i] + 1);
    }
  }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), true), 10);
  const Batch one = set.all({.seed = 3, .epoch = 7});
  EXPECT_EQ(numbers_of(one.x()), numbers_of(set.all({.seed = 3, .epoch = 7}).x()));
}

TEST(Language, LinesBeginAndEndWithABreak) {
  const LanguageForm form(characters_of("anbob\n"), {.length = 4, .lines = true});
  const Dataset set = form.samples({"ann", "b", "bobbob"}, true);
  ASSERT_EQ(set.size(), 3);
  const auto decoded = [&](const Tensor& t) { return form.text(numbers_of(t)); };
  EXPECT_EQ(decoded(set.get(0).x()), "\nann");
  EXPECT_EQ(decoded(set.get(0).y()), "ann\n");
  EXPECT_EQ(decoded(set.get(1).x()), "\nb");
  EXPECT_EQ(numbers_of(set.get(1).y())[2], -100);
  EXPECT_EQ(numbers_of(set.get(1).y())[3], -100);
  EXPECT_EQ(decoded(set.get(2).x()), "\nbob");  // its end is lost
  EXPECT_EQ(decoded(set.get(2).y()), "bobb");
}

TEST(Language, TravelsAsJson) {
  const LanguageForm form(characters_of("öffnen 开门\n"), {.length = 7, .lines = true});
  const Preprocess read = Preprocess::from_json(form.to_json(), "here");
  EXPECT_EQ(read.kind(), "language");
  const auto& again = std::get<LanguageForm>(read.form());
  EXPECT_EQ(again.to_json(), form.to_json());
  EXPECT_EQ(again.text(again.numbers("门öff")), "门öff");
  EXPECT_EQ(again.length(), 7);
  EXPECT_TRUE(again.lines());
  std::string damaged = form.to_json();
  damaged.replace(damaged.find("\"length\":7"), 10, "\"length\":0");
  EXPECT_NE(
      test::text_of<IoError>([&] { Preprocess::from_json(damaged, "f.json"); }).find("length"),
      std::string::npos);
}

TEST(Language, SaysWhatIsWrong) {
  EXPECT_NE(test::text_of<ValueError>([] {
              const LanguageForm form(characters_of("ab\n"), {.length = 64});
              form.samples({"ab"}, true);
            }).find("3 tokens of text, at least 128"),
            std::string::npos);
  EXPECT_THROW(LanguageForm(TextEncoder::fit({"a b"}), {}), ValueError);
  EXPECT_THROW(LanguageForm(characters_of("a"), {.length = 0}), ValueError);
}

}  // namespace
}  // namespace nacre::data
