// Standard output and standard error: all that the library or its program prints goes through here.
// A stream that takes nothing more (a full disk, a reader that has gone) is no reason to end a
// training, so nothing here throws; output_error() tells.
#pragma once

#include <string_view>

namespace nacre {

// Writes and flushes the text as it is: whoever calls makes it printable() (base/utf8.h).
void write_output(std::string_view text) noexcept;
// The same on standard error.
void write_error(std::string_view text) noexcept;

// The errno of the first write to standard output that failed, 0 where all came through. Flushes
// first.
int output_error() noexcept;

}  // namespace nacre
