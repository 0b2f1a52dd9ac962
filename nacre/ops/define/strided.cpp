#include "nacre/ops/define/strided.h"

#include <cstring>

namespace nacre::op_defs {
namespace {

template <std::size_t size>
void copy(const Shape& shape, const char* in, const Strides& in_strides, char* out,
          const Strides& out_strides) {
  const int rank = shape.rank();
  if (shape.elements() == 0) return;
  if (rank == 0) {
    std::memcpy(out, in, size);
    return;
  }
  constexpr auto kBytes = static_cast<std::int64_t>(size);
  const auto last = static_cast<std::size_t>(rank - 1);
  const std::int64_t inner = shape[rank - 1];
  const std::int64_t in_step = in_strides[last] * kBytes;
  const std::int64_t out_step = out_strides[last] * kBytes;
  const bool dense = in_step == kBytes && out_step == kBytes;
  std::array<std::int64_t, kMaxRank> position{};
  while (true) {
    if (dense) {
      std::memcpy(out, in, static_cast<std::size_t>(inner) * size);
    } else {
      for (std::int64_t i = 0; i < inner; ++i) {
        std::memcpy(out + i * out_step, in + i * in_step, size);
      }
    }
    int axis = rank - 2;
    for (; axis >= 0; --axis) {
      const auto k = static_cast<std::size_t>(axis);
      in += in_strides[k] * kBytes;
      out += out_strides[k] * kBytes;
      if (++position[k] < shape[axis]) break;
      in -= in_strides[k] * shape[axis] * kBytes;
      out -= out_strides[k] * shape[axis] * kBytes;
      position[k] = 0;
    }
    if (axis < 0) return;
  }
}

}  // namespace

void copy_strided(const Shape& shape, std::size_t size, const void* in, const Strides& in_strides,
                  void* out, const Strides& out_strides) {
  const char* from = static_cast<const char*>(in);
  char* to = static_cast<char*>(out);
  switch (size) {
    case 1:
      return copy<1>(shape, from, in_strides, to, out_strides);
    case 2:
      return copy<2>(shape, from, in_strides, to, out_strides);
    case 4:
      return copy<4>(shape, from, in_strides, to, out_strides);
    default:
      return copy<8>(shape, from, in_strides, to, out_strides);
  }
}

}  // namespace nacre::op_defs
