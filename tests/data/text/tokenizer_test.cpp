// Tokenizers, by the numbers of Hugging Face's `tokenizers` (tools/make_text_reference.py).
#include "nacre/data/text/tokenizer/tokenizer.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "nacre/base/error.h"
#include "nacre/base/file.h"
#include "nacre/base/json.h"
#include "nacre/data/text/tokenizer/steps.h"
#include "tests/support/errors.h"

namespace nacre::data {
namespace {

using nlohmann::json;
using test::text_of;

const std::string kGolden = NACRE_SOURCE_DIR "/tests/data/text/golden/";

const json& cases() {
  static const json all = read_json(kGolden + "cases.json");
  return all;
}

const Tokenizer& tokenizer(const std::string& name) {
  static std::map<std::string, Tokenizer> all;
  const auto found = all.find(name);
  if (found != all.end()) return found->second;
  return all.emplace(name, Tokenizer::load(kGolden + name + ".json")).first->second;
}

TEST(Tokenizer, EncodesAndDecodesAsHuggingFace) {
  for (const json& c : cases()["encode"]) {
    const Tokenizer& t = tokenizer(c["tokenizer"]);
    const std::string text = c["text"];
    const Encoding e =
        c.contains("pair") ? t.encode(text, c["pair"].get<std::string>()) : t.encode(text);
    EXPECT_EQ(e.ids, c["ids"].get<TokenIds>()) << c["tokenizer"] << ": " << c["text"];
    EXPECT_EQ(t.decode(e.ids), c["decoded"].get<std::string>()) << c["tokenizer"] << c["text"];
    if (c.contains("types")) {
      EXPECT_EQ(e.type_ids, c["types"].get<TokenIds>()) << c["tokenizer"];
    }
    EXPECT_EQ(e.special.size(), e.ids.size());
  }
}

TEST(Tokenizer, NormalizesAsHuggingFace) {
  for (const json& c : cases()["normalize"]) {
    const json step{{"type", c["type"]}, {"strip_left", true}, {"strip_right", true}};
    std::string text = c["text"];
    for (const Normalizer& n : normalizers_from(JsonView(step, "n"))) text = n.apply(text);
    EXPECT_EQ(text, c["result"].get<std::string>()) << c["type"] << ": " << c["text"];
  }
}

TEST(Tokenizer, PartsTextsAsHuggingFace) {
  for (const json& c : cases()["pieces"]) {
    const json step{{"type", c["type"]}};
    std::vector<std::string> pieces{c["text"].get<std::string>()};
    for (const PreTokenizer& p : pre_tokenizers_from(JsonView(step, "p"))) p.apply(pieces);
    EXPECT_EQ(pieces, c["pieces"].get<std::vector<std::string>>())
        << c["type"] << ": " << c["text"];
  }
}

// The same merges in the same order, so the same file.
TEST(Tokenizer, LearnsAsHuggingFace) {
  const auto corpus = cases()["corpus"].get<std::vector<std::string>>();
  const Tokenizer own = Tokenizer::train(corpus, {.vocabulary = 400, .special = {"<|end|>"}});
  const json theirs = read_json(kGolden + "bpe.json");
  const json ours = json::parse(own.to_json());
  EXPECT_EQ(ours["model"]["vocab"], theirs["model"]["vocab"]);
  ASSERT_EQ(ours["model"]["merges"].size(), theirs["model"]["merges"].size());
  for (std::size_t i = 0; i < ours["model"]["merges"].size(); ++i) {
    const json& m = theirs["model"]["merges"][i];
    EXPECT_EQ(ours["model"]["merges"][i],
              m.is_string() ? m : json(m[0].get<std::string>() + " " + m[1].get<std::string>()));
  }
  const Tokenizer pieces = Tokenizer::train(
      corpus, {.kind = Tokenizer::TrainSpec::Kind::word_pieces, .vocabulary = 220});
  EXPECT_GT(pieces.size(), 150);
  EXPECT_EQ(pieces.decode(pieces.encode("the best of times").ids), "the best of times");
}

TEST(Tokenizer, TravelsAsItself) {
  for (const char* name : {"bpe", "gpt4", "wordpiece"}) {
    const Tokenizer& t = tokenizer(name);
    const std::string text = t.to_json();
    const Tokenizer again = Tokenizer::from_json(text, "again");
    EXPECT_EQ(again.to_json(), text);
    for (const char* s : {"It's 2026: naïve café!", "学习", "a<|end|>b [SEP]"}) {
      EXPECT_EQ(again.encode(s).ids, t.encode(s).ids);
    }
  }
}

// Bytes of characters that are not whole wait for the rest.
TEST(Tokenizer, ReadsTokensOneByOne) {
  const Tokenizer& t = tokenizer("bpe");
  for (const std::string text : {"It was 学习 — naïve 🦪 café", "plain", "𠮷𠮷𠮷"}) {
    StreamDecoder decoder(t);
    std::string all;
    for (const std::int64_t id : t.encode(text).ids) {
      const std::string piece = decoder.add(id);
      EXPECT_EQ(piece.find("\xef\xbf\xbd"), piece.npos) << text;
      all += piece;
    }
    EXPECT_EQ(all, text);
  }
}

TEST(Tokenizer, AnyBytesGoInAndComeOut) {
  const Tokenizer& t = tokenizer("bpe");
  std::string all;
  for (int b = 1; b < 256; ++b) all += static_cast<char>(b);
  EXPECT_NO_THROW(t.encode(all));
  EXPECT_NO_THROW(tokenizer("wordpiece").encode(all));
  // A long line takes time in proportion to its length.
  const std::string line(2'000'000, 'a');
  EXPECT_EQ(t.decode(t.encode(line).ids), line);
  EXPECT_EQ(t.token_of(-1), "");
  EXPECT_EQ(t.token_of(1 << 20), "");
  EXPECT_EQ(t.decode({0, 5, 1 << 20}, true), t.decode({5}));
}

std::string refusal(const std::string& name, const std::string& pointer, const json& value) {
  json file = read_json(kGolden + name + ".json");
  file[json::json_pointer(pointer)] = value;
  return text_of<IoError>([&] { Tokenizer::from_json(file.dump(), "t.json"); });
}

TEST(Tokenizer, RefusesWhatItDoesNotKnow) {
  EXPECT_NE(refusal("bpe", "/model/type", "Unigram").find("\"Unigram\""), std::string::npos);
  EXPECT_NE(refusal("bpe", "/pre_tokenizer", {{"type", "Metaspace"}}).find("\"Metaspace\""),
            std::string::npos);
  EXPECT_NE(refusal("bpe", "/normalizer", {{"type", "Precompiled"}}).find("\"Precompiled\""),
            std::string::npos);
  EXPECT_NE(refusal("bpe", "/decoder", {{"type", "CTC"}}).find("\"CTC\""), std::string::npos);
  EXPECT_NE(refusal("bpe", "/post_processor", {{"type", "New"}}).find("\"New\""),
            std::string::npos);
  EXPECT_NE(refusal("bpe", "/truncation", {{"max_length", 5}}).find("truncation"),
            std::string::npos);
  EXPECT_NE(refusal("bpe", "/model/byte_fallback", true).find("byte_fallback"), std::string::npos);
  EXPECT_NE(refusal("bpe", "/model/merges/0", "no such pair").find("merges[0]"), std::string::npos);
  EXPECT_NE(refusal("bpe", "/model/merges/3", "qz zq").find("are no tokens"), std::string::npos);
  EXPECT_NE(refusal("bpe", "/model/vocab/a", 1 << 30).find("vocab"), std::string::npos);
  EXPECT_NE(refusal("bpe", "/model/vocab/a", 3).find("number 3 is that of"), std::string::npos);
  EXPECT_NE(refusal("wordpiece", "/model/unk_token", "[NONE]").find("[NONE]"), std::string::npos);
  EXPECT_NE(refusal("gpt4", "/pre_tokenizer/pretokenizers/0/pattern/Regex", "[a-z]+")
                .find("a pattern that is known"),
            std::string::npos);
  EXPECT_THROW(Tokenizer::from_json("{}", "t"), IoError);
  EXPECT_THROW(Tokenizer::from_json("[", "t"), IoError);
  EXPECT_THROW(Tokenizer::train({"x"}, {.vocabulary = 10}), ValueError);
}

}  // namespace
}  // namespace nacre::data
