// Writes docs/ops.md and the tables that stand in other pages. `make docs` runs it; a test
// compares.
#include "tools/doc_tables.h"

#include <fstream>
#include <iostream>
#include <iterator>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: doc_tables FOLDER\n";
    return 2;
  }
  const std::string folder = std::string(argv[1]) + "/";
  for (const std::string page : nacre::kPagesWithTables) {
    std::ifstream in(folder + page);
    const std::string before((std::istreambuf_iterator<char>(in)),
                             std::istreambuf_iterator<char>());
    std::ofstream out(folder + page);
    out << (page == "ops.md" ? nacre::ops_markdown() : nacre::with_tables(before));
    if (!out.flush()) return 1;
  }
  return 0;
}
