#include "nacre/io/safetensors_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "nacre/base/error.h"
#include "nacre/base/utf8.h"
#include "nacre/base/xxhash.h"

namespace nacre::io {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kMaxHeader = 100'000'000;  // the reference implementation's bound
constexpr const char* kMetadata = "__metadata__";
constexpr const char* kDigest = "nacre.digest";

const char* format_name(DType dtype) {
  constexpr const char* names[] = {"F32", "F64", "BF16", "F16", "I8", "U8", "I32", "I64", "BOOL"};
  return names[static_cast<int>(dtype)];
}

constexpr FileType kTypes[] = {{"F32", 4, f32}, {"F64", 8, f64}, {"BF16", 2, bf16},
                               {"F16", 2, f16}, {"I8", 1, i8},   {"U8", 1, u8},
                               {"I32", 4, i32}, {"I64", 8, i64}, {"BOOL", 1, boolean},
                               {"I16", 2, i32}, {"U16", 2, i32}, {"U32", 4, i64}};

constexpr std::uint64_t kMostElements = std::uint64_t{1} << 60;

// What the header says of one tensor, before it is checked.
struct Claim {
  std::string dtype;
  std::vector<std::uint64_t> shape, offsets;
  bool has_dtype = false, has_shape = false, has_offsets = false;
};

HeaderEntry entry_of(const std::string& file, const std::string& name, const Claim& claim,
                     std::uint64_t data_bytes) {
  const auto fail = [&](const std::string& what) {
    throw_io(file, fmt::format("tensor \"{}\": {}", name, what));
  };
  if (!claim.has_dtype || !claim.has_shape || !claim.has_offsets) {
    fail("its header entry needs dtype, shape and data_offsets");
  }
  HeaderEntry entry;
  entry.name = name;
  for (const FileType& t : kTypes) {
    if (t.name == claim.dtype) entry.type = &t;
  }
  if (!entry.type) fail(fmt::format("the type {} has no counterpart here", claim.dtype));
  if (claim.shape.size() > kMaxRank) {
    fail(fmt::format("rank {}, at most {} here", claim.shape.size(), kMaxRank));
  }
  std::uint64_t elements = 1;
  std::uint64_t bound = 1;  // the product without zeros, which a Shape must be able to hold
  std::vector<std::int64_t> dims;
  for (const std::uint64_t size : claim.shape) {
    if (size > kMostElements ||
        __builtin_mul_overflow(bound, std::max<std::uint64_t>(size, 1), &bound) ||
        bound > kMostElements) {
      fail("a dimension of its shape is not a whole number or too large");
    }
    elements *= size;
    dims.push_back(static_cast<std::int64_t>(size));
  }
  if (claim.offsets.size() != 2 || claim.offsets[0] > claim.offsets[1]) {
    fail("its data_offsets are not two rising whole numbers");
  }
  entry.begin = claim.offsets[0];
  entry.end = claim.offsets[1];
  if (entry.end > data_bytes) {
    fail(fmt::format("it ends at byte {} of the data, which has {} bytes", entry.end, data_bytes));
  }
  entry.shape = Shape(dims);
  if (entry.end - entry.begin != elements * entry.type->bytes) {
    fail(fmt::format("{}{} needs {} bytes, its offsets span {}", claim.dtype,
                     to_string(entry.shape), elements * entry.type->bytes,
                     entry.end - entry.begin));
  }
  return entry;
}

// Takes the header as it is parsed. As a tree, a million tensors would take a thousand times a
// million bytes; and the library's own ways to notice equal keys look through all others.
class HeaderReader : public nlohmann::json_sax<Json> {
 public:
  HeaderReader(Header& out, const std::string& file, std::uint64_t data_bytes)
      : out_(out), file_(file), data_bytes_(data_bytes) {}

