#include "nacre/io/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "nacre/base/error.h"
#include "nacre/base/threads.h"
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

// What needs no conversion is copied by copy_blocks.
bool is_copied(const HeaderEntry& e) {
  return e.type->bytes == size_of(e.type->dtype) && e.type->dtype != boolean;
}

// Copies the entries' bytes to their tensors and hashes all of the data, block by block: memory is
// read once for both, and the threads share the blocks. `entries` follow each other without a hole.
std::uint64_t copy_blocks(const std::vector<HeaderEntry>& entries, NamedTensors& tensors,
                          Bytes data, bool hashed) {
  constexpr std::size_t kBlock = BlockHash64::kBlock;
  std::vector<std::uint64_t> hashes((data.size() + kBlock - 1) / kBlock);
  std::vector<std::byte*> to;  // addresses are asked for here: it is no matter for threads
  for (NamedTensor& t : tensors) to.push_back(static_cast<std::byte*>(t.tensor.raw_mutable_data()));
  const auto blocks = static_cast<std::int64_t>(hashes.size());
  parallel_for(threads(), blocks, 1, [&](std::int64_t first, std::int64_t last) {
    for (auto b = static_cast<std::size_t>(first); b < static_cast<std::size_t>(last); ++b) {
      const std::size_t begin = b * kBlock;
      const std::size_t end = std::min(begin + kBlock, data.size());
      if (hashed) hashes[b] = xxhash64(data.subspan(begin, end - begin));
      const auto from = std::partition_point(entries.begin(), entries.end(),
                                             [&](const HeaderEntry& e) { return e.end <= begin; });
      for (auto e = from; e != entries.end() && e->begin < end; ++e) {
        const std::size_t low = std::max<std::size_t>(begin, e->begin);
        const std::size_t high = std::min<std::size_t>(end, e->end);
        if (low >= high || !is_copied(*e)) continue;
        const auto place = static_cast<std::size_t>(e - entries.begin());
        std::memcpy(to[place] + (low - e->begin), data.data() + low, high - low);
      }
    }
  });
  return BlockHash64::of_blocks(hashes);
}

void convert(const HeaderEntry& e, const std::byte* data, Tensor& out) {
  data += e.begin;
  if (e.type->name == "I16") {
    widen<std::int16_t, std::int32_t>(data, out);
  } else if (e.type->name == "U16") {
    widen<std::uint16_t, std::int32_t>(data, out);
  } else if (e.type->name == "U32") {
    widen<std::uint32_t, std::int64_t>(data, out);
  } else if (e.type->name == "BOOL") {
    // Any byte but 0 is true; as a C++ bool only 0 and 1 may be stored.
    auto* to = static_cast<unsigned char*>(out.raw_mutable_data());
    for (std::size_t i = 0; i < e.end - e.begin; ++i) to[i] = data[i] != std::byte{0};
  }
}

// Files of other programs have no digest. Throws IoError when there is one of another kind, too: it
// was damaged itself, or is from a newer program.
void verify(const Header& header, std::uint64_t data_hash, const std::string& name) {
  if (header.digest.empty() ||
      digest_of(data_hash, header.metadata, header.entries) == header.digest) {
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

const NamedTensors& on_host(const NamedTensors& tensors, NamedTensors& copies) {
  const auto is_here = [](const NamedTensor& t) { return t.tensor.buffer().host_reads(); };
  if (std::all_of(tensors.begin(), tensors.end(), is_here)) return tensors;
  Tensors all;
  for (const NamedTensor& t : tensors) all.push_back(t.tensor);
  all = nacre::on_host(all);
  copies.clear();
  for (std::size_t i = 0; i < all.size(); ++i) copies.push_back({tensors[i].name, all[i]});
  return copies;
}

void save_safetensors(const std::filesystem::path& path, const NamedTensors& given,
                      const Metadata& metadata) {
  NamedTensors copies;
  const NamedTensors& tensors = on_host(given, copies);
  std::vector<const NamedTensor*> order;
  const std::string header = make_header(tensors, metadata, order);
  AtomicFile file(path);
  file.write(header);
  for (const NamedTensor* t : order) file.write(t->tensor.raw_data(), t->tensor.spec().bytes());
  file.commit();
}

std::string safetensors_bytes(const NamedTensors& given, const Metadata& metadata) {
  NamedTensors copies;
  const NamedTensors& tensors = on_host(given, copies);
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
  for (const HeaderEntry& e : header.entries) {
    out.tensors.push_back({e.name, Tensor({e.type->dtype, e.shape})});
  }
  const Bytes data = bytes.subspan(header.data_begin);
  verify(header, copy_blocks(header.entries, out.tensors, data, !header.digest.empty()), name);
  for (std::size_t i = 0; i < header.entries.size(); ++i) {
    const HeaderEntry& e = header.entries[i];
    if (!is_copied(e)) convert(e, data.data(), out.tensors[i].tensor);
  }
  out.metadata = std::move(header.metadata);
  return out;
}

Metadata load_safetensors_metadata(const std::filesystem::path& path) {
  const MappedFile file(path);
  return read_header(file.bytes(), path.string()).metadata;
}

}  // namespace nacre::io
