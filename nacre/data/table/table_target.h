// The column that a table predicts: which classes it has, and what each row says.
#pragma once

#include <string>
#include <vector>

#include "nacre/data/table/table.h"

namespace nacre::data {

// A whole number without ".0", as class names have it.
std::string number_text(double value);

// The class names a target column gives, or none when it holds values; `why` says by what. Throws
// ValueError for values asked of texts, IoError for what cannot be classes.
std::vector<std::string> classes_of(const Table& table, const Column& column,
                                    const TableOptions& options, std::string& why);
// The rows whose target is known, with it. Throws IoError on an unknown class, and for a value that
// is not finite in f32.
TableTarget read_target(const Table& table, const Column& column, std::vector<std::string> classes);

}  // namespace nacre::data
