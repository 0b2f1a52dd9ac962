// What gradient tapes are told by those who compute.
#pragma once

#include "nacre/ops/define/op_def.h"
#include "nacre/run/tape.h"

namespace nacre {

// For the eager executor: tells all tapes of this thread about an applied op.
bool any_tape();
void record_on_tapes(Op op, const Attrs& attrs, std::span<const Tensor> inputs,
                     std::span<const Tensor> outputs, const Location& at);
// A Variable's value was read.
void watch_on_tapes(const Tensor& value);

}  // namespace nacre
