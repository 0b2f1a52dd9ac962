#include "nacre/data/files/folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "nacre/base/error.h"
#include "nacre/base/file.h"
#include "nacre/base/utf8.h"
#include "nacre/data/files/census.h"

namespace nacre::data {
namespace {

namespace fs = std::filesystem;

std::string lowered(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

bool has_folder(const fs::path& folder) {
  const std::vector<fs::path> entries = entries_of(folder);
  return std::any_of(entries.begin(), entries.end(), is_folder);
}

bool has_extension(const fs::path& path, const std::vector<std::string>& extensions) {
  const std::string extension = lowered(path.extension().string());
  return std::find(extensions.begin(), extensions.end(), extension) != extensions.end();
}

void collect(const fs::path& folder, const std::vector<std::string>& extensions, int depth,
             std::vector<fs::path>& out) {
  if (depth > kDeepest) {
    throw_io(as_utf8(folder.string()), fmt::format("lies deeper than {} folders", kDeepest),
             "does a link lead back?");
  }
  for (const fs::path& entry : entries_of(folder)) {
    if (is_folder(entry)) {
      collect(entry, extensions, depth + 1, out);
    } else if (has_extension(entry, extensions)) {
      out.push_back(entry);
    }
  }
}

// At most 20 of them.
std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (std::size_t k = 0; k < words.size() && k < 20; ++k) out += (k == 0 ? "" : " ") + words[k];
  return out + (words.size() > 20 ? " ..." : "");
}

LabelledFiles number_classes(const fs::path& folder, const std::vector<std::string>& extensions,
                             const std::map<std::string, std::vector<fs::path>>& classes,
                             std::vector<std::string> names) {
  LabelledFiles out;
  const bool fixed = !names.empty();
  std::map<std::string, std::int64_t> numbers;
  for (const std::string& name : names) {
    numbers.emplace(name, static_cast<std::int64_t>(numbers.size()));
  }
  for (const auto& [name, files] : classes) {
    if (files.empty()) {
      out.warnings.push_back(fmt::format("the folder \"{}\" has no files {}: it is no class", name,
                                         joined(extensions)));
      continue;
    }
    const auto [found, is_new] = numbers.emplace(name, static_cast<std::int64_t>(numbers.size()));
    if (is_new && fixed) {
      throw_io(as_utf8((folder / name).string()), "a class that the training part has not",
               "its classes are: " + joined(names));
    }
    if (is_new) names.push_back(name);
    out.labels.insert(out.labels.end(), files.size(), found->second);
    out.files.insert(out.files.end(), files.begin(), files.end());
  }
  if (out.files.empty()) {
    throw_io(as_utf8(folder.string()), "no files " + joined(extensions) + " in folders of classes",
             "expected is " + as_utf8((folder / "CLASS" / ("FILE" + extensions.front())).string()));
  }
  out.class_names = std::move(names);
  return out;
}

class FileSource final : public SampleSource {
 public:
  FileSource(LabelledFiles files, std::function<Tensor(const fs::path&)> decode, Info info)
      : files_(std::move(files)), decode_(std::move(decode)), info_(std::move(info)) {}
  std::int64_t size() const override { return static_cast<std::int64_t>(files_.files.size()); }
  const Info& info() const override { return info_; }
  Sample get(std::int64_t i, const Draw&) const override {
    const auto k = static_cast<std::size_t>(i);
    return {{decode_(files_.files[k])}, {Tensor::scalar(files_.labels[k], i64)}, 1};
  }
  std::vector<std::int64_t> labels() const override { return files_.labels; }

