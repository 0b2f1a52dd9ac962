// Nacre's side of the comparison with PyTorch: for each function name of tools/pytorch_oracle.py
// what to call. The arguments of a case come as JSON.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "nacre/nacre.h"

namespace nacre::oracle {

using Args = nlohmann::json;
using Function = std::function<Tensor(const Tensors&, const Args&)>;
using Functions = std::map<std::string, Function>;

void add_elementwise(Functions& functions);
void add_reductions_and_movement(Functions& functions);
void add_layers_and_algebra(Functions& functions);

inline std::vector<int> ints(const Args& args, const char* key) {
  return args.at(key).get<std::vector<int>>();
}

}  // namespace nacre::oracle
