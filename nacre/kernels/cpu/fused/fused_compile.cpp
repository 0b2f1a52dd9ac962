// Resolves a FusedProgram to tile functions and places its registers.
#include <algorithm>
#include <cstring>
#include <numeric>

#include "nacre/kernels/cpu/fused/fused_run.h"
#include "nacre/kernels/cpu/work.h"

namespace nacre::cpu {
namespace {

constexpr std::size_t kTileBudget = 24 * 1024;  // bytes of all tiles that one pass touches
constexpr std::int64_t kLeastTile = 128;
constexpr std::int64_t kMostTile = 4096;
constexpr std::int64_t kLeastRow = 64;  // shorter rows are expanded into tiles
constexpr std::size_t kScalarBytes = 8;

// 16-bit floats are computed as f32.
DType computed(DType d) { return d == bf16 || d == f16 ? f32 : d; }

// The dtype of each register as the program states it.
std::vector<DType> register_dtypes(const FusedProgram& p, std::span<const Spec> inputs) {
  std::vector<DType> dtypes;
  for (const Spec& s : inputs) dtypes.push_back(s.dtype);
  for (const auto& i : p.instructions()) dtypes.push_back(i.dtype);
  return dtypes;
}

bool is_copy(Op op) { return op == Op::identity || op == Op::stop_gradient; }

TileFn tile_of(const FusedProgram::Instruction& i, const std::vector<DType>& dtypes) {
  const DType last = computed(dtypes[i.arguments[i.arguments.size() - 1]]);
  if (i.op == Op::cast) return find_cast(last, computed(i.dtype));
  if (is_copy(i.op)) return find_cast(last, last);
  return find_tile(i.op, last);
}

std::uint64_t constant_bits(double value, DType dtype) {
  std::uint64_t bits = 0;
  const void* from = &value;
  find_cast(f64, dtype)(&from, &bits, 1, 0, nullptr);
  return bits;
}

class Compiler {
 public:
  Compiler(const FusedProgram& program, std::span<const Spec> inputs, std::span<const Spec> outputs)
      : program_(program),
        in_(inputs),
        out_(outputs),
        dtypes_(register_dtypes(program, inputs)),
        scalar_(dtypes_.size(), false),
        last_use_(dtypes_.size(), -1) {}

  CompiledProgram compile(int threads) {
    result_.elements = program_.shape().elements();
    choose_access();
    find_scalars();
    find_last_uses();
    choose_outputs();
    place_scalars();
    place_tiles();
    emit_steps();
    choose_workers(threads);
    return std::move(result_);
  }

 private:
  std::size_t input_count() const { return in_.size(); }
  std::size_t register_of(std::size_t instruction) const { return input_count() + instruction; }

  void choose_access() {
    std::vector<Shape> shapes;
    for (const Spec& s : in_) shapes.push_back(s.shape);
    result_.loops = broadcast_loops(program_.shape(), shapes);
    const std::size_t rank = result_.loops.sizes.size();
    bool any_broadcast = false;
    for (std::size_t k = 0; k < input_count(); ++k) {
      const std::int64_t n = in_[k].elements();
      ProgramInput input{InputAccess::expanded, in_[k].dtype, static_cast<std::uint16_t>(k)};
      if (n == result_.elements && n != 1) {
        input.access = InputAccess::direct;
      } else if (n == 1) {
        input.access = InputAccess::scalar;
      } else {
        any_broadcast = true;
      }
      if (computed(input.dtype) != input.dtype) input.convert = find_cast(input.dtype, f32);
      result_.inputs.push_back(input);
    }
    result_.by_row = any_broadcast && result_.loops.inner() >= kLeastRow;
    for (std::size_t k = 0; k < input_count(); ++k) {
      ProgramInput& input = result_.inputs[k];
      if (input.access != InputAccess::expanded) continue;
      // A row vector, a bias: full along the inner loops, repeated along the outer ones.
      bool repeats = true;
      bool inner = true;
      for (std::size_t d = rank; d-- > 0;) {
        if (result_.loops.strides[k][d] == 0) inner = false;
        repeats = repeats && (inner || result_.loops.strides[k][d] == 0);
      }
      if (result_.by_row) {
        input.access = InputAccess::row;
      } else if (repeats && in_[k].elements() <= kMostTile) {
        input.access = InputAccess::periodic;
      }
    }
  }

