// The interpreter: goes over the region in tiles that stay in the first-level cache and runs all
// steps on one tile before it turns to the next.
#include "nacre/kernels/cpu/fused/fused_run.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "nacre/base/threads.h"

namespace nacre::cpu {
namespace {

constexpr std::size_t kRegisters = 128;

void fill(void* to, const void* value, std::size_t size, std::size_t n) {
  switch (size) {
    case 1:
      std::memset(to, *static_cast<const unsigned char*>(value), n);
      break;
    case 4: {
      std::uint32_t v;
      std::memcpy(&v, value, 4);
      std::fill_n(static_cast<std::uint32_t*>(to), n, v);
      break;
    }
    default: {
      std::uint64_t v;
      std::memcpy(&v, value, 8);
      std::fill_n(static_cast<std::uint64_t*>(to), n, v);
    }
  }
}

// One thread's walk over its part of the region.
class ProgramRun {
 public:
  ProgramRun(const CompiledProgram& program, void* const* pointers, char* scratch)
      : p_(program), memory_(pointers), scratch_(scratch) {
    for (std::size_t r = 0; r < p_.places.size(); ++r) {
      registers_[r] = p_.places[r] == CompiledProgram::kNoPlace ? nullptr : scratch + p_.places[r];
    }
    for (const ProgramInput& input : p_.inputs) prepare_input(input);
    for (const ConstantRegister& c : p_.constants) {
      std::memcpy(registers_[c.target], &c.bits, sizeof c.bits);
    }
    for (const ProgramStep& step : p_.once) run_step(step, 1);
  }

  // Elements [begin, end) of the region, from the start of a tile on.
  void run_flat(std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < end; at += p_.tile) {
      const std::int64_t n = std::min(p_.tile, end - at);
      for (const ProgramInput& input : p_.inputs) load(input, at, n);
      run_tile(at, n);
    }
  }

  // The same for rows [begin, end) of the innermost loop.
  void run_rows(std::int64_t begin, std::int64_t end) {
    const std::int64_t length = p_.loops.inner();
    for (std::int64_t row = begin; row < end; ++row) {
      find_row_offsets(row);
      for (std::int64_t at = 0; at < length; at += p_.tile) {
        const std::int64_t n = std::min(p_.tile, length - at);
        for (const ProgramInput& input : p_.inputs) {
          if (input.access == InputAccess::row) {
            load_row(input, at, n);
          } else {
            load(input, row * length + at, n);
          }
        }
        run_tile(row * length + at, n);
      }
    }
  }

 private:
  const char* input_memory(std::size_t k) const { return static_cast<const char*>(memory_[k]); }

  static void apply(TileFn convert, const void* from, void* to, std::int64_t n) {
    convert(&from, to, static_cast<std::size_t>(n), 0, nullptr);
  }

  void prepare_input(const ProgramInput& input) {
    const std::size_t k = input.target;
    if (input.access == InputAccess::scalar) {
      if (input.convert) {
        apply(input.convert, memory_[k], registers_[k], 1);
      } else {
        registers_[k] = static_cast<char*>(memory_[k]);
      }
    } else if (input.access == InputAccess::periodic) {
      expand_tile(input, 0, p_.tile);
    }
  }

  void expand_tile(const ProgramInput& input, std::int64_t at, std::int64_t n) {
    const std::size_t k = input.target;
    void* to = input.convert ? scratch_ + p_.staging : registers_[k];
    expand(p_.loops, k, memory_[k], size_of(input.dtype), at, n, to);
    if (input.convert) apply(input.convert, to, registers_[k], n);
  }

  void load(const ProgramInput& input, std::int64_t at, std::int64_t n) {
    const std::size_t k = input.target;
    if (input.access == InputAccess::expanded) {
      expand_tile(input, at, n);
    } else if (input.access == InputAccess::direct) {
      const char* from = input_memory(k) + static_cast<std::size_t>(at) * size_of(input.dtype);
      if (input.convert) {
        apply(input.convert, from, registers_[k], n);
      } else {
        registers_[k] = const_cast<char*>(from);
      }
    }
  }

