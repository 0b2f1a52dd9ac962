// IDX, the format of MNIST (http://yann.lecun.com/exdb/mnist/): two zero bytes, a byte for the
// element type, a byte for the rank, big-endian dimensions, then the elements.
#pragma once

#include <filesystem>

#include "nacre/base/input.h"
#include "nacre/tensor/tensor.h"

namespace nacre::data {

// Types: u8, i8, i16 (given as i32), i32, f32, f64. The file may be packed with gzip. Throws
// IoError when it is something else, cut off, or longer than its header says.
Tensor read_idx(const std::filesystem::path& path);
Tensor read_idx(Input& input);

// Writes u8, i8, i32, f32 or f64; packed with gzip when the name ends in ".gz". Throws DTypeError.
void write_idx(const std::filesystem::path& path, const Tensor& tensor);

}  // namespace nacre::data
