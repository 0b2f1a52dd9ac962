#include "nacre/io/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_set>

#include "nacre/base/error.h"

namespace nacre::io {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kMaxHeader = 100'000'000;  // the reference implementation's bound
constexpr const char* kMetadata = "__metadata__";

const char* format_name(DType dtype) {
  constexpr const char* names[] = {"F32", "F64", "BF16", "F16", "I8", "U8", "I32", "I64", "BOOL"};
  return names[static_cast<int>(dtype)];
}

// A type of the format and the dtype it becomes.
struct FileType {
  std::string_view name;
  std::size_t bytes;
  DType dtype;
};
constexpr FileType kTypes[] = {{"F32", 4, f32}, {"F64", 8, f64}, {"BF16", 2, bf16},
                               {"F16", 2, f16}, {"I8", 1, i8},   {"U8", 1, u8},
                               {"I32", 4, i32}, {"I64", 8, i64}, {"BOOL", 1, boolean},
                               {"I16", 2, i32}, {"U16", 2, i32}, {"U32", 4, i64}};

struct Entry {
  std::string name;
  const FileType* type = nullptr;
  Shape shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

struct Header {
  std::vector<Entry> entries;  // by offset
  Metadata metadata;
  std::size_t data_begin = 0;
};

// A non-negative whole number of JSON, or nothing.
bool read_count(const Json& value, std::uint64_t& out) {
  if (!value.is_number_integer()) return false;
  if (value.is_number_unsigned()) {
    out = value.get<std::uint64_t>();
    return true;
  }
  return false;
}

Entry read_entry(const std::string& file, const std::string& name, const Json& value,
                 std::uint64_t data_bytes) {
  const auto fail = [&](const std::string& what) {
    throw_io(file, fmt::format("tensor \"{}\": {}", name, what));
  };
  if (!value.is_object() || !value.contains("dtype") || !value.contains("shape") ||
      !value.contains("data_offsets")) {
    fail("its header entry needs dtype, shape and data_offsets");
  }
  Entry entry;
  entry.name = name;
  if (!value["dtype"].is_string()) fail("its dtype is not a text");
  const auto dtype = value["dtype"].get<std::string>();
  for (const FileType& t : kTypes) {
    if (t.name == dtype) entry.type = &t;
  }
  if (!entry.type) fail(fmt::format("the type {} has no counterpart here", dtype));
  const Json& shape = value["shape"];
  if (!shape.is_array()) fail("its shape is not a list");
  if (shape.size() > kMaxRank)
    fail(fmt::format("rank {}, at most {} here", shape.size(), kMaxRank));
  std::uint64_t elements = 1;
  std::uint64_t bound = 1;  // the product without zeros, which a Shape must be able to hold
  std::vector<std::int64_t> dims;
  for (const Json& d : shape) {
    std::uint64_t size = 0;
    if (!read_count(d, size) || size > (std::uint64_t{1} << 60) ||
        __builtin_mul_overflow(bound, std::max<std::uint64_t>(size, 1), &bound) ||
        bound > (std::uint64_t{1} << 60)) {
      fail("a dimension of its shape is not a whole number or too large");
    }
    elements *= size;
    dims.push_back(static_cast<std::int64_t>(size));
  }
  const Json& offsets = value["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2 || !read_count(offsets[0], entry.begin) ||
      !read_count(offsets[1], entry.end) || entry.begin > entry.end) {
    fail("its data_offsets are not two rising whole numbers");
  }
  if (entry.end > data_bytes) {
    fail(fmt::format("it ends at byte {} of the data, which has {} bytes", entry.end, data_bytes));
  }
  entry.shape = Shape(dims);
  if (entry.end - entry.begin != elements * entry.type->bytes) {
    fail(fmt::format("{}{} needs {} bytes, its offsets span {}", dtype, to_string(entry.shape),
                     elements * entry.type->bytes, entry.end - entry.begin));
  }
  return entry;
}

Json parse_header(std::string_view text, const std::string& file) {
  // The parser keeps the last of equal keys; the format forbids them, so they are noticed here.
  std::unordered_set<std::string> seen;
  std::string twice;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::key && depth == 1 &&
        !seen.insert(parsed.get<std::string>()).second) {
      twice = parsed.get<std::string>();
    }
    return true;
  };
  Json header;
  try {
    header = Json::parse(text, watch);
  } catch (const Json::exception& e) {
    throw_io(file, fmt::format("its header is not JSON: {}", e.what()));
  }
  if (!twice.empty()) throw_io(file, fmt::format("tensor \"{}\" is there twice", twice));
  if (!header.is_object()) throw_io(file, "its header is not a JSON object");
  return header;
}

