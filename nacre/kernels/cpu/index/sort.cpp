// sort, top_k, searchsorted. Elements become unsigned keys of the same order beside their place, so
// that sorting knows two types of entry only, and is stable: equal keys go by place.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/kernels.h"
#include "nacre/kernels/cpu/work.h"
#include "nacre/ops/define/strided.h"

namespace nacre::cpu {
namespace {

using op_defs::AxisView;

// NaN comes last, and zeros of both signs are equal.
template <class T>
auto key_of(T x) {
  if constexpr (std::is_same_v<T, double>) {
    const auto bits = std::bit_cast<std::uint64_t>(x == 0 ? 0.0 : x);
    if (x != x) return ~std::uint64_t{0};
    return bits >> 63 ? ~bits : bits | std::uint64_t{1} << 63;
  } else if constexpr (std::is_same_v<T, std::int64_t>) {
    return static_cast<std::uint64_t>(x) ^ std::uint64_t{1} << 63;
  } else if constexpr (std::is_integral_v<T>) {
    return static_cast<std::uint32_t>(static_cast<std::int32_t>(x)) ^ 0x80000000u;
  } else {
    const auto wide = static_cast<float>(x);
    const auto bits = std::bit_cast<std::uint32_t>(wide == 0 ? 0.0f : wide);
    if (wide != wide) return ~std::uint32_t{0};
    return bits >> 31 ? ~bits : bits | 0x80000000u;
  }
}

// 32 bits of key over 32 bits of place.
struct Packed {
  std::uint64_t bits;
  static constexpr int kDigits = 4;  // of the key, of eight bits

  Packed() = default;
  Packed(std::uint32_t key, std::uint64_t place) : bits(std::uint64_t{key} << 32 | place) {}
  std::int64_t place() const { return static_cast<std::int64_t>(bits & 0xffffffffu); }
  std::size_t digit(int i) const { return bits >> (32 + 8 * i) & 255; }
  friend bool operator<(Packed a, Packed b) { return a.bits < b.bits; }
};
struct Paired {
  std::uint64_t key;
  std::uint64_t at;
  static constexpr int kDigits = 8;

  Paired() = default;
  Paired(std::uint64_t key, std::uint64_t place) : key(key), at(place) {}
  std::int64_t place() const { return static_cast<std::int64_t>(at); }
  std::size_t digit(int i) const { return key >> (8 * i) & 255; }
  friend bool operator<(const Paired& a, const Paired& b) {
    return a.key != b.key ? a.key < b.key : a.at < b.at;
  }
};
template <class T>
using EntryOf = std::conditional_t<sizeof(key_of(T())) == 4, Packed, Paired>;

// Below this many entries comparing is faster than counting digits.
constexpr std::size_t kRadixFrom = 512;

// Sorts n entries whose places ascend; `other` has room for as many.
template <class Entry>
void sort_entries(Entry* entries, Entry* other, std::size_t n) {
  if (n < kRadixFrom) {
    std::sort(entries, entries + n);
    return;
  }
  std::array<std::array<std::uint32_t, 256>, Entry::kDigits> counts{};
  for (std::size_t i = 0; i < n; ++i) {
    for (int d = 0; d < Entry::kDigits; ++d) {
      ++counts[static_cast<std::size_t>(d)][entries[i].digit(d)];
    }
  }
  Entry* from = entries;
  Entry* to = other;
  for (int d = 0; d < Entry::kDigits; ++d) {
    auto& count = counts[static_cast<std::size_t>(d)];
    if (count[from[0].digit(d)] == n) continue;  // all alike in this digit
    std::uint32_t next = 0;
    for (std::uint32_t& c : count) next += std::exchange(c, next);
    for (std::size_t i = 0; i < n; ++i) to[count[from[i].digit(d)]++] = from[i];
    std::swap(from, to);
  }
  if (from != entries) std::memcpy(static_cast<void*>(entries), from, n * sizeof(Entry));
}

// The first `count` elements of each lane in order.
template <class T>
struct Order {
  using Entry = EntryOf<T>;
  AxisView view;
  std::int64_t count;
  bool descending;
  int workers = 1;

  std::size_t room() const {
    const bool selects = selects_by_heap();
    return static_cast<std::size_t>(selects ? count : view.length) * (count < view.length ? 1 : 2);
  }
  // Few of many: almost every element is turned away by one comparison.
  bool selects_by_heap() const { return count * 8 <= view.length; }

  Entry entry(const T* lane, std::int64_t i) const {
    const auto key = key_of(lane[i * view.inner]);
    return Entry(descending ? ~key : key, static_cast<std::uint64_t>(i));
  }

