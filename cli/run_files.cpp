#include "cli/run_files.h"

#include <fmt/format.h>

#include <cstdint>
#include <nlohmann/json.hpp>

#include "nacre/base/error.h"
#include "nacre/base/file.h"
#include "nacre/base/json.h"
#include "nacre/base/text.h"

namespace nacre::cli {
namespace {

using Json = nlohmann::json;

constexpr const char* kHint =
    "the file is damaged or was written by another program: delete it; `nacre train --resume RUN` "
    "makes it again";
constexpr std::int64_t kMostCount = std::int64_t{1} << 53;

std::vector<std::vector<long long>> confusion_of(const JsonView& json) {
  std::vector<std::vector<long long>> out;
  const std::vector<JsonView> rows = json.items(kMostConfusionClasses);
  for (const JsonView& row : rows) {
    const std::vector<std::int64_t> counts = row.wholes(0, kMostCount);
    if (counts.size() != rows.size()) {
      row.fail(fmt::format("a list of {} (one for each of the rows)", rows.size()));
    }
    out.emplace_back(counts.begin(), counts.end());
  }
  return out;
}

// The picture goes into the page as it is, so it has to be one.
std::string picture_of(const JsonView& json) {
  std::string text = json.text();
  constexpr std::string_view kSignature = "\x89PNG\r\n\x1a\n";
  const auto bytes = from_base64(text);
  const bool png = bytes && std::string_view(*bytes).starts_with(kSignature);
  if (!text.empty() && (!png || text.size() > kMostPictureText)) {
    json.fail(fmt::format("a PNG picture in base64 of at most {} characters", kMostPictureText));
  }
  return text;
}

Mistake mistake_of(const JsonView& json) {
  Mistake out;
  if (const auto png = json.find("png")) out.png = picture_of(*png);
  if (const auto text = json.find("text")) out.text = text->text();
  out.truth = json.at("truth").text();
  out.predicted = json.at("predicted").text();
  out.probability = json.at("probability").number_or_null();
  return out;
}

}  // namespace

void read_evaluation(const std::string& text, const std::string& name, Report& report) {
  const Json parsed = parse_json(text, name);
  const JsonView json(parsed, name, kHint);
  for (const auto& [metric, value] : json.at("metrics").members()) {
    report.evaluation.emplace_back(metric, value.number_or_null());
  }
  if (const auto names = json.find("class_names")) report.class_names = names->texts();
  if (const auto confusion = json.find("confusion")) {
    report.confusion = confusion_of(*confusion);
    if (!report.class_names.empty() && report.class_names.size() != report.confusion.size()) {
      json.at("class_names")
          .fail(fmt::format("a name for each of the {} classes of the confusion matrix",
                            report.confusion.size()));
    }
  }
  if (const auto texts = json.find("texts")) {
    if (texts->items(kMostTexts).size() > 0) report.texts = texts->texts();
  }
  if (const auto mistakes = json.find("mistakes")) {
    for (const JsonView& m : mistakes->items(kMostMistakes)) {
      report.mistakes.push_back(mistake_of(m));
    }
  }
}

void read_history(const std::string& text, const std::string& name, Report& report) {
  std::size_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t newline = text.find('\n', at);
    const std::size_t end = std::min(newline, text.size());
    const std::string_view line(text.data() + at, end - at);
    at = end + 1;
    const std::string where = fmt::format("{}: line {}", name, ++number);
    Json parsed;
    try {
      parsed = parse_json(line, where);
    } catch (const IoError&) {
      if (newline == text.npos) return;  // the run was killed here
      throw;
    }
    const JsonView json(parsed, where, kHint);
    std::map<std::string, double> values;
    for (const auto& [key, value] : json.members()) values[key] = value.number_or_null();
    const auto epoch = static_cast<double>(json.at("epoch").whole(0, kMostCount));
    // A run killed between its log and its checkpoint writes the epoch again when it is resumed.
    while (!report.history.empty() && report.history.back()["epoch"] >= epoch) {
      report.history.pop_back();
    }
    report.history.push_back(std::move(values));
  }
}

void read_environment(const std::string& text, const std::string& name, Report& report) {
  const Json parsed = parse_json(text, name);
  for (const auto& [key, value] : JsonView(parsed, name, kHint).members()) {
    if (value.json().is_structured()) value.fail("a text");
    report.environment.emplace_back(key, value.is_text() ? value.text() : value.json().dump());
  }
}

}  // namespace nacre::cli