Header read_header(Bytes bytes, const std::string& file) {
  const auto cut = [&](const std::string& what) {
    throw_io(file, what, "the file is cut off or not safetensors");
  };
  if (bytes.size() < 8) cut(fmt::format("{} bytes, at least 8 expected", bytes.size()));
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    length |= std::uint64_t{std::to_integer<std::uint8_t>(bytes[i])} << (8 * i);
  }
  if (length > kMaxHeader || length > bytes.size() - 8) {
    cut(fmt::format("a header of {} bytes is promised, {} bytes follow", length, bytes.size() - 8));
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + 8, length);
  if (text.empty() || text[0] != '{') cut("byte 8: '{' expected");
  Header header;
  header.data_begin = 8 + static_cast<std::size_t>(length);
  const std::uint64_t data_bytes = bytes.size() - header.data_begin;
  const Json json = parse_header(text, file);
  for (const auto& [name, value] : json.items()) {
    if (name != kMetadata) {
      header.entries.push_back(read_entry(file, name, value, data_bytes));
      continue;
    }
    if (!value.is_object()) throw_io(file, "__metadata__ is not a JSON object");
    for (const auto& [key, entry] : value.items()) {
      if (!entry.is_string()) throw_io(file, fmt::format("metadata \"{}\" is not a text", key));
      header.metadata[key] = entry.get<std::string>();
    }
  }
  std::stable_sort(header.entries.begin(), header.entries.end(),
                   [](const Entry& a, const Entry& b) {
                     return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
                   });
  std::uint64_t at = 0;
  for (const Entry& e : header.entries) {
    if (e.begin != at) {
      throw_io(file, fmt::format("tensor \"{}\" begins at byte {} of the data, {} expected: there "
                                 "is a hole or an overlap",
                                 e.name, e.begin, at));
    }
    at = e.end;
  }
  if (at != data_bytes) {
    throw_io(file, fmt::format("the tensors take {} bytes, the data has {}", at, data_bytes));
  }
  return header;
}

template <class From, class To>
void widen(const std::byte* from, Tensor& out) {
  for (To& v : out.mutable_data<To>()) {
    From x;
    std::memcpy(&x, from, sizeof x);
    from += sizeof x;
    v = x;
  }
}

Tensor read_tensor(const Entry& e, const std::byte* data) {
  Tensor out({e.type->dtype, e.shape});
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
    for (std::uint64_t i = 0; i < e.end - e.begin; ++i) to[i] = data[i] != std::byte{0};
  } else if (e.end > e.begin) {
    std::memcpy(out.raw_mutable_data(), data, e.end - e.begin);
  }
  return out;
}

// The header, padded so that the data begins at a multiple of 8, and the order of the data:
// wider types first, so that every tensor is aligned.
std::string make_header(const NamedTensors& tensors, const Metadata& metadata,
                        std::vector<const NamedTensor*>& order) {
  std::set<std::string_view> names;
  for (const NamedTensor& t : tensors) {
    if (t.name.empty() || t.name == kMetadata || !names.insert(t.name).second) {
      throw ValueError(
          fmt::format("save_safetensors: the name \"{}\" is {}", t.name,
                      t.name.empty() || t.name == kMetadata ? "not allowed" : "taken twice"));
    }
    order.push_back(&t);
  }
  std::stable_sort(order.begin(), order.end(), [](const NamedTensor* a, const NamedTensor* b) {
    return size_of(a->tensor.dtype()) > size_of(b->tensor.dtype());
  });
  Json header = Json::object();
  if (!metadata.empty()) header[kMetadata] = metadata;
  std::uint64_t at = 0;
  for (const NamedTensor* t : order) {
    const Spec& spec = t->tensor.spec();
    header[t->name] = {{"dtype", format_name(spec.dtype)},
                       {"shape", spec.shape.to_vector()},
                       {"data_offsets", {at, at + spec.bytes()}}};
    at += spec.bytes();
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const Json::exception& e) {
    throw ValueError(
        fmt::format("save_safetensors: names and metadata must be UTF-8: {}", e.what()));
  }
  while (text.size() % 8 != 0) text.push_back(' ');
  std::string out;
  for (int i = 0; i < 8; ++i) {
    out.push_back(static_cast<char>(std::uint64_t{text.size()} >> (8 * i)));
  }
  return out + text;
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
  out.metadata = std::move(header.metadata);
  for (const Entry& e : header.entries) {
    out.tensors.push_back({e.name, read_tensor(e, bytes.data() + header.data_begin)});
  }
  return out;
}

Metadata load_safetensors_metadata(const std::filesystem::path& path) {
  const MappedFile file(path);
  return read_header(file.bytes(), path.string()).metadata;
}

}  // namespace nacre::io
