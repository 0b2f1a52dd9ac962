#include "nacre/base/xxhash.h"

#include <algorithm>

#define XXH_INLINE_ALL  // nothing to link
#include <xxhash.h>

namespace nacre {

struct XxHash64::State {
  XXH64_state_t state;
};

XxHash64::XxHash64() : state_(std::make_unique<State>()) { reset(); }
XxHash64::~XxHash64() = default;
void XxHash64::reset() { XXH64_reset(&state_->state, 0); }
void XxHash64::update(Bytes bytes) {
  if (!bytes.empty()) XXH64_update(&state_->state, bytes.data(), bytes.size());
}
std::uint64_t XxHash64::value() const { return XXH64_digest(&state_->state); }

void BlockHash64::update(Bytes bytes) {
  while (!bytes.empty()) {
    const std::size_t n = std::min(bytes.size(), kBlock - size_);
    block_.update(bytes.subspan(0, n));
    size_ += n;
    bytes = bytes.subspan(n);
    if (size_ < kBlock) return;
    hashes_.push_back(block_.value());
    block_.reset();
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

std::uint64_t xxhash64(Bytes bytes) { return XXH64(bytes.data(), bytes.size(), 0); }

}  // namespace nacre
