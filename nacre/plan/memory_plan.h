// Memory plan: where each value of a graph lives. Values whose lifetimes do not overlap share bytes
// of one arena; views and in-place steps share with their input; a Variable's next value is written
// over the old one where nobody reads that any more; other results are written where the caller
// wants them.
#pragma once

#include <cstdint>
#include <vector>

#include "nacre/plan/schedule.h"

namespace nacre {

// What a value's memory is.
enum class Home : std::uint8_t { argument, constant, result, arena, none };

struct ValueHome {
  Home home = Home::none;
  ValueId root = kNoId;    // the value whose memory this is (itself, or what it aliases)
  std::size_t offset = 0;  // for arena roots
  std::size_t index = 0;   // argument or result number
};

// What the kernels allow.
struct NodeMemory {
  bool is_view = false;        // output 0 is input 0
  std::uint32_t in_place = 0;  // bit i: output 0 may be written over input i
  bool in_place_each = false;  // so may every other output
};

struct MemoryPlan {
  std::vector<ValueHome> homes;  // by ValueId
  // For each result: the argument it is written over, or -1.
  std::vector<std::int64_t> overwrites;
  std::size_t arena_bytes = 0;
  std::size_t peak_live_bytes = 0;  // the largest sum of live bytes over the schedule: the floor
};

MemoryPlan plan_memory(const Graph& graph, const std::vector<NodeMemory>& nodes,
                       const std::vector<Donation>& donations = {});

}  // namespace nacre
