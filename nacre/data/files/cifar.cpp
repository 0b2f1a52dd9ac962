#include "nacre/data/files/cifar.h"

#include <fmt/format.h>

#include <cstring>

#include "nacre/base/error.h"

namespace nacre::data {

CifarRecords read_cifar(const std::filesystem::path& path, int classes) {
  Input input(path);
  return read_cifar(input, classes);
}

CifarRecords read_cifar(Input& input, int classes) {
  if (classes != 10 && classes != 100) {
    throw ValueError(fmt::format("read_cifar: {} classes (10 or 100 expected)", classes));
  }
  constexpr std::size_t kPixels = 3 * 32 * 32;
  const std::size_t label_bytes = classes == 10 ? 1 : 2;
  const std::size_t record = label_bytes + kPixels;
  const std::string raw = input.read_rest(std::uint64_t{1} << 32);
  if (raw.empty() || raw.size() % record != 0) {
    input.fail(fmt::format("{} bytes, a multiple of {} (one record of CIFAR-{}) expected",
                           raw.size(), record, classes));
  }
  const auto n = static_cast<std::int64_t>(raw.size() / record);
  CifarRecords out{Tensor({u8, {n, 3, 32, 32}}), Tensor({i64, {n}}), {}};
  if (classes == 100) out.coarse = Tensor({i64, {n}});
  auto* pixels = out.images.mutable_data<std::uint8_t>().data();
  for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
    const char* from = raw.data() + i * record;
    const auto label = static_cast<unsigned char>(from[label_bytes - 1]);
    const int coarse = static_cast<unsigned char>(from[0]);
    if (label >= classes || (classes == 100 && coarse >= 20)) {
      throw_io(input.name(), fmt::format("record {}: label {}, CIFAR-{} has 0 to {}", i, label,
                                         classes, classes - 1));
    }
    out.labels.mutable_data<std::int64_t>()[i] = label;
    if (classes == 100) out.coarse.mutable_data<std::int64_t>()[i] = coarse;
    std::memcpy(pixels + i * kPixels, from + label_bytes, kPixels);
  }
  return out;
}

const std::vector<std::string>& cifar10_names() {
  static const std::vector<std::string> names = {
      "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
  return names;
}

const std::vector<std::string>& cifar100_names() {
  static const std::vector<std::string> names = {
      "apple",       "aquarium_fish", "baby",      "bear",       "beaver",       "bed",
      "bee",         "beetle",        "bicycle",   "bottle",     "bowl",         "boy",
      "bridge",      "bus",           "butterfly", "camel",      "can",          "castle",
      "caterpillar", "cattle",        "chair",     "chimpanzee", "clock",        "cloud",
      "cockroach",   "couch",         "crab",      "crocodile",  "cup",          "dinosaur",
      "dolphin",     "elephant",      "flatfish",  "forest",     "fox",          "girl",
      "hamster",     "house",         "kangaroo",  "keyboard",   "lamp",         "lawn_mower",
      "leopard",     "lion",          "lizard",    "lobster",    "man",          "maple_tree",
      "motorcycle",  "mountain",      "mouse",     "mushroom",   "oak_tree",     "orange",
      "orchid",      "otter",         "palm_tree", "pear",       "pickup_truck", "pine_tree",
      "plain",       "plate",         "poppy",     "porcupine",  "possum",       "rabbit",
      "raccoon",     "ray",           "road",      "rocket",     "rose",         "sea",
      "seal",        "shark",         "shrew",     "skunk",      "skyscraper",   "snail",
      "snake",       "spider",        "squirrel",  "streetcar",  "sunflower",    "sweet_pepper",
      "table",       "tank",          "telephone", "television", "tiger",        "tractor",
      "train",       "trout",         "tulip",     "turtle",     "wardrobe",     "whale",
      "willow_tree", "wolf",          "woman",     "worm"};
  return names;
}

}  // namespace nacre::data
