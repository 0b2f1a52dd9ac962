// What a program sees that includes nacre/nacre.h.
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <set>
#include <string>

#include "nacre/base/file.h"

namespace nacre {
namespace {

// The headers of Nacre that `header` brings, and the text of all without comments.
void follow(const std::filesystem::path& root, const std::string& header,
            std::set<std::string>& seen, std::string& text) {
  if (!seen.insert(header).second) return;
  static const std::regex comment("//[^\n]*");
  static const std::regex include("#include \"(nacre/[^\"]*)\"");
  const std::string own = std::regex_replace(read_file(root / header), comment, "");
  for (std::sregex_iterator i(own.begin(), own.end(), include), end; i != end; ++i) {
    follow(root, (*i)[1], seen, text);
  }
  text += own;
}

TEST(FrontDoor, ShowsNothingOfTheInside) {
  std::set<std::string> headers;
  std::string text;
  follow(NACRE_SOURCE_DIR, "nacre/nacre.h", headers, text);
  EXPECT_GT(headers.size(), 80u);
  for (const char* name :
       {"OpDef", "InferContext", "VjpContext", "ReferenceContext", "SampleInput", "Attrs", "Graph",
        "TensorList", "ConvGeometry", "PoolGeometry", "PoolSpan", "ResizeTaps", "Window", "Image",
        "KernelRow", "PlanEntry", "emit_one", "record_on_tapes", "GradientRulePayload"}) {
    std::smatch found;
    EXPECT_FALSE(std::regex_search(text, found, std::regex(std::string("\\b") + name + "\\b")))
        << name << " is seen through nacre/nacre.h";
  }
  for (const std::string& header : headers) {
    for (const char* folder : {"nacre/graph/graph", "nacre/plan/", "nacre/passes/",
                               "nacre/kernels/", "nacre/autodiff/", "nacre/ops/define/op"}) {
      if (header == "nacre/ops/define/operand.h") continue;
      EXPECT_FALSE(header.starts_with(folder)) << header;
    }
  }
}

}  // namespace
}  // namespace nacre
