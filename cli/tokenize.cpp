// `nacre tokenize`: tokens of a text, text of tokens, and tokenizers from texts.
#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <sstream>

#include "cli/commands.h"
#include "cli/options.h"
#include "nacre/base/error.h"
#include "nacre/base/file.h"
#include "nacre/base/text.h"
#include "nacre/base/utf8.h"
#include "nacre/data/text/text.h"
#include "nacre/data/text/tokenizer/tokenizer.h"

namespace nacre::cli {
namespace {

struct TokenizeCommand {
  std::string tokenizer;           // a tokenizer.json: read, or with --train written
  std::vector<std::string> files;  // texts
  std::string text;                // instead of files
  bool decode = false;             // the text is numbers
  bool train = false;
  std::string kind = "bpe";
  std::int64_t vocabulary = 8000;
  bool no_special = false;
};

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 30;

std::string text_of(const std::string& file) {
  if (file != "-") return data::read_text(file);
  std::ostringstream all;
  all << std::cin.rdbuf();
  if (all.str().size() > kMostBytes) throw IoError("standard input: more than 1 GiB of text");
  return all.str();
}

int train_tokenizer(const TokenizeCommand& command, const Console& console) {
  using Kind = data::Tokenizer::TrainSpec::Kind;
  if (command.files.empty()) throw ValueError("--train: give files of text to learn from");
  if (command.decode || !command.text.empty()) {
    throw ValueError("--train takes files of text, neither --text nor --decode");
  }
  if (std::filesystem::exists(command.tokenizer)) {
    throw ValueError(command.tokenizer + ": exists already; choose another name");
  }
  std::vector<std::string> texts;
  for (const std::string& file : command.files) texts.push_back(text_of(file));
  const auto tokenizer = data::Tokenizer::train(
      texts, {.kind = command.kind == "bpe" ? Kind::byte_pairs : Kind::word_pieces,
              .vocabulary = command.vocabulary});
  tokenizer.save(command.tokenizer);
  console.print(
      fmt::format("wrote {}: {} tokens\n", command.tokenizer, with_thousands(tokenizer.size())),
      {{"tokenizer", command.tokenizer}, {"tokens", tokenizer.size()}});
  return kOk;
}

data::TokenIds numbers_in(const std::string& text, std::int64_t size) {
  data::TokenIds out;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc() || end != word.data() + word.size() || number < 0 || number >= size) {
      throw ValueError(fmt::format("--decode: numbers in 0..{} are expected, not \"{}\"", size - 1,
                                   shortened(printable(word), 40)));
    }
    out.push_back(number);
  }
  return out;
}

int run_tokenize(const TokenizeCommand& command, const Console& console) {
  if (command.kind != "bpe" && command.kind != "wordpiece") {
    throw ValueError("--kind: bpe or wordpiece is expected, not \"" + command.kind + "\"");
  }
  if (command.train) return train_tokenizer(command, console);
  if (command.files.empty() == command.text.empty()) {
    throw ValueError("give a file of text (\"-\": standard input), or --text TEXT");
  }
  const auto tokenizer = data::Tokenizer::load(command.tokenizer);
  std::string text = command.text;
  for (const std::string& file : command.files) text += text_of(file);
  if (command.decode) {
    const std::string decoded = tokenizer.decode(numbers_in(text, tokenizer.size()));
    console.print(printable_lines(decoded) + "\n", {{"text", decoded}});
    return kOk;
  }
  const data::Encoding encoding = tokenizer.encode(text, !command.no_special);
  nlohmann::json tokens = nlohmann::json::array();
  std::string lines;
  for (const std::int64_t id : encoding.ids) {
    const std::string token = tokenizer.token_of(id);
    tokens.push_back(token);
    lines += fmt::format("{:>8}  {}\n", id, printable(token));
  }
  const auto n = static_cast<long long>(encoding.ids.size());
  lines += fmt::format("{} tokens, {:.2f} bytes each\n", with_thousands(n),
                       n > 0 ? static_cast<double>(text.size()) / static_cast<double>(n) : 0.0);
  console.print(lines, {{"ids", encoding.ids}, {"tokens", tokens}});
  return kOk;
}

}  // namespace

void add_tokenize(CLI::App& app, const Console& console, int& code) {
  const auto command = std::make_shared<TokenizeCommand>();
  auto* c = app.add_subcommand("tokenize", "Tokens of a text, or a tokenizer from texts");
  c->add_option("tokenizer", command->tokenizer, "A tokenizer.json; with --train the file to write")
      ->required();
  c->add_option("files", command->files, "Files of text; \"-\": standard input");
  c->add_option("--text", command->text, "The text itself");
  c->add_flag("--decode", command->decode, "The text is numbers of tokens: print their text");
  c->add_flag("--train", command->train, "Learn a tokenizer from the files");
  c->add_option("--kind", command->kind, "bpe (bytes, as GPT-2) or wordpiece (as BERT)");
  add_number(c, "--vocabulary", command->vocabulary, std::int64_t{1}, std::int64_t{1} << 24,
             "Tokens to learn (default: 8000)");
  c->add_flag("--no-special", command->no_special, "Leave out what the post-processor adds");
  c->footer("Example: nacre tokenize --train tokenizer.json book.txt --vocabulary 4000");
  c->callback([command, &console, &code] { code = run_tokenize(*command, console); });
}

}  // namespace nacre::cli