  // What depends on scalars only is computed once a run. A region of one element has tiles of one.
  void find_scalars() {
    for (std::size_t k = 0; k < input_count(); ++k) {
      scalar_[k] = result_.inputs[k].access == InputAccess::scalar;
    }
    const auto& instructions = program_.instructions();
    for (std::size_t i = 0; i < instructions.size(); ++i) {
      const auto& arguments = instructions[i].arguments;
      scalar_[register_of(i)] = std::all_of(arguments.begin(), arguments.end(),
                                            [&](std::uint16_t r) { return scalar_[r]; });
    }
  }

  void find_last_uses() {
    const auto& instructions = program_.instructions();
    for (std::size_t i = 0; i < instructions.size(); ++i) {
      for (const std::uint16_t r : instructions[i].arguments) last_use_[r] = static_cast<int>(i);
    }
  }

  // An output is written where it belongs as soon as it is computed when no input that it may share
  // memory with is read afterwards; otherwise it waits in a tile.
  void choose_outputs() {
    int last_direct_read = -1;
    for (std::size_t k = 0; k < input_count(); ++k) {
      if (result_.inputs[k].access == InputAccess::direct && !result_.inputs[k].convert) {
        last_direct_read = std::max(last_direct_read, last_use_[k]);
      }
    }
    std::vector<bool> taken(dtypes_.size(), false);
    for (std::size_t o = 0; o < out_.size(); ++o) {
      const std::uint16_t r = program_.outputs()[o];
      ProgramOutput output{r, size_of(out_[o].dtype)};
      output.is_scalar = scalar_[r];
      if (computed(out_[o].dtype) != out_[o].dtype) output.convert = find_cast(f32, out_[o].dtype);
      const int made = static_cast<int>(r) - static_cast<int>(input_count());
      output.direct = !output.is_scalar && !output.convert && !taken[r] && made >= last_direct_read;
      taken[r] = taken[r] || output.direct;
      if (!output.direct) last_use_[r] = static_cast<int>(program_.instructions().size());
      result_.outputs.push_back(output);
    }
    direct_output_ = taken;
  }

  void place_scalars() {
    result_.places.assign(dtypes_.size(), CompiledProgram::kNoPlace);
    std::size_t at = 0;
    for (std::size_t r = 0; r < dtypes_.size(); ++r) {
      const bool in_memory = r < input_count() && !result_.inputs[r].convert;
      if (!scalar_[r] || in_memory) continue;
      result_.places[r] = at;
      at += kScalarBytes;
    }
    tiles_at_ = (at + kAlignment - 1) / kAlignment * kAlignment;
  }

  // Whether an input needs a tile: expanded, or converted to f32.
  bool needs_tile(std::size_t k) const {
    const ProgramInput& input = result_.inputs[k];
    if (input.access == InputAccess::scalar) return false;
    if (input.access == InputAccess::row || input.access == InputAccess::direct) {
      return input.convert != nullptr;
    }
    return true;
  }

