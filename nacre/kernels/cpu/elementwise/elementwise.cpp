// Kernels of the elementwise ops and of fused regions, over the table of tile functions.
#include <algorithm>
#include <cstring>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/elementwise/elementwise_tiles.h"
#include "nacre/kernels/cpu/fused/fused_program.h"
#include "nacre/kernels/cpu/kernels.h"
#include "nacre/kernels/cpu/work.h"

namespace nacre::cpu {
namespace {

const FusedProgram& program_of(const Attrs& attrs) {
  return static_cast<const FusedProgram&>(attrs.payload("program"));
}

// The op as a program of one instruction: for broadcasts and 16-bit floats.
FusedProgram program_of_one(const KernelQuery& q) {
  InlineVector<std::uint16_t, 3> arguments;
  for (std::size_t i = 0; i < q.inputs.size(); ++i) {
    arguments.push_back(static_cast<std::uint16_t>(i));
  }
  const auto result = static_cast<std::uint16_t>(q.inputs.size());
  return FusedProgram(q.inputs.size(), q.outputs[0].shape,
                      {{q.op, q.attrs, q.outputs[0].dtype, arguments}}, {result});
}

TileFn plain_tile(const KernelQuery& q) {
  if (q.op == Op::cast) return find_cast(q.inputs[0].dtype, q.outputs[0].dtype);
  return find_tile(q.op, q.inputs.back().dtype);
}

bool supports_elementwise(const KernelQuery& q) {
  if (q.inputs.empty() || q.inputs.size() > 3 || q.outputs.size() != 1) return false;
  return plain_tile(q) != nullptr || can_run(program_of_one(q), q.inputs);
}

// Inputs of the output's size, or of one element: one call of the tile function a thread.
struct PlainElementwise {
  TileFn run;
  std::int64_t elements;
  std::size_t input_count;
  unsigned scalars;
  int workers;
  std::size_t sizes[4];  // bytes of an element: inputs, output
  std::array<double, kTileNumbers> numbers;

  void operator()(void* const* pointers, const RunContext&) const {
    if (workers == 1) {
      run(pointers, pointers[input_count], static_cast<std::size_t>(elements), scalars,
          numbers.data());
      return;
    }
    parallel_for(workers, elements, 256, [&](std::int64_t begin, std::int64_t end) {
      const void* in[3];
      for (std::size_t k = 0; k < input_count; ++k) {
        const std::size_t offset = (scalars >> k) & 1 ? 0 : static_cast<std::size_t>(begin);
        in[k] = static_cast<const char*>(pointers[k]) + offset * sizes[k];
      }
      run(in,
          static_cast<char*>(pointers[input_count]) +
              static_cast<std::size_t>(begin) * sizes[input_count],
          static_cast<std::size_t>(end - begin), scalars, numbers.data());
    });
  }
};

PreparedKernel prepare_elementwise(const KernelQuery& q) {
  PlainElementwise plain{};
  plain.run = plain_tile(q);
  plain.elements = q.outputs[0].elements();
  plain.input_count = q.inputs.size();
  double bytes = static_cast<double>(q.outputs[0].bytes());
  std::uint32_t in_place = 0;
  bool simple = plain.run != nullptr && plain.elements > 0;
  for (std::size_t k = 0; k < q.inputs.size(); ++k) {
    const std::int64_t n = q.inputs[k].elements();
    if (n == plain.elements) {
      in_place |= 1u << k;
    } else if (n == 1) {
      plain.scalars |= 1u << k;
    } else {
      simple = false;
    }
    plain.sizes[k] = size_of(q.inputs[k].dtype);
    bytes += static_cast<double>(q.inputs[k].bytes());
  }
  if (!simple) return prepare_program(program_of_one(q), q.inputs, q.outputs, q.threads);
  plain.sizes[plain.input_count] = size_of(q.outputs[0].dtype);
  plain.numbers = tile_numbers(q.op, q.attrs, q.outputs[0].dtype);
  plain.workers = workers_for(
      static_cast<double>(plain.elements) * tile_cost(q.op) * 1e-3 + microseconds_to_move(bytes),
      q.threads);
  return make_kernel(plain, 0, in_place);
}

bool supports_program(const KernelQuery& q) { return can_run(program_of(q.attrs), q.inputs); }

PreparedKernel prepare_fused(const KernelQuery& q) {
  return prepare_program(program_of(q.attrs), q.inputs, q.outputs, q.threads);
}

// One value everywhere: its bytes are known when the kernel is prepared.
PreparedKernel prepare_fill(const KernelQuery& q) {
  const DType dtype = q.outputs[0].dtype;
  const Tensor value = Tensor::scalar(q.attrs.exact("value"), dtype);
  std::uint64_t element = 0;
  std::memcpy(&element, value.raw_data(), size_of(dtype));
  const auto n = static_cast<std::size_t>(q.outputs[0].elements());
  return make_kernel([element, n, size = size_of(dtype)](void* const* pointers, const RunContext&) {
    const auto as = [&](auto tag) {
      decltype(tag) v;
      std::memcpy(&v, &element, sizeof v);
      std::fill_n(static_cast<decltype(tag)*>(pointers[0]), n, v);
    };
    if (size == 1) return as(std::uint8_t{});
    if (size == 2) return as(std::uint16_t{});
    if (size == 4) return as(std::uint32_t{});
    as(std::uint64_t{});
  });
}

bool supports_any(const KernelQuery&) { return true; }

}  // namespace

// A row for each elementwise op that has a tile function of some dtype, and the regions.
std::span<const KernelRow> elementwise_kernels() {
  static const std::vector<KernelRow> rows = [] {
    std::vector<KernelRow> list = {
        {Op::fused_elementwise, "tiles", supports_program, prepare_fused},
        {Op::cast, "highway", supports_elementwise, prepare_elementwise},
        {Op::fill, "fill", supports_any, prepare_fill},
    };
    for (int op = 0; op < kOpCount; ++op) {
      for (int dtype = 0; dtype < kDTypeCount; ++dtype) {
        if (!find_tile(static_cast<Op>(op), static_cast<DType>(dtype))) continue;
        list.push_back({static_cast<Op>(op), "highway", supports_elementwise, prepare_elementwise});
        break;
      }
    }
    return list;
  }();
  return rows;
}

}  // namespace nacre::cpu
