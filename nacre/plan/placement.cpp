#include "nacre/plan/placement.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "nacre/base/random.h"

namespace nacre {
namespace {

using Order = std::vector<std::uint32_t>;

// Of more blocks than this no orders are tried, each of which takes the square of their number.
constexpr std::size_t kMostTried = 3000;

bool overlap(const Lifetime& a, const Lifetime& b) {
  return a.first <= b.last && b.first <= a.last;
}

// Each block in the given order goes to the lowest gap among those placed before it that are alive
// with it (Pisarchyk and Lee, "Efficient memory management for deep neural net inference", 2020).
// With `tight` to the smallest gap that holds it.
Placement first_fit(const std::vector<Lifetime>& blocks, const Order& order, bool tight,
                    std::size_t give_up) {
  Placement p;
  p.offsets.resize(blocks.size());
  std::vector<std::uint32_t> placed;  // by offset
  placed.reserve(blocks.size());
  for (const std::uint32_t i : order) {
    const Lifetime& block = blocks[i];
    std::size_t at = 0;
    std::size_t best = ~std::size_t{0};
    std::size_t best_gap = ~std::size_t{0};
    for (const std::uint32_t other : placed) {
      if (!overlap(blocks[other], block)) continue;
      const std::size_t begin = p.offsets[other];
      if (begin >= at + block.bytes) {
        if (!tight) {
          best = at;
          break;
        }
        if (begin - at < best_gap) {
          best = at;
          best_gap = begin - at;
        }
      }
      at = std::max(at, begin + blocks[other].bytes);
    }
    if (best == ~std::size_t{0}) best = at;
    p.offsets[i] = best;
    p.total = std::max(p.total, best + block.bytes);
    if (p.total >= give_up) return p;
    const auto after = std::upper_bound(
        placed.begin(), placed.end(), best,
        [&](std::size_t offset, std::uint32_t other) { return offset < p.offsets[other]; });
    placed.insert(after, i);
  }
  return p;
}

// The gaps between the blocks that live at one step.
class Gaps {
 public:
  // Takes the smallest gap that holds so many bytes, or room at the end; gives its offset.
  std::size_t take(std::size_t bytes) {
    const auto fit = by_size_.lower_bound({bytes, 0});
    if (fit == by_size_.end()) return std::exchange(end_, end_ + bytes);
    const auto [size, offset] = *fit;
    remove(offset, size);
    if (size > bytes) insert(offset + bytes, size - bytes);
    return offset;
  }
  // Gives a block back; it joins the gaps beside it.
  void give(std::size_t offset, std::size_t bytes) {
    if (bytes == 0) return;
    const auto after = by_offset_.find(offset + bytes);
    if (after != by_offset_.end()) {
      bytes += after->second;
      remove(after->first, after->second);
    }
    const auto next = by_offset_.lower_bound(offset);
    if (next != by_offset_.begin()) {
      const auto [begin, size] = *std::prev(next);
      if (begin + size == offset) {
        remove(begin, size);
        offset = begin;
        bytes += size;
      }
    }
    if (offset + bytes == end_) {
      end_ = offset;
    } else {
      insert(offset, bytes);
    }
  }

 private:
  void insert(std::size_t offset, std::size_t size) {
    by_offset_.emplace(offset, size);
    by_size_.emplace(size, offset);
  }
  void remove(std::size_t offset, std::size_t size) {
    by_offset_.erase(offset);
    by_size_.erase({size, offset});
  }

