#include "nacre/base/output.h"

#include <atomic>
#include <cerrno>
#include <cstdio>

namespace nacre {
namespace {

std::atomic<int> first_error{0};

void note(int error) noexcept {
  int none = 0;
  first_error.compare_exchange_strong(none, error != 0 ? error : EIO);
}

}  // namespace

void write_output(std::string_view text) noexcept {
  errno = 0;
  const bool whole = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (std::fflush(stdout) != 0 || !whole) note(errno);
}

void write_error(std::string_view text) noexcept {
  // There is nobody to tell that standard error does not take it.
  static_cast<void>(std::fwrite(text.data(), 1, text.size(), stderr));
  static_cast<void>(std::fflush(stderr));
}

int output_error() noexcept {
  errno = 0;
  if (std::fflush(stdout) != 0) note(errno);
  if (std::ferror(stdout) != 0) note(errno);
  return first_error;
}

}  // namespace nacre
