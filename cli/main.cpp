// nacre: train, judge and use models from the command line.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <csignal>
#include <limits>
#include <sstream>

#include "cli/commands.h"
#include "cli/doctor.h"
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

// An option that takes a whole number in least..most. The parser of the library would take "010"
// for 8 and the largest number there is for one that is larger.
template <class T>
void add_number(CLI::App* app, const std::string& name, T& to, T least, T most,
                const std::string& what) {
  app->add_option_function<std::string>(
      name,
      [&to, name, least, most](const std::string& text) {
        T value{};
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc() || end != text.data() + text.size() || value < least ||
            value > most) {
          throw ValueError(fmt::format("{}: a whole number in {}..{} is expected, not \"{}\"", name,
                                       least, most, text));
        }
        to = value;
      },
      what);
}

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
  CLI::App app{"Nacre: train, judge, shrink and ship neural networks."};
  app.set_version_flag("--version", std::string("nacre ") + NACRE_VERSION);
  app.require_subcommand(1);
  app.fallthrough();  // --json may also follow the subcommand
  app.footer(std::string("Example: nacre train --data digits\n") + kExitCodes);
  app.add_flag("--json", console.json, "Machine-readable output");
  int code = kOk;

  TrainCommand train;
  auto* train_app = app.add_subcommand("train", "Train a model from a recipe or options");
  train_app->add_option("recipe", train.recipe_file, "A recipe (TOML)");
  train_app->add_option("--model", train.model, "A model of `nacre models`");
  train_app->add_option("--data", train.data, "A set of `nacre data list`, a folder or a CSV file");
  train_app->add_option("--set", train.settings, "key=value, as in a recipe: train.epochs=3")
      ->allow_extra_args(false);
  train_app->add_option("--resume", train.resume, "Go on with the run in this directory");
  train_app->add_option("--out", train.directory, "The run's directory");
  add_number(train_app, "--threads", train.threads, 0, kMostThreads,
             "Threads to use (default: all)");
  train_app->add_flag("--quiet", train.quiet, "No progress");
  for (const auto& [option, key] :
       std::vector<std::pair<std::string, std::string>>{{"--epochs", "train.epochs"},
                                                        {"--batch-size", "train.batch_size"},
                                                        {"--optimizer", "train.optimizer"},
                                                        {"--learning-rate", "train.learning_rate"},
                                                        {"--seed", "train.seed"},
                                                        {"--precision", "train.precision"},
                                                        {"--augment", "data.augment"}}) {
    train_app->add_option_function<std::string>(
        option,
        [&train, key = key](const std::string& v) { train.settings.push_back(key + "=" + v); },
        "Short for --set " + key);
  }
  train_app->footer("Example: nacre train --data fashion-mnist --model cnn --epochs 5");
  train_app->callback([&] { code = run_train(train, console); });

  EvalCommand eval;
  auto* eval_app = app.add_subcommand("eval", "Evaluate a trained model");
  eval_app->add_option("model", eval.model, "A model file or run directory")->required();
  eval_app->add_option("--data", eval.data, "The data; default: the test part of the run's own");
  add_number(eval_app, "--batch-size", eval.batch_size, std::int64_t{1}, kMostCount,
             "Samples at once");
  eval_app->footer("Example: nacre eval runs/digits-mlp-1");
  eval_app->callback([&] { code = run_eval(eval, console); });

  PredictCommand predict;
  auto* predict_app = app.add_subcommand("predict", "Predict for files");
  predict_app->add_option("model", predict.model, "A model file or run directory")->required();
  predict_app
      ->add_option("files", predict.files,
                   "Pictures, sounds, CSV files, or SET:NUMBER for a test sample")
      ->required();
  add_number(predict_app, "--top", predict.top, 1, std::numeric_limits<int>::max(),
             "Classes to list");
  predict_app->footer("Example: nacre predict runs/digits-mlp-1 photo.png digits:3");
  predict_app->callback([&] { code = run_predict(predict, console); });

  SummaryCommand summary;
  auto* summary_app = app.add_subcommand("summary", "Print a model's layers");
  summary_app->add_option("model", summary.model, "A model file, run directory or model name")
      ->required();
  summary_app->add_option("--data", summary.data, "For a name: the data that gives the shapes");
  summary_app->footer("Example: nacre summary cnn --data fashion-mnist");
  summary_app->callback([&] { code = run_summary(summary, console); });

  DataCommand data;
  auto* data_app = app.add_subcommand("data", "List, show, fetch or split data");
  data_app->require_subcommand(1);
  data_app->footer("Example: nacre data show digits --out digits.png");
  const auto data_action = [&](const char* name, const char* what, bool named) {
    auto* sub = data_app->add_subcommand(name, what);
    if (named) sub->add_option("name", data.name, "A set by name, a folder or a file")->required();
    sub->callback([&data, &code, &console, name] {
      data.action = name;
      code = run_data(data, console);
    });
    return sub;
  };
  data_action("list", "The sets there are", false);
  auto* show =
      data_action("show", "What a set, folder or table holds, and what it is taken for", true);
  show->add_option("--out", data.output, "Write a picture of samples here (PNG)");
  show->add_option("--set", data.settings, "A key of the recipe, such as data.types=zip=category")
      ->allow_extra_args(false);
  data_action("fetch", "Download a set", true);
  auto* split = data_action("split", "Split a folder of classes into train and test", true);
  split->add_option("--out", data.output, "The folder to fill")->required();
  split->add_option("--test", data.test, "Share of the test part");
  add_number(split, "--seed", data.seed, std::uint64_t{0},
             std::numeric_limits<std::uint64_t>::max(), "Of the choice");

  app.add_subcommand("models", "The models there are")->callback([&] {
    code = run_models(console);
  });

  ReportCommand report;
  auto* report_app = app.add_subcommand("report", "Write a page about a run");
  report_app->add_option("run", report.run, "The run's directory")->required();
  report_app->add_option("--out", report.output, "The HTML file; default: report.html in the run");
  report_app->footer("Example: nacre report runs/digits-mlp-1");
  report_app->callback([&] { code = run_report(report, console); });

  app.add_subcommand("doctor", "What this machine offers")->callback([&] {
    code = run_doctor(console);
  });

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
