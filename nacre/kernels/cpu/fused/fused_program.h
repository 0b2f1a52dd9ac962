// A FusedProgram made ready to run: instructions resolved to tile functions, registers given
// places.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "nacre/kernels/cpu/elementwise/broadcast.h"
#include "nacre/kernels/cpu/elementwise/elementwise_tiles.h"
#include "nacre/kernels/registry.h"
#include "nacre/ops/define/fused.h"

namespace nacre::cpu {

// Whether every instruction has a tile function.
bool can_run(const FusedProgram& program, std::span<const Spec> inputs);

// The kernel that interprets `program`.
PreparedKernel prepare_program(const FusedProgram& program, std::span<const Spec> inputs,
                               std::span<const Spec> outputs, int threads);

// How the program sees one of its inputs.
enum class InputAccess : std::uint8_t {
  direct,    // read where it lies, element i of the region at element i (16-bit floats: converted)
  scalar,    // one element
  row,       // row by row: contiguous or one element along the innermost loop
  periodic,  // repeats within a tile: expanded once a thread
  expanded,  // expanded for each tile
};

struct ProgramInput {
  InputAccess access;
  DType dtype;
  std::uint16_t target;   // the register it appears in
  std::size_t place = 0;  // bytes from the thread's scratch, where it is expanded or converted to
  TileFn convert = nullptr;  // of a 16-bit float, from the staging tile
};

struct ProgramStep {
  TileFn run;
  std::uint16_t arguments[3];
  std::uint16_t target;
  std::uint8_t argument_count;
  unsigned scalars;
  double numbers[kTileNumbers];
};

struct ProgramOutput {
  std::uint16_t from;
  std::size_t size;          // bytes of one element
  bool direct = false;       // computed in place; else copied or converted at the end of a tile
  bool is_scalar = false;    // one value for all elements
  TileFn convert = nullptr;  // to a 16-bit float
};

struct ConstantRegister {
  std::uint16_t target;
  std::uint64_t bits;
};

// Register r's tile is at places[r] bytes of the thread's scratch; kNoPlace: it is an input or
// output read and written where it lies.
struct CompiledProgram {
  static constexpr std::size_t kNoPlace = ~std::size_t{0};

  std::vector<ProgramInput> inputs;
  std::vector<ConstantRegister> constants;
  std::vector<ProgramStep> once;   // on scalars only
  std::vector<ProgramStep> steps;  // for each tile
  std::vector<ProgramOutput> outputs;
  std::vector<std::size_t> places;  // by register
  BroadcastLoops loops;
  bool by_row = false;
  std::int64_t elements = 0;
  std::int64_t tile = 0;         // elements
  std::size_t staging = 0;       // place of a tile for conversions
  std::size_t thread_bytes = 0;  // scratch of one thread
  int workers = 1;
};

}  // namespace nacre::cpu
