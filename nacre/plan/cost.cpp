#include "nacre/plan/cost.h"

#include <algorithm>

namespace nacre {
namespace {
constexpr double kOperationsPerMicrosecond = 20e3;
constexpr double kBytesPerMicrosecond = 8e3;
constexpr double kMicrosecondsPerThread = 25;
}  // namespace

Cost cost_of(Op op, const Attrs& attrs, std::span<const Spec> in, std::span<const Spec> out) {
  if (const CostFn own = op_def(op).cost) return own(attrs, in, out);
  Cost cost;
  for (const Spec& s : in) cost.bytes += static_cast<double>(s.bytes());
  for (const Spec& s : out) {
    cost.bytes += static_cast<double>(s.bytes());
    cost.operations += static_cast<double>(s.elements());
  }
  return cost;
}

double estimated_microseconds(const Cost& cost) {
  return std::max(cost.operations / kOperationsPerMicrosecond, cost.bytes / kBytesPerMicrosecond);
}

int threads_for(const Cost& cost, int most) {
  const double deserved = estimated_microseconds(cost) / kMicrosecondsPerThread;
  return std::max(1, deserved >= most ? most : static_cast<int>(deserved));
}

}  // namespace nacre
