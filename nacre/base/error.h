// Every failure is a typed exception with one text format:
//
//   matmul: inner dimensions differ (128 vs 64)
//     left f32[32,128], right f32[64,10]
//     in layer "mlp/dense_1", called at train.cpp:42
//     hint: the previous layer gives 128 features; set Dense{.inputs = 128} or leave it out
#pragma once

#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>

namespace nacre {

// The base of all of Nacre's exceptions; what() is the whole text, several lines long.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Shapes that do not fit an operation.
class ShapeError : public Error {
  using Error::Error;
};
// An element type an operation does not take.
class DTypeError : public Error {
  using Error::Error;
};
// An argument out of its range.
class ValueError : public Error {
  using Error::Error;
};
// A gradient that does not exist, or is not finite.
class GradientError : public Error {
  using Error::Error;
};
// A value of a traced function used where a concrete one is needed, and other misuse of tracing.
class TraceError : public Error {
  using Error::Error;
};
// A file or stream that cannot be read or written, or holds something else than expected.
class IoError : public Error {
  using Error::Error;
};
// Memory that the system does not give; says what was asked.
class OutOfMemoryError : public Error {
  using Error::Error;
};
// A broken invariant inside Nacre itself: always worth a bug report.
class InternalError : public Error {
  using Error::Error;
};

// Where the user's code called an operation. Holds a pointer to a string with static storage.
struct Location {
  const char* file = "";
  unsigned line = 0;

  constexpr Location() = default;
  constexpr Location(const char* f, unsigned l) : file(f), line(l) {}
  constexpr Location(const std::source_location& s) : file(s.file_name()), line(s.line()) {}
  bool known() const { return line != 0; }
};

// "train.cpp:42" (the last component of the path), or "" when unknown.
std::string to_string(const Location& location);

// The parts of an error text; empty parts are left out.
struct ErrorText {
  std::string_view op = {};      // the operation: "matmul"
  std::string_view what = {};    // one sentence: what was expected, what came
  std::string_view inputs = {};  // "left f32[32,128], right f32[64,10]"
  std::string_view layer = {};   // the layer's path
  Location location = {};
  std::string_view hint = {};
};

// Puts the parts together in the format at the top of this file.
std::string format_error(const ErrorText& text);

// A text of that format with layer and location added, for what only the running op finds out.
std::string with_place(std::string text, std::string_view layer, const Location& location);

}  // namespace nacre
