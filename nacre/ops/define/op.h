// The enumeration of all ops and the table of their definitions.
#pragma once

#include <cstdint>
#include <span>

#include "nacre/graph/graph.h"

namespace nacre {

enum class Op : std::uint16_t {
#define NACRE_OP(name) name,
#include "nacre/ops/define/ops.def"
#undef NACRE_OP
};

inline constexpr int kOpCount = 0
#define NACRE_OP(name) +1
#include "nacre/ops/define/ops.def"
#undef NACRE_OP
    ;

struct OpDef;
// The definition of an op: see op_def.h.
const OpDef& op_def(Op op);
// All of them, in the order of ops.def.
std::span<const OpDef* const> all_op_defs();

}  // namespace nacre
