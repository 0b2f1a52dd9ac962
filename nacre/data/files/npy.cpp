#include "nacre/data/files/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "nacre/base/error.h"
#include "nacre/data/files/zip.h"

namespace nacre::data {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

// A reader of the header's Python dictionary literal, such as
// {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
class Literal {
 public:
  Literal(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  [[noreturn]] void fail(const std::string& what) const {
    throw_io(file_, fmt::format("its NPY header is damaged at character {}: {}", at_, what));
  }
  bool accept(char c) {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(fmt::format("'{}' expected", c));
  }
  std::string text() {
    const char quote = accept('"') ? '"' : '\'';
    if (quote == '\'') expect('\'');
    const auto end = text_.find(quote, at_);
    if (end == text_.npos) fail("a text without end");
    std::string out(text_.substr(at_, end - at_));
    at_ = end + 1;
    return out;
  }
  bool truth() {
    accept(' ');
    for (const std::string_view word : {"True", "False"}) {
      if (text_.substr(std::min(at_, text_.size()), word.size()) == word) {
        at_ += word.size();
        return word == "True";
      }
    }
    fail("True or False expected");
  }
  std::vector<std::int64_t> numbers() {
    std::vector<std::int64_t> out;
    expect('(');
    while (!accept(')')) {
      std::int64_t value = 0;
      const char* begin = text_.data() + at_;
      const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
      if (error != std::errc() || value < 0) fail("a size expected");
      at_ += static_cast<std::size_t>(end - begin);
      accept('L');  // Python 2 wrote long numbers so
      out.push_back(value);
      if (out.size() > 64) fail("too many dimensions");
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return out;
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  const std::string& file_;
};

struct Header {
  std::string type;
  bool fortran = false;
  std::vector<std::int64_t> shape;
  std::size_t data = 0;
};

Header read_header(Bytes bytes, const std::string& file) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with(kMagic) || text.size() < 10) {
    throw_io(file, "not an NPY file: it should begin with \\x93NUMPY");
  }
  const int version = static_cast<unsigned char>(text[6]);
  if (version < 1 || version > 3) throw_io(file, fmt::format("NPY version {}, 1-3 known", version));
  const std::size_t length_bytes = version == 1 ? 2 : 4;
  if (text.size() < 8 + length_bytes) throw_io(file, "its NPY header is cut off");
  std::size_t length = 0;
  for (std::size_t i = 0; i < length_bytes; ++i) {
    length |= std::size_t{static_cast<unsigned char>(text[8 + i])} << (8 * i);
  }
  Header header;
  header.data = 8 + length_bytes + length;
  if (header.data > text.size()) {
    throw_io(file, fmt::format("an NPY header of {} bytes is promised, {} are there", length,
                               text.size() - 8 - length_bytes));
  }
  Literal literal(text.substr(8 + length_bytes, length), file);
  bool seen[3] = {};
  literal.expect('{');
  while (!literal.accept('}')) {
    const std::string key = literal.text();
    literal.expect(':');
    if (key == "descr") {
      if (literal.accept('[')) {
        throw_io(file, "it holds records of several fields", "save each field as an array");
      }
      header.type = literal.text();
      seen[0] = true;
    } else if (key == "fortran_order") {
      header.fortran = literal.truth();
      seen[1] = true;
    } else if (key == "shape") {
      header.shape = literal.numbers();
      seen[2] = true;
    } else {
      literal.fail(fmt::format("the key \"{}\"", key));
    }
    if (!literal.accept(',')) {
      literal.expect('}');
      break;
    }
  }
  if (!seen[0] || !seen[1] || !seen[2]) literal.fail("descr, fortran_order and shape expected");
  return header;
}

template <class From>
From load(const std::byte* p, bool swap) {
  std::byte raw[sizeof(From)];
  std::memcpy(raw, p, sizeof raw);
  if (swap) std::reverse(raw, raw + sizeof raw);
  From out;
  std::memcpy(&out, raw, sizeof out);
  return out;
}

// The row-major place of each element of a column-major array, one after the other.
template <class F>
void each_fortran(const Shape& shape, F&& f) {
  const auto strides = row_major_strides(shape);
  std::vector<std::int64_t> index(static_cast<std::size_t>(shape.rank()));
  std::int64_t at = 0;
  for (std::int64_t k = 0; k < shape.elements(); ++k) {
    f(static_cast<std::size_t>(at));
    for (int axis = 0; axis < shape.rank(); ++axis) {
      const auto a = static_cast<std::size_t>(axis);
      at += strides[a];
      if (++index[a] < shape[axis]) break;
      at -= strides[a] * shape[axis];
      index[a] = 0;
    }
  }
}

template <class From, class To>
Tensor convert(const Header& header, const Shape& shape, Bytes data, const std::string& file) {
  const bool swap = header.type[0] == '>';
  Tensor out({dtype_of<To>(), shape});
  const auto to = out.mutable_data<To>();
  const std::byte* from = data.data();
  const auto put = [&](std::size_t place) {
    const auto value = load<From>(from, swap);
    from += sizeof(From);
    if constexpr (std::is_same_v<From, std::uint64_t>) {
      if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        throw_io(file, fmt::format("the value {} does not fit into i64", value));
      }
    }
    if constexpr (std::is_same_v<To, bool>) {
      to[place] = value != 0;
    } else if constexpr (std::is_same_v<To, float16>) {
      to[place].bits = value;
    } else {
      to[place] = static_cast<To>(value);
    }
  };
  if (header.fortran) {
    each_fortran(shape, put);
  } else {
    for (std::size_t i = 0; i < to.size(); ++i) put(i);
  }
  return out;
}

struct Type {
  std::string_view name;
  std::size_t bytes;
  Tensor (*convert)(const Header&, const Shape&, Bytes, const std::string&);
};
constexpr Type kTypes[] = {
    {"b1", 1, convert<std::uint8_t, bool>},
    {"i1", 1, convert<std::int8_t, std::int8_t>},
    {"u1", 1, convert<std::uint8_t, std::uint8_t>},
    {"i2", 2, convert<std::int16_t, std::int32_t>},
    {"u2", 2, convert<std::uint16_t, std::int32_t>},
    {"i4", 4, convert<std::int32_t, std::int32_t>},
    {"u4", 4, convert<std::uint32_t, std::int64_t>},
    {"i8", 8, convert<std::int64_t, std::int64_t>},
    {"u8", 8, convert<std::uint64_t, std::int64_t>},
    {"f2", 2, convert<std::uint16_t, float16>},
    {"f4", 4, convert<float, float>},
    {"f8", 8, convert<double, double>},
};

}  // namespace

