#include "cli/writing.h"

#include <fmt/format.h>

#include <algorithm>

#include "nacre/base/error.h"
#include "nacre/data/preprocess.h"

namespace nacre::cli {
namespace {

// Whether some layer sees so many tokens and no more: a recurrent one remembers without end.
class SeesSoFar final : public nn::ModuleVisitor {
 public:
  bool found = false;
  void variable(std::string_view, Variable&) override {}
  void enter(std::string_view, nn::LayerBase* layer) override {
    const std::string kind = layer ? layer->kind() : "";
    found = found || kind == "MultiHeadAttention" || kind == "PositionEmbedding";
  }
};

bool sees_so_far(nn::Layer& network) {
  SeesSoFar visitor;
  network.visit(visitor);
  return visitor.found;
}

}  // namespace

data::LanguageForm language_of(const zoo::SavedModel& saved, const std::string& name) {
  if (saved.task == zoo::Task::language && !saved.info.preprocessing.empty()) {
    const auto form = data::Preprocess::from_json(saved.info.preprocessing, name);
    if (const auto* language = std::get_if<data::LanguageForm>(&form.form())) return *language;
  }
  throw ValueError(name +
                   ": no model of a language, which goes on with a text\n  hint: train one with "
                   "data.task = \"language\"");
}

std::string unknown_in(const data::LanguageForm& form, const std::string& text) {
  const Tokens tokens = form.numbers(text);
  const std::int64_t strange = form.unknown(tokens);
  if (strange == 0) return {};
  return fmt::format("{} of {} characters of the prompt are none that the model knows", strange,
                     tokens.size());
}

std::vector<std::string> write_texts(
    Model& model, const data::LanguageForm& form, const std::string& prompt,
    const WritingOptions& options,
    const std::function<void(std::size_t text, const std::string& piece)>& write) {
  // Samples of lines begin with a line break; a text has to begin with something.
  const bool begins = form.lines() || prompt.empty();
  const Tokens tokens = form.numbers(begins ? "\n" + prompt : prompt);
  GenerateOptions generate_options = options.generate;
  if (sees_so_far(model.network())) generate_options.context = form.length();
  for (const std::string& end : options.stop) generate_options.stop.push_back(form.numbers(end));
  if (form.lines()) generate_options.stop.push_back(form.numbers("\n"));
  const auto given = options.generate.on_token;
  std::vector<std::function<std::string(std::int64_t)>> readers(
      static_cast<std::size_t>(options.texts), form.reader());
  generate_options.on_token = [&](std::size_t text, std::int64_t token) {
    const std::string piece = readers[text](token);
    if (write && !(form.lines() && piece == "\n")) write(text, piece);
    return !given || given(text, token);
  };
  const std::vector<Tokens> prompts(static_cast<std::size_t>(options.texts), tokens);
  std::vector<std::string> texts;
  for (const Tokens& written : generate(model.network(), prompts, generate_options)) {
    texts.push_back(form.text(written));
    if (form.lines() && texts.back().ends_with('\n')) texts.back().pop_back();
  }
  return texts;
}

}  // namespace nacre::cli
