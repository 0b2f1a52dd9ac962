// `nacre eval`, `nacre predict`, `nacre summary`, `nacre models`: what is done with a model.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

#include "cli/commands.h"
#include "cli/judge.h"
#include "cli/own_data.h"
#include "cli/run_directory.h"
#include "cli/run_setup.h"
#include "cli/setup.h"
#include "nacre/base/text.h"
#include "nacre/base/utf8.h"
#include "nacre/data/image.h"
#include "nacre/data/named.h"
#include "nacre/data/preprocess.h"
#include "nacre/nacre.h"
#include "nacre/zoo/architecture.h"
#include "nacre/zoo/saved_model.h"

namespace nacre::cli {
namespace {

namespace fs = std::filesystem;

// "digits:12" is sample 12 of the test part of a named set.
bool set_sample(const std::string& text, std::string& set, std::int64_t& number) {
  const auto colon = text.rfind(':');
  if (colon == text.npos || colon + 1 == text.size()) return false;
  const std::string digits = text.substr(colon + 1);
  if (digits.size() > 9 || digits.find_first_not_of("0123456789") != digits.npos) return false;
  set = text.substr(0, colon);
  number = std::stoll(digits);
  return true;
}

// What one argument of `predict` gives: a batch of samples and, where known, what they really are.
struct Samples {
  Tensor inputs;                    // [n, ...]
  std::vector<std::string> truths;  // n, or none
  std::vector<std::string> warnings = {};
};

// The column to predict, where the file has it.
std::vector<std::string> truths_of(const std::string& file, const data::TableEncoder& encoder) {
  std::vector<std::string> truths;
  const data::Table rows = data::read_csv(file, encoder.csv_options());
  const std::string& target = encoder.target();
  for (const data::Column& c : rows.columns) {
    if (c.name != target) continue;
    for (std::size_t r = 0; r < static_cast<std::size_t>(rows.rows); ++r) {
      if (c.kind == data::Column::Kind::number) {
        truths.push_back(std::isnan(c.numbers[r]) ? "" : fmt::format("{}", c.numbers[r]));
      } else {
        truths.push_back(c.codes[r] < 0 ? "" : c.categories[static_cast<std::size_t>(c.codes[r])]);
      }
    }
  }
  return truths;
}

Samples read_file(const std::string& file, const zoo::SavedModel& saved) {
  if (!fs::exists(file)) throw IoError(file + ": no such file, and not SET:NUMBER");
  if (!saved.info.preprocessing.empty()) {
    const auto form = data::Preprocess::from_json(saved.info.preprocessing, "the model");
    Samples samples;
    samples.inputs = form.read(file, &samples.warnings);
    if (const auto* encoder = std::get_if<data::TableEncoder>(&form.form())) {
      samples.truths = truths_of(file, *encoder);
    }
    return samples;
  }
  const Shape& s = saved.input.shape;
  if (s.rank() != 3) {
    throw IoError(file + ": the model does not take pictures but " + to_string(saved.input));
  }
  const Tensor picture = data::read_image(file, static_cast<int>(s[0]));
  const Tensor sized = data::resize_image(picture, s[1], s[2], data::Fit::pad);
  return {expand_dims(div(sized.to(f32), 255), {0}), {}};
}

Samples read_samples(const std::string& text, const zoo::SavedModel& saved) {
  std::string set;
  std::int64_t number = 0;
  if (fs::exists(text) || !set_sample(text, set, number)) return read_file(text, saved);
  const data::Dataset test = data::load(set).test;
  if (number >= test.size()) {
    throw ValueError(fmt::format("{}: the test part of {} has {} samples", text, set, test.size()));
  }
  const data::Sample sample = test.get(number);
  Samples samples{expand_dims(sample.inputs.at(0), {0}), {}};
  if (!sample.targets.empty() && saved.classifies) {
    samples.truths = {class_name(test.info().class_names, sample.targets[0].item<std::size_t>())};
  }
  return samples;
}

// With the warnings about it, which --json puts into the answer instead.
zoo::SavedModel load_model(const std::string& file_or_run, const Console& console) {
  const fs::path path = model_path(file_or_run);
  zoo::SavedModel saved = zoo::load_model(path);
  for (const std::string& warning : saved.warnings) console.warn(path.string() + ": " + warning);
  return saved;
}

void check_shape(const Shape& sample, const zoo::SavedModel& saved, const std::string& name) {
  if (sample == saved.input.shape) return;
  throw ShapeError(fmt::format("{}: the model takes samples of shape {}, these are {}", name,
                               to_string(saved.input.shape), to_string(sample)));
}

// All samples of a file or folder, or the test part of a named set, read as the model was taught
// to.
data::Dataset other_data(const std::string& given, const zoo::SavedModel& saved,
                         std::vector<std::string>* warnings) {
  const std::vector<std::string>& names = saved.info.class_names;
  DataRecipe recipe;
  set_data(recipe, given);
  if (recipe.path.empty()) {
    data::Dataset test = data::load(recipe.name).test;
    if (!names.empty() && test.info().class_names != names) {
      throw IoError(fmt::format("{}: its classes are {}, the model knows {}", given,
                                fmt::join(test.info().class_names, ", "), fmt::join(names, ", ")));
    }
    return test;
  }
  if (!saved.info.preprocessing.empty()) {
    return read_as(data::Preprocess::from_json(saved.info.preprocessing, "the model"), names, given,
                   warnings);
  }
  const Shape& s = saved.input.shape;
  if (s.rank() != 3) {
    throw ValueError(given + ": the model does not say how files become its inputs, " +
                     to_string(saved.input));
  }
  data::ImageForm form;
  form.channels = static_cast<int>(s[0]);
  form.height = s[1];
  form.width = s[2];
  form.fit = data::Fit::pad;
  return read_as(data::Preprocess(form), names, given, warnings);
}

// Whether a run was trained on this very data, wherever it lies.
bool is_own(const RunSetup& setup, const std::string& given) {
  DataRecipe recipe;
  set_data(recipe, given);
  if (recipe.path.empty() || setup.recipe.data.path.empty()) return false;
  return fingerprint_of(recipe) == setup.fingerprint;
}

}  // namespace

int run_eval(const EvalCommand& command, const Console& console) {
  zoo::SavedModel saved = load_model(command.model, console);
  const fs::path run = run_of(command.model);
  std::optional<RunSetup> begun;
  if (command.data.empty() || fs::exists(run / "setup.json")) begun = read_run_setup(run);
  Recipe recipe = begun ? begun->recipe : Recipe();
  recipe.train.precision = "f32";  // whatever it was trained in, and on which machine
  data::Info info = saved.info;
  data::Dataset test;
  bool own = false;
  std::vector<std::string> warnings = saved.warnings;
  if (command.data.empty()) {
    const Setup setup = open_run_data(*begun, run);
    test = setup.test;
    info = setup.info;
    for (const std::string& warning : setup.unseen) console.warn(warning);
    warnings.insert(warnings.end(), setup.unseen.begin(), setup.unseen.end());
    if (test.empty()) throw ValueError("the run kept no samples for testing: give --data");
  } else {
    const std::size_t known = warnings.size();
    test = other_data(command.data, saved, &warnings);
    for (std::size_t k = known; k < warnings.size(); ++k) console.warn(warnings[k]);
    own = begun && is_own(*begun, command.data);
  }
  check_shape(test.input_specs().at(0).shape, saved, test.info().name);
  Model model = make_model(recipe, saved.layers, saved.classifies, 1);
  model.load_state(nn::values_of(saved.model.state()));
  nlohmann::json result = judge(model, test, info, saved.classifies, command.batch_size);
  result.erase("mistakes");
  if (!warnings.empty()) result["warnings"] = warnings;
  if (own) result["includes_training_samples"] = true;
  std::vector<std::vector<std::string>> rows{{"metric", "value"}};
  for (const auto& [name, value] : result["metrics"].items()) {
    rows.push_back({name, fmt::format("{:.4f}", value.get<double>())});
  }
  console.print(
      table(rows, {false, true}) +
          fmt::format("{} samples{}\n", with_thousands(test.size()),
                      own ? ", all of the run's own data: it was trained on some of them" : ""),
      result);
  return kOk;
}

namespace {

// The answers for one argument of the command line, as text and as JSON.
struct Answers {
  std::string text;
  std::vector<std::string> warnings = {};
  nlohmann::json json = nlohmann::json::array();
};

Answers answers_for(const std::string& file, zoo::SavedModel& saved, int top) {
  const Samples samples = read_samples(file, saved);
  const std::int64_t n = samples.inputs.size(0);
  if (n == 0) throw IoError(file + ": has no rows");
  Shape shape;
  for (int axis = 1; axis < samples.inputs.rank(); ++axis) {
    shape.push_back(samples.inputs.size(axis));
  }
  check_shape(shape, saved, file);
  const auto outputs = outputs_of(saved.model, samples.inputs, saved.classifies, 256);
  Answers answers;
  answers.warnings = samples.warnings;
  std::vector<std::string> warnings = saved.warnings;
  warnings.insert(warnings.end(), samples.warnings.begin(), samples.warnings.end());
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::string truth = samples.truths.empty() ? "" : samples.truths.at(i);
    nlohmann::json entry{{"file", file}};
    if (n > 1) entry["row"] = i + 1;
    if (!truth.empty()) entry["truth"] = truth;
    if (!warnings.empty()) entry["warnings"] = warnings;
    answers.text += printable(file) + (n > 1 ? fmt::format(" row {}", i + 1) : "") +
                    (truth.empty() ? "" : fmt::format("  (truth: {})", printable(truth))) + "\n";
    if (saved.classifies) {
      for (const auto& [k, p] : top_classes(outputs[i], top)) {
        const std::string name = class_name(saved.info.class_names, k);
        entry["classes"].push_back({{"name", name}, {"index", k}, {"probability", p}});
        answers.text += fmt::format("  {:6.2f}%  {}\n", 100 * p, printable(name));
      }
    } else {
      entry["values"] = outputs[i];
      answers.text += fmt::format("  {:.6g}\n", fmt::join(outputs[i], ", "));
    }
    answers.json.push_back(entry);
  }
  return answers;
}

}  // namespace