Tensor read_npy(const std::filesystem::path& path) {
  const MappedFile file(path);
  return parse_npy(file.bytes(), path.string());
}

Tensor parse_npy(Bytes bytes, const std::string& name) {
  const Header header = read_header(bytes, name);
  const Type* type = nullptr;
  const bool known_order = !header.type.empty() && std::strchr("<>|=", header.type[0]);
  for (const Type& t : kTypes) {
    if (known_order && std::string_view(header.type).substr(1) == t.name) type = &t;
  }
  if (!type) {
    throw_io(name, fmt::format("elements of NumPy type \"{}\"", header.type),
             "booleans, integers and floats of 2, 4 and 8 bytes are known: convert with astype()");
  }
  if (header.shape.size() > kMaxRank) {
    throw_io(name, fmt::format("rank {}, at most {} here", header.shape.size(), kMaxRank));
  }
  std::uint64_t count = 1;
  std::uint64_t bound = 1;  // the product without zeros, which a Shape must be able to hold
  for (const std::int64_t d : header.shape) {
    const auto size = static_cast<std::uint64_t>(d);
    if (__builtin_mul_overflow(bound, std::max<std::uint64_t>(size, 1), &bound) ||
        bound > (std::uint64_t{1} << 56)) {
      throw_io(name, "its shape multiplies to more than any file can hold");
    }
    count *= size;
  }
  const Bytes data = bytes.subspan(header.data);
  const Shape shape(header.shape);
  if (data.size() != count * type->bytes) {
    throw_io(name, fmt::format("{} of type {} needs {} bytes, {} are there", to_string(shape),
                               header.type, count * type->bytes, data.size()));
  }
  return type->convert(header, shape, data, name);
}

