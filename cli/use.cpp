// `nacre eval`, `nacre predict`, `nacre summary`, `nacre models`: what is done with a model.
#include <fmt/format.h>

#include <filesystem>

#include "cli/commands.h"
#include "cli/judge.h"
#include "cli/run_directory.h"
#include "cli/saved_model.h"
#include "cli/setup.h"
#include "nacre/base/text.h"
#include "nacre/data/image.h"
#include "nacre/data/named.h"
#include "nacre/data/preprocess.h"
#include "nacre/nacre.h"
#include "nacre/zoo/architecture.h"

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

Tensor read_sample(const std::string& text, const SavedModel& saved, std::string& truth) {
  std::string set;
  std::int64_t number = 0;
  if (!fs::exists(text) && set_sample(text, set, number)) {
    const data::Dataset test = data::load(set).test;
    if (number >= test.size()) {
      throw ValueError(
          fmt::format("{}: the test part of {} has {} samples", text, set, test.size()));
    }
    const data::Sample sample = test.get(number);
    if (!sample.targets.empty() && saved.classifies) {
      truth = class_name(saved.info.class_names, sample.targets[0].item<std::size_t>());
    }
    return sample.inputs.at(0);
  }
  if (!fs::exists(text)) throw IoError(text + ": no such file (or SET:NUMBER)");
  if (!saved.info.preprocessing.empty()) {
    return data::Preprocess::from_json(saved.info.preprocessing, "the model").read(text);
  }
  if (saved.input.shape.rank() != 3) {
    throw ValueError(text + ": the model does not take pictures but " + to_string(saved.input));
  }
  const Shape& s = saved.input.shape;
  const Tensor picture = data::read_image(text, static_cast<int>(s[0]));
  return div(data::resize_image(picture, s[1], s[2], data::Fit::pad).to(f32), 255);
}

Tensor as_batch(const Tensor& sample, const SavedModel& saved, const std::string& name) {
  if (!(sample.shape() == saved.input.shape)) {
    throw ShapeError(fmt::format("{}: the model takes samples of shape {}, this is {}", name,
                                 to_string(saved.input.shape), to_string(sample.shape())));
  }
  return expand_dims(sample, {0});
}

}  // namespace

int run_eval(const EvalCommand& command, const Console& console) {
  SavedModel saved = load_model(model_path(command.model));
  Recipe recipe;
  if (command.data.empty()) {
    recipe = recipe_of(command.model);
  } else if (fs::exists(command.data)) {
    recipe.data.path = command.data;
  } else {
    recipe.data.name = command.data;
  }
  data::Info info;
  const data::Dataset test = open_test_data(recipe.data, recipe.train.seed, info);
  const Recipe compiled = recipe;
  Model model = make_model(compiled, saved.layers, saved.classifies, 1);
  model.load_state(nn::values_of(saved.model.state()));
  nlohmann::json result = judge(model, test, info, saved.classifies, command.batch_size);
  result.erase("mistakes");
  std::vector<std::vector<std::string>> rows{{"metric", "value"}};
  for (const auto& [name, value] : result["metrics"].items()) {
    rows.push_back({name, fmt::format("{:.4f}", value.get<double>())});
  }
  console.print(
      table(rows, {false, true}) + fmt::format("{} samples\n", with_thousands(test.size())),
      result);
  return kOk;
}

int run_predict(const PredictCommand& command, const Console& console) {
  SavedModel saved = load_model(model_path(command.model));
  nlohmann::json json = nlohmann::json::array();
  std::string text;
  for (const std::string& file : command.files) {
    std::string truth;
    const Tensor sample = as_batch(read_sample(file, saved, truth), saved, file);
    const std::vector<double> out = outputs_of(saved.model, sample, saved.classifies, 1).at(0);
    nlohmann::json entry{{"file", file}};
    if (!truth.empty()) entry["truth"] = truth;
    text += file + (truth.empty() ? "" : fmt::format("  (truth: {})", truth)) + "\n";
    if (saved.classifies) {
      for (const auto& [i, p] : top_classes(out, command.top)) {
        const std::string name = class_name(saved.info.class_names, i);
        entry["classes"].push_back({{"name", name}, {"index", i}, {"probability", p}});
        text += fmt::format("  {:6.2f}%  {}\n", 100 * p, name);
      }
    } else {
      entry["values"] = out;
      text += fmt::format("  {:.6g}\n", fmt::join(out, ", "));
    }
    json.push_back(entry);
  }
  console.print(text, json);
  return kOk;
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
    SavedModel saved = load_model(model_path(command.model));
    show(saved.model, saved.input);
    return kOk;
  }
  Recipe recipe;
  recipe.data.name = command.data.empty() ? "fashion-mnist" : command.data;
  const data::SetDescription& set = data::describe(recipe.data.name);
  const Setup setup = open_data(recipe.data, 0);
  Model model(zoo::build(zoo::layers_of(command.model, setup.input, set.classes)));
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
