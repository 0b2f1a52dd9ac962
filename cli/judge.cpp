#include "cli/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "cli/run_files.h"
#include "cli/writing.h"
#include "nacre/base/text.h"
#include "nacre/base/utf8.h"
#include "nacre/data/image/image.h"
#include "nacre/data/loader.h"
#include "nacre/data/preprocess.h"
#include "nacre/nacre.h"
#include "nacre/zoo/saved_model.h"

namespace nacre::cli {
namespace {

constexpr std::size_t kMostRowText = 400;  // columns

// A picture of the sample where it is one.
std::string picture_of(const Tensor& sample) {
  if (sample.rank() != 3 || (sample.size(0) != 1 && sample.size(0) != 3) || !data::have_images()) {
    return {};
  }
  // A page shows it small; large pictures would make a file that nobody can read back.
  const std::int64_t longest = std::max(sample.size(1), sample.size(2));
  Tensor small = sample;
  if (longest > kMostPictureSide) {
    const auto scaled = [&](std::int64_t side) {
      return std::max<std::int64_t>(1, side * kMostPictureSide / longest);
    };
    small = data::resize_image(sample.to(f32), scaled(sample.size(1)), scaled(sample.size(2)));
  }
  return base64(data::encode_png(clamp(small, 0.0, 1.0)));
}

// What a row or text says; the form may be one of other kinds.
std::string row_text(const Tensor& sample, const std::string& preprocessing) {
  if (sample.rank() != 1) return {};
  if (is_integral(sample.dtype()) && !preprocessing.empty()) {
    const auto form = data::Preprocess::from_json(preprocessing, "the data");
    if (const auto* text = std::get_if<data::TextEncoder>(&form.form())) {
      return shortened(text->decode(sample.to_vector<std::int64_t>()), kMostRowText);
    }
  }
  std::string out;
  const std::vector<double> values = sample.to_vector<double>();
  for (std::size_t i = 0; i < std::min<std::size_t>(values.size(), 6); ++i) {
    out += fmt::format("{}{:.3g}", i ? ", " : "", values[i]);
  }
  return out + (values.size() > 6 ? ", ..." : "");
}

}  // namespace

std::string class_name(const std::vector<std::string>& names, std::size_t i) {
  return i < names.size() ? names[i] : std::to_string(i);
}

std::vector<std::vector<double>> outputs_of(Model& model, const Tensor& inputs, zoo::Task task,
                                            std::int64_t batch_size) {
  Tensor out = model.predict(inputs, {.batch_size = batch_size});
  if (task == zoo::Task::classification && !zoo::gives_probabilities(model.network()))
    out = softmax(out);
  const std::vector<double> flat = out.to_vector<double>();
  const auto n = static_cast<std::size_t>(inputs.size(0));
  std::vector<std::vector<double>> rows;
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t width = flat.size() / n;
    rows.emplace_back(flat.begin() + static_cast<std::ptrdiff_t>(i * width),
                      flat.begin() + static_cast<std::ptrdiff_t>((i + 1) * width));
  }
  return rows;
}

std::vector<std::pair<std::size_t, double>> top_classes(const std::vector<double>& probabilities,
                                                        int top) {
  std::vector<std::size_t> order(probabilities.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return probabilities[a] > probabilities[b];
  });
  std::vector<std::pair<std::size_t, double>> best;
  for (std::size_t i = 0; i < order.size() && static_cast<int>(i) < top; ++i) {
    best.emplace_back(order[i], probabilities[order[i]]);
  }
  return best;
}