  // A linear scan over the instructions: a tile is free again after the last use of its register.
  void place_tiles() {
    const auto& instructions = program_.instructions();
    std::vector<std::size_t> slot(dtypes_.size(), CompiledProgram::kNoPlace);
    std::vector<std::size_t> free;
    std::size_t slots = 0;
    std::size_t widest = 4;
    const auto take = [&](std::size_t r) {
      if (free.empty()) {
        slot[r] = slots++;
      } else {
        slot[r] = free.back();
        free.pop_back();
      }
      widest = std::max(widest, size_of(computed(dtypes_[r])));
    };
    for (std::size_t k = 0; k < input_count(); ++k) {
      if (needs_tile(k)) take(k);
    }
    for (std::size_t i = 0; i < instructions.size(); ++i) {
      const std::size_t r = register_of(i);
      const bool wants = !scalar_[r] && !direct_output_[r];
      InlineVector<std::size_t, 3> ending;
      for (const std::uint16_t a : instructions[i].arguments) {
        // A periodic input's tile serves all tiles of the thread.
        const bool keeps = a < input_count() && result_.inputs[a].access == InputAccess::periodic;
        const bool ends = slot[a] != CompiledProgram::kNoPlace && !keeps &&
                          last_use_[a] == static_cast<int>(i) &&
                          std::find(ending.begin(), ending.end(), slot[a]) == ending.end();
        if (ends) ending.push_back(slot[a]);
        // Overwriting an argument needs elements of the same size.
        if (ends && wants && slot[r] == CompiledProgram::kNoPlace &&
            size_of(computed(dtypes_[a])) == size_of(computed(dtypes_[r]))) {
          slot[r] = slot[a];
        }
      }
      if (wants && slot[r] == CompiledProgram::kNoPlace) take(r);
      for (const std::size_t s : ending) {
        if (s != slot[r]) free.push_back(s);
      }
      if (wants && last_use_[r] < 0) free.push_back(slot[r]);
    }
    choose_tile(slots, widest);
    const std::size_t bytes = static_cast<std::size_t>(result_.tile) * widest;
    for (std::size_t r = 0; r < dtypes_.size(); ++r) {
      if (slot[r] != CompiledProgram::kNoPlace) result_.places[r] = tiles_at_ + slot[r] * bytes;
    }
    for (std::size_t k = 0; k < input_count(); ++k) {
      if (result_.places[k] != CompiledProgram::kNoPlace) {
        result_.inputs[k].place = result_.places[k];
      }
    }
    result_.staging = tiles_at_ + slots * bytes;
    result_.thread_bytes =
        (result_.staging + static_cast<std::size_t>(result_.tile) * 2 + kAlignment) / kAlignment *
        kAlignment;
  }

  void choose_tile(std::size_t slots, std::size_t widest) {
    const std::size_t streams = slots + input_count() + out_.size();
    std::int64_t tile = static_cast<std::int64_t>(kTileBudget / (streams * widest));
    tile = std::clamp(tile / 64 * 64, kLeastTile, kMostTile);
    // A tile of whole periods keeps periodic inputs in step.
    std::int64_t period = 1;
    for (std::size_t k = 0; k < input_count(); ++k) {
      if (result_.inputs[k].access != InputAccess::periodic) continue;
      const std::int64_t both = std::lcm(period, in_[k].elements());
      if (both <= std::max(tile, std::int64_t{1024})) {
        period = both;
      } else {
        result_.inputs[k].access = InputAccess::expanded;
      }
    }
    tile = std::max<std::int64_t>(1, tile / period) * period;
    if (result_.by_row) tile = std::min(tile, result_.loops.inner());
    result_.tile = std::max<std::int64_t>(1, std::min(tile, std::max(period, result_.elements)));
  }

