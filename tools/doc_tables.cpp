// Writes what is made from the program's tables (tools/doc_tables.h). `make docs` runs it; a test
// compares.
#include "tools/doc_tables.h"

#include <fstream>
#include <iostream>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: doc_tables REPOSITORY\n";
    return 2;
  }
  for (const auto& [name, text] : nacre::made_files(argv[1])) {
    const std::string path = std::string(argv[1]) + "/" + name;
    if (nacre::content_of(path) == text) continue;
    std::ofstream out(path);
    out << text;
    if (!out.flush()) {
      std::cerr << path << ": cannot be written\n";
      return 1;
    }
  }
  return 0;
}
