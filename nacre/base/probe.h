// What the system refuses becomes an exception of ours. The libraries below end the program when
// they are refused something (libgomp threads, oneDNN memory for the code it generates), so the
// system is asked first.
#pragma once

#include <cstddef>
#include <string_view>

namespace nacre {

// Throws OutOfMemoryError, which names `what`, unless the system would give so many bytes now.
void expect_memory(std::size_t bytes, std::string_view what);

// The same for work of many small allocations, which cannot fail one by one: 12 MiB; 48 MiB in
// other threads than the first, since where the address space is so small that a thread gets no
// heap of its own, each of its allocations takes a page.
void expect_working_memory(std::string_view what);

// For where std::bad_alloc is caught: throws OutOfMemoryError, which names what was being done.
[[noreturn]] void throw_out_of_memory(std::string_view doing);

// What kernels, oneDNN's included, may take of a thread's stack, with a margin.
inline constexpr std::size_t kStackOfKernels = std::size_t{256} << 10;

struct StartableThreads {
  int count = 0;
  int error = 0;             // errno of the first that was refused
  bool small_stack = false;  // none, since their stacks would be smaller than kStackOfKernels
};
// How many more threads can run now, up to `wanted`: starts them, and ends them again.
StartableThreads startable_threads(int wanted);

}  // namespace nacre
