#include "nacre/data/files/idx.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "nacre/base/error.h"
#include "nacre/base/shape.h"

namespace nacre::data {
namespace {

struct ElementType {
  unsigned char code;
  std::size_t bytes;
  DType dtype;
};
constexpr ElementType kTypes[] = {{0x08, 1, u8},  {0x09, 1, i8},  {0x0b, 2, i32},
                                  {0x0c, 4, i32}, {0x0d, 4, f32}, {0x0e, 8, f64}};

void swap_bytes(void* data, std::size_t bytes, std::size_t count) {
  auto* p = static_cast<unsigned char*>(data);
  for (std::size_t i = 0; i < count; ++i, p += bytes) std::reverse(p, p + bytes);
}

}  // namespace

Tensor read_idx(const std::filesystem::path& path) {
  Input input(path);
  return read_idx(input);
}

Tensor read_idx(Input& input) {
  unsigned char head[4];
  input.read(head, 4, "the 4 bytes that begin an IDX file");
  const ElementType* type = nullptr;
  for (const ElementType& t : kTypes) {
    if (t.code == head[2]) type = &t;
  }
  if (head[0] != 0 || head[1] != 0 || !type || head[3] == 0 || head[3] > kMaxRank) {
    input.fail(
        fmt::format("not an IDX file: it begins with {:02x} {:02x} {:02x} {:02x}, expected 00 00, "
                    "a type 08-0e and a rank of 1-{}",
                    head[0], head[1], head[2], head[3], kMaxRank));
  }
  std::vector<std::int64_t> dims;
  std::uint64_t count = 1;
  std::uint64_t bound = 1;  // the product without zeros, which a Shape must be able to hold
  for (int i = 0; i < head[3]; ++i) {
    dims.push_back(input.read_u32_big_endian("a dimension"));
    const auto size = static_cast<std::uint64_t>(dims.back());
    if (__builtin_mul_overflow(bound, std::max<std::uint64_t>(size, 1), &bound) ||
        bound > (std::uint64_t{1} << 56)) {
      input.fail("the dimensions multiply to more than any file can hold");
    }
    count *= size;
  }
  const std::string what = fmt::format("{} elements of {} bytes", count, type->bytes);
  input.expect_available(count * type->bytes, what);
  Tensor out({type->dtype, Shape(dims)});
  if (type->bytes == 2) {
    std::vector<unsigned char> raw(count * 2);
    input.read(raw.data(), raw.size(), what);
    const auto to = out.mutable_data<std::int32_t>();
    for (std::size_t i = 0; i < to.size(); ++i) {
      to[i] = static_cast<std::int16_t>((raw[2 * i] << 8) | raw[2 * i + 1]);
    }
  } else {
    input.read(out.raw_mutable_data(), out.spec().bytes(), what);
    if (type->bytes > 1) swap_bytes(out.raw_mutable_data(), type->bytes, count);
  }
  if (!input.at_end()) input.fail("more bytes follow than the dimensions say");
  return out;
}

void write_idx(const std::filesystem::path& path, const Tensor& tensor) {
  const ElementType* type = nullptr;
  for (const ElementType& t : kTypes) {
    if (t.dtype == tensor.dtype() && t.bytes == size_of(t.dtype)) type = &t;
  }
  if (!type || tensor.rank() == 0) {
    throw DTypeError("write_idx: IDX has no form for " + to_string(tensor.spec()));
  }
  std::string out{'\0', '\0', static_cast<char>(type->code), static_cast<char>(tensor.rank())};
  for (const std::int64_t d : tensor.shape()) {
    if (d > 0xffffffffll) throw ValueError("write_idx: a dimension above 2^32 - 1");
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(d >> shift));
  }
  const std::size_t head = out.size();
  const Tensor here = tensor.on_host();
  out.append(static_cast<const char*>(here.raw_data()), here.spec().bytes());
  swap_bytes(out.data() + head, type->bytes, static_cast<std::size_t>(tensor.elements()));
  write_file(path, path.extension() == ".gz" ? gzip_of(bytes_of(out)) : out);
}

}  // namespace nacre::data
