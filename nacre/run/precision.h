// What products and convolutions of f32 tensors are computed in, and what this machine offers.
#pragma once

#include <cstdint>
#include <string>

namespace nacre {

// Weights, results and everything else stay f32 in each case.
enum class Precision : std::uint8_t {
  f32,   // as written
  bf16,  // large products and convolutions of operands rounded to bf16 (8 bits of mantissa), with
         // f32 sums; ValueError where the processor has no instructions for it
  automatic  // bf16 where bfloat16_speedup() says that it is worth it here, else f32
};

// Why there are no fast bf16 products here; empty where there are.
std::string why_no_bfloat16();

// How many times as fast as f32 products the bf16 ones are on this machine: a product of 256 x 256
// matrices on one thread, timed at the first call (some milliseconds). 0 where there are none.
double bfloat16_speedup();

// From this on Precision::automatic takes bf16.
inline constexpr double kWorthwhileSpeedup = 1.2;

// Whether plans of this precision use bf16. Throws ValueError for bf16 where there is none.
bool uses_bfloat16(Precision precision);

}  // namespace nacre