  void operator()(void* const* pointers, const RunContext& context) const {
    const T* in = static_cast<const T*>(pointers[0]);
    T* out = static_cast<T*>(pointers[1]);
    auto* places = static_cast<std::int64_t*>(pointers[2]);
    if (count == 0) return;
    const std::int64_t lanes = view.outer * view.inner;
    const std::int64_t part = (lanes + workers - 1) / workers;
    parallel_for(workers, workers, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t w = begin; w < end; ++w) {
        Entry* room_here =
            static_cast<Entry*>(context.scratch) + static_cast<std::size_t>(w) * room();
        for (std::int64_t l = w * part; l < std::min(lanes, (w + 1) * part); ++l) {
          const std::int64_t o = l / view.inner;
          const std::int64_t i = l % view.inner;
          const T* lane = in + o * view.length * view.inner + i;
          sort_lane(lane, room_here);
          for (std::int64_t k = 0; k < count; ++k) {
            const std::int64_t at = (o * count + k) * view.inner + i;
            places[at] = room_here[k].place();
            out[at] = lane[places[at] * view.inner];
          }
        }
      }
    });
  }

  void sort_lane(const T* lane, Entry* entries) const {
    const auto kept = static_cast<std::size_t>(count);
    if (selects_by_heap()) {
      for (std::int64_t i = 0; i < count; ++i) entries[i] = entry(lane, i);
      std::make_heap(entries, entries + kept);
      for (std::int64_t i = count; i < view.length; ++i) {
        const Entry e = entry(lane, i);
        if (!(e < entries[0])) continue;
        std::pop_heap(entries, entries + kept);
        entries[kept - 1] = e;
        std::push_heap(entries, entries + kept);
      }
      std::sort_heap(entries, entries + kept);
      return;
    }
    for (std::int64_t i = 0; i < view.length; ++i) entries[i] = entry(lane, i);
    if (count == view.length) return sort_entries(entries, entries + kept, kept);
    std::nth_element(entries, entries + kept, entries + view.length);
    std::sort(entries, entries + kept);
  }
};

PreparedKernel prepare_order(const KernelQuery& q) {
  const AxisView view(q.inputs[0].shape, q.attrs.integer("axis"));
  const bool whole = q.op == Op::sort;
  return visit_dtype(q.inputs[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    Order<T> order{view, whole ? view.length : q.attrs.integer("k"),
                   q.attrs.flag(whole ? "descending" : "largest"), 1};
    const double each = whole ? 2e-2 : 5e-3;  // microseconds
    order.workers = workers_for(each * static_cast<double>(q.inputs[0].elements()), q.threads);
    const std::size_t scratch =
        static_cast<std::size_t>(order.workers) * order.room() * sizeof(EntryOf<T>);
    return make_kernel(order, scratch);
  });
}

// NaN comes last.
template <class T, bool right>
struct Search {
  std::int64_t n;     // elements of a sorted lane
  std::int64_t each;  // values searched in one lane
  std::int64_t total;
  int workers = 1;

  void operator()(void* const* pointers, const RunContext&) const {
    const T* sorted = static_cast<const T*>(pointers[0]);
    const T* values = static_cast<const T*>(pointers[1]);
    auto* out = static_cast<std::int64_t*>(pointers[2]);
    parallel_for(workers, total, 64, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) out[i] = find(sorted + i / each * n, values[i]);
    });
  }

  // Whether the place is behind x; of a value that is not NaN, for which one comparison does.
  static bool passes(T x, T value) { return right ? x <= value : x < value; }

  // As many steps whatever the values are, and no branch that depends on them: such branches would
  // be guessed wrong half of the time.
  std::int64_t find(const T* lane, T value) const {
    if (value != value) {  // behind all numbers, and before or behind the NaN that are there
      return right ? n : std::find_if(lane, lane + n, [](T x) { return x != x; }) - lane;
    }
    if (n == 0) return 0;
    const T* at = lane;
    for (std::int64_t left = n; left > 1;) {
      const std::int64_t half = left / 2;
      at += passes(at[half - 1], value) ? half : 0;
      left -= half;
    }
    return at - lane + (passes(*at, value) ? 1 : 0);
  }
};

PreparedKernel prepare_search(const KernelQuery& q) {
  const Shape& sorted = q.inputs[0].shape;
  const std::int64_t n = sorted.at_back(-1);
  const std::int64_t total = q.inputs[1].elements();
  const std::int64_t lanes = sorted.rank() > 1 && n > 0 ? sorted.elements() / n : 1;
  const std::int64_t each = std::max<std::int64_t>(1, total / std::max<std::int64_t>(1, lanes));
  const int workers = workers_for(3e-2 * static_cast<double>(total), q.threads);
  return visit_dtype(q.inputs[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    return q.attrs.flag("right") ? make_kernel(Search<T, true>{n, each, total, workers})
                                 : make_kernel(Search<T, false>{n, each, total, workers});
  });
}

// Places take 32 bits beside a key of 32.
bool supports_order(const KernelQuery& q) {
  return AxisView(q.inputs[0].shape, q.attrs.integer("axis")).length < (std::int64_t{1} << 31);
}
bool supports_any(const KernelQuery&) { return true; }

constexpr KernelRow kRows[] = {
    {Op::sort, "radix", supports_order, prepare_order},
    {Op::top_k, "selection", supports_order, prepare_order},
    {Op::searchsorted, "halving", supports_any, prepare_search},
};

}  // namespace

std::span<const KernelRow> sort_kernels() { return kRows; }

}  // namespace nacre::cpu
