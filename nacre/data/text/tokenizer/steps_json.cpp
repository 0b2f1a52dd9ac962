// Normalizers and pre-tokenizers in a tokenizer.json.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "nacre/data/text/tokenizer/steps.h"

namespace nacre::data {
namespace {

using Json = nlohmann::json;
using NKind = Normalizer::Kind;
using PKind = PreTokenizer::Kind;

constexpr std::size_t kMostSteps = 64;
constexpr std::size_t kMostText = 1 << 16;

constexpr const char* kGpt4Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kQwenPattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

bool flag(const JsonView& json, const char* key, bool standard) {
  const auto value = json.find(key);
  return value && !value->json().is_null() ? value->flag() : standard;
}

std::string short_text(const JsonView& json) {
  std::string text = json.text();
  if (text.size() > kMostText) json.fail(fmt::format("a text of at most {} bytes", kMostText));
  return text;
}

struct NamedNormalizer {
  const char* name;
  NKind kind;
};
constexpr NamedNormalizer kNormalizers[] = {{"NFC", NKind::nfc},
                                            {"NFD", NKind::nfd},
                                            {"NFKC", NKind::nfkc},
                                            {"NFKD", NKind::nfkd},
                                            {"Lowercase", NKind::lowercase},
                                            {"StripAccents", NKind::strip_accents},
                                            {"Strip", NKind::strip},
                                            {"Replace", NKind::replace},
                                            {"Prepend", NKind::prepend},
                                            {"BertNormalizer", NKind::bert}};

Normalizer normalizer_from(const JsonView& json) {
  const std::string type = json.at("type").text();
  for (const NamedNormalizer& known : kNormalizers) {
    if (type != known.name) continue;
    Normalizer n{.kind = known.kind};
    if (n.kind == NKind::bert) {
      n.clean = flag(json, "clean_text", true);
      n.chinese = flag(json, "handle_chinese_chars", true);
      n.lower = flag(json, "lowercase", true);
      n.accents = flag(json, "strip_accents", n.lower);
    } else if (n.kind == NKind::strip) {
      n.left = flag(json, "strip_left", true);
      n.right = flag(json, "strip_right", true);
    } else if (n.kind == NKind::prepend) {
      n.content = short_text(json.at("prepend"));
    } else if (n.kind == NKind::replace) {
      const auto text = json.at("pattern").find("String");
      if (!text)
        json.at("pattern").fail("a \"String\", since regular expressions are not known here");
      n.pattern = short_text(*text);
      if (n.pattern.empty()) text->fail("a text that is not empty");
      n.content = short_text(json.at("content"));
    }
    return n;
  }
  json.at("type").fail(
      "a normalizer that is known (NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, "
      "Strip, Replace, Prepend, BertNormalizer, Sequence)");
}

void add_split(const JsonView& json, PreTokenizers& to) {
  const auto regex = json.at("pattern").find("Regex");
  const std::string pattern = regex ? regex->text() : "";
  const bool isolated = json.at("behavior").text() == "Isolated" && !flag(json, "invert", false);
  const bool removed = json.at("behavior").text() == "Removed" && flag(json, "invert", false);
  if (!isolated && !removed) json.at("behavior").fail("\"Isolated\"");
  if (pattern == kGpt4Pattern) {
    to.push_back({.kind = PKind::gpt4});
  } else if (pattern == kQwenPattern) {
    to.push_back({.kind = PKind::gpt4, .digits = 1});
  } else {
    json.at("pattern").fail("a pattern that is known here: those of GPT-4, Llama 3 and Qwen 2");
  }
}

void add_pre_tokenizer(const JsonView& json, PreTokenizers& to) {
  const std::string type = json.at("type").text();
  if (type == "ByteLevel") {
    to.push_back({.kind = flag(json, "use_regex", true) ? PKind::gpt2 : PKind::byte_level,
                  .prefix_space = flag(json, "add_prefix_space", true)});
  } else if (type == "Split") {
    add_split(json, to);
  } else if (type == "WhitespaceSplit") {
    to.push_back({.kind = PKind::white_words});
  } else if (type == "Whitespace") {
    to.push_back({.kind = PKind::words});
  } else if (type == "BertPreTokenizer") {
    to.push_back({.kind = PKind::bert});
  } else if (type == "Punctuation") {
    const auto behavior = json.find("behavior");
    if (behavior && behavior->text() != "Isolated") behavior->fail("\"Isolated\"");
    to.push_back({.kind = PKind::punctuation});
  } else if (type == "Digits") {
    to.push_back({.kind = PKind::digits, .each = flag(json, "individual_digits", false)});
  } else {
    json.at("type").fail(
        "a pre-tokenizer that is known (ByteLevel, Split, Whitespace, "
        "WhitespaceSplit, BertPreTokenizer, Punctuation, Digits, Sequence)");
  }
}

// The steps of a sequence, or the one step. Sequences within sequences have no use.
std::vector<JsonView> steps_of(const JsonView& json, const char* list) {
  if (json.json().is_null()) return {};
  if (json.at("type").text() != "Sequence") return {json};
  return json.at(list).items(kMostSteps);
}

Json sequence(const char* list, Json steps) {
  if (steps.empty()) return nullptr;
  if (steps.size() == 1) return steps[0];
  return {{"type", "Sequence"}, {list, std::move(steps)}};
}

Json to_json(const Normalizer& n) {
  Json out;
  for (const NamedNormalizer& known : kNormalizers) {
    if (known.kind == n.kind) out["type"] = known.name;
  }
  if (n.kind == NKind::bert) {
    out["clean_text"] = n.clean;
    out["handle_chinese_chars"] = n.chinese;
    out["strip_accents"] = n.accents;
    out["lowercase"] = n.lower;
  } else if (n.kind == NKind::strip) {
    out["strip_left"] = n.left;
    out["strip_right"] = n.right;
  } else if (n.kind == NKind::prepend) {
    out["prepend"] = n.content;
  } else if (n.kind == NKind::replace) {
    out["pattern"]["String"] = n.pattern;
    out["content"] = n.content;
  }
  return out;
}

Json to_json(const PreTokenizer& p) {
  switch (p.kind) {
    case PKind::gpt2:
    case PKind::byte_level:
      return {{"type", "ByteLevel"},
              {"add_prefix_space", p.prefix_space},
              {"trim_offsets", true},
              {"use_regex", p.kind == PKind::gpt2}};
    case PKind::gpt4:
      return {{"type", "Split"},
              {"pattern", {{"Regex", p.digits == 3 ? kGpt4Pattern : kQwenPattern}}},
              {"behavior", "Isolated"},
              {"invert", false}};
    case PKind::white_words:
      return {{"type", "WhitespaceSplit"}};
    case PKind::words:
      return {{"type", "Whitespace"}};
    case PKind::bert:
      return {{"type", "BertPreTokenizer"}};
    case PKind::punctuation:
      return {{"type", "Punctuation"}, {"behavior", "Isolated"}};
    case PKind::digits:
      break;
  }
  return {{"type", "Digits"}, {"individual_digits", p.each}};
}

}  // namespace

Normalizers normalizers_from(const JsonView& json) {
  Normalizers out;
  for (const JsonView& step : steps_of(json, "normalizers")) out.push_back(normalizer_from(step));
  return out;
}

PreTokenizers pre_tokenizers_from(const JsonView& json) {
  PreTokenizers out;
  for (const JsonView& step : steps_of(json, "pretokenizers")) add_pre_tokenizer(step, out);
  return out;
}

nlohmann::json to_json(const Normalizers& steps) {
  Json list = Json::array();
  for (const Normalizer& n : steps) list.push_back(to_json(n));
  return sequence("normalizers", std::move(list));
}

nlohmann::json to_json(const PreTokenizers& steps) {
  Json list = Json::array();
  for (const PreTokenizer& p : steps) list.push_back(to_json(p));
  return sequence("pretokenizers", std::move(list));
}

}  // namespace nacre::data
