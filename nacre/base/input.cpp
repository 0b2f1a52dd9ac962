#include "nacre/base/input.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "nacre/base/error.h"

namespace nacre {
namespace {

// Deflate cannot pack better than 1032 to 1 (zlib's technical details).
constexpr std::uint64_t kMostUnpacked = 1032;

constexpr uInt chunk_of(std::size_t n) {
  return static_cast<uInt>(std::min<std::size_t>(n, std::size_t{1} << 30));
}

Bytef* zlib_bytes(const std::byte* p) {
  return reinterpret_cast<Bytef*>(const_cast<std::byte*>(p));
}

}  // namespace

struct Input::Impl {
  std::string name;
  std::unique_ptr<MappedFile> file;
  Bytes packed;            // what is left to take from the file
  std::uint64_t most = 0;  // that gzip may unpack to in all
  std::uint64_t position = 0;
  bool gzip = false;
  bool stream_open = false;  // inside a gzip member
  z_stream stream{};
  int peeked = -1;  // a byte that at_end() had to unpack

  void begin() {
    gzip = packed.size() >= 2 && packed[0] == std::byte{0x1f} && packed[1] == std::byte{0x8b};
    most = most_unpacked(packed.size());
  }
  ~Impl() {
    if (stream_open) inflateEnd(&stream);
  }
  [[noreturn]] void fail(std::string_view what, std::string_view hint = {}) const {
    throw_io(name, fmt::format("at byte {}{}: {}", position, gzip ? " (unpacked)" : "", what),
             hint);
  }

  std::size_t unpack(std::byte* to, std::size_t n) {
    std::size_t done = 0;
    while (done < n) {
      if (!stream_open) {
        if (packed.empty()) break;  // the last member has ended
        stream = {};
        if (inflateInit2(&stream, 15 + 16) != Z_OK) throw OutOfMemoryError("zlib: no memory");
        stream_open = true;
      }
      stream.next_in = zlib_bytes(packed.data());
      stream.avail_in = chunk_of(packed.size());
      const uInt before_in = stream.avail_in;
      stream.next_out = zlib_bytes(to + done);
      stream.avail_out = chunk_of(n - done);
      const uInt before_out = stream.avail_out;
      const int status = inflate(&stream, Z_NO_FLUSH);
      packed = packed.subspan(before_in - stream.avail_in);
      const uInt made = before_out - stream.avail_out;
      done += made;
      if (status == Z_STREAM_END) {
        inflateEnd(&stream);
        stream_open = false;
        // Bytes after a member that do not begin another one are padding, as gzip treats zeros.
        if (!packed.empty() && packed[0] != std::byte{0x1f}) packed = {};
      } else if (status == Z_BUF_ERROR || (status == Z_OK && made == 0 && packed.empty())) {
        position += done;
        fail("the gzip data ends in the middle", "the file is cut off: fetch it again");
      } else if (status != Z_OK) {
        position += done;
        fail(fmt::format("damaged gzip data ({})", stream.msg ? stream.msg : "unknown"));
      }
    }
    return done;
  }

