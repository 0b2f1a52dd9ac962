// A table, what it is taken for, and its encoder's way through JSON: the same file, read as the
// encoder says, gives the same features.
#include <cstdlib>
#include <string>
#include <vector>

#include "fuzz/fuzz.h"
#include "nacre/data/table/table.h"

namespace {

void read_twice(nacre::Bytes bytes) {
  using namespace nacre::data;
  if (bytes.empty()) return;
  // The first byte chooses how; the rest is the file.
  const auto choice = std::to_integer<unsigned>(bytes[0]);
  bytes = bytes.subspan(1);
  CsvOptions options;
  options.header = static_cast<CsvOptions::Header>(choice % 3);
  if (choice & 4) options.missing = {"", "a"};
  // With its faults noted rather than thrown; a table that is taken has none.
  std::vector<std::string> problems;
  CsvOptions lenient = options;
  lenient.problems = &problems;
  const Table shown = parse_csv(bytes, "input", lenient);
  if (problems.size() > CsvOptions::kMostProblems + 1) std::abort();
  const Table table = parse_csv(bytes, "input", options);
  if (!problems.empty() || shown.rows != table.rows) std::abort();
  TableOptions how{.has_target = (choice & 8) != 0, .standardize = (choice & 16) != 0};
  if (choice & 32) how.task = TableOptions::Task::classes;
  const TableEncoder encoder = TableEncoder::fit(table, how);
  const TableEncoder back = TableEncoder::from_json(encoder.to_json(), "json");
  if (back.to_json() != encoder.to_json()) std::abort();
  if (options.header == CsvOptions::Header::automatic) {
    const Dataset first = encoder.encode(table);
    const Dataset again = back.encode(parse_csv(bytes, "input", back.csv_options()));
    if (first.size() != again.size()) std::abort();
    if (first.empty()) return;
    if (first.all().inputs[0].to_vector<float>() != again.all().inputs[0].to_vector<float>()) {
      std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return nacre::fuzz::run<nacre::ValueError>(data, size, read_twice);
}
