#include "nacre/data/text/language.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "nacre/base/error.h"
#include "nacre/base/json.h"
#include "nacre/base/text.h"

namespace nacre::data {
namespace {

constexpr std::int64_t kMostLength = std::int64_t{1} << 20;
// What losses and metrics pass over.
constexpr std::int64_t kIgnored = -100;

// Pieces of one running text.
class PieceSource final : public SampleSource {
 public:
  PieceSource(std::vector<std::int64_t> tokens, std::int64_t length, bool moves, Info info)
      : tokens_(std::move(tokens)), length_(length), moves_(moves), info_(std::move(info)) {}

  std::int64_t size() const override {
    const std::int64_t predicted = static_cast<std::int64_t>(tokens_.size()) - 1;
    return (moves_ ? predicted - length_ + 1 : predicted) / length_;
  }
  const Info& info() const override { return info_; }

  Sample get(std::int64_t i, const Draw& draw) const override {
    const std::int64_t one[] = {i};
    const auto row = [&](std::ptrdiff_t later) {
      return rows(one, draw, later).reshape({length_});
    };
    return {.inputs = {row(0)}, .targets = {row(1)}};
  }
  Batch batch_of(std::span<const std::int64_t> numbers, const Draw& draw) const override {
    Batch batch;
    batch.inputs.push_back(rows(numbers, draw, 0));
    batch.targets.push_back(rows(numbers, draw, 1));
    return batch;
  }

 private:
  // The pieces of these numbers, each `later` tokens on.
  Tensor rows(std::span<const std::int64_t> numbers, const Draw& draw, std::ptrdiff_t later) const {
    std::int64_t moved = 0;
    if (moves_) {
      RandomStream random = stream_for(draw, depth(), kPlace);
      moved = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(length_)));
    }
    Tensor out({i64, {static_cast<std::int64_t>(numbers.size()), length_}});
    std::int64_t* to = out.mutable_data<std::int64_t>().data();
    for (const std::int64_t i : numbers) {
      to = std::copy_n(tokens_.begin() + moved + i * length_ + later, length_, to);
    }
    return out;
  }

  static constexpr std::int64_t kPlace = -2;  // its own random stream, one for all samples

  std::vector<std::int64_t> tokens_;
  std::int64_t length_;
  bool moves_;
  Info info_;
};

}  // namespace

std::vector<std::string> language_lines(const std::filesystem::path& path, bool apart) {
  return apart ? read_lines(path) : split_lines(read_text(path));
}

Dataset pieces_of(std::vector<std::int64_t> tokens, std::int64_t length, bool moves, Info info) {
  const std::int64_t least = moves ? 2 * length : length + 1;
  if (static_cast<std::int64_t>(tokens.size()) < least) {
    throw ValueError(format_error(
        {.op = info.name.empty() ? "pieces_of" : info.name,
         .what = fmt::format("{} tokens of text, at least {} are needed for samples of {}",
                             with_thousands(static_cast<long long>(tokens.size())), least, length),
         .hint = "take more text or shorter samples (data.text_length in a recipe)"}));
  }
  return Dataset(std::make_shared<PieceSource>(std::move(tokens), length, moves, std::move(info)));
}

LanguageForm::LanguageForm(Encoder encoder, const Options& options)
    : encoder_(std::move(encoder)), options_(options) {
  if (options.length < 1 || options.length > kMostLength) {
    throw ValueError(
        fmt::format("LanguageForm: length {} must be in 1..{}", options.length, kMostLength));
  }
  const auto* own = std::get_if<TextEncoder>(&encoder_);
  if (own && own->level() != TextOptions::Level::character) {
    throw ValueError("LanguageForm: an encoder of characters is expected, not of words");
  }
}

TokenIds LanguageForm::numbers(std::string_view text) const {
  if (const auto* own = std::get_if<TextEncoder>(&encoder_)) return own->numbers(text);
  return std::get<Tokenizer>(encoder_).encode(text, false).ids;
}