void expect_finite(const Tensor& values, const std::string& name) {
  if (!is_floating(values.dtype())) return;
  const std::vector<double> all = values.to_vector<double>();
  const auto bad = std::find_if(all.begin(), all.end(), [](double v) { return !std::isfinite(v); });
  if (bad == all.end()) return;
  const std::int64_t rows = values.rank() == 0 ? 1 : values.size(0);
  const std::int64_t width = values.elements() / rows;
  const std::int64_t row = (bad - all.begin()) / width;
  std::int64_t rest = (bad - all.begin()) % width;
  std::string place;
  if (values.rank() == 2) place = fmt::format(", column {}", rest + 1);
  if (values.rank() > 2) {
    for (int axis = values.rank() - 1; axis > 0; --axis) {
      place = fmt::format("{}{}", rest % values.size(axis), place.empty() ? "" : ", " + place);
      rest /= values.size(axis);
    }
    place = fmt::format(", place [{}]", place);
  }
  throw_io(name, fmt::format("row {}{}: {} is not finite", row + 1, place, *bad),
           "correct it, or leave that row out");
}

std::string npy_bytes(const Tensor& tensor) {
  constexpr const char* names[] = {"<f4", "<f8", "", "<f2", "|i1", "|u1", "<i4", "<i8", "|b1"};
  const std::string type = names[static_cast<int>(tensor.dtype())];
  if (type.empty()) throw DTypeError("write_npy: NumPy has no bf16; convert with to(f32)");
  std::string shape;
  for (const std::int64_t d : tensor.shape()) shape += std::to_string(d) + ", ";
  if (tensor.rank() > 1) shape.resize(shape.size() - 2);
  if (tensor.rank() == 1) shape.pop_back();
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", type, shape);
  while ((kMagic.size() + 4 + header.size() + 1) % 64 != 0) header.push_back(' ');
  header.push_back('\n');
  std::string out(kMagic);
  out +=
      {'\1', '\0', static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
  out += header;
  const Tensor here = tensor.on_host();
  out.append(static_cast<const char*>(here.raw_data()), here.spec().bytes());
  return out;
}

void write_npy(const std::filesystem::path& path, const Tensor& tensor) {
  write_file(path, npy_bytes(tensor));
}

std::map<std::string, Tensor> read_npz(const std::filesystem::path& path) {
  const MappedFile file(path);
  return parse_npz(file.bytes(), path.string());
}

std::map<std::string, Tensor> parse_npz(Bytes bytes, const std::string& name) {
  std::map<std::string, Tensor> out;
  for (const ZipEntry& entry : read_zip(bytes, name)) {
    std::string key = entry.name;
    if (key.ends_with(".npy")) key.resize(key.size() - 4);
    Tensor array = parse_npy(bytes_of(entry.contents), name + ": " + entry.name);
    if (!out.emplace(key, std::move(array)).second) {
      throw_io(name, fmt::format("the array \"{}\" is there twice", key));
    }
  }
  return out;
}

void write_npz(const std::filesystem::path& path, const std::map<std::string, Tensor>& arrays,
               bool compress) {
  std::vector<ZipEntry> entries;
  for (const auto& [name, tensor] : arrays) entries.push_back({name + ".npy", npy_bytes(tensor)});
  write_file(path, zip_of(entries, compress));
}

}  // namespace nacre::data
