#include "cli/own_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "cli/undivided.h"
#include "nacre/base/error.h"
#include "nacre/base/utf8.h"
#include "nacre/data/files/census.h"
#include "nacre/data/sets/named.h"

namespace nacre::cli {
namespace {

namespace fs = std::filesystem;

bool has_folders(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_directory() && !entry.path().filename().string().starts_with('.')) return true;
  }
  return false;
}

// Decoded files stay in memory where they fit, so that only the first epoch decodes.
data::Parts kept(data::Parts parts) {
  constexpr std::int64_t kMost = std::int64_t{2} << 30;
  const auto keep = [&](data::Dataset& set) {
    if (set.empty()) return;
    const Spec spec = set.input_specs().at(0);
    if (set.size() < kMost / std::max<std::int64_t>(1, 4 * spec.elements())) set = set.cache();
  };
  keep(parts.train);
  keep(parts.validation);
  keep(parts.test);
  return parts;
}

// As the first sound has it: its rate, and a spectrogram of the seconds asked for.
data::SoundForm sound_form(const fs::path& folder, const DataRecipe& recipe) {
  data::SoundForm form{.rate = 16000, .length = 0, .mono = true, .bands = 40};
  const std::vector<fs::path> files = files_of(folder);
  if (!files.empty()) form.rate = data::read_sound(files.front()).rate;
  form.length = static_cast<std::int64_t>(recipe.sound_seconds * form.rate);
  return form;
}

// A folder of pictures or sounds.
data::Parts open_folder(const DataRecipe& recipe, data::FileKind kind,
                        const std::string& preprocessing) {
  if (kind == data::FileKind::sound) {
    const auto form = preprocessing.empty() ? sound_form(recipe.path, recipe)
                                            : form_of<data::SoundForm>(preprocessing);
    return kept(data::sound_folder(recipe.path, form, !has_folders(recipe.path)));
  }
  data::ImageForm form;
  form.height = form.width = recipe.image_size;
  if (!preprocessing.empty()) form = form_of<data::ImageForm>(preprocessing);
  return kept(data::image_folder(recipe.path, form));
}

}  // namespace

data::Info named_info(std::string name, std::vector<std::string> class_names) {
  data::Info info;
  info.name = std::move(name);
  info.class_names = std::move(class_names);
  return info;
}

data::Dataset numbered(const std::vector<std::int64_t>& rows, Tensors targets,
                       const data::Info& info) {
  return data::Dataset::from({Tensor::from(rows)}, std::move(targets), info);
}

void expect_classes(const std::string& source, const std::vector<std::string>& names,
                    const std::string& hint) {
  if (names.size() != 1) return;
  throw IoError(format_error(
      {.op = source,
       .what = fmt::format("has one class only (\"{}\"): there is nothing to tell apart",
                           shortened(printable(names[0]), 60)),
       .hint = hint}));
}

OwnData::OwnData(const DataRecipe& recipe, const std::string& preprocessing) {
  if (recipe.task == "language") {
    undivided_ = open_language(recipe, parts_, findings_);
    return;
  }
  using data::FileKind;
  FileKind kind = FileKind::other;
  if (fs::is_directory(recipe.path)) {
    const data::Census census = data::take_census(recipe.path);
    kind = census.kind;
    if (const std::string rest = census.left_out(); !rest.empty()) {
      findings_.warnings.push_back("left out: " + rest);
    }
  }
  if (kind == FileKind::picture || kind == FileKind::sound) {
    parts_ = open_folder(recipe, kind, preprocessing);
    findings_.warnings.insert(findings_.warnings.end(), parts_.warnings.begin(),
                              parts_.warnings.end());
    expect_classes(recipe.path, parts_.train.info().class_names, kFolderHint);
  } else if (is_table(recipe.path)) {
    undivided_ = open_table(recipe, parts_, findings_);
  } else {
    undivided_ = open_texts(recipe, parts_);
  }
}

OwnData::~OwnData() = default;

bool is_table(const fs::path& path) {
  return !fs::is_directory(path) && path.extension() != ".txt";
}

std::int64_t OwnData::encode(data::Dataset& train, data::Dataset& validation, data::Dataset& test,
                             const std::string& preprocessing,
                             std::vector<std::string>* unseen) const {
  if (!undivided_) return 0;
  std::vector<data::Dataset*> parts;
  std::vector<std::string> names;
  std::vector<std::vector<std::int64_t>> rows;
  const auto add = [&](data::Dataset& part, const char* name) {
    if (part.empty()) return;
    parts.push_back(&part);
    names.emplace_back(name);
    rows.push_back(part.all().inputs[0].to_vector<std::int64_t>());
  };
  add(train, "training");
  add(validation, "validation");
  add(test, "test");
  return undivided_->encode(rows.at(0), parts, names, rows, preprocessing, unseen);
}

std::vector<fs::path> files_of(const fs::path& folder) {
  return data::files_below(folder, data::take_census(folder).kind);
}

data::Dataset read_as(const data::Preprocess& form, const std::vector<std::string>& class_names,
                      const std::string& path, std::vector<std::string>* warnings) {
  if (const auto* encoder = std::get_if<data::TableEncoder>(&form.form())) {
    const data::Table table = data::read_csv(path, encoder->csv_options());
    const data::Dataset rows = encoder->encode(table, warnings);
    if (rows.target_specs().empty()) {
      throw IoError(
          fmt::format("{}: has no column \"{}\" to compare with", path, encoder->target()));
    }
    return rows;
  }
  data::Parts parts;
  if (const auto* picture = std::get_if<data::ImageForm>(&form.form())) {
    parts = data::image_folder(path, *picture);
  } else if (const auto* sound = std::get_if<data::SoundForm>(&form.form())) {
    parts = data::sound_folder(path, *sound, !has_folders(path));
  } else if (const auto* language = std::get_if<data::LanguageForm>(&form.form())) {
    return language->samples(language->read(path), false);
  } else {
    return read_texts_as(std::get<data::TextEncoder>(form.form()), class_names, path);
  }
  if (warnings) warnings->insert(warnings->end(), parts.warnings.begin(), parts.warnings.end());
  const data::Dataset set = parts.test.empty() ? parts.train : parts.test;
  if (set.info().class_names != class_names) {
    throw IoError(fmt::format("{}: its classes are {}, the model knows {}", path,
                              fmt::join(set.info().class_names, ", "),
                              fmt::join(class_names, ", ")));
  }
  return set;
}

}  // namespace nacre::cli