  void emit_steps() {
    const auto& instructions = program_.instructions();
    for (std::size_t i = 0; i < instructions.size(); ++i) {
      const auto& instruction = instructions[i];
      const std::size_t r = register_of(i);
      if (instruction.op == Op::constant) {
        result_.constants.push_back(
            {static_cast<std::uint16_t>(r),
             constant_bits(instruction.attrs.number("value"), computed(instruction.dtype))});
        continue;
      }
      ProgramStep step{};
      step.run = tile_of(instruction, dtypes_);
      step.target = static_cast<std::uint16_t>(r);
      step.argument_count = static_cast<std::uint8_t>(instruction.arguments.size());
      for (std::size_t a = 0; a < instruction.arguments.size(); ++a) {
        step.arguments[a] = instruction.arguments[a];
        if (is_one_element(instruction.arguments[a])) step.scalars |= 1u << a;
      }
      const auto numbers = tile_numbers(instruction.op, instruction.attrs, instruction.dtype);
      std::copy(numbers.begin(), numbers.end(), step.numbers);
      auto& list = scalar_[r] ? result_.once : result_.steps;
      // A cast to a 16-bit float rounds, although the register stays f32.
      if (instruction.op == Op::cast && computed(instruction.dtype) != instruction.dtype) {
        if (computed(dtypes_[instruction.arguments[0]]) != f32) {
          list.push_back(step);
          step.arguments[0] = step.target;
        }
        step.run = instruction.dtype == bf16 ? round_to<bf16> : round_to<f16>;
      }
      list.push_back(step);
    }
  }

  bool is_one_element(std::uint16_t r) const {
    if (scalar_[r]) return true;
    return r < input_count() && result_.inputs[r].access == InputAccess::row &&
           result_.loops.inner_stride(r) == 0;
  }

  template <DType dtype>
  static void round_to(const void* const* in, void* out, std::size_t n, unsigned scalars,
                       const double*) {
    static const TileFn there = find_cast(f32, dtype);
    static const TileFn back = find_cast(dtype, f32);
    const float* from = static_cast<const float*>(in[0]);
    float* to = static_cast<float*>(out);
    std::uint16_t rounded[256];
    for (std::size_t i = 0; i < n; i += 256) {
      const std::size_t count = std::min<std::size_t>(256, n - i);
      const void* source = scalars ? from : from + i;
      there(&source, rounded, count, scalars, nullptr);
      source = rounded;
      back(&source, to + i, count, 0, nullptr);
    }
  }

  void choose_workers(int threads) {
    double nanoseconds = 0;
    for (const auto& i : program_.instructions()) nanoseconds += tile_cost(i.op);
    double bytes = 0;
    for (const Spec& s : in_) bytes += static_cast<double>(s.bytes());
    for (const Spec& s : out_) bytes += static_cast<double>(s.bytes());
    const double microseconds =
        static_cast<double>(result_.elements) * nanoseconds * 1e-3 + microseconds_to_move(bytes);
    result_.workers = workers_for(microseconds, threads);
  }

  const FusedProgram& program_;
  std::span<const Spec> in_;
  std::span<const Spec> out_;
  std::vector<DType> dtypes_;
  std::vector<bool> scalar_;
  std::vector<int> last_use_;
  std::vector<bool> direct_output_;
  std::size_t tiles_at_ = 0;
  CompiledProgram result_;
};

}  // namespace

bool can_run(const FusedProgram& program, std::span<const Spec> inputs) {
  const std::vector<DType> dtypes = register_dtypes(program, inputs);
  if (!fits_interpreter(dtypes.size())) return false;
  return std::all_of(program.instructions().begin(), program.instructions().end(),
                     [&](const FusedProgram::Instruction& i) {
                       return i.op == Op::constant ||
                              (i.arguments.size() >= 1 && tile_of(i, dtypes) != nullptr);
                     });
}

PreparedKernel prepare_program(const FusedProgram& program, std::span<const Spec> inputs,
                               std::span<const Spec> outputs, int threads) {
  CompiledProgram compiled = Compiler(program, inputs, outputs).compile(threads);
  std::uint32_t in_place = 0;
  for (std::size_t k = 0; k < compiled.inputs.size() && k < 32; ++k) {
    if (compiled.inputs[k].access == InputAccess::direct) in_place |= 1u << k;
  }
  const std::size_t scratch = compiled.thread_bytes * static_cast<std::size_t>(compiled.workers);
  PreparedKernel kernel = make_kernel(
      [p = std::move(compiled)](void* const* pointers, const RunContext& context) {
        run_program(p, pointers, context);
      },
      scratch, in_place);
  kernel.in_place_each = true;
  return kernel;
}

}  // namespace nacre::cpu
