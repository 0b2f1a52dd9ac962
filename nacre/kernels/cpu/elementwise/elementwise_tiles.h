// The table of tile functions: one a pair of elementwise op and dtype, over contiguous elements.
// It serves plain kernels, the fused interpreter and, as gradients are ops too, gradients.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "nacre/base/dtype.h"
#include "nacre/ops/define/op.h"

namespace nacre {
class Attrs;
}

namespace nacre::cpu {

// in[k]: n elements, or one when bit k of `scalars` is set; `out`: n elements, may be the memory of
// an input whose elements have the same size. `numbers`: see tile_numbers. Comparisons and tests
// write bool.
using TileFn = void (*)(const void* const* in, void* out, std::size_t n, unsigned scalars,
                        const double* numbers);

// `dtype` is that of the op's last input.
struct TileRow {
  Op op;
  DType dtype;
  TileFn run;
};

// Null where there is none: the 16-bit floats are computed as f32 between conversions.
TileFn find_tile(Op op, DType dtype);
// Every pair has one.
TileFn find_cast(DType from, DType to);

// The attributes of an elementwise op as the numbers that its tile function takes.
inline constexpr std::size_t kTileNumbers = 3;
std::array<double, kTileNumbers> tile_numbers(Op op, const Attrs& attrs, DType dtype);
// Roughly what one f32 element costs, in nanoseconds, for the choice of thread counts.
double tile_cost(Op op);

// The parts of the table, one a file.
std::span<const TileRow> arithmetic_tiles();     // elementwise_arithmetic.cpp
std::span<const TileRow> comparison_tiles();     // elementwise_compare.cpp
std::span<const TileRow> exponential_tiles();    // elementwise_exponential.cpp
std::span<const TileRow> trigonometric_tiles();  // elementwise_trigonometric.cpp
std::span<const TileRow> activation_tiles();     // elementwise_activation.cpp
std::span<const TileRow> library_tiles();        // elementwise_library.cpp
std::span<const TileRow> integer_tiles();        // elementwise_integer.cpp
std::span<const TileRow> bit_tiles();            // elementwise_bits.cpp
struct CastRow {
  DType from;
  DType to;
  TileFn run;
};
std::span<const CastRow> cast_tiles();  // elementwise_cast.cpp

}  // namespace nacre::cpu