std::string LanguageForm::text(const TokenIds& numbers) const {
  if (const auto* own = std::get_if<TextEncoder>(&encoder_)) return own->decode(numbers);
  return std::get<Tokenizer>(encoder_).decode(numbers);
}

std::int64_t LanguageForm::unknown(const TokenIds& numbers) const {
  if (!std::holds_alternative<TextEncoder>(encoder_)) return 0;
  return std::count(numbers.begin(), numbers.end(), TextEncoder::kUnknown);
}

std::function<std::string(std::int64_t)> LanguageForm::reader() const {
  if (const auto* own = std::get_if<TextEncoder>(&encoder_)) {
    return [encoder = *own](std::int64_t token) { return encoder.decode({token}); };
  }
  return [decoder = StreamDecoder(std::get<Tokenizer>(encoder_))](std::int64_t token) mutable {
    return decoder.add(token);
  };
}

std::int64_t LanguageForm::size() const {
  return std::visit([](const auto& encoder) { return encoder.size(); }, encoder_);
}

Dataset LanguageForm::of_lines(const std::vector<std::string>& lines) const {
  const auto n = static_cast<std::int64_t>(lines.size());
  Tensor x = Tensor({i64, {n, options_.length}});
  Tensor y = Tensor({i64, {n, options_.length}});
  std::span<std::int64_t> inputs = x.mutable_data<std::int64_t>();
  std::span<std::int64_t> targets = y.mutable_data<std::int64_t>();
  std::fill(inputs.begin(), inputs.end(), TextEncoder::kPadding);
  std::fill(targets.begin(), targets.end(), kIgnored);
  const auto length = static_cast<std::size_t>(options_.length);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const TokenIds tokens = numbers("\n" + lines[i] + "\n");
    const std::size_t count = std::min(length, tokens.size() - 1);
    std::copy_n(tokens.begin(), count, inputs.begin() + static_cast<std::ptrdiff_t>(i * length));
    std::copy_n(tokens.begin() + 1, count,
                targets.begin() + static_cast<std::ptrdiff_t>(i * length));
  }
  Info info;
  info.preprocessing = to_json();
  return Dataset::from({x}, {y}, info);
}

Dataset LanguageForm::samples(const std::vector<std::string>& lines, bool moves) const {
  if (options_.lines) {
    if (lines.empty()) throw ValueError("LanguageForm: no lines");
    return of_lines(lines);
  }
  std::string text;
  for (const std::string& line : lines) text.append(line).push_back('\n');
  Info info;
  info.preprocessing = to_json();
  return pieces_of(numbers(text), options_.length, moves, std::move(info));
}

std::string LanguageForm::to_json() const {
  const bool characters = std::holds_alternative<TextEncoder>(encoder_);
  const std::string encoder = std::visit([](const auto& e) { return e.to_json(); }, encoder_);
  return json_text(nlohmann::json({{"kind", "language"},
                                   {"length", options_.length},
                                   {"lines", options_.lines},
                                   {"tokens", characters ? "characters" : "tokenizer"},
                                   {"encoder", encoder}}),
                   "LanguageForm");
}

LanguageForm LanguageForm::from_json(const std::string& text, const std::string& source) {
  const std::string name = source + ": preprocessing of a language";
  const nlohmann::json parsed = parse_json(text, name);
  const JsonView json(parsed, name, "the file is damaged, or of a newer program");
  const Options options{.length = json.at("length").whole(1, kMostLength),
                        .lines = json.at("lines").flag()};
  const JsonView encoder = json.at("encoder");
  const std::string tokens = json.at("tokens").text();
  if (tokens == "tokenizer") return {Tokenizer::from_json(encoder.text(), source), options};
  if (tokens != "characters") json.at("tokens").fail("\"characters\" or \"tokenizer\"");
  TextEncoder characters = TextEncoder::from_json(encoder.text(), source);
  if (characters.level() != TextOptions::Level::character) {
    encoder.fail("an encoder of characters");
  }
  return {std::move(characters), options};
}

}  // namespace nacre::data
