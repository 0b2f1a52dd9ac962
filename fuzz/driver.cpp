// Runs a fuzz target on files given by name, for compilers without libFuzzer and to repeat a find.
#include <cstdio>

#include "fuzz/fuzz.h"

int main(int count, char** names) {
  for (int i = 1; i < count; ++i) {
    const std::string bytes = nacre::read_file(names[i]);
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    std::printf("%s: fine\n", names[i]);
  }
}
