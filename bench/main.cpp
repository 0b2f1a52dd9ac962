// All benchmarks, after a line with what the machine reaches at best on one thread.
#include <benchmark/benchmark.h>

#include "bench/ceiling.h"

int main(int count, char** arguments) {
  benchmark::Initialize(&count, arguments);
  if (benchmark::ReportUnrecognizedArguments(count, arguments)) return 1;
  benchmark::AddCustomContext("ceilings", nacre::bench::ceiling_text());
  benchmark::RunSpecifiedBenchmarks();
}
