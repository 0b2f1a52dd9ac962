// How fast batches come: Fashion-MNIST (digits where it is not installed) in batches of 64,
// shuffled, cropped after padding by 2 and flipped, as the small CNN trains on it.
//
//   build/bench/loader [SECONDS]
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "nacre/data/augment.h"
#include "nacre/data/loader.h"
#include "nacre/data/named.h"

namespace {

using Clock = std::chrono::steady_clock;

double samples_per_second(const nacre::data::Dataset& set, int workers, double seconds) {
  nacre::data::Loader loader =
      set.batch({.batch_size = 64, .shuffle = true, .seed = 1, .workers = workers, .prefetch = 8});
  nacre::data::Batch batch;
  std::int64_t samples = 0;
  std::int64_t epoch = 0;
  loader.reset(0);
  loader.next(batch);  // the threads start and the first order is drawn
  const auto begin = Clock::now();
  double spent = 0;
  while (spent < seconds) {
    if (loader.next(batch)) {
      samples += batch.size();
    } else {
      loader.reset(++epoch);
    }
    spent = std::chrono::duration<double>(Clock::now() - begin).count();
  }
  return static_cast<double>(samples) / spent;
}

}  // namespace

int main(int count, char** arguments) {
  const double seconds = count > 1 ? std::atof(arguments[1]) : 2;
  const bool fashion = !nacre::data::find_set("fashion-mnist").empty();
  const nacre::data::Dataset plain = nacre::data::load(fashion ? "fashion-mnist" : "digits").train;
  const nacre::data::Dataset augmented =
      plain.augment({.crop_padding = 2, .flip_horizontal = true});
  std::printf("%s, samples/s\nworkers      plain  crop + flip\n", plain.info().name.c_str());
  for (const int workers : {0, 1, 2}) {
    std::printf("%7d %10.0f %12.0f\n", workers, samples_per_second(plain, workers, seconds),
                samples_per_second(augmented, workers, seconds));
  }
}
