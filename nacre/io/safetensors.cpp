#include "nacre/io/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "nacre/base/error.h"
#include "nacre/base/xxhash.h"
#include "nacre/io/safetensors_header.h"

namespace nacre::io {
namespace {

template <class From, class To>
void widen(const std::byte* from, Tensor& out) {
  for (To& v : out.mutable_data<To>()) {
    From x;
    std::memcpy(&x, from, sizeof x);
    from += sizeof x;
    v = x;
  }
}

// Copies and adds to the digest, a piece of the cache at a time: memory is read once for both.
void copy_hashed(void* to, const std::byte* from, std::size_t size, XxHash64& digest) {
  constexpr std::size_t kPiece = std::size_t{256} << 10;
  auto* out = static_cast<std::byte*>(to);
  for (std::size_t at = 0; at < size; at += kPiece) {
    const std::size_t n = std::min(kPiece, size - at);
    digest.update(Bytes(from + at, n));
    std::memcpy(out + at, from + at, n);
  }
}

Tensor read_tensor(const HeaderEntry& e, const std::byte* data, XxHash64& digest) {
  Tensor out({e.type->dtype, e.shape});
  data += e.begin;
  const std::size_t size = e.end - e.begin;
  const bool copied = e.type->bytes == size_of(e.type->dtype) && e.type->dtype != boolean;
  if (copied) {
    if (size > 0) copy_hashed(out.raw_mutable_data(), data, size, digest);
    return out;
  }
  digest.update(Bytes(data, size));
  if (e.type->name == "I16") {
    widen<std::int16_t, std::int32_t>(data, out);
  } else if (e.type->name == "U16") {
    widen<std::uint16_t, std::int32_t>(data, out);
  } else if (e.type->name == "U32") {
    widen<std::uint32_t, std::int64_t>(data, out);
  } else if (e.type->name == "BOOL") {
    // Any byte but 0 is true; as a C++ bool only 0 and 1 may be stored.
    auto* to = static_cast<unsigned char*>(out.raw_mutable_data());
    for (std::size_t i = 0; i < size; ++i) to[i] = data[i] != std::byte{0};
  }
  return out;
}

// Files of other programs have no digest. Throws IoError when there is one of another kind, too: it
// was damaged itself, or is from a newer program.
void verify(const Header& header, const XxHash64& data, const std::string& name) {
  if (header.digest.empty() ||
      digest_of(data.value(), header.metadata, header.entries) == header.digest) {
    return;
  }
  throw_io(name, "its contents do not fit its checksum",
           "the file is damaged: take a copy or train again; if another program has changed it on "
           "purpose, it has to leave out the metadata \"nacre.digest\"");
}

}  // namespace

const Tensor* TensorFile::find(std::string_view name) const {
  for (const NamedTensor& t : tensors) {
    if (t.name == name) return &t.tensor;
  }
  return nullptr;
}

const Tensor& TensorFile::at(std::string_view name) const {
  if (const Tensor* found = find(name)) return *found;
  std::string names;
  for (std::size_t i = 0; i < std::min<std::size_t>(tensors.size(), 12); ++i) {
    names += (i ? ", " : "it holds ") + tensors[i].name;
  }
  if (tensors.size() > 12) names += fmt::format(" and {} more", tensors.size() - 12);
  throw_io(source, fmt::format("no tensor is called \"{}\"", name), names);
}

void save_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                      const Metadata& metadata) {
  std::vector<const NamedTensor*> order;
  const std::string header = make_header(tensors, metadata, order);
  AtomicFile file(path);
  file.write(header);
  for (const NamedTensor* t : order) file.write(t->tensor.raw_data(), t->tensor.spec().bytes());
  file.commit();
}

std::string safetensors_bytes(const NamedTensors& tensors, const Metadata& metadata) {
  std::vector<const NamedTensor*> order;
  std::string out = make_header(tensors, metadata, order);
  for (const NamedTensor* t : order) {
    out.append(static_cast<const char*>(t->tensor.raw_data()), t->tensor.spec().bytes());
  }
  return out;
}

TensorFile load_safetensors(const std::filesystem::path& path) {
  const MappedFile file(path);
  return parse_safetensors(file.bytes(), path.string());
}

TensorFile parse_safetensors(Bytes bytes, const std::string& name) {
  Header header = read_header(bytes, name);
  TensorFile out;
  out.source = name;
  XxHash64 digest;  // the entries follow each other without a hole
  for (const HeaderEntry& e : header.entries) {
    out.tensors.push_back({e.name, read_tensor(e, bytes.data() + header.data_begin, digest)});
  }
  verify(header, digest, name);
  out.metadata = std::move(header.metadata);
  return out;
}

Metadata load_safetensors_metadata(const std::filesystem::path& path) {
  const MappedFile file(path);
  return read_header(file.bytes(), path.string()).metadata;
}

}  // namespace nacre::io
