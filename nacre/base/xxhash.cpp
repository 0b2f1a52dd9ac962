#include "nacre/base/xxhash.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace nacre {
namespace {

constexpr std::uint64_t kPrime1 = 0x9e3779b185ebca87, kPrime2 = 0xc2b2ae3d27d4eb4f,
                        kPrime3 = 0x165667b19e3779f9, kPrime4 = 0x85ebca77c2b2ae63,
                        kPrime5 = 0x27d4eb2f165667c5;

template <class T>
T little_endian(const unsigned char* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  static_assert(std::endian::native == std::endian::little);
  return value;
}

std::uint64_t round_of(std::uint64_t lane, std::uint64_t input) {
  return std::rotl(lane + input * kPrime2, 31) * kPrime1;
}

}  // namespace

void XxHash64::stripes(const unsigned char* data, std::size_t count) {
  std::uint64_t a = lanes_[0], b = lanes_[1], c = lanes_[2], d = lanes_[3];
  for (; count > 0; --count, data += 32) {
    a = round_of(a, little_endian<std::uint64_t>(data));
    b = round_of(b, little_endian<std::uint64_t>(data + 8));
    c = round_of(c, little_endian<std::uint64_t>(data + 16));
    d = round_of(d, little_endian<std::uint64_t>(data + 24));
  }
  lanes_[0] = a, lanes_[1] = b, lanes_[2] = c, lanes_[3] = d;
}

void XxHash64::update(Bytes bytes) {
  if (bytes.empty()) return;
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  std::size_t n = bytes.size();
  bytes_ += n;
  if (pending_size_ > 0) {
    const std::size_t taken = std::min(n, sizeof pending_ - pending_size_);
    std::memcpy(pending_ + pending_size_, data, taken);
    pending_size_ += taken;
    data += taken;
    n -= taken;
    if (pending_size_ < sizeof pending_) return;
    stripes(pending_, 1);
    pending_size_ = 0;
  }
  stripes(data, n / 32);
  pending_size_ = n % 32;
  if (pending_size_ > 0) std::memcpy(pending_, data + (n - pending_size_), pending_size_);
}

std::uint64_t XxHash64::value() const {
  std::uint64_t hash = kPrime5;
  if (bytes_ >= 32) {
    hash = std::rotl(lanes_[0], 1) + std::rotl(lanes_[1], 7) + std::rotl(lanes_[2], 12) +
           std::rotl(lanes_[3], 18);
    for (const std::uint64_t lane : lanes_) {
      hash = (hash ^ round_of(0, lane)) * kPrime1 + kPrime4;
    }
  }
  hash += bytes_;
  const unsigned char* p = pending_;
  const unsigned char* end = pending_ + pending_size_;
  for (; end - p >= 8; p += 8) {
    hash = std::rotl(hash ^ round_of(0, little_endian<std::uint64_t>(p)), 27) * kPrime1 + kPrime4;
  }
  if (end - p >= 4) {
    hash = std::rotl(hash ^ little_endian<std::uint32_t>(p) * kPrime1, 23) * kPrime2 + kPrime3;
    p += 4;
  }
  for (; p < end; ++p) hash = std::rotl(hash ^ *p * kPrime5, 11) * kPrime1;
  hash = (hash ^ hash >> 33) * kPrime2;
  hash = (hash ^ hash >> 29) * kPrime3;
  return hash ^ hash >> 32;
}

void BlockHash64::update(Bytes bytes) {
  while (!bytes.empty()) {
    const std::size_t n = std::min(bytes.size(), kBlock - size_);
    block_.update(bytes.subspan(0, n));
    size_ += n;
    bytes = bytes.subspan(n);
    if (size_ < kBlock) return;
    hashes_.push_back(block_.value());
    block_ = {};
    size_ = 0;
  }
}

std::uint64_t BlockHash64::value() const {
  std::vector<std::uint64_t> all = hashes_;
  if (size_ > 0) all.push_back(block_.value());
  return of_blocks(all);
}

std::uint64_t BlockHash64::of_blocks(std::span<const std::uint64_t> hashes) {
  return xxhash64(std::as_bytes(hashes));
}

std::uint64_t xxhash64(Bytes bytes) {
  XxHash64 hash;
  hash.update(bytes);
  return hash.value();
}

}  // namespace nacre
