#include "nacre/data/sets/named.h"

#include <fmt/format.h>

#include <cstdlib>
#include <cstring>

#include "nacre/base/error.h"
#include "nacre/base/input.h"
#include "nacre/data/files/cifar.h"
#include "nacre/data/files/idx.h"
#include "nacre/data/preprocess.h"
#include "nacre/data/sets/builtin_data.h"

namespace nacre::data {
namespace {

namespace fs = std::filesystem;

std::string decode_base64(const char* text, std::size_t bytes) {
  const auto value = [](char c) -> std::uint32_t {
    if (c >= 'A' && c <= 'Z') return static_cast<std::uint32_t>(c - 'A');
    if (c >= 'a' && c <= 'z') return static_cast<std::uint32_t>(c - 'a' + 26);
    if (c >= '0' && c <= '9') return static_cast<std::uint32_t>(c - '0' + 52);
    return c == '+' ? 62 : c == '/' ? 63 : 0;
  };
  std::string out;
  out.reserve(bytes + 3);
  for (; out.size() < bytes; text += 4) {
    const std::uint32_t word =
        (value(text[0]) << 18) | (value(text[1]) << 12) | (value(text[2]) << 6) | value(text[3]);
    for (int shift = 16; shift >= 0; shift -= 8) out.push_back(static_cast<char>(word >> shift));
  }
  out.resize(bytes);
  return out;
}

// How a user's picture becomes one like those of the set.
std::string picture_form(int channels, std::int64_t size) {
  ImageForm form;
  form.channels = channels;
  form.height = form.width = size;
  return Preprocess(form).to_json();
}

std::vector<std::string> digit_names() {
  return {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
}

// n labels and n rows of one byte a value.
struct Packed {
  Tensor features;
  Tensor labels;
};
Packed unpack(const char* text, std::size_t packed, std::int64_t n, const Shape& row) {
  const auto count = static_cast<std::size_t>(n);
  const auto features = static_cast<std::size_t>(row.elements()) * count;
  const std::string raw =
      inflate_raw(bytes_of(decode_base64(text, packed)), count + features, "built-in data");
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(raw.data());
  std::vector<std::int64_t> dims{n};
  dims.insert(dims.end(), row.begin(), row.end());
  std::vector<std::int64_t> labels(bytes, bytes + n);
  return {Tensor::from(std::span(bytes + n, features), Shape(dims)), Tensor::from(labels)};
}

// A fixed part for testing, the same share of every class.
NamedSet with_test_part(const Dataset& all, double fraction) {
  auto [train, test] = all.split(fraction, {.seed = 2026});
  return {train, test};
}

NamedSet load_digits() {
  const Packed p = unpack(kDigits, kDigitsPacked, 1797, {1, 8, 8});
  const Dataset all = Dataset::from({p.features}, {p.labels},
                                    {.name = "digits",
                                     .class_names = digit_names(),
                                     .column_names = {},
                                     .preprocessing = picture_form(1, 8)})
                          .scale(1.0 / 16);
  return with_test_part(all, 360.0 / 1797);
}

NamedSet load_iris() {
  const Packed p = unpack(kIris, kIrisPacked, 150, {4});
  const std::vector<std::string> species = {"setosa", "versicolor", "virginica"};
  const auto values = p.features.to_vector<double>();
  Table table{.source = "iris", .columns = {}, .rows = 150};
  for (const char* name :
       {"sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"}) {
    Column column{.name = name};
    for (std::size_t i = table.columns.size(); i < values.size(); i += 4) {
      column.numbers.push_back(values[i] / 10);
    }
    table.columns.push_back(std::move(column));
  }
  const auto labels = p.labels.to_vector<std::int32_t>();
  table.columns.push_back({.name = "species",
                           .kind = Column::Kind::category,
                           .codes = {labels.begin(), labels.end()},
                           .categories = species});
  const TableEncoder encoder = TableEncoder::fit(table, {.standardise = false});
  return with_test_part(encoder.encode(table), 0.2);
}

// The first of NAME and NAME.gz that is there.
fs::path plain_or_packed(const fs::path& folder, const std::string& name) {
  for (const char* suffix : {"", ".gz"}) {
    const fs::path path = folder / (name + suffix);
    if (fs::exists(path)) return path;
  }
  throw_io((folder / name).string(), "no such file, nor with .gz");
}

Dataset load_idx_pair(const fs::path& folder, const std::string& part, const Info& info) {
  const fs::path image_path = plain_or_packed(folder, part + "-images-idx3-ubyte");
  const fs::path label_path = plain_or_packed(folder, part + "-labels-idx1-ubyte");
  const Tensor images = read_idx(image_path);
  const Tensor labels = read_idx(label_path);
  if (images.dtype() != u8 || images.rank() != 3) {
    throw_io(image_path.string(),
             "pictures u8 [n, height, width] expected, it holds " + to_string(images.spec()));
  }
  if (labels.dtype() != u8 || labels.rank() != 1 || labels.size(0) != images.size(0)) {
    throw_io(label_path.string(), fmt::format("labels u8 [{}] expected, it holds {}",
                                              images.size(0), to_string(labels.spec())));
  }
  const auto values = labels.to_vector<std::int64_t>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] >= static_cast<std::int64_t>(info.class_names.size())) {
      throw_io(label_path.string(), fmt::format("label {} of picture {}, there are {} classes",
                                                values[i], i, info.class_names.size()));
    }
  }
  const Tensor with_channel({u8, {images.size(0), 1, images.size(1), images.size(2)}},
                            images.buffer());
  return Dataset::from({with_channel}, {Tensor::from(values)}, info).scale(1.0 / 255);
}

