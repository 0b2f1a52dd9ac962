// `nacre generate`: goes on with a text.
#include <algorithm>
#include <filesystem>

#include "cli/commands.h"
#include "cli/model_file.h"
#include "cli/options.h"
#include "cli/recipe.h"
#include "cli/writing.h"
#include "nacre/base/utf8.h"

namespace nacre::cli {
namespace {

struct GenerateCommand {
  std::string model;
  std::string prompt;
  std::vector<std::string> stop;
  std::int64_t samples = 1;
  GenerateOptions options{.most = 400, .temperature = 0.8};
};

int run_generate(const GenerateCommand& command, const Console& console) {
  zoo::SavedModel saved = load_model(command.model, console);
  const data::LanguageForm form = language_of(saved, command.model);
  if (!is_utf8(command.prompt)) throw ValueError("--prompt: it is not UTF-8");
  for (const std::string& end : command.stop) {
    if (end.empty() || !is_utf8(end)) throw ValueError("--stop: a text in UTF-8 is expected");
  }
  std::vector<std::string> warnings = saved.warnings;
  if (const std::string strange = unknown_in(form, command.prompt); !strange.empty()) {
    console.warn(strange);
    warnings.push_back(strange);
  }
  const auto write = [&](std::size_t, const std::string& piece) {
    if (!console.json && command.samples == 1) console.write(printable_lines(piece));
  };
  if (command.samples == 1) console.write(printable_lines(command.prompt));
  const std::vector<std::string> texts = write_texts(
      saved.model, form, command.prompt, {command.samples, command.stop, command.options}, write);
  if (!console.json) {
    for (const std::string& text : texts) {
      if (command.samples > 1) console.say(printable_lines(command.prompt + text));
      if (command.samples == 1) console.write("\n");
    }
    return kOk;
  }
  nlohmann::json json{{"prompt", command.prompt}, {"texts", texts}};
  if (!warnings.empty()) json["warnings"] = warnings;
  console.print("", json);
  return kOk;
}

}  // namespace

void add_generate(CLI::App& app, const Console& console, int& code) {
  const auto command = std::make_shared<GenerateCommand>();
  GenerateOptions& o = command->options;
  auto* c = app.add_subcommand("generate", "Go on with a text, by a model of a language");
  c->add_option("model", command->model, "A model file or run directory")->required();
  c->add_option("--prompt", command->prompt, "The beginning of the text");
  add_number(c, "--tokens", o.most, std::int64_t{1}, std::int64_t{1} << 20, "The most new tokens");
  add_number(c, "--samples", command->samples, std::int64_t{1}, std::int64_t{1024},
             "How many texts to write");
  add_number(c, "--seed", o.seed, std::uint64_t{0}, std::numeric_limits<std::uint64_t>::max(),
             "The same seed writes the same text");
  c->add_option("--temperature", o.temperature,
                "Above 1 bolder, below 1 safer, 0: always the most probable token (default: 0.8)");
  add_number(c, "--top-k", o.top_k, std::int64_t{0}, kMostCount,
             "Choose among so many of the most probable tokens (default: all)");
  c->add_option("--top-p", o.top_p, "Choose among the fewest tokens of this probability together");
  c->add_option("--min-p", o.min_p,
                "Leave out tokens below this share of the best one's probability");
  c->add_option("--repetition-penalty", o.repetition_penalty,
                "Above 1: what was said already becomes less probable");
  c->add_option("--stop", command->stop, "End behind this text")->allow_extra_args(false);
  c->footer("Example: nacre generate runs/text-gpt-1 --prompt ROMEO: --tokens 500");
  c->callback([command, &console, &code] { code = run_generate(*command, console); });
}

}  // namespace nacre::cli
