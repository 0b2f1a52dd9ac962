// nacre: train, judge and use models from the command line.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <sstream>

#include "cli/commands.h"
#include "nacre/base/error.h"
#include "nacre/base/text.h"

namespace nacre::cli {
namespace {

constexpr const char* kExitCodes =
    "Exit codes: 0 done, 1 failed (files, data, training), 2 wrong usage or recipe, "
    "130 stopped by Ctrl-C after saving, 143 by SIGTERM, 129 by SIGHUP. With --json a failure "
    "prints "
    "{\"error\": ..., \"exit_code\": ...}.";

// What is wrong with the command line, and the nearest word there is.
std::string usage_error(const CLI::App* app, const CLI::Error& error) {
  const CLI::App* command = app;  // the innermost that was given
  while (!command->get_subcommands().empty()) command = command->get_subcommands().back();
  const std::vector<std::string> rest = app->remaining(true);
  std::string what = error.what();
  if (!rest.empty()) {
    const bool option = rest[0].starts_with('-');
    std::vector<std::string> names;
    for (const CLI::App* a : {app, command}) {
      for (const CLI::Option* o : a->get_options()) {
        for (const std::string& name : o->get_lnames()) names.push_back("--" + name);
      }
    }
    if (!option) {
      names.clear();
      for (const CLI::App* sub : command->get_subcommands([](auto*) { return true; })) {
        names.push_back(sub->get_name());
      }
    }
    what = fmt::format("{} \"{}\"{}",
                       option          ? "unknown option"
                       : names.empty() ? "one argument too many:"
                                       : "unknown command",
                       rest[0], did_you_mean(rest[0], names));
  }
  std::string path;
  for (const CLI::App* a = command; a != app; a = a->get_parent())
    path = a->get_name() + " " + path;
  return fmt::format("{}\n  hint: nacre {}--help shows what there is", what, path);
}

// Before the command line is understood, and when it is not.
bool asks_for_json(int argc, char** argv) {
  for (int i = 1; i < argc && std::string_view(argv[i]) != "--"; ++i) {
    if (std::string_view(argv[i]) == "--json") return true;
  }
  return false;
}

constexpr AddCommand kCommands[] = {
#define NACRE_COMMAND(name) add_##name,
#include "cli/commands.def"
#undef NACRE_COMMAND
};

// An empty argument is most often a variable of a script that was never set: `--resume ""` must not
// begin another run. Of every option and argument, in all commands.
void refuse_empty_texts(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    if (option->get_items_expected_max() == 0) continue;  // a flag
    option->check([](const std::string& text) {
      return text.empty() ? std::string("an empty text was given") : std::string();
    });
  }
  for (CLI::App* command : app.get_subcommands([](auto*) { return true; })) {
    refuse_empty_texts(*command);
  }
}

int run(int argc, char** argv, Console& console) {
  CLI::App app{"Nacre: train, judge and use neural networks."};
  app.set_version_flag("--version", std::string("nacre ") + NACRE_VERSION);
  app.require_subcommand(1);
  app.fallthrough();  // --json may also follow the subcommand
  app.footer(std::string("Example: nacre train --data digits\n") + kExitCodes);
  app.add_flag("--json", console.json, "Machine-readable output");
  int code = kOk;
  for (const AddCommand add : kCommands) add(app, console, code);
  refuse_empty_texts(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {  // --help and --version
    std::ostringstream text;
    code = app.exit(e, text, text);
    const bool version = dynamic_cast<const CLI::CallForVersion*>(&e) != nullptr;
    console.print(text.str(), version ? nlohmann::json{{"version", NACRE_VERSION}}
                                      : nlohmann::json{{"help", text.str()}});
    return code;
  } catch (const CLI::Error& e) {
    return console.fail(kUsage, usage_error(&app, e));
  }
  return code;
}

}  // namespace
}  // namespace nacre::cli

int main(int argc, char** argv) {
  using namespace nacre::cli;
  open_standard_streams();
  std::signal(SIGXFSZ, SIG_IGN);  // a file above the user's limit is an error of that write
  Console console{.json = asks_for_json(argc, argv)};
  int code = kFailed;
  try {
    code = run(argc, argv, console);
  } catch (const std::exception& e) {
    const Failure failure = failure_of(e);
    code = console.fail(failure.code, failure.text);
  }
  return finish_output(code);
}