namespace {

// Bytes of text that a test set asks for: what the loss of its tokens is shared out over.
std::int64_t bytes_to_predict(const data::Dataset& test, const data::LanguageForm& form) {
  std::int64_t bytes = 0;
  data::Loader batches(test, {.batch_size = 64});
  for (data::Batch batch; batches.next(batch);) {
    std::vector<std::int64_t> tokens = batch.targets[0].to_vector<std::int64_t>();
    std::erase_if(tokens, [](std::int64_t t) { return t < 0; });
    bytes += static_cast<std::int64_t>(form.text(tokens).size());
  }
  return bytes;
}

std::int64_t tokens_to_predict(const data::Dataset& test) {
  std::int64_t count = 0;
  data::Loader batches(test, {.batch_size = 64});
  for (data::Batch batch; batches.next(batch);) {
    const std::vector<std::int64_t> tokens = batch.targets[0].to_vector<std::int64_t>();
    count += std::count_if(tokens.begin(), tokens.end(), [](std::int64_t t) { return t >= 0; });
  }
  return count;
}

// Models of other tokens are only comparable by what a byte of the text costs. What the model
// writes says more than any number.
void judge_language(nlohmann::json& out, Model& model, const data::Dataset& test,
                    const data::Info& info) {
  const auto form = data::Preprocess::from_json(info.preprocessing, "the data");
  const auto* language = std::get_if<data::LanguageForm>(&form.form());
  if (!language) return;
  const auto bytes = static_cast<double>(bytes_to_predict(test, *language));
  const auto tokens = static_cast<double>(tokens_to_predict(test));
  const auto loss = out["metrics"].find("loss");
  if (bytes > 0 && loss != out["metrics"].end()) {
    out["metrics"]["bits_per_byte"] = loss->get<double>() * tokens / bytes / std::log(2.0);
  }
  out["texts"] = write_texts(
      model, *language, "",
      {.texts = language->lines() ? 12 : 2, .generate = {.most = 400, .temperature = 0.8}});
}

}  // namespace

nlohmann::json judge(Model& model, const data::Dataset& test, const data::Info& info,
                     zoo::Task task, std::int64_t batch_size) {
  nlohmann::json out;
  data::Loader batches(test, {.batch_size = batch_size});
  const Logs logs = model.evaluate(batches);
  for (const auto& [name, value] : logs.entries()) out["metrics"][name] = value;
  out["samples"] = test.size();
  if (task == zoo::Task::language) judge_language(out, model, test, info);
  if (task != zoo::Task::classification) return out;
  struct Wrong {
    std::int64_t sample;
    std::size_t truth, predicted;
    double probability;
  };
  std::vector<Wrong> wrong;
  std::vector<std::vector<long long>> confusion;
  bool counted = true;
  std::int64_t first = 0;
  batches.reset(0);
  for (data::Batch batch; batches.next(batch);) {
    const auto rows = outputs_of(model, batch.inputs[0], task, batch_size);
    const std::vector<std::int64_t> truth = batch.targets[0].to_vector<std::int64_t>();
    const std::size_t classes = rows[0].size();
    counted = classes <= kMostConfusionClasses;
    if (confusion.empty() && counted) {
      confusion.assign(rows[0].size(), std::vector<long long>(rows[0].size(), 0));
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto [predicted, probability] = top_classes(rows[i], 1)[0];
      const auto t = static_cast<std::size_t>(truth[i]);
      if (t >= classes) {
        throw IoError(fmt::format("the data has class {}, the model knows {} classes", t, classes));
      }
      if (counted) ++confusion.at(t).at(predicted);
      if (predicted != t)
        wrong.push_back({first + static_cast<std::int64_t>(i), t, predicted, probability});
    }
    first += batch.size();
  }
  std::stable_sort(wrong.begin(), wrong.end(),
                   [](const Wrong& a, const Wrong& b) { return a.probability > b.probability; });
  if (counted) out["confusion"] = confusion;
  out["class_names"] = info.class_names;
  out["mistakes"] = nlohmann::json::array();
  for (std::size_t i = 0; i < std::min(wrong.size(), kMostMistakes); ++i) {
    const Tensor sample = test.get(wrong[i].sample).inputs[0];
    out["mistakes"].push_back({{"sample", wrong[i].sample},
                               {"truth", class_name(info.class_names, wrong[i].truth)},
                               {"predicted", class_name(info.class_names, wrong[i].predicted)},
                               {"probability", wrong[i].probability},
                               {"png", picture_of(sample)},
                               {"text", row_text(sample, info.preprocessing)}});
  }
  return out;
}

}  // namespace nacre::cli
