// The list of named sets and where their files are looked for.
#include <fmt/format.h>

#include "nacre/base/error.h"
#include "nacre/base/text.h"
#include "nacre/data/sets/named.h"

namespace nacre::data {
namespace {

namespace fs = std::filesystem;

// A file that shows that a folder holds the set.
std::vector<std::string> witnesses(const std::string& name) {
  if (name == "cifar-10") return {"test_batch.bin", "cifar-10-batches-bin/test_batch.bin"};
  if (name == "cifar-100") return {"test.bin", "cifar-100-binary/test.bin"};
  return {"train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"};
}

}  // namespace

const std::vector<SetDescription>& named_sets() {
  static const std::vector<SetDescription> sets = {
      {"digits", "handwritten digits, 8x8 grey", "inside the library (UCI, 1998)", "CC BY 4.0",
       1437, 360, 10, false},
      {"iris", "flowers, 4 measured lengths", "inside the library (UCI; Fisher, 1936)", "CC BY 4.0",
       120, 30, 3, false},
      {"fashion-mnist", "clothes, 28x28 grey",
       "Debian package dataset-fashion-mnist, or github.com/zalandoresearch/fashion-mnist", "MIT",
       60000, 10000, 10, true},
      {"mnist", "handwritten digits, 28x28 grey", "yann.lecun.com/exdb/mnist", "CC BY-SA 3.0",
       60000, 10000, 10, true},
      {"cifar-10", "things and animals, 32x32 colour", "www.cs.toronto.edu/~kriz/cifar.html",
       "free for research; cite Krizhevsky 2009", 50000, 10000, 10, true},
      {"cifar-100", "things and animals, 32x32 colour", "www.cs.toronto.edu/~kriz/cifar.html",
       "free for research; cite Krizhevsky 2009", 50000, 10000, 100, true},
  };
  return sets;
}

const SetDescription& describe(const std::string& name) {
  std::vector<std::string> names;
  std::string all;
  for (const SetDescription& set : named_sets()) {
    if (set.name == name) return set;
    names.push_back(set.name);
    all += (all.empty() ? "known are " : ", ") + set.name;
  }
  throw ValueError(format_error(
      {.op = "data",
       .what = fmt::format("no data set is called \"{}\"{}", name, did_you_mean(name, names)),
       .hint = all}));
}

fs::path find_set(const std::string& name) {
  std::vector<fs::path> folders = {cache_folder() / name};
  if (name == "fashion-mnist") folders.emplace_back("/usr/share/datasets/fashion-mnist");
  for (const fs::path& folder : folders) {
    for (const std::string& file : witnesses(name)) {
      std::error_code ignored;
      if (fs::exists(folder / file, ignored)) return (folder / file).parent_path();
    }
  }
  return {};
}

}  // namespace nacre::data