 private:
  LabelledFiles files_;
  std::function<Tensor(const fs::path&)> decode_;
  Info info_;
};

}  // namespace

LabelledFiles list_classes(const fs::path& folder, const std::vector<std::string>& extensions,
                           const std::vector<std::string>& class_names) {
  std::map<std::string, std::vector<fs::path>> classes;
  std::vector<std::string> warnings;
  std::vector<std::string> beside;
  for (const fs::path& entry : entries_of(folder)) {
    const std::string name = as_utf8(entry.filename().string());
    if (!is_folder(entry)) {
      if (has_extension(entry, extensions)) beside.push_back(name);
      continue;
    }
    const auto [files, is_new] = classes.try_emplace(name);
    if (!is_new) throw_io(as_utf8(entry.string()), "two folders are the class \"" + name + "\"");
    collect(entry, extensions, 1, files->second);
    const auto within = std::find_if(files->second.begin(), files->second.end(),
                                     [&](const fs::path& f) { return f.parent_path() != entry; });
    if (within != files->second.end()) {
      warnings.push_back(fmt::format("files in folders below \"{0}\" ({1}) count as \"{0}\"", name,
                                     as_utf8(within->lexically_relative(folder).string())));
    }
  }
  if (!beside.empty()) {
    warnings.push_back(fmt::format("{} files beside the folders of classes are left out: {}",
                                   beside.size(), joined(beside)));
  }
  LabelledFiles out = number_classes(folder, extensions, classes, class_names);
  out.warnings.insert(out.warnings.begin(), warnings.begin(), warnings.end());
  return out;
}

LabelledFiles list_prefixes(const fs::path& folder, const std::vector<std::string>& extensions) {
  std::map<std::string, std::vector<fs::path>> classes;
  std::vector<std::string> without;
  for (const fs::path& entry : entries_of(folder)) {
    if (is_folder(entry) || !has_extension(entry, extensions)) continue;
    const std::string name = entry.filename().string();
    if (const auto mark = name.find('_'); mark != name.npos) {
      classes[as_utf8(name.substr(0, mark))].push_back(entry);
    } else {
      without.push_back(as_utf8(name));
    }
  }
  LabelledFiles out = number_classes(folder, extensions, classes, {});
  if (!without.empty()) {
    out.warnings.push_back(
        fmt::format("{} files are left out, their names begin with no class and "
                    "\"_\": {}",
                    without.size(), joined(without)));
  }
  return out;
}

Dataset file_set(LabelledFiles files, std::function<Tensor(const fs::path&)> decode, Info info) {
  info.class_names = files.class_names;
  return Dataset(
      std::make_shared<FileSource>(std::move(files), std::move(decode), std::move(info)));
}

PartFolders find_parts(const fs::path& folder) {
  constexpr std::array kTrain = {"train", "training"};
  constexpr std::array kValidation = {"val", "valid", "validation"};
  constexpr std::array kTest = {"test", "testing"};
  PartFolders parts;
  std::vector<std::string> others;
  for (const fs::path& entry : entries_of(folder)) {
    if (!is_folder(entry)) continue;
    const std::string name = lowered(entry.filename().string());
    const auto is = [&](const auto& names) {
      return std::find(names.begin(), names.end(), name) != names.end();
    };
    fs::path* const part = is(kTrain)        ? &parts.train
                           : is(kValidation) ? &parts.validation
                           : is(kTest)       ? &parts.test
                                             : nullptr;
    if (!part) {
      others.push_back(as_utf8(entry.filename().string()));
      continue;
    }
    if (!part->empty()) {
      throw_io(as_utf8(folder.string()),
               fmt::format("\"{}\" and \"{}\" are one and the same part", part->filename().string(),
                           entry.filename().string()),
               "leave one of them");
    }
    *part = entry;
  }
  if (!parts.train.empty()) {
    parts.left_out = joined(others);
    return parts;
  }
  const fs::path& lone = parts.test.empty() ? parts.validation : parts.test;
  if (!lone.empty() && has_folder(lone)) {
    throw_io(as_utf8(folder.string()),
             fmt::format("has a folder \"{}\" of classes and no folder \"train\"",
                         lone.filename().string()),
             "name the folder of the training part \"train\"");
  }
  return {.train = folder, .validation = {}, .test = {}};
}

}  // namespace nacre::data
