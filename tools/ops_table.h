// The text of docs/ops.md, made from the op table and the kernel tables.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "nacre/kernels/backend.h"

namespace nacre {

inline std::string ops_markdown() {
  const auto yes_no = [](bool yes) { return yes ? "yes" : "no"; };
  std::string rows;
  int with_gradient = 0;
  for (int i = 0; i < kOpCount; ++i) {
    const OpDef& def = op_def(static_cast<Op>(i));
    std::string gradient = "zero";
    if (def.gradient == Gradient::none) gradient = "none";
    if (def.gradient == Gradient::vjp) {
      gradient = def.second_order ? "any order" : "first order";
      ++with_gradient;
    }
    std::string dtypes;
    for (const Sample& sample : def.samples()) {
      for (const SampleInput& input : sample.inputs) {
        const std::string name(name_of(input.spec.dtype));
        if (dtypes.find(name) == dtypes.npos) dtypes += (dtypes.empty() ? "" : " ") + name;
      }
    }
    std::string kernels;
    for (const KernelRow* row : kernel_rows(static_cast<Op>(i), cpu_backend())) {
      const std::string name(row->name);
      if (kernels.find(name) == kernels.npos) kernels += (kernels.empty() ? "" : ", ") + name;
    }
    fmt::format_to(std::back_inserter(rows), "| {} | {} | {} | {} | {} | {} |\n", def.name,
                   gradient, dtypes, kernels.empty() ? "reference" : kernels,
                   yes_no(def.elementwise), def.onnx.empty() ? "-" : def.onnx);
  }
  return fmt::format(
      "# Ops\n\nMade from the op table by `make docs`; a test fails when it is out of date. {} "
      "ops, "
      "{} with a gradient.\n\nThe gradient is checked against finite differences to the order it "
      "names; `zero` means that the derivative is zero wherever it exists. The dtypes are those of "
      "the samples that drive the generic tests (f64 and bf16 are tried for every f32 sample). "
      "Kernels are in the order in which they are tried; the reference serves where none supports "
      "a case.\n\n| op | gradient | dtypes | CPU kernels | elementwise | ONNX |\n"
      "|---|---|---|---|---|---|\n{}",
      kOpCount, with_gradient, rows);
}

}  // namespace nacre
