// Eager execution: an op on concrete tensors runs at once through a bounded cache of bound kernels.
#include <algorithm>
#include <list>
#include <new>
#include <unordered_map>

#include "nacre/base/layer_scope.h"
#include "nacre/base/probe.h"
#include "nacre/base/threads.h"
#include "nacre/kernels/backend.h"
#include "nacre/ops/define/emit.h"
#include "nacre/plan/loop.h"
#include "nacre/run/tape_record.h"

namespace nacre {
namespace {

struct Entry {
  Backend* backend;
  MemorySpace* space;  // its memory
  Op op;
  Attrs attrs;
  SpecList inputs;
  SpecList outputs;
  PreparedKernel kernel;
  int threads;
  std::size_t hash;
  bool is_view;
};

std::size_t hash_of(Op op, const Attrs& attrs, std::span<const Tensor> inputs) {
  std::size_t h = mix_hash(static_cast<std::size_t>(op), attrs.hash());
  for (const Tensor& t : inputs) {
    h = mix_hash(h, static_cast<std::size_t>(t.dtype()) * 16 + static_cast<std::size_t>(t.rank()));
    for (const std::int64_t d : t.shape()) h = mix_hash(h, static_cast<std::size_t>(d));
  }
  return h;
}

class EagerCache {
 public:
  Entry& find_or_make(Op op, const Attrs& attrs, std::span<const Tensor> inputs,
                      const Location& at) {
    Backend& backend = current_backend();
    const std::size_t hash = hash_of(op, attrs, inputs);
    // A small direct-mapped front keeps the common case free of hash-table work.
    Entry*& front = front_[hash % kFront];
    if (front && front->hash == hash && matches(*front, backend, op, attrs, inputs)) {
      return *front;
    }
    const auto [first, last] = index_.equal_range(hash);
    for (auto it = first; it != last; ++it) {
      if (!matches(*it->second, backend, op, attrs, inputs)) continue;
      entries_.splice(entries_.begin(), entries_, it->second);
      front = &entries_.front();
      return entries_.front();
    }
    Entry entry = bind(backend, op, attrs, inputs, at);
    entry.hash = hash;
    if (entries_.size() >= kMostEntries) evict_last();
    entries_.push_front(std::move(entry));
    index_.emplace(hash, entries_.begin());
    front_[hash % kFront] = &entries_.front();
    return entries_.front();
  }

 private:
  static constexpr std::size_t kFront = 256;
  static constexpr std::size_t kMostEntries = 1024;  // the least recently used one goes first

  static bool matches(const Entry& e, const Backend& backend, Op op, const Attrs& attrs,
                      std::span<const Tensor> inputs) {
    if (e.op != op || e.inputs.size() != inputs.size() || e.threads != threads()) return false;
    if (e.backend != &backend) return false;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!(e.inputs[i] == inputs[i].spec())) return false;
    }
    return e.attrs == attrs;
  }

  static Entry bind(Backend& backend, Op op, const Attrs& attrs, std::span<const Tensor> inputs,
                    const Location& at) {
    Entry e{.backend = &backend,
            .space = &backend.memory(),
            .op = op,
            .attrs = attrs,
            .inputs = {},
            .outputs = {},
            .kernel = {},
            .threads = threads(),
            .hash = 0,
            .is_view = op_def(op).is_view};
    for (const Tensor& t : inputs) e.inputs.push_back(t.spec());
    e.outputs = infer_specs(op, attrs, e.inputs, at);
    if (!e.is_view) {
      e.kernel =
          bind_step({op, attrs, e.inputs, e.outputs, e.threads}, {.threads = e.threads}).kernel;
    }
    return e;
  }

  void evict_last() {
    const auto last = std::prev(entries_.end());
    for (Entry*& slot : front_) {
      if (slot == &*last) slot = nullptr;
    }
    const auto [first, end] = index_.equal_range(last->hash);
    for (auto it = first; it != end; ++it) {
      if (it->second == last) {
        index_.erase(it);
        break;
      }
    }
    entries_.erase(last);
  }

  std::list<Entry> entries_;
  std::unordered_multimap<std::size_t, std::list<Entry>::iterator> index_;
  Entry* front_[kFront] = {};
};

EagerCache& cache() {
  thread_local EagerCache instance;
  return instance;
}

// Inputs and outputs are in the entry's memory.
void run(const Entry& entry, std::span<const Tensor> inputs, std::span<Tensor> outputs) {
  InlineVector<void*, 12> pointers;
  for (const Tensor& t : inputs) pointers.push_back(t.buffer().data());
  for (const Tensor& t : outputs) pointers.push_back(t.buffer().data());
  Buffer scratch;
  if (entry.kernel.scratch_bytes > 0) {
    scratch = Buffer::allocate(entry.kernel.scratch_bytes, *entry.space);
  }
  entry.kernel.run(entry.kernel.state.get(), pointers.begin(), {entry.threads, scratch.data()});
}

}  // namespace

TensorList emit_eager(Op op, const Attrs& attrs, std::span<const Tensor> inputs,
                      const Location& at) try {
  const Entry& entry = cache().find_or_make(op, attrs, inputs, at);
  MemorySpace& space = *entry.space;
  // Tapes know the inputs as they were given.
  TensorList moved;
  std::span<const Tensor> here = inputs;
  if (!std::all_of(inputs.begin(), inputs.end(), [&](const Tensor& t) { return t.is_in(space); })) {
    for (const Tensor& t : inputs) moved.push_back(t.in(space));
    here = moved;
  }
  TensorList outputs;
  if (entry.is_view) {
    outputs.push_back(Tensor(entry.outputs[0], here[0].buffer()));
  } else {
    for (const Spec& spec : entry.outputs) outputs.push_back(Tensor(spec, space));
    try {
      run(entry, here, outputs);
    } catch (const ValueError& e) {
      // In a gradient rule: the user's line, not the rule's.
      const Origin origin = current_origin(at);
      throw ValueError(with_place(e.what(), origin.layer, origin.location));
    }
  }
  if (any_tape()) record_on_tapes(op, attrs, inputs, outputs, at);
  return outputs;
} catch (const std::bad_alloc&) {
  throw_out_of_memory(op_def(op).name);
}

}  // namespace nacre
