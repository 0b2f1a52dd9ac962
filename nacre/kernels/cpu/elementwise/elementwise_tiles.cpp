#include "nacre/kernels/cpu/elementwise/elementwise_tiles.h"

#include <bit>

#include "nacre/graph/attrs.h"
#include "nacre/ops/elementwise/rules.h"

namespace nacre::cpu {
namespace {

struct Tables {
  TileFn tiles[kOpCount][kDTypeCount] = {};
  TileFn casts[kDTypeCount][kDTypeCount] = {};

  Tables() {
    for (const auto& rows :
         {arithmetic_tiles(), comparison_tiles(), exponential_tiles(), trigonometric_tiles(),
          activation_tiles(), integer_tiles(), bit_tiles(), library_tiles()}) {
      for (const TileRow& row : rows) {
        tiles[static_cast<int>(row.op)][static_cast<int>(row.dtype)] = row.run;
      }
    }
    for (const CastRow& row : cast_tiles()) {
      TileFn& slot = casts[static_cast<int>(row.from)][static_cast<int>(row.to)];
      if (!slot) slot = row.run;  // the first row of a pair is the better one
    }
  }
};

const Tables& tables() {
  static const Tables instance;
  return instance;
}

}  // namespace

TileFn find_tile(Op op, DType dtype) {
  return tables().tiles[static_cast<int>(op)][static_cast<int>(dtype)];
}
TileFn find_cast(DType from, DType to) {
  return tables().casts[static_cast<int>(from)][static_cast<int>(to)];
}

std::array<double, kTileNumbers> tile_numbers(Op op, const Attrs& attrs, DType dtype) {
  switch (op) {
    case Op::clamp:
      if (!is_floating(dtype)) {
        const auto bits = [&](std::string_view key) {
          return std::bit_cast<double>(op_defs::integer_bound(attrs.exact(key)));
        };
        return {bits("low"), bits("high")};
      }
      return {attrs.number("low"), attrs.number("high")};
    case Op::leaky_relu:
      return {attrs.number("slope")};
    case Op::elu:
      return {attrs.number("alpha"), attrs.number("scale"), attrs.number("input_scale")};
    case Op::softplus:
      return {attrs.number("beta")};
    case Op::gelu:
      return {attrs.flag("approximate") ? 1.0 : 0.0};
    default:
      return {};
  }
}

double tile_cost(Op op) {
  static const auto costs = [] {
    std::array<double, kOpCount> table;
    table.fill(0.06);
    for (const TileRow& row : exponential_tiles()) table[static_cast<std::size_t>(row.op)] = 0.4;
    for (const TileRow& row : trigonometric_tiles()) table[static_cast<std::size_t>(row.op)] = 0.4;
    for (const TileRow& row : activation_tiles()) table[static_cast<std::size_t>(row.op)] = 0.5;
    for (const TileRow& row : library_tiles()) table[static_cast<std::size_t>(row.op)] = 10;
    for (const Op slow : {Op::div, Op::sqrt, Op::rsqrt, Op::reciprocal, Op::leaky_relu}) {
      table[static_cast<std::size_t>(slow)] = 0.15;
    }
    table[static_cast<std::size_t>(Op::pow)] = 3;
    return table;
  }();
  return costs[static_cast<std::size_t>(op)];
}

}  // namespace nacre::cpu