int run_predict(const PredictCommand& command, const Console& console) {
  if (command.top < 1) throw ValueError("--top must be at least 1");
  zoo::SavedModel saved = load_model(command.model, console);
  nlohmann::json json = nlohmann::json::array();
  int code = kOk;
  // What is wrong with one argument does not take the answers for the others.
  for (const std::string& file : command.files) {
    try {
      const Answers answers = answers_for(file, saved, command.top);
      for (const std::string& warning : answers.warnings) console.warn(file + ": " + warning);
      console.say(answers.text);
      json.insert(json.end(), answers.json.begin(), answers.json.end());
    } catch (const std::exception& e) {
      const Failure failure = failure_of(e);
      if (!console.json) console.fail(failure.code, failure.text);
      json.push_back({{"file", file}, {"error", failure.text}});
      code = code == kOk ? failure.code : code == failure.code ? code : kFailed;
    }
  }
  if (console.json) console.print("", json);
  return code;
}

int run_summary(const SummaryCommand& command, const Console& console) {
  const auto show = [&](Model& model, const Spec& sample) {
    Spec batch{sample.dtype, Shape{1}};
    for (const std::int64_t d : sample.shape) batch.shape.push_back(d);
    const nn::Summary summary = model.summary(batch);
    nlohmann::json json{{"parameters", summary.parameters},
                        {"trainable", summary.trainable},
                        {"multiply_adds", summary.multiply_adds}};
    for (const nn::SummaryRow& row : summary.rows) {
      json["layers"].push_back({{"name", row.path},
                                {"type", row.kind},
                                {"output", row.output.shape.to_vector()},
                                {"parameters", row.parameters}});
    }
    console.print(nn::to_string(summary), json);
  };
  if (fs::exists(command.model)) {
    zoo::SavedModel saved = load_model(command.model, console);
    show(saved.model, saved.input);
    return kOk;
  }
  std::vector<std::string> names{"auto"};
  for (const zoo::ModelDescription& m : zoo::models()) names.push_back(m.name);
  if (std::find(names.begin(), names.end(), command.model) == names.end()) {
    throw ValueError(fmt::format("{}: no such file or run, nor a model of `nacre models`{}",
                                 command.model, did_you_mean(command.model, names)));
  }
  Recipe recipe;
  set_data(recipe.data, command.data.empty() ? "fashion-mnist" : command.data);
  const Setup setup = open_data(recipe.data, 0);
  Model model(
      zoo::build(zoo::layers_of(command.model, setup.input, setup.outputs, setup.vocabulary)));
  show(model, setup.input);
  return kOk;
}

int run_models(const Console& console) {
  std::vector<std::vector<std::string>> rows{{"model", "what it is"}};
  nlohmann::json json = nlohmann::json::array();
  for (const zoo::ModelDescription& m : zoo::models()) {
    rows.push_back({m.name, m.what});
    json.push_back({{"name", m.name}, {"what", m.what}});
  }
  console.print(table(rows), json);
  return kOk;
}

}  // namespace nacre::cli
