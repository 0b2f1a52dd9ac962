// NumPy's files: NPY, one array, and NPZ, a zip archive of them
// (numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "nacre/base/file.h"
#include "nacre/tensor/tensor.h"

namespace nacre::data {

// Booleans, integers and floats of either byte order, in C or Fortran order. i2 and u2 are widened
// to i32, u4 to i64; u8 becomes i64 when all values fit. Throws IoError for anything else, for
// headers that are damaged and for a size that differs from the header's.
// Values that are not finite stay: expect_finite names them.
Tensor read_npy(const std::filesystem::path& path);
Tensor parse_npy(Bytes bytes, const std::string& name);
// Version 1.0, C order, little-endian; replaces the file atomically. Throws DTypeError for bf16,
// which NumPy has not.
void write_npy(const std::filesystem::path& path, const Tensor& tensor);
std::string npy_bytes(const Tensor& tensor);

// Throws IoError 'NAME: row 3, column 7: nan is not finite' for the first such value: for arrays
// that become inputs or targets. Rows and columns are counted from 1; of higher ranks all places
// within a row are named ("[2, 5]", from 0).
void expect_finite(const Tensor& values, const std::string& name);

// All arrays by name (without ".npy"), from stored or deflated entries.
std::map<std::string, Tensor> read_npz(const std::filesystem::path& path);
std::map<std::string, Tensor> parse_npz(Bytes bytes, const std::string& name);
void write_npz(const std::filesystem::path& path, const std::map<std::string, Tensor>& arrays,
               bool compress = false);

}  // namespace nacre::data
