// The named sets: finding, describing and loading any of them.
#include <fmt/format.h>

#include <cstdlib>

#include "nacre/base/error.h"
#include "nacre/base/text.h"
#include "nacre/data/preprocess.h"
#include "nacre/data/sets/set_row.h"

namespace nacre::data {
namespace {

namespace fs = std::filesystem;

const std::vector<const SetRow*>& rows() {
  static const std::vector<const SetRow*> list = {
#define NACRE_SET(name) &name##_set(),
#include "nacre/data/sets/sets.def"
#undef NACRE_SET
  };
  return list;
}

}  // namespace

const SetRow& set_row(const std::string& name) {
  std::vector<std::string> names;
  std::string all;
  for (const SetRow* row : rows()) {
    if (row->description.name == name) return *row;
    names.push_back(row->description.name);
    all += (all.empty() ? "known are " : ", ") + row->description.name;
  }
  throw ValueError(format_error(
      {.op = "data",
       .what = fmt::format("no data set is called \"{}\"{}", name, did_you_mean(name, names)),
       .hint = all}));
}

const std::vector<SetDescription>& named_sets() {
  static const std::vector<SetDescription> sets = [] {
    std::vector<SetDescription> list;
    for (const SetRow* row : rows()) list.push_back(row->description);
    return list;
  }();
  return sets;
}

const SetDescription& describe(const std::string& name) { return set_row(name).description; }

std::vector<RemoteFile> remote_files(const std::string& name) { return set_row(name).files; }

fs::path cache_folder() {
  const auto from = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value ? value : "";
  };
  if (const std::string own = from("NACRE_DATA"); !own.empty()) return own;
  if (const std::string xdg = from("XDG_CACHE_HOME"); !xdg.empty()) return fs::path(xdg) / "nacre";
  if (const std::string home = from("HOME"); !home.empty()) {
    return fs::path(home) / ".cache" / "nacre";
  }
  return fs::temp_directory_path() / "nacre";
}

fs::path find_set(const std::string& name) {
  const SetRow& row = set_row(name);
  std::vector<fs::path> folders = {cache_folder() / name};
  if (!row.package_folder.empty()) folders.emplace_back(row.package_folder);
  for (const fs::path& folder : folders) {
    for (const std::string& file : row.witnesses) {
      std::error_code ignored;
      if (fs::exists(folder / file, ignored)) return (folder / file).parent_path();
    }
  }
  return {};
}

NamedSet load(const std::string& name) {
  const SetRow& row = set_row(name);
  if (!row.description.fetched) return row.load({});
  const fs::path folder = find_set(name);
  if (!folder.empty()) return row.load(folder);
  const std::string fetch = fmt::format("`nacre data fetch {}`", name);
  throw_io(name, "its files are not on this machine",
           row.debian_package.empty()
               ? fetch + " downloads them to " + cache_folder().string()
               : fmt::format("`apt install {}`, or {}", row.debian_package, fetch));
}

NamedSet load_from(const std::string& name, const fs::path& folder) {
  return set_row(name).load(folder);
}

std::string picture_form(int channels, std::int64_t size) {
  ImageForm form;
  form.channels = channels;
  form.height = form.width = size;
  return Preprocess(form).to_json();
}

std::vector<std::string> digit_names() {
  return {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
}

}  // namespace nacre::data
