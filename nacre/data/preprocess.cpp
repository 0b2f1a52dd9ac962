#include "nacre/data/preprocess.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "nacre/base/error.h"
#include "nacre/base/json.h"
#include "nacre/base/utf8.h"
#include "nacre/data/files/census.h"

namespace nacre::data {
namespace {

using Json = nlohmann::json;

constexpr const char* kFits[] = {"stretch", "crop", "pad"};

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

Json to_json(const ImageForm& f) {
  return {{"kind", "image"},
          {"channels", f.channels},
          {"height", f.height},
          {"width", f.width},
          {"fit", kFits[static_cast<int>(f.fit)]},
          {"mean", f.mean},
          {"deviation", f.deviation}};
}

// What is read is what could be written: the same bounds hold for both.
constexpr std::int64_t kMostSide = 1 << 16;     // of a picture
constexpr std::int64_t kMostSamples = 1 << 30;  // of a sound
constexpr int kMostRate = 10'000'000, kMostBands = 1 << 16;

// Why a form cannot be kept, or "".
std::string problem_of(const ImageForm& f) {
  if (f.channels != 1 && f.channels != 3) return fmt::format("pictures of {} channels", f.channels);
  if (f.height < 0 || f.width < 0 || f.height > kMostSide || f.width > kMostSide) {
    return fmt::format("pictures of {} x {} points", f.height, f.width);
  }
  const auto finite = [](double v) { return std::isfinite(v); };
  if (f.mean.size() != f.deviation.size() || !std::all_of(f.mean.begin(), f.mean.end(), finite) ||
      !std::all_of(f.deviation.begin(), f.deviation.end(), finite)) {
    return fmt::format("{} means and {} deviations of colours, as many finite ones are expected",
                       f.mean.size(), f.deviation.size());
  }
  return {};
}
std::string problem_of(const SoundForm& f) {
  if (f.rate < 1 || f.rate > kMostRate) return fmt::format("sounds of {} Hz", f.rate);
  if (f.length < 1 || f.length > kMostSamples) return fmt::format("sounds of {} samples", f.length);
  if (f.bands < 0 || f.bands > kMostBands) return fmt::format("{} bands", f.bands);
  return {};
}
std::string problem_of(const TableEncoder&) { return {}; }  // they check themselves
std::string problem_of(const TextEncoder&) { return {}; }
std::string problem_of(const LanguageForm&) { return {}; }

ImageForm image_from(const JsonView& json) {
  ImageForm f{.channels = static_cast<int>(json.at("channels").whole(1, 3)),
              .height = json.at("height").whole(0, kMostSide),
              .width = json.at("width").whole(0, kMostSide),
              .mean = json.at("mean").numbers(),
              .deviation = json.at("deviation").numbers()};
  const std::string fit = json.at("fit").text();
  const auto found = std::find(std::begin(kFits), std::end(kFits), fit);
  if (found == std::end(kFits)) json.at("fit").fail("\"stretch\", \"crop\" or \"pad\"");
  f.fit = static_cast<Fit>(found - std::begin(kFits));
  return f;
}

SoundForm sound_from(const JsonView& json) {
  SoundForm f{.rate = static_cast<int>(json.at("rate").whole(1, kMostRate)),
              .length = json.at("length").whole(1, kMostSamples),
              .mono = json.at("mono").flag(),
              .bands = 0};
  if (const auto bands = json.find("bands"))
    f.bands = static_cast<int>(bands->whole(0, kMostBands));
  return f;
}

// A leading axis of 1.
Tensor batch_of_one(const Tensor& t) {
  std::vector<std::int64_t> dims{1};
  dims.insert(dims.end(), t.shape().begin(), t.shape().end());
  return Tensor({t.dtype(), Shape(dims)}, t.buffer());
}

template <class Decode>
Parts make_parts(const PartFolders& folders, const std::vector<std::string>& extensions,
                 const LabelledFiles& train, Decode decode, const Info& info) {
  Parts out;
  out.train = file_set(train, decode, info);
  out.warnings = train.warnings;
  if (!folders.left_out.empty()) {
    out.warnings.push_back("folders beside the training part are left out: " + folders.left_out);
  }
  const auto part = [&](const std::filesystem::path& folder) {
    if (folder.empty()) return Dataset();
    const LabelledFiles files = list_classes(folder, extensions, train.class_names);
    out.warnings.insert(out.warnings.end(), files.warnings.begin(), files.warnings.end());
    return file_set(files, decode, info);
  };
  out.validation = part(folders.validation);
  out.test = part(folders.test);
  return out;
}

}  // namespace

Tensor ImageForm::apply(const Tensor& image) const {
  const Tensor sized =
      (height > 0 && width > 0 ? resize_image(image, height, width, fit) : image).on_host();
  Tensor out({f32, sized.shape()});
  RandomStream none(0);
  scale_step(1.0 / 255, 0)->apply(sized.raw_data(), sized.spec(), out.raw_mutable_data(), none);
  if (mean.empty()) return out;
  const auto step = normalize_step(mean, deviation);
  Tensor normal(step->output(out.spec()));
  step->apply(out.raw_data(), out.spec(), normal.raw_mutable_data(), none);
  return normal;
}

Preprocess Preprocess::from_json(const std::string& text, const std::string& source) {
  const std::string name = source + ": preprocessing";
  const Json parsed = parse_json(text, name);
  const JsonView json(parsed, name, "the file is damaged, or of a newer program");
  const std::string kind = json.at("kind").text();
  const auto checked = [&](const auto& form) {
    if (const std::string problem = problem_of(form); !problem.empty()) throw_io(name, problem);
    return Preprocess(form);
  };
  if (kind == "image") return checked(image_from(json));
  if (kind == "table") return Preprocess(TableEncoder::from_json(text, source));
  if (kind == "text") return Preprocess(TextEncoder::from_json(text, source));
  if (kind == "language") return Preprocess(LanguageForm::from_json(text, source));
  if (kind == "sound") return checked(sound_from(json));
  json.at("kind").fail("\"image\", \"sound\", \"table\", \"text\" or \"language\"");
}

std::string Preprocess::to_json() const {
  const std::string problem = std::visit([](const auto& f) { return problem_of(f); }, form_);
  if (!problem.empty()) throw ValueError("Preprocess: no form for files: " + problem);
  return std::visit(Overloaded{[](const ImageForm& f) {
                                 return json_text(nacre::data::to_json(f), "Preprocess");
                               },
                               [](const SoundForm& f) {
                                 return json_text(Json({{"kind", "sound"},
                                                        {"rate", f.rate},
                                                        {"length", f.length},
                                                        {"mono", f.mono},
                                                        {"bands", f.bands}}),
                                                  "Preprocess");
                               },
                               [](const auto& encoder) { return encoder.to_json(); }},
                    form_);
}

std::string Preprocess::kind() const {
  constexpr const char* kinds[] = {"image", "sound", "table", "text", "language"};
  return kinds[form_.index()];
}

Tensor Preprocess::read(const std::filesystem::path& path,
                        std::vector<std::string>* warnings) const {
  return std::visit(
      Overloaded{
          [&](const ImageForm& f) { return batch_of_one(f.apply(read_image(path, f.channels))); },
          [&](const SoundForm& f) { return batch_of_one(shape_sound(read_sound(path), f)); },
          [&](const TableEncoder& encoder) {
            Table table = read_csv(path, encoder.csv_options());
            // What is to be predicted may be there or missing: every row counts.
            if (table.columns.size() > 1) {
              std::erase_if(table.columns,
                            [&](const Column& c) { return c.name == encoder.target(); });
            }
            return encoder.encode(table, warnings).all().inputs.at(0);
          },
          [&](const TextEncoder& encoder) {
            const std::vector<std::string> lines = read_lines(path);
            if (lines.empty()) throw_io(path.string(), "no text: the file is empty");
            LabelledText text{lines, std::vector<std::int64_t>(lines.size()), {}};
            return text_set(text, encoder).all().inputs.at(0);
          },
          [&](const LanguageForm& form) {
            return form.samples(form.read(path), false).all().inputs.at(0);
          }},
      form_);
}

Tensor Preprocess::encode(const std::string& text) const {
  const auto* encoder = std::get_if<TextEncoder>(&form_);
  if (!encoder) throw ValueError("Preprocess::encode: the model takes " + kind() + ", not text");
  return batch_of_one(encoder->encode(text));
}

Parts image_folder(const std::filesystem::path& folder, ImageForm form) {
  const std::vector<std::string>& extensions = extensions_of(FileKind::picture);
  const PartFolders folders = find_parts(folder);
  const LabelledFiles train = list_classes(folders.train, extensions);
  if (form.height == 0 || form.width == 0) {
    const Tensor first = read_image(train.files[0], form.channels);
    form.height = first.size(1);
    form.width = first.size(2);
  }
  Info info;
  info.name = as_utf8(folder.filename().string());
  info.preprocessing = Preprocess(form).to_json();
  const auto decode = [form](const std::filesystem::path& path) {
    return form.apply(read_image(path, form.channels));
  };
  return make_parts(folders, extensions, train, decode, info);
}

Parts sound_folder(const std::filesystem::path& folder, const SoundForm& form, bool by_prefix) {
  const std::vector<std::string>& extensions = extensions_of(FileKind::sound);
  Info info;
  info.name = as_utf8(folder.filename().string());
  info.preprocessing = Preprocess(form).to_json();
  const auto decode = [form](const std::filesystem::path& path) {
    return shape_sound(read_sound(path), form);
  };
  if (by_prefix) {
    const LabelledFiles files = list_prefixes(folder, extensions);
    return {.train = file_set(files, decode, info),
            .validation = {},
            .test = {},
            .warnings = files.warnings};
  }
  const PartFolders folders = find_parts(folder);
  return make_parts(folders, extensions, list_classes(folders.train, extensions), decode, info);
}

}  // namespace nacre::data