NamedSet load_mnist_like(const std::string& name, std::vector<std::string> classes,
                         const fs::path& folder) {
  Info info;
  info.name = name;
  info.preprocessing = picture_form(1, 28);
  info.class_names = std::move(classes);
  NamedSet set;
  set.test = load_idx_pair(folder, "t10k", info);
  set.train = load_idx_pair(folder, "train", info);
  return set;
}

Dataset cifar_part(const CifarRecords& records, const Info& info) {
  return Dataset::from({records.images}, {records.labels}, info).scale(1.0 / 255);
}

// Copies a part to where the k-th of equal parts of the whole begins.
void put_part(const Tensor& part, std::size_t k, Tensor& whole) {
  std::memcpy(static_cast<std::byte*>(whole.raw_mutable_data()) + k * part.spec().bytes(),
              part.raw_data(), part.spec().bytes());
}

NamedSet load_cifar(const std::string& name, const fs::path& folder) {
  Info info;
  info.name = name;
  info.preprocessing = picture_form(3, 32);
  if (name == "cifar-100") {
    info.class_names = cifar100_names();
    return {cifar_part(read_cifar(folder / "train.bin", 100), info),
            cifar_part(read_cifar(folder / "test.bin", 100), info)};
  }
  info.class_names = cifar10_names();
  CifarRecords train{Tensor({u8, {50000, 3, 32, 32}}), Tensor({i64, {50000}}), {}};
  for (std::size_t k = 0; k < 5; ++k) {
    const fs::path path = folder / fmt::format("data_batch_{}.bin", k + 1);
    const CifarRecords part = read_cifar(path, 10);
    if (part.labels.size(0) != 10000) {
      throw_io(path.string(), fmt::format("{} pictures, 10000 expected", part.labels.size(0)));
    }
    put_part(part.images, k, train.images);
    put_part(part.labels, k, train.labels);
  }
  return {cifar_part(train, info), cifar_part(read_cifar(folder / "test_batch.bin", 10), info)};
}

}  // namespace

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

NamedSet load(const std::string& name) {
  const SetDescription& description = describe(name);
  if (!description.fetched) return load_from(name, {});
  const fs::path folder = find_set(name);
  if (folder.empty()) {
    throw_io(name, "its files are not on this machine",
             name == "fashion-mnist"
                 ? "`apt install dataset-fashion-mnist`, or `nacre data fetch fashion-mnist`"
                 : "`nacre data fetch " + name + "` downloads them to " + cache_folder().string());
  }
  return load_from(name, folder);
}

NamedSet load_from(const std::string& name, const fs::path& folder) {
  describe(name);
  if (name == "digits") return load_digits();
  if (name == "iris") return load_iris();
  if (name.starts_with("cifar")) return load_cifar(name, folder);
  if (name == "mnist") return load_mnist_like(name, digit_names(), folder);
  return load_mnist_like(name,
                         {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt",
                          "Sneaker", "Bag", "Ankle boot"},
                         folder);
}

}  // namespace nacre::data
