// What this machine reaches at best, to hold beside what the ops reach. One thread; measured once,
// when first asked for.
#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>
#include <string>

namespace nacre::bench {

// Fused multiply-adds of f32 in registers, in independent chains: operations a second.
double peak_operations();

// Bytes a second of loops over arrays of `bytes` in all: reading one, or a[i] = b[i] + s c[i].
enum class Traffic { read, triad };
double peak_bandwidth(std::size_t bytes, Traffic traffic);

// Adds the counter "ceiling": the part reached of the shortest time in which this machine could do
// the operations and move the bytes of one iteration.
void against_ceiling(benchmark::State& state, double operations, double bytes,
                     Traffic traffic = Traffic::triad);

// The figures as one line.
std::string ceiling_text();

}  // namespace nacre::bench
