// CIFAR-10 and CIFAR-100 in their binary form (www.cs.toronto.edu/~kriz/cifar.html): records of one
// label byte (two for CIFAR-100: coarse, fine) and 3,072 bytes of colour planes.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "nacre/base/input.h"
#include "nacre/tensor/tensor.h"

namespace nacre::data {

struct CifarRecords {
  Tensor images;  // u8 [n, 3, 32, 32]
  Tensor labels;  // i64 [n]; the fine ones of CIFAR-100
  Tensor coarse;  // i64 [n] for CIFAR-100, else undefined
};

// classes: 10 or 100. Throws IoError when the size is no multiple of a record's, or a label is out
// of range (naming the record).
CifarRecords read_cifar(const std::filesystem::path& path, int classes);
CifarRecords read_cifar(Input& input, int classes);

const std::vector<std::string>& cifar10_names();
const std::vector<std::string>& cifar100_names();

}  // namespace nacre::data
