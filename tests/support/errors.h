// For tests of the exact texts of errors.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "nacre/nacre.h"
#include "nacre/ops/define/emit.h"

namespace nacre::test {

inline const Location kLine("net.cpp", 7);

// What f throws, as text.
template <class F>
std::string text_of(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

// The same of one kind of exception; others pass through.
template <class E, class F>
std::string text_of(F&& f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  }
  return "no error";
}

// The same without the line of the test that it must name.
template <class E, class F>
std::string text_without_line(F&& f) {
  std::string text = text_of<E>(f);
  const auto at = text.find("\n  called at ");
  const auto file = text.find("_test.cpp:", at);
  EXPECT_NE(file, text.npos) << text;
  return file == text.npos ? text : text.erase(at, text.find('\n', file) - at);
}

// An op whose shape rule is asked, as if called at kLine, and what it says.
struct ErrorCase {
  Op op;
  Attrs attrs;
  std::vector<Spec> inputs;
  const char* text;
};

inline void check_errors(const std::vector<ErrorCase>& cases) {
  for (const ErrorCase& c : cases) {
    EXPECT_EQ(text_of([&] { infer_specs(c.op, c.attrs, c.inputs, kLine); }), c.text);
  }
}

}  // namespace nacre::test
