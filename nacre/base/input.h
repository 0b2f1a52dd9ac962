// A sequence of bytes to parse, from a file or from memory, plain or gzip: every read is bounds
// checked and fails with an IoError that names the file and the byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "nacre/base/file.h"

namespace nacre {

class Input {
 public:
  // Opens a file; gzip is recognised by its first bytes and unpacked on the way. Throws IoError.
  explicit Input(const std::filesystem::path& path);
  // Reads memory that stays valid; `name` stands for it in errors.
  Input(std::string name, Bytes bytes);
  ~Input();
  Input(Input&&) noexcept;
  Input& operator=(Input&&) noexcept;

  const std::string& name() const;
  // The (unpacked) bytes read so far.
  std::uint64_t position() const;
  // No more than this many bytes follow: exact for plain input, for gzip what its packed bytes may
  // unpack to at most (most_unpacked). To check a size that a header claims before memory is asked
  // for.
  std::uint64_t most_left() const;
  // Whether nothing follows.
  bool at_end();

  // Exactly n bytes; throws when fewer follow ("expected the labels: 60000 bytes, 14 are there").
  void read(void* to, std::size_t n, std::string_view what);
  // Up to n bytes, fewer only at the end.
  std::size_t read_some(void* to, std::size_t n);
  std::uint32_t read_u32_big_endian(std::string_view what);
  // All that follows; throws above `limit` bytes, and for gzip above most_unpacked.
  std::string read_rest(std::uint64_t limit);

  // Throws IoError "NAME: at byte POSITION: what".
  [[noreturn]] void fail(std::string_view what, std::string_view hint = {}) const;
  // Throws unless `bytes` more can be there, before anything that large is allocated.
  void expect_available(std::uint64_t bytes, std::string_view what) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// What a file of `packed` bytes may unpack to: 100 times its size and 64 MiB. Real data stays far
// below, a file made to fill the memory (deflate reaches 1032 to 1) does not.
constexpr std::uint64_t most_unpacked(std::uint64_t packed) {
  constexpr std::uint64_t kRatio = 100, kFree = std::uint64_t{64} << 20;
  return packed > ~std::uint64_t{0} / kRatio - kFree ? ~std::uint64_t{0} : packed * kRatio + kFree;
}

// Raw deflate (no header), as in zip archives. inflate_raw throws IoError naming `name` unless the
// bytes unpack to exactly `size` bytes.
std::string inflate_raw(Bytes packed, std::size_t size, const std::string& name);
std::string deflate_raw(Bytes plain);
// A whole gzip file (RFC 1952) without name or time, so equal contents give equal bytes.
std::string gzip_of(Bytes plain);
std::uint32_t crc32_of(Bytes bytes);

}  // namespace nacre