  std::size_t take(std::byte* to, std::size_t n) {
    std::size_t done = 0;
    if (n > 0 && peeked >= 0) {
      *to = static_cast<std::byte>(peeked);
      peeked = -1;
      done = 1;
    }
    if (gzip) {
      done += unpack(to + done, n - done);
    } else {
      const std::size_t k = std::min(n - done, packed.size());
      if (k > 0) std::memcpy(to + done, packed.data(), k);
      packed = packed.subspan(k);
      done += k;
    }
    position += done;
    return done;
  }
};

Input::Input(const std::filesystem::path& path) : impl_(std::make_unique<Impl>()) {
  impl_->name = path.string();
  impl_->file = std::make_unique<MappedFile>(path);
  impl_->packed = impl_->file->bytes();
  impl_->begin();
}

Input::Input(std::string name, Bytes bytes) : impl_(std::make_unique<Impl>()) {
  impl_->name = std::move(name);
  impl_->packed = bytes;
  impl_->begin();
}

Input::~Input() = default;
Input::Input(Input&&) noexcept = default;
Input& Input::operator=(Input&&) noexcept = default;

const std::string& Input::name() const { return impl_->name; }
std::uint64_t Input::position() const { return impl_->position; }

std::uint64_t Input::most_left() const {
  const std::uint64_t waiting = impl_->peeked >= 0 ? 1 : 0;
  const std::uint64_t packed = impl_->packed.size();
  if (!impl_->gzip) return packed + waiting;
  const std::uint64_t allowed = impl_->most - std::min(impl_->position, impl_->most);
  if (packed > std::numeric_limits<std::uint64_t>::max() / (2 * kMostUnpacked)) return allowed;
  // The unpacker holds back at most a window of 32 KiB and one match.
  return std::min(packed * kMostUnpacked + (impl_->stream_open ? 64 * 1024 : 0) + waiting, allowed);
}

bool Input::at_end() {
  if (impl_->peeked >= 0) return false;
  if (!impl_->gzip) return impl_->packed.empty();
  std::byte next{};
  if (impl_->unpack(&next, 1) == 0) return true;
  impl_->peeked = std::to_integer<int>(next);
  return false;
}

void Input::read(void* to, std::size_t n, std::string_view what) {
  const std::size_t got = impl_->take(static_cast<std::byte*>(to), n);
  if (got < n) {
    impl_->position -= got;
    fail(fmt::format("expected {}: {} bytes, {} are there", what, n, got),
         "the file is cut off or of another kind");
  }
}

std::size_t Input::read_some(void* to, std::size_t n) {
  return impl_->take(static_cast<std::byte*>(to), n);
}

std::uint32_t Input::read_u32_big_endian(std::string_view what) {
  unsigned char b[4];
  read(b, 4, what);
  return (std::uint32_t{b[0]} << 24) | (std::uint32_t{b[1]} << 16) | (std::uint32_t{b[2]} << 8) |
         b[3];
}

std::string Input::read_rest(std::uint64_t limit) {
  std::string out;
  if (!impl_->gzip) {
    if (most_left() > limit) fail(fmt::format("{} bytes, above the limit {}", most_left(), limit));
    out.resize(most_left());
    out.resize(read_some(out.data(), out.size()));
    return out;
  }
  limit = std::min(limit, impl_->most);
  std::size_t chunk = 64 * 1024;
  while (!at_end()) {
    const std::size_t old = out.size();
    if (old >= limit) fail(fmt::format("unpacks to more than the limit of {} bytes", limit));
    out.resize(old + std::min<std::uint64_t>(chunk, limit - old));
    out.resize(old + read_some(out.data() + old, out.size() - old));
    chunk = std::max(chunk, out.size());
  }
  return out;
}

void Input::fail(std::string_view what, std::string_view hint) const { impl_->fail(what, hint); }

void Input::expect_available(std::uint64_t bytes, std::string_view what) const {
  if (bytes > most_left()) {
    fail(fmt::format("expected {}: {} bytes, at most {} are there", what, bytes, most_left()),
         "the file is cut off, or its header is damaged");
  }
}

std::string inflate_raw(Bytes packed, std::size_t size, const std::string& name) {
  if (size > packed.size() * kMostUnpacked + 64) {
    throw_io(name, fmt::format("{} packed bytes cannot unpack to the {} that are promised",
                               packed.size(), size));
  }
  std::string out(size, '\0');
  z_stream stream{};
  if (inflateInit2(&stream, -15) != Z_OK) throw OutOfMemoryError("zlib: no memory");
  std::size_t taken = 0;
  std::size_t made = 0;
  std::byte spare{};  // room for one byte too many, to notice it
  int status = Z_OK;
  while (status == Z_OK) {
    stream.next_in = zlib_bytes(packed.data() + taken);
    stream.avail_in = chunk_of(packed.size() - taken);
    const bool full = made == size;
    stream.next_out = full ? zlib_bytes(&spare) : reinterpret_cast<Bytef*>(out.data() + made);
    stream.avail_out = full ? 1 : chunk_of(size - made);
    const uInt in = stream.avail_in;
    const uInt room = stream.avail_out;
    status = inflate(&stream, Z_NO_FLUSH);
    taken += in - stream.avail_in;
    made += room - stream.avail_out;
    if (made > size) break;
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END || made != size) {
    throw_io(name, fmt::format("damaged deflate data: {} of the promised {} bytes unpack",
                               std::min(made, size), size));
  }
  return out;
}

namespace {

std::string deflate_with(Bytes plain, int window_bits) {
  z_stream stream{};
  if (deflateInit2(&stream, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw OutOfMemoryError("zlib: no memory");
  }
  std::string out;
  std::string chunk(256 * 1024, '\0');
  std::size_t taken = 0;
  int status = Z_OK;
  while (status != Z_STREAM_END) {
    stream.next_in = zlib_bytes(plain.data() + taken);
    stream.avail_in = chunk_of(plain.size() - taken);
    const uInt in = stream.avail_in;
    stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream.avail_out = chunk_of(chunk.size());
    status = deflate(&stream, taken + in == plain.size() ? Z_FINISH : Z_NO_FLUSH);
    taken += in - stream.avail_in;
    out.append(chunk.data(), chunk.size() - stream.avail_out);
  }
  deflateEnd(&stream);
  return out;
}

}  // namespace

std::string deflate_raw(Bytes plain) { return deflate_with(plain, -15); }
std::string gzip_of(Bytes plain) { return deflate_with(plain, 15 + 16); }

std::uint32_t crc32_of(Bytes bytes) {
  return static_cast<std::uint32_t>(crc32_z(0, zlib_bytes(bytes.data()), bytes.size()));
}

}  // namespace nacre
