// How fast batches come: Fashion-MNIST (digits where it is not installed) in batches of 64,
// shuffled, cropped after padding by 2 and flipped, as the small CNN trains on it;
// beside the training step of that CNN (convolutions of 32 and 64, two maxima, a dense layer).
//
//   build/bench/loader [SECONDS]
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "nacre/nacre.h"

namespace {

using Clock = std::chrono::steady_clock;

double samples_per_second(const nacre::data::Dataset& set, int workers, double seconds) {
  nacre::data::LoaderOptions options{
      .batch_size = 64, .shuffle = true, .seed = 1, .workers = workers};
  if (workers > 0) options.prefetch = 8;
  nacre::data::Loader loader = set.batch(options);
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

// Training steps (forward, backward, Adam) on one batch that is there already.
double trained_per_second(const nacre::data::Dataset& set, double seconds) {
  using namespace nacre;
  data::Loader loader = set.batch({.batch_size = 64, .shuffle = true, .seed = 1});
  data::Batch batch;
  loader.next(batch);
  nn::Sequential net{nn::Conv2d{{.filters = 32, .kernel_size = 3, .activation = relu}},
                     nn::MaxPool2d{},
                     nn::Conv2d{{.filters = 64, .kernel_size = 3, .activation = relu}},
                     nn::MaxPool2d{},
                     nn::Flatten{},
                     nn::Dense{{.units = 10}}};
  optim::Adam adam;
  auto step = compile([&](const Tensor& x, const Tensor& labels) {
    auto [loss, gradients] =
        value_and_grad([&] { return mean(softmax_cross_entropy(net(x), labels)); }, net)();
    adam.apply(net, gradients);
    return loss;
  });
  for (int i = 0; i < 3; ++i) step(batch.inputs[0], batch.targets[0]);
  std::int64_t samples = 0;
  const auto begin = Clock::now();
  double spent = 0;
  while (spent < seconds) {
    step(batch.inputs[0], batch.targets[0]);
    samples += batch.size();
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
  double one_worker = 0;
  for (const int workers : {0, 1, 2}) {
    const double plainly = samples_per_second(plain, workers, seconds);
    const double changed = samples_per_second(augmented, workers, seconds);
    if (workers == 1) one_worker = changed;
    std::printf("%7d %10.0f %12.0f\n", workers, plainly, changed);
  }
  for (const int threads : {1, nacre::threads()}) {
    nacre::set_threads(threads);
    const double trained = trained_per_second(plain, seconds);
    std::printf(
        "training step, %d threads: %.0f samples/s; the loader (one worker, crop + flip) gives"
        " %.1f times that\n",
        threads, trained, one_worker / trained);
  }
}