  std::map<std::size_t, std::size_t> by_offset_;           // to sizes
  std::set<std::pair<std::size_t, std::size_t>> by_size_;  // with offsets
  std::size_t end_ = 0;
};

// first_fit() with `tight` of the blocks in the order of their first steps, the longest first among
// equals, in O(n log n): only the gaps of the present step need to be known.
Placement sweep(const std::vector<Lifetime>& blocks) {
  Order starts(blocks.size());
  std::iota(starts.begin(), starts.end(), 0u);
  Order ends = starts;
  std::stable_sort(starts.begin(), starts.end(), [&](std::uint32_t a, std::uint32_t b) {
    return std::pair(blocks[a].first, blocks[b].last) < std::pair(blocks[b].first, blocks[a].last);
  });
  std::stable_sort(ends.begin(), ends.end(), [&](std::uint32_t a, std::uint32_t b) {
    return blocks[a].last < blocks[b].last;
  });
  Placement p;
  p.offsets.resize(blocks.size());
  Gaps gaps;
  auto ended = ends.begin();
  for (const std::uint32_t i : starts) {
    for (; blocks[*ended].last < blocks[i].first; ++ended) {
      gaps.give(p.offsets[*ended], blocks[*ended].bytes);
    }
    p.offsets[i] = gaps.take(blocks[i].bytes);
    p.total = std::max(p.total, p.offsets[i] + blocks[i].bytes);
  }
  return p;
}

// The better of a sweep from the first step on and one from the last step back.
Placement sweep_both_ways(const std::vector<Lifetime>& blocks) {
  Placement forward = sweep(blocks);
  std::uint32_t end = 0;
  for (const Lifetime& b : blocks) end = std::max(end, b.last);
  std::vector<Lifetime> mirrored;
  for (const Lifetime& b : blocks) mirrored.push_back({end - b.last, end - b.first, b.bytes});
  Placement backward = sweep(mirrored);
  return backward.total < forward.total ? backward : forward;
}

std::vector<Order> greedy_orders(const std::vector<Lifetime>& blocks) {
  Order all(blocks.size());
  std::iota(all.begin(), all.end(), 0u);
  using Key = std::function<std::pair<double, double>(const Lifetime&)>;
  const auto length = [](const Lifetime& b) { return static_cast<double>(b.last - b.first + 1); };
  const auto size = [](const Lifetime& b) { return static_cast<double>(b.bytes); };
  const std::vector<Key> keys = {
      [=](const Lifetime& b) { return std::pair(-size(b), -length(b)); },
      [=](const Lifetime& b) { return std::pair(-size(b) * length(b), 0.0); },
      [=](const Lifetime& b) { return std::pair(-length(b), -size(b)); },
      [=](const Lifetime& b) { return std::pair(static_cast<double>(b.first), -length(b)); },
      [=](const Lifetime& b) { return std::pair(-static_cast<double>(b.last), -length(b)); },
  };
  std::vector<Order> orders;
  for (const Key& key : keys) {
    Order order = all;
    std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
      return key(blocks[a]) < key(blocks[b]);
    });
    orders.push_back(std::move(order));
  }
  // Steps by their pressure: what is alive at the fullest step first.
  std::uint32_t end = 0;
  for (const Lifetime& b : blocks) end = std::max(end, b.last);
  std::vector<double> pressure(end + 2, 0);
  for (const Lifetime& b : blocks) {
    pressure[b.first] += size(b);
    pressure[b.last + 1] -= size(b);
  }
  std::partial_sum(pressure.begin(), pressure.end(), pressure.begin());
  std::vector<double> worst(blocks.size(), 0);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    worst[i] = *std::max_element(pressure.begin() + blocks[i].first,
                                 pressure.begin() + blocks[i].last + 1);
  }
  Order order = all;
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return std::pair(-worst[a], -size(blocks[a])) < std::pair(-worst[b], -size(blocks[b]));
  });
  orders.push_back(std::move(order));
  return orders;
}

}  // namespace

std::size_t live_floor(const std::vector<Lifetime>& blocks) {
  std::uint32_t end = 0;
  for (const Lifetime& b : blocks) end = std::max(end, b.last);
  std::vector<std::int64_t> change(end + 2, 0);
  for (const Lifetime& b : blocks) {
    change[b.first] += static_cast<std::int64_t>(b.bytes);
    change[b.last + 1] -= static_cast<std::int64_t>(b.bytes);
  }
  std::int64_t live = 0;
  std::int64_t floor = 0;
  for (const std::int64_t c : change) floor = std::max(floor, live += c);
  return static_cast<std::size_t>(floor);
}

Placement place(const std::vector<Lifetime>& blocks) {
  if (blocks.size() > kMostTried) return sweep_both_ways(blocks);
  const std::size_t floor = live_floor(blocks);
  Placement best;
  best.total = ~std::size_t{0};
  Order best_order;
  bool best_tight = false;
  // Takes what is better than the best, or as good where `sideways`.
  const auto attempt = [&](const Order& order, bool tight, bool sideways = false) {
    const std::size_t limit = sideways ? best.total + 1 : best.total;
    Placement p = first_fit(blocks, order, tight, limit);
    if (p.total >= limit) return false;
    best = std::move(p);
    best_order = order;
    best_tight = tight;
    return true;
  };
  for (const Order& order : greedy_orders(blocks)) {
    for (const bool tight : {false, true}) {
      attempt(order, tight);
      if (best.total == floor) return best;
    }
  }
  // What sticks out most goes first next time; bounded, so that planning stays fast.
  const std::size_t close = floor + floor / 100;
  const int tries = blocks.size() > 2000 ? 10 : 100;
  for (int i = 0; i < tries && best.total > close; ++i) {
    Order order = best_order;
    const auto highest =
        std::max_element(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
          return best.offsets[a] + blocks[a].bytes < best.offsets[b] + blocks[b].bytes;
        });
    const auto from = static_cast<std::size_t>(highest - order.begin());
    const std::size_t to = from * static_cast<std::size_t>(i % 10) / 10;
    std::rotate(order.begin() + static_cast<std::ptrdiff_t>(to), highest, highest + 1);
    if (!attempt(order, i / 10 % 2 ? best_tight : !best_tight)) attempt(order, best_tight);
  }
  // Exchanges two blocks at a time; the more, the smaller the plan.
  const std::size_t enough = floor + floor / 32;
  RandomStream random(1);
  const std::size_t budget = blocks.size() * blocks.size();
  const std::size_t exchanges = budget > 0 ? std::min<std::size_t>(2000, 100'000'000 / budget) : 0;
  for (std::size_t i = 0; i < exchanges && best.total > enough; ++i) {
    Order order = best_order;
    std::swap(order[random.below(order.size())], order[random.below(order.size())]);
    attempt(order, i % 4 == 0 ? !best_tight : best_tight, true);
  }
  return best;
}

}  // namespace nacre