  bool null() override { return other(); }
  bool boolean(bool) override { return other(); }
  bool number_integer(number_integer_t) override { return other(); }
  bool number_float(number_float_t, const string_t&) override { return other(); }
  bool binary(binary_t&) override { return other(); }
  bool number_unsigned(number_unsigned_t value) override {
    if (!list_) return other();
    constexpr std::size_t kEnough = 64;  // more than any rank; the rest only counts as too many
    if (list_->size() < kEnough) list_->push_back(value);
    return true;
  }
  bool string(string_t& value) override {
    if (depth_ == 2 && in_metadata_) {
      put_metadata(std::move(value));
    } else if (depth_ == 2 && key_ == "dtype") {
      claim_.dtype = std::move(value);
      claim_.has_dtype = true;
    } else {
      return other();
    }
    return true;
  }
  bool key(string_t& value) override {
    if (depth_ == 1) {
      name_ = std::move(value);
      in_metadata_ = name_ == kMetadata;
    } else if (depth_ == 2) {
      key_ = std::move(value);
      const bool again = !in_metadata_ && ((key_ == "dtype" && claim_.has_dtype) ||
                                           (key_ == "shape" && claim_.has_shape) ||
                                           (key_ == "data_offsets" && claim_.has_offsets));
      if (again) fail(fmt::format("its {} is there twice", key_));
    }
    return true;
  }
  bool start_object(std::size_t) override {
    if (depth_ == 1) {
      if (in_metadata_ && seen_metadata_) throw_io(file_, "__metadata__ is there twice");
      seen_metadata_ = seen_metadata_ || in_metadata_;
      claim_ = {};
    } else if (depth_ > 1) {
      other();
    }
    ++depth_;
    return true;
  }
  bool end_object() override {
    if (--depth_ == 1 && !in_metadata_) {
      out_.entries.push_back(entry_of(file_, name_, claim_, data_bytes_));
    }
    return true;
  }
  bool start_array(std::size_t) override {
    if (depth_ == 2 && !in_metadata_ && (key_ == "shape" || key_ == "data_offsets")) {
      const bool shape = key_ == "shape";
      list_ = shape ? &claim_.shape : &claim_.offsets;
      (shape ? claim_.has_shape : claim_.has_offsets) = true;
    } else {
      other();
    }
    ++depth_;
    return true;
  }
  bool end_array() override {
    --depth_;
    list_ = nullptr;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const Json::exception&) override {
    throw_io(file_, fmt::format("its header is not JSON: unexpected at byte {}", 8 + position),
             "the file is damaged or not safetensors");
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw_io(file_, fmt::format("tensor \"{}\": {}", name_, what));
  }
  // A value of a kind that has no place here. Unknown keys of a tensor may hold anything.
  bool other() {
    if (depth_ == 0) throw_io(file_, "its header is not a JSON object");
    if (depth_ == 1 && in_metadata_) throw_io(file_, "__metadata__ is not a JSON object");
    if (depth_ == 1) fail("its header entry needs dtype, shape and data_offsets");
    if (in_metadata_) throw_io(file_, fmt::format("metadata \"{}\" is not a text", key_));
    if (key_ == "dtype") fail("its dtype is not a text");
    if (key_ == "shape") {
      fail(list_ ? "a dimension of its shape is not a whole number or too large"
                 : "its shape is not a list");
    }
    if (key_ == "data_offsets") fail("its data_offsets are not two rising whole numbers");
    return true;
  }
  void put_metadata(std::string value) {
    if (key_ == kDigest) {
      out_.digest = std::move(value);
    } else if (!out_.metadata.emplace(key_, std::move(value)).second) {
      throw_io(file_, fmt::format("metadata \"{}\" is there twice", key_));
    }
  }

