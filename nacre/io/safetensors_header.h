// The JSON header of a safetensors file, read and written; used by io/safetensors.cpp alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nacre/io/safetensors.h"

namespace nacre::io {

// A type of the format and the dtype it becomes.
struct FileType {
  std::string_view name;
  std::size_t bytes;
  DType dtype;
};

// A tensor of a header.
struct HeaderEntry {
  std::string name;
  const FileType* type = nullptr;
  Shape shape;
  std::uint64_t begin = 0;  // in the data
  std::uint64_t end = 0;
};

struct Header {
  std::vector<HeaderEntry> entries;  // by offset
  Metadata metadata;                 // without the digest
  std::string digest;                // "" when the file has none
  std::size_t data_begin = 0;        // in the file
};

// Reads length, header and nothing of the data. Throws IoError as load_safetensors says.
Header read_header(Bytes file, const std::string& name);

// Length and header, padded so that the data begins at a multiple of 8; `order` gets the order of
// the data: wider types first, so that every tensor is aligned. Throws ValueError for names that
// are empty, taken twice, reserved or not UTF-8, and for a header longer than read_header takes.
std::string make_header(const NamedTensors& tensors, const Metadata& metadata,
                        std::vector<const NamedTensor*>& order);

// The digest over data (its hash is given), metadata and entries, whatever their order in the
// header, so that a program which writes the same contents in its own way keeps it.
std::string digest_of(std::uint64_t data_hash, const Metadata& metadata,
                      const std::vector<HeaderEntry>& entries);

}  // namespace nacre::io
