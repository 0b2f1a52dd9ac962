// Memory plan: where each value of a graph lives. Values whose lifetimes do not overlap share bytes
// of one arena; views and in-place steps share with their input.
#pragma once

#include <cstdint>
#include <vector>

#include "nacre/graph/graph.h"

namespace nacre {

// What a value's memory is.
enum class Home : std::uint8_t { argument, constant, result, arena, none };

struct ValueHome {
  Home home = Home::none;
  ValueId root = kNoId;    // the value whose memory this is (itself, or what it aliases)
  std::size_t offset = 0;  // for arena roots
  std::size_t index = 0;   // argument or result number
};

struct MemoryPlan {
  std::vector<ValueHome> homes;  // by ValueId
  std::size_t arena_bytes = 0;
  std::size_t peak_live_bytes = 0;  // the largest sum of live bytes over the schedule: the floor
};

// `aliases[v]`: the value whose memory v must share (a view), or kNoId.
// `in_place[n]`: bit i set when node n may write output 0 over input i.
MemoryPlan plan_memory(const Graph& graph, const std::vector<ValueId>& aliases,
                       const std::vector<std::uint32_t>& in_place);

}  // namespace nacre
