#include "nacre/data/files.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "nacre/base/error.h"
#include "nacre/base/file.h"
#include "nacre/base/utf8.h"

namespace nacre::data {
namespace {

namespace fs = std::filesystem;

bool has_extension(const fs::path& path, const std::vector<std::string>& extensions) {
  std::string extension = path.extension().string();
  for (char& c : extension) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return std::find(extensions.begin(), extensions.end(), extension) != extensions.end();
}

bool hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

// Entries of a folder by name, without hidden ones.
std::vector<fs::path> entries_of(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (!hidden(entry.path())) out.push_back(entry.path());
  }
  if (error) throw_io(folder.string(), "cannot list the folder: " + error.message());
  std::sort(out.begin(), out.end());
  return out;
}

void collect(const fs::path& folder, const std::vector<std::string>& extensions,
             std::vector<fs::path>& out) {
  for (const fs::path& entry : entries_of(folder)) {
    if (fs::is_directory(entry)) {
      collect(entry, extensions, out);
    } else if (has_extension(entry, extensions)) {
      out.push_back(entry);
    }
  }
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

LabelledFiles number_classes(const fs::path& folder, const std::vector<std::string>& extensions,
                             const std::map<std::string, std::vector<fs::path>>& classes,
                             std::vector<std::string> names) {
  LabelledFiles out;
  const bool fixed = !names.empty();
  for (const auto& [name, files] : classes) {
    if (files.empty()) continue;
    auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      if (fixed) {
        throw_io((folder / name).string(), "a class that the training part has not",
                 "its classes are: " + joined(names));
      }
      found = names.insert(names.end(), name);
    }
    out.labels.insert(out.labels.end(), files.size(), found - names.begin());
    out.files.insert(out.files.end(), files.begin(), files.end());
  }
  if (out.files.empty()) {
    throw_io(folder.string(), "no files " + joined(extensions) + " in folders of classes",
             "expected is " + (folder / "CLASS" / ("FILE" + extensions.front())).string());
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
    return {{decode_(files_.files[k])},
            {Tensor::scalar(static_cast<double>(files_.labels[k]), i64)},
            1};
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
  for (const fs::path& entry : entries_of(folder)) {
    if (!fs::is_directory(entry)) continue;
    const auto [place, fresh] = classes.try_emplace(as_utf8(entry.filename().string()));
    if (!fresh) throw_io(entry.string(), "two folders are the class \"" + place->first + "\"");
    collect(entry, extensions, place->second);
  }
  return number_classes(folder, extensions, classes, class_names);
}

LabelledFiles list_prefixes(const fs::path& folder, const std::vector<std::string>& extensions) {
  std::map<std::string, std::vector<fs::path>> classes;
  for (const fs::path& entry : entries_of(folder)) {
    const std::string name = entry.filename().string();
    if (has_extension(entry, extensions) && name.find('_') != name.npos) {
      classes[as_utf8(name.substr(0, name.find('_')))].push_back(entry);
    }
  }
  return number_classes(folder, extensions, classes, {});
}

Dataset file_set(LabelledFiles files, std::function<Tensor(const fs::path&)> decode, Info info) {
  info.class_names = files.class_names;
  return Dataset(
      std::make_shared<FileSource>(std::move(files), std::move(decode), std::move(info)));
}

PartFolders find_parts(const fs::path& folder) {
  const auto first = [&](std::initializer_list<const char*> names) {
    for (const char* name : names) {
      if (fs::is_directory(folder / name)) return folder / name;
    }
    return fs::path();
  };
  PartFolders parts{first({"train", "training"}), first({"val", "valid", "validation"}),
                    first({"test", "testing"})};
  if (parts.train.empty()) return {folder, {}, {}};
  return parts;
}

}  // namespace nacre::data
