// Writes docs/ops.md: what each op has. `make docs` runs it; a test compares.
#include <fstream>
#include <iostream>

#include "tools/ops_table.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: ops_table FILE\n";
    return 2;
  }
  std::ofstream out(argv[1]);
  out << nacre::ops_markdown();
  return out.good() ? 0 : 1;
}
