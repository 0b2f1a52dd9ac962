#include "nacre/data/sets/idx_pictures.h"

#include <fmt/format.h>

#include "nacre/base/error.h"
#include "nacre/data/files/idx.h"
#include "nacre/data/sets/set_row.h"

namespace nacre::data {
namespace {

namespace fs = std::filesystem;

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

}  // namespace

NamedSet load_idx_pictures(const std::string& name, std::vector<std::string> classes,
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

RemoteFile idx_file(const char* file, std::uint64_t bytes, const char* sha256,
                    std::vector<std::string> folders) {
  for (std::string& folder : folders) folder += file;
  return {std::move(folders), file, bytes, sha256, false};
}

std::vector<std::string> idx_witnesses() {
  return {"train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"};
}

}  // namespace nacre::data
