// What nodes and values of a graph are called.
#pragma once

#include <cstdint>

namespace nacre {

using NodeId = std::uint32_t;
using ValueId = std::uint32_t;
inline constexpr std::uint32_t kNoId = ~std::uint32_t{0};

}  // namespace nacre
