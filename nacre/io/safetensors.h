// The safetensors format (https://huggingface.co/docs/safetensors): an 8-byte little-endian header
// length, a JSON header of names, dtypes, shapes and offsets, then the tensors' bytes. Files
// written here carry a digest of all contents in the metadata "nacre.digest", which is checked and
// taken out when they are read; other programs see one more text.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "nacre/base/file.h"
#include "nacre/tensor/tensor.h"

namespace nacre::io {

struct NamedTensor {
  std::string name;  // "conv1.weight"
  Tensor tensor;
};
using NamedTensors = std::vector<NamedTensor>;
// The same in memory that the host may read: these where they are, else `copies`, which is filled.
const NamedTensors& on_host(const NamedTensors& tensors, NamedTensors& copies);
// Free texts beside the tensors; names and values are UTF-8.
using Metadata = std::map<std::string, std::string>;

struct TensorFile {
  NamedTensors tensors;  // in the order of the file
  Metadata metadata;
  std::string source;  // the file's name, for errors

  // nullptr when there is none of that name.
  const Tensor* find(std::string_view name) const;
  // Throws IoError naming the file and the nearest name.
  const Tensor& at(std::string_view name) const;
};

// Replaces the file atomically. Throws ValueError on a name that is empty, taken twice or
// "__metadata__", on texts that are not UTF-8, and when names and metadata together are longer than
// any reader takes (100 MB); IoError when it cannot be written.
void save_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                      const Metadata& metadata = {});
// The bytes of such a file.
std::string safetensors_bytes(const NamedTensors& tensors, const Metadata& metadata = {});

// Reads a whole file. The types I16 and U16 are widened to i32, U32 to i64. Throws IoError naming
// the file and tensor when anything is not as the format says: header, offsets with holes or
// overlaps, sizes, names taken twice, types that have no dtype here, or the digest does not fit.
TensorFile load_safetensors(const std::filesystem::path& path);
TensorFile parse_safetensors(Bytes bytes, const std::string& name);
// Only the metadata, without reading the tensors or checking the digest.
Metadata load_safetensors_metadata(const std::filesystem::path& path);

}  // namespace nacre::io
