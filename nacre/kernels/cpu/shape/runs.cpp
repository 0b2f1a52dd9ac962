#include "nacre/kernels/cpu/shape/runs.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/work.h"

namespace nacre::cpu {
namespace {

// `count` elements of one size, each side with its own step in bytes.
template <class T>
void move_elements(const char* from, std::int64_t from_step, char* to, std::int64_t to_step,
                   std::int64_t count) {
  constexpr auto kSize = static_cast<std::int64_t>(sizeof(T));
  if (from_step == -kSize && to_step == kSize) {
    // Backwards: the compiler makes vectors of a loop whose steps it knows.
    const T* in = reinterpret_cast<const T*>(from);
    T* out = reinterpret_cast<T*>(to);
    for (std::int64_t i = 0; i < count; ++i) out[i] = in[-i];
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) {
    std::memcpy(to + i * to_step, from + i * from_step, sizeof(T));
  }
}

}  // namespace

BoxCopy::BoxCopy(const Shape& shape, std::size_t size, std::span<const std::int64_t> from,
                 std::span<const std::int64_t> to, std::int64_t from_offset, std::int64_t to_offset)
    : run_(static_cast<std::int64_t>(size)),
      from_offset_(from_offset * static_cast<std::int64_t>(size)),
      to_offset_(to_offset * static_cast<std::int64_t>(size)) {
  if (shape.elements() == 0) {
    rows_ = 0;
    return;
  }
  for (int i = 0; i < shape.rank(); ++i) {
    const auto k = static_cast<std::size_t>(i);
    if (shape[i] == 1) continue;
    const Loop loop{shape[i], from[k] * run_, to[k] * run_};
    if (!outer_.empty() && outer_.back().from == loop.from * loop.size &&
        outer_.back().to == loop.to * loop.size) {
      outer_.back() = {outer_.back().size * loop.size, loop.from, loop.to};
    } else {
      outer_.push_back(loop);
    }
  }
  if (!outer_.empty() && outer_.back().from == run_ && outer_.back().to == run_) {
    run_ *= outer_.back().size;
    outer_.pop_back();
  }
  if (!outer_.empty()) {
    inner_ = outer_.back();
    outer_.pop_back();
  }
  for (const Loop& loop : outer_) rows_ *= loop.size;
}

void BoxCopy::run(const void* from, void* to, int workers) const {
  if (rows_ == 0) return;
  const char* in = static_cast<const char*>(from) + from_offset_;
  char* out = static_cast<char*>(to) + to_offset_;
  const std::int64_t runs = rows_ * inner_.size;
  if (runs == 1) return copy_bytes(in, out, static_cast<std::size_t>(run_), workers);
  parallel_for(workers, runs, 1,
               [&](std::int64_t begin, std::int64_t end) { part(in, out, begin, end); });
}

void BoxCopy::part(const char* from, char* to, std::int64_t begin, std::int64_t end) const {
  std::array<std::int64_t, kMaxRank> position{};
  std::int64_t row = begin / inner_.size;
  for (std::size_t d = outer_.size(); d-- > 0;) {
    position[d] = row % outer_[d].size;
    row /= outer_[d].size;
    from += position[d] * outer_[d].from;
    to += position[d] * outer_[d].to;
  }
  std::int64_t first = begin % inner_.size;
  while (true) {
    const std::int64_t count = std::min(inner_.size - first, end - begin);
    line(from + first * inner_.from, to + first * inner_.to, count);
    begin += count;
    if (begin == end) return;
    first = 0;
    for (std::size_t d = outer_.size(); d-- > 0;) {
      from += outer_[d].from;
      to += outer_[d].to;
      if (++position[d] < outer_[d].size) break;
      from -= outer_[d].from * outer_[d].size;
      to -= outer_[d].to * outer_[d].size;
      position[d] = 0;
    }
  }
}

void BoxCopy::line(const char* from, char* to, std::int64_t count) const {
  if (run_ == 1 || run_ == 2 || run_ == 4 || run_ == 8) {
    for_size(static_cast<std::size_t>(run_), [&](auto tag) {
      move_elements<decltype(tag)>(from, inner_.from, to, inner_.to, count);
    });
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) {
    std::memcpy(to + i * inner_.to, from + i * inner_.from, static_cast<std::size_t>(run_));
  }
}

void copy_bytes(const void* from, void* to, std::size_t bytes, int workers) {
  if (from == to) return;
  parallel_for(workers, static_cast<std::int64_t>(bytes), 4096,
               [&](std::int64_t begin, std::int64_t end) {
                 std::memcpy(static_cast<char*>(to) + begin, static_cast<const char*>(from) + begin,
                             static_cast<std::size_t>(end - begin));
               });
}

void fill_elements(char* to, const void* value, std::size_t size, std::int64_t count) {
  for_size(size, [&](auto element) {
    std::memcpy(&element, value, sizeof element);
    std::fill_n(reinterpret_cast<decltype(element)*>(to), count, element);
  });
}

int workers_to_move(std::span<const Spec> specs, int threads) {
  double bytes = 0;
  for (const Spec& spec : specs) bytes += static_cast<double>(spec.bytes());
  return workers_for(2 * microseconds_to_move(bytes), threads);
}

}  // namespace nacre::cpu