  void load_row(const ProgramInput& input, std::int64_t at, std::int64_t n) {
    const std::size_t k = input.target;
    const std::int64_t step = p_.loops.inner_stride(k);
    const char* from = input_memory(k) +
                       static_cast<std::size_t>(row_offsets_[k] + at * step) * size_of(input.dtype);
    if (input.convert) {
      apply(input.convert, from, registers_[k], step == 0 ? 1 : n);
    } else {
      registers_[k] = const_cast<char*>(from);
    }
  }

  void find_row_offsets(std::int64_t row) {
    std::fill(row_offsets_.begin(), row_offsets_.begin() + p_.inputs.size(), 0);
    for (std::size_t d = p_.loops.sizes.size() - 1; d-- > 0;) {
      const std::int64_t i = row % p_.loops.sizes[d];
      row /= p_.loops.sizes[d];
      for (std::size_t k = 0; k < p_.inputs.size(); ++k) {
        row_offsets_[k] += i * p_.loops.strides[k][d];
      }
    }
  }

  void run_step(const ProgramStep& step, std::int64_t n) {
    const void* arguments[3];
    for (std::size_t a = 0; a < step.argument_count; ++a) {
      arguments[a] = registers_[step.arguments[a]];
    }
    step.run(arguments, registers_[step.target], static_cast<std::size_t>(n), step.scalars,
             step.numbers);
  }

  void run_tile(std::int64_t at, std::int64_t n) {
    for (std::size_t o = 0; o < p_.outputs.size(); ++o) {
      if (p_.outputs[o].direct) registers_[p_.outputs[o].from] = output_memory(o, at);
    }
    for (const ProgramStep& step : p_.steps) run_step(step, n);
    for (std::size_t o = 0; o < p_.outputs.size(); ++o) {
      const ProgramOutput& output = p_.outputs[o];
      if (output.direct) continue;
      char* to = output_memory(o, at);
      const char* from = registers_[output.from];
      if (output.convert) {
        const void* source = from;
        output.convert(&source, to, static_cast<std::size_t>(n), output.is_scalar, nullptr);
      } else if (output.is_scalar) {
        fill(to, from, output.size, static_cast<std::size_t>(n));
      } else if (to != from) {
        std::memcpy(to, from, static_cast<std::size_t>(n) * output.size);
      }
    }
  }

  char* output_memory(std::size_t o, std::int64_t at) const {
    return static_cast<char*>(memory_[p_.inputs.size() + o]) +
           static_cast<std::size_t>(at) * p_.outputs[o].size;
  }

  const CompiledProgram& p_;
  void* const* memory_;
  char* scratch_;
  std::array<char*, kRegisters> registers_;
  std::array<std::int64_t, kRegisters> row_offsets_;
};

}  // namespace

bool fits_interpreter(std::size_t registers) { return registers <= kRegisters; }

void run_program(const CompiledProgram& p, void* const* pointers, const RunContext& context) {
  if (p.elements == 0) return;
  const std::int64_t rows = p.by_row ? p.elements / p.loops.inner() : 0;
  const std::int64_t units = p.by_row ? rows : (p.elements + p.tile - 1) / p.tile;
  const std::int64_t workers = std::min<std::int64_t>(p.workers, units);
  const std::int64_t part = (units + workers - 1) / workers;
  parallel_for(static_cast<int>(workers), workers, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t w = first; w < last; ++w) {
      const std::int64_t begin = w * part;
      const std::int64_t end = std::min(units, begin + part);
      if (begin >= end) continue;
      ProgramRun run(
          p, pointers,
          static_cast<char*>(context.scratch) + static_cast<std::size_t>(w) * p.thread_bytes);
      if (p.by_row) {
        run.run_rows(begin, end);
      } else {
        run.run_flat(begin * p.tile, std::min(p.elements, end * p.tile));
      }
    }
  });
}

}  // namespace nacre::cpu
