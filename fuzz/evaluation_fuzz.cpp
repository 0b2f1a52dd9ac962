#include "cli/run_files.h"
#include "fuzz/fuzz.h"

// A run's evaluation.json, and the page about it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return nacre::fuzz::run(data, size, [](nacre::Bytes bytes) {
    nacre::cli::Report report;
    nacre::cli::read_evaluation(nacre::fuzz::text_of(bytes), "input", report);
    const std::string page = nacre::cli::report_html(report);
    if (page.find("<script") != page.npos) throw nacre::InternalError("a script got into the page");
  });
}
