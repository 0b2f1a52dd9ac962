#include "nacre/data/sets/builtin.h"

#include "nacre/base/input.h"

namespace nacre::data {
namespace {

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

}  // namespace

Packed unpack_builtin(const char* text, std::size_t packed, std::int64_t n, const Shape& row) {
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

NamedSet with_test_part(const Dataset& all, double fraction) {
  auto [train, test] = all.split(fraction, {.seed = 2026});
  return {train, test};
}

}  // namespace nacre::data