  Header& out_;
  const std::string& file_;
  std::uint64_t data_bytes_;
  int depth_ = 0;
  std::string name_, key_;
  bool in_metadata_ = false;
  bool seen_metadata_ = false;
  Claim claim_;
  std::vector<std::uint64_t>* list_ = nullptr;
};

void expect_distinct(const std::vector<HeaderEntry>& entries, const std::string& file) {
  std::vector<std::string_view> names;
  names.reserve(entries.size());
  for (const HeaderEntry& e : entries) names.push_back(e.name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) throw_io(file, fmt::format("tensor \"{}\" is there twice", *twice));
}

std::string quoted(const std::string& text, const char* what) {
  if (!is_utf8(text)) {
    throw ValueError(
        fmt::format("save_safetensors: {} \"{}\" is not UTF-8", what, printable(text)));
  }
  return Json(text).dump();
}

// What makes a header too long, for the error.
std::string largest_part(const NamedTensors& tensors, const Metadata& metadata) {
  std::size_t names = 0;
  for (const NamedTensor& t : tensors) names += t.name.size();
  std::string_view key;
  std::size_t largest = 0;
  for (const auto& [k, value] : metadata) {
    if (value.size() > largest) largest = value.size(), key = k;
  }
  return largest > names ? fmt::format("the metadata \"{}\" alone takes {} bytes", key, largest)
                         : fmt::format("{} tensors with names of {} bytes", tensors.size(), names);
}

}  // namespace

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
  // The parser takes a zero byte for the end, whatever follows.
  if (const std::size_t zero = text.find('\0'); zero != text.npos) {
    cut(fmt::format("byte {} of its header is zero", 8 + zero));
  }
  Header header;
  header.data_begin = 8 + static_cast<std::size_t>(length);
  const std::uint64_t data_bytes = bytes.size() - header.data_begin;
  HeaderReader reader(header, file, data_bytes);
  Json::sax_parse(text.begin(), text.end(), &reader);
  expect_distinct(header.entries, file);
  std::stable_sort(header.entries.begin(), header.entries.end(),
                   [](const HeaderEntry& a, const HeaderEntry& b) {
                     return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
                   });
  std::uint64_t at = 0;
  for (const HeaderEntry& e : header.entries) {
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

std::string make_header(const NamedTensors& tensors, const Metadata& metadata,
                        std::vector<const NamedTensor*>& order) {
  if (metadata.contains(kDigest)) {
    throw ValueError(fmt::format("save_safetensors: the metadata \"{}\" is Nacre's own", kDigest));
  }
  for (const NamedTensor& t : tensors) {
    if (t.name.empty() || t.name == kMetadata) {
      throw ValueError(fmt::format("save_safetensors: the name \"{}\" is not allowed", t.name));
    }
    order.push_back(&t);
  }
  const auto by_name = [](const NamedTensor* a, const NamedTensor* b) { return a->name < b->name; };
  std::vector<const NamedTensor*> sorted = order;
  std::sort(sorted.begin(), sorted.end(), by_name);
  const auto twice = std::adjacent_find(
      sorted.begin(), sorted.end(),
      [](const NamedTensor* a, const NamedTensor* b) { return a->name == b->name; });
  if (twice != sorted.end()) {
    throw ValueError(
        fmt::format("save_safetensors: the name \"{}\" is taken twice", (*twice)->name));
  }
  std::stable_sort(order.begin(), order.end(), [](const NamedTensor* a, const NamedTensor* b) {
    return size_of(a->tensor.dtype()) > size_of(b->tensor.dtype());
  });
  BlockHash64 data;
  std::vector<HeaderEntry> entries;
  std::string list;
  std::uint64_t at = 0;
  for (const NamedTensor* t : order) {
    const Spec& spec = t->tensor.spec();
    const auto type = std::find_if(std::begin(kTypes), std::end(kTypes), [&](const FileType& f) {
      return f.name == format_name(spec.dtype);
    });
    entries.push_back({t->name, type, spec.shape, at, at + spec.bytes()});
    list +=
        fmt::format("{}{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}}",
                    list.empty() ? "" : ",", quoted(t->name, "the name"), type->name,
                    fmt::join(spec.shape.begin(), spec.shape.end(), ","), at, at + spec.bytes());
    data.update(Bytes(static_cast<const std::byte*>(t->tensor.raw_data()), spec.bytes()));
    at += spec.bytes();
  }
  std::string text = fmt::format("{{\"{}\":{{\"{}\":\"{}\"", kMetadata, kDigest,
                                 digest_of(data.value(), metadata, entries));
  for (const auto& [key, value] : metadata) {
    text += fmt::format(",{}:{}", quoted(key, "the metadata's key"), quoted(value, "metadata"));
  }
  text += fmt::format("}}{}{}}}", list.empty() ? "" : ",", list);
  while (text.size() % 8 != 0) text.push_back(' ');
  if (text.size() > kMaxHeader) {
    throw ValueError(format_error(
        {.op = "save_safetensors",
         .what = fmt::format("the header would have {} bytes, readers take at most {}: {}",
                             text.size(), kMaxHeader, largest_part(tensors, metadata)),
         .hint = "fewer class names, a smaller vocabulary, or fewer and shorter tensor names"}));
  }
  std::string out;
  for (int i = 0; i < 8; ++i) {
    out.push_back(static_cast<char>(std::uint64_t{text.size()} >> (8 * i)));
  }
  return out + text;
}

std::string digest_of(std::uint64_t data_hash, const Metadata& metadata,
                      const std::vector<HeaderEntry>& entries) {
  std::uint64_t sum = 0;  // one of hashes, so that the order does not matter
  for (const HeaderEntry& e : entries) {
    sum += xxhash64(fmt::format("{}\n{} {} {}\n{}", e.type->name, e.begin, e.end,
                                fmt::join(e.shape.begin(), e.shape.end(), ","), e.name));
  }
  for (const auto& [key, value] : metadata) {
    sum += xxhash64(fmt::format("{}\n{}\n{}", key.size(), key, value));
  }
  return fmt::format("xxh64-blocks:{:016x}",
                     xxhash64(fmt::format("{:016x}{:016x}", data_hash, sum)));
}

}  // namespace nacre::io
