// Krizhevsky, "Learning multiple layers of features from tiny images", 2009: a hundred classes.
#include "nacre/data/files/cifar.h"
#include "nacre/data/sets/set_row.h"

namespace nacre::data {
namespace {

NamedSet load_cifar_100(const std::filesystem::path& folder) {
  Info info;
  info.name = "cifar-100";
  info.preprocessing = picture_form(3, 32);
  info.class_names = cifar100_names();
  const auto part = [&](const char* file) {
    const CifarRecords records = read_cifar(folder / file, 100);
    return Dataset::from({records.images}, {records.labels}, info).scale(1.0 / 255);
  };
  return {part("train.bin"), part("test.bin")};
}

}  // namespace

const SetRow& cifar_100_set() {
  static const SetRow row{
      .description = {.name = "cifar-100",
                      .what = "things and animals, 32x32 colour",
                      .source = "www.cs.toronto.edu/~kriz/cifar.html",
                      .licence = "free for research; cite Krizhevsky 2009",
                      .train = 50000,
                      .test = 10000,
                      .classes = 100,
                      .fetched = true},
      .load = load_cifar_100,
      .files = {{.addresses = {"https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz"},
                 .file = "cifar-100-binary.tar.gz",
                 .bytes = 168513733,
                 .sha256 = "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
                 .unpack = true}},
      .witnesses = {"test.bin", "cifar-100-binary/test.bin"}};
  return row;
}

}  // namespace nacre::data
