// `nacre data split`: a folder of classes, parted into train and test.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "cli/commands.h"
#include "nacre/base/durable.h"
#include "nacre/base/error.h"
#include "nacre/base/file.h"
#include "nacre/base/random.h"
#include "nacre/base/text.h"
#include "nacre/base/utf8.h"
#include "nacre/base/xxhash.h"
#include "nacre/data/files/census.h"

namespace nacre::cli {
namespace {

namespace fs = std::filesystem;

struct ClassFolder {
  fs::path folder;
  std::vector<fs::path> files;  // by name
};

// What was counted, and of what the first was seen.
struct LeftOut {
  std::int64_t beside = 0, empty = 0;
  std::string first_beside, first_empty;

  static void note(std::int64_t& count, std::string& first, const fs::path& path) {
    if (count++ == 0) first = path.string();
  }
  std::vector<std::string> warnings() const {
    std::vector<std::string> out;
    const auto add = [&](std::int64_t n, const std::string& first, const char* what) {
      if (n == 0) return;
      out.push_back(fmt::format("{}: left out: {} {}", first,
                                n == 1 ? "it is" : fmt::format("the first of {} that are", n),
                                what));
    };
    add(beside, first_beside, "beside the folders of the classes");
    add(empty, first_empty, "without files");
    return out;
  }
};

// All files below, as the readers count them.
void collect(const fs::path& folder, std::vector<fs::path>& files, int depth = 0) {
  if (depth > data::kDeepest) {
    throw_io(folder.string(), fmt::format("lies deeper than {} folders", data::kDeepest),
             "does a link lead back?");
  }
  for (const fs::path& entry : data::entries_of(folder)) {
    if (data::is_folder(entry)) {
      collect(entry, files, depth + 1);
    } else {
      files.push_back(entry);
    }
  }
}

std::vector<ClassFolder> classes_in(const fs::path& folder, LeftOut& left_out) {
  std::vector<ClassFolder> classes;
  for (const fs::path& entry : data::entries_of(folder)) {
    if (!data::is_folder(entry)) {
      LeftOut::note(left_out.beside, left_out.first_beside, entry);
      continue;
    }
    ClassFolder& c = classes.emplace_back(ClassFolder{entry, {}});
    collect(entry, c.files);
    std::sort(c.files.begin(), c.files.end());
    if (c.files.empty()) LeftOut::note(left_out.empty, left_out.first_empty, entry);
  }
  if (classes.empty()) {
    throw_io(folder.string(), "has no folders, one a class is expected");
  }
  return classes;
}

// Whether `inner` is `outer` or lies below it.
bool lies_in(const fs::path& inner, const fs::path& outer) {
  const fs::path from = fs::weakly_canonical(inner).lexically_relative(fs::weakly_canonical(outer));
  return !from.empty() && *from.begin() != "..";
}

// The same choice on every machine: it depends on the seed, the name of the class and the names of
// its files in their order.
void shuffle(ClassFolder& c, std::uint64_t seed) {
  RandomStream random(seed, xxhash64(std::string_view(c.folder.filename().native())));
  for (std::size_t i = c.files.size(); i > 1; --i) {
    std::swap(c.files[i - 1], c.files[random.below(i)]);
  }
}

void copy_into(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::copy_file(from, to, error);
  if (error) throw_io(from.string(), "cannot be copied: " + error.message());
}

}  // namespace

int split_data(const DataCommand& command, const Console& console) {
  const fs::path folder = command.name;
  if (!(command.test > 0 && command.test < 1)) throw ValueError("--test must be between 0 and 1");
  if (command.output.empty()) throw ValueError("--out: the name of a folder is expected");
  if (!fs::is_directory(folder)) throw_io(command.name, "no such folder");
  if (lies_in(command.output, folder)) {
    throw ValueError(fmt::format("--out: {} lies in {}, and would be taken for one of its classes",
                                 command.output, command.name));
  }
  LeftOut left_out;
  std::vector<ClassFolder> classes = classes_in(folder, left_out);
  if (left_out.empty == static_cast<std::int64_t>(classes.size())) {
    throw_io(command.name, "the folders of its classes have no files");
  }
  AtomicFolder out(command.output);
  std::int64_t counts[2] = {0, 0};
  for (ClassFolder& c : classes) {
    shuffle(c, command.seed);
    const auto test =
        static_cast<std::size_t>(command.test * static_cast<double>(c.files.size()) + 0.5);
    for (std::size_t i = 0; i < c.files.size(); ++i) {
      const int part = i < test ? 1 : 0;
      const fs::path to = out.path() / (part ? "test" : "train") / c.folder.filename() /
                          c.files[i].lexically_relative(c.folder);
      make_folders(to.parent_path());
      copy_into(c.files[i], to);
      ++counts[part];
    }
  }
  out.commit();
  const std::vector<std::string> warnings = left_out.warnings();
  for (const std::string& warning : warnings) console.warn(warning);
  console.print(fmt::format("{} training and {} test files in {}\n", with_thousands(counts[0]),
                            with_thousands(counts[1]), printable(command.output)),
                {{"train", counts[0]}, {"test", counts[1]}, {"warnings", warnings}});
  return kOk;
}

}  // namespace nacre::cli
