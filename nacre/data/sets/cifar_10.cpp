// Krizhevsky, "Learning multiple layers of features from tiny images", 2009: ten classes.
#include <fmt/format.h>

#include <cstring>

#include "nacre/base/error.h"
#include "nacre/data/files/cifar.h"
#include "nacre/data/sets/set_row.h"

namespace nacre::data {
namespace {

// Copies a part to where the k-th of equal parts of the whole begins.
void put_part(const Tensor& part, std::size_t k, Tensor& whole) {
  std::memcpy(static_cast<std::byte*>(whole.raw_mutable_data()) + k * part.spec().bytes(),
              part.raw_data(), part.spec().bytes());
}

NamedSet load_cifar_10(const std::filesystem::path& folder) {
  Info info;
  info.name = "cifar-10";
  info.preprocessing = picture_form(3, 32);
  info.class_names = cifar10_names();
  CifarRecords train{Tensor({u8, {50000, 3, 32, 32}}), Tensor({i64, {50000}}), {}};
  for (std::size_t k = 0; k < 5; ++k) {
    const auto path = folder / fmt::format("data_batch_{}.bin", k + 1);
    const CifarRecords part = read_cifar(path, 10);
    if (part.labels.size(0) != 10000) {
      throw_io(path.string(), fmt::format("{} pictures, 10000 expected", part.labels.size(0)));
    }
    put_part(part.images, k, train.images);
    put_part(part.labels, k, train.labels);
  }
  const CifarRecords test = read_cifar(folder / "test_batch.bin", 10);
  return {Dataset::from({train.images}, {train.labels}, info).scale(1.0 / 255),
          Dataset::from({test.images}, {test.labels}, info).scale(1.0 / 255)};
}

}  // namespace

const SetRow& cifar_10_set() {
  static const SetRow row{
      .description = {.name = "cifar-10",
                      .what = "things and animals, 32x32 colour",
                      .source = "www.cs.toronto.edu/~kriz/cifar.html",
                      .licence = "free for research; cite Krizhevsky 2009",
                      .train = 50000,
                      .test = 10000,
                      .classes = 10,
                      .fetched = true},
      .load = load_cifar_10,
      .files = {{.addresses = {"https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"},
                 .file = "cifar-10-binary.tar.gz",
                 .bytes = 170052171,
                 .sha256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
                 .unpack = true}},
      .witnesses = {"test_batch.bin", "cifar-10-batches-bin/test_batch.bin"}};
  return row;
}

}  // namespace nacre::data
