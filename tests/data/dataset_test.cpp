#include "nacre/data/dataset.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <numeric>
#include <set>

#include "nacre/base/error.h"
#include "nacre/data/loader.h"
#include "nacre/data/transform.h"
#include "tests/support/files.h"

namespace nacre::data {
namespace {

using test::expect_error;
using Longs = std::vector<std::int64_t>;

// n samples: input f32 [2] = {i, -i}, target i % 3.
Dataset numbered(std::int64_t n) {
  std::vector<float> x;
  Longs y;
  for (std::int64_t i = 0; i < n; ++i) {
    x.push_back(static_cast<float>(i));
    x.push_back(static_cast<float>(-i));
    y.push_back(i % 3);
  }
  Info info;
  info.name = "numbered";
  return Dataset::from({Tensor::from(x, {n, 2})}, {Tensor::from(y)}, info);
}

Longs ids(const Batch& batch) {
  Longs out;
  const auto x = batch.inputs[0].to_vector<std::int64_t>();
  for (std::size_t i = 0; i < x.size(); i += 2) out.push_back(x[i]);
  return out;
}

Longs drain(BatchSource& source) {
  Longs out;
  Batch batch;
  while (source.next(batch)) {
    const Longs part = ids(batch);
    out.insert(out.end(), part.begin(), part.end());
  }
  return out;
}

Longs range(std::int64_t n) {
  Longs out(static_cast<std::size_t>(n));
  std::iota(out.begin(), out.end(), 0);
  return out;
}

TEST(Dataset, PartsAndOrder) {
  const Dataset set = numbered(10);
  EXPECT_EQ(set.size(), 10);
  EXPECT_EQ(set.input_specs(), (std::vector<Spec>{{f32, {2}}}));
  EXPECT_EQ(set.target_specs(), (std::vector<Spec>{{i64, {}}}));
  EXPECT_EQ(ids(set.take(3).all()), (Longs{0, 1, 2}));
  EXPECT_EQ(ids(set.skip(8).all()), (Longs{8, 9}));
  EXPECT_EQ(ids(set.skip(20).concat(set.take(1)).all()), (Longs{0}));
  EXPECT_EQ(ids(set.select({4, 4, 1}).all()), (Longs{4, 4, 1}));
  EXPECT_EQ(ids(set.take(2).repeat(2).all()), (Longs{0, 1, 0, 1}));
  EXPECT_EQ(ids(set.take(2).concat(set.skip(9)).all()), (Longs{0, 1, 9}));
  EXPECT_EQ(set.take(4).labels(), (Longs{0, 1, 2, 0}));
  EXPECT_EQ(set.take(4).info().name, "numbered");
  EXPECT_EQ(set.get(3).inputs[0].to_vector<float>(), (std::vector<float>{3, -3}));
  expect_error<ValueError>([&] { set.get(10); }, {"sample 10 of a set of 10"});
  EXPECT_THROW(set.select({10}), ValueError);
  EXPECT_THROW(Dataset::from({zeros({2, 1})}, {zeros({3})}), ShapeError);
  EXPECT_TRUE(Dataset().empty());
  EXPECT_EQ(Dataset().shuffle().take(1).size(), 0);
}

TEST(Dataset, ShuffleIsANewPermutationEachEpoch) {
  const Dataset set = numbered(100).shuffle();
  Longs first = ids(set.all({7, 0}));
  Longs second = ids(set.all({7, 1}));
  EXPECT_NE(first, second);
  EXPECT_NE(first, ids(set.all({8, 0})));
  EXPECT_EQ(first, ids(set.all({7, 0})));
  std::sort(first.begin(), first.end());
  EXPECT_EQ(first, range(100));
}

TEST(Dataset, ShuffleIsUniform) {
  // 6 orders of 3 samples, 6000 epochs: each near 1000 (5 standard deviations are 144).
  const Dataset set = numbered(3).shuffle();
  std::map<Longs, int> seen;
  for (std::int64_t e = 0; e < 6000; ++e) ++seen[ids(set.all({1, e}))];
  ASSERT_EQ(seen.size(), 6u);
  for (const auto& [order, count] : seen) EXPECT_NEAR(count, 1000, 150);
}

TEST(Dataset, StratifiedSplitKeepsShares) {
  std::vector<float> x(1000);
  Longs y;
  for (int i = 0; i < 1000; ++i) y.push_back(i < 900 ? 0 : i < 990 ? 1 : 2);
  const Dataset set = Dataset::from({Tensor::from(x)}, {Tensor::from(y)});
  const auto [fit, check] = set.split(0.2, {.seed = 5});
  EXPECT_EQ(fit.size(), 800);
  EXPECT_EQ(check.size(), 200);
  const Longs labels = check.labels();
  EXPECT_EQ(std::count(labels.begin(), labels.end(), 0), 180);
  EXPECT_EQ(std::count(labels.begin(), labels.end(), 1), 18);
  EXPECT_EQ(std::count(labels.begin(), labels.end(), 2), 2);
}

TEST(Dataset, SplitIsDisjointAndRepeatable) {
  const Dataset set = numbered(31);
  for (const bool stratified : {false, true}) {
    const SplitOptions options{.seed = 3, .shuffle = true, .stratified = stratified};
    const auto [a, b] = set.split(0.3, options);
    const Longs left = ids(a.all());
    const Longs right = ids(b.all());
    EXPECT_EQ(right.size(), 9u);
    std::set<std::int64_t> all(left.begin(), left.end());
    all.insert(right.begin(), right.end());
    EXPECT_EQ(all.size(), 31u);
    EXPECT_EQ(ids(set.split(0.3, options).second.all()), right);
  }
  EXPECT_EQ(ids(set.split(0.1, {.shuffle = false}).second.all()), (Longs{28, 29, 30}));
  EXPECT_THROW(set.split(1.5), ValueError);
  EXPECT_EQ(set.split(0).second.size(), 0);
  EXPECT_EQ(set.split(1).first.size(), 0);
}

TEST(Dataset, Steps) {
  const Dataset set = numbered(4);
  EXPECT_EQ(set.scale(2, 1).get(3).inputs[0].to_vector<float>(), (std::vector<float>{7, -5}));
  EXPECT_EQ(set.scale(2, 1).all().inputs[0].to_vector<float>(),
            (std::vector<float>{1, 1, 3, -1, 5, -3, 7, -5}));
  EXPECT_EQ(set.normalize({1, 0}, {2, 0.5}).get(3).inputs[0].to_vector<float>(),
            (std::vector<float>{1, -6}));
  EXPECT_EQ(set.one_hot(3).get(1).targets[0].to_vector<float>(), (std::vector<float>{0, 1, 0}));
  EXPECT_EQ(set.one_hot(3).all().targets[0].shape(), (Shape{4, 3}));
  EXPECT_EQ(set.one_hot(3).labels(), (Longs{0, 1, 2, 0}));
  EXPECT_THROW(set.one_hot(2).all(), ValueError);
  EXPECT_EQ(set.transform(reshape_step({1, 2})).input_specs()[0], (Spec{f32, {1, 2}}));
  EXPECT_THROW(set.normalize({1, 2, 3}, {1, 1, 1}).all(), ShapeError);
  EXPECT_THROW(set.normalize({1}, {0}), ValueError);
  const Dataset mapped = set.map([](Sample s, RandomStream&) {
    s.targets[0] = Tensor::scalar(9, i64);
    return s;
  });
  EXPECT_EQ(mapped.labels(), (Longs{9, 9, 9, 9}));
}

TEST(Dataset, MeasureGivesMomentsPerColumn) {
  const Moments m = measure(numbered(300));
  EXPECT_NEAR(m.mean[0], 149.5, 1e-9);
  EXPECT_NEAR(m.mean[1], -149.5, 1e-9);
  EXPECT_NEAR(m.deviation[0], std::sqrt((300.0 * 300 - 1) / 12), 1e-9);
  EXPECT_EQ(measure(Dataset::from({ones({5, 2})})).deviation, (std::vector<double>{1, 1}));
}

TEST(Dataset, RandomStepsDependOnSeedEpochAndSampleOnly) {
  const auto noisy = numbered(6).map([](Sample s, RandomStream& random) {
    s.inputs[0] = Tensor::from(std::vector<float>{static_cast<float>(random.uniform())});
    return s;
  });
  const auto at = [&](const Dataset& set, std::int64_t i, std::uint64_t seed, std::int64_t epoch) {
    return set.get(i, {seed, epoch}).inputs[0].item();
  };
  EXPECT_EQ(at(noisy, 2, 1, 0), at(noisy, 2, 1, 0));
  std::set<float> values;
  for (std::int64_t i = 0; i < 6; ++i) {
    for (std::int64_t epoch = 0; epoch < 4; ++epoch) values.insert(at(noisy, i, 1, epoch));
  }
  EXPECT_EQ(values.size(), 24u);
  EXPECT_NE(at(noisy, 2, 1, 0), at(noisy, 2, 2, 0));
  // Repetitions within an epoch differ, equal steps in a row are independent.
  EXPECT_NE(at(noisy.repeat(2), 2, 1, 0), at(noisy.repeat(2), 8, 1, 0));
  // Parts that are joined draw differently.
  EXPECT_NE(at(noisy.concat(noisy), 2, 1, 0), at(noisy.concat(noisy), 8, 1, 0));
  EXPECT_EQ(at(noisy.select({5, 2}), 1, 1, 0), at(noisy, 2, 1, 0));
}

TEST(Dataset, CacheReadsEachSampleOnce) {
  std::atomic<int> reads{0};
  const Dataset set = Dataset::generate(5, [&](std::int64_t i) {
    ++reads;
    return Sample{{Tensor::from(std::vector<std::int64_t>{i, i})}, {}, 1};
  });
  const Dataset cached = set.cache();
  for (int k = 0; k < 3; ++k) EXPECT_EQ(ids(cached.all()), range(5));
  EXPECT_EQ(reads, 5);
  expect_error<ValueError>([&] { set.cache(40).all(); }, {"limit of 40 bytes"});
}

TEST(Dataset, UnequalSamplesAreNamed) {
  const Dataset set = Dataset::generate(3, [](std::int64_t i) {
    return Sample{{zeros({i == 2 ? 5 : 4})}, {}, 1};
  });
  expect_error<ShapeError>([&] { set.all(); }, {"sample 2", "f32[5]", "f32[4]", "hint"});
}

TEST(Loader, BatchesInOrder) {
  Loader loader = numbered(10).batch({.batch_size = 4});
  EXPECT_EQ(loader.batches(), 3);
  Batch batch;
  ASSERT_TRUE(loader.next(batch));
  EXPECT_EQ(batch.inputs[0].shape(), (Shape{4, 2}));
  EXPECT_EQ(batch.targets[0].shape(), (Shape{4}));
  EXPECT_FALSE(batch.weights.defined());
  ASSERT_TRUE(loader.next(batch));
  ASSERT_TRUE(loader.next(batch));
  EXPECT_EQ(batch.size(), 2);
  EXPECT_FALSE(loader.next(batch));
  EXPECT_FALSE(loader.next(batch));
  loader.reset(1);
  EXPECT_EQ(drain(loader), range(10));
  // A range-for is one epoch, also after one that was broken off.
  Loader ranged = numbered(10).batch({.batch_size = 4, .shuffle = true});
  std::vector<std::int64_t> sizes, epochs;
  for (int round = 0; round < 3; ++round) {
    for (const Batch& b : ranged) {
      sizes.push_back(b.size());
      epochs.push_back(ranged.position().epoch);
      if (round == 1) break;
    }
  }
  EXPECT_EQ(sizes, (std::vector<std::int64_t>{4, 4, 2, 4, 4, 4, 2}));
  EXPECT_EQ(epochs, (std::vector<std::int64_t>{0, 0, 0, 1, 2, 2, 2}));
  Loader dropping = numbered(10).batch({.batch_size = 4, .drop_last = true});
  EXPECT_EQ(dropping.samples(), 8);
  EXPECT_EQ(drain(dropping), range(8));
  EXPECT_THROW(numbered(3).batch({.batch_size = 0}), ValueError);
  Loader none(Dataset(), {.batch_size = 4});
  EXPECT_FALSE(none.next(batch));
}

TEST(Loader, WeightsTravel) {
  const Dataset set = Dataset::from({arange(4, f32)}, {arange(4)}, {}, tensor({0.5, 1, 1.5, 2}));
  Loader loader = set.skip(1).batch({.batch_size = 2});
  Batch batch;
  ASSERT_TRUE(loader.next(batch));
  EXPECT_EQ(batch.weights.to_vector<float>(), (std::vector<float>{1, 1.5}));
}

TEST(Loader, SameBatchesWhateverTheNumberOfWorkers) {
  const Dataset set = numbered(103).map([](Sample s, RandomStream& random) {
    const float noise = static_cast<float>(random.below(1000));
    s.inputs[0] = Tensor::from(std::vector<float>{s.inputs[0].to_vector<float>()[0], noise});
    return s;
  });
  std::vector<std::vector<float>> runs;
  for (const int workers : {0, 1, 3}) {
    Loader loader = set.batch({.batch_size = 8, .shuffle = true, .seed = 11, .workers = workers});
    std::vector<float> all;
    for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
      loader.reset(epoch);
      Batch batch;
      while (loader.next(batch)) {
        const auto x = batch.inputs[0].to_vector<float>();
        all.insert(all.end(), x.begin(), x.end());
      }
    }
    EXPECT_EQ(all.size(), 3u * 103 * 2);
    runs.push_back(all);
  }
  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_EQ(runs[0], runs[2]);
}

TEST(Loader, GoesOnWhereItStopped) {
  for (const int workers : {0, 2}) {
    const LoaderOptions options{.batch_size = 4, .shuffle = true, .seed = 2, .workers = workers};
    Loader whole = numbered(30).batch(options);
    whole.reset(3);
    const Longs all = drain(whole);
    Loader part = numbered(30).batch(options);
    part.reset(3);
    Batch batch;
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(part.next(batch));
    const Position position = part.position();
    EXPECT_EQ(position, (Position{3, 3, 2}));
    Loader again = numbered(30).batch(options);
    again.restore(position);
    EXPECT_EQ(drain(again), Longs(all.begin() + 12, all.end()));
    Loader other = numbered(30).batch({.batch_size = 4, .shuffle = true, .seed = 3});
    EXPECT_THROW(other.restore(position), ValueError);
    EXPECT_THROW(part.reset(0, 9), ValueError);
  }
}

TEST(Loader, FailureReachesTheCallerAndCanBeRepeated) {
  std::atomic<bool> broken{true};
  const Dataset set = Dataset::generate(20, [&](std::int64_t i) {
    if (i == 9 && broken) throw IoError("disk");
    return Sample{{Tensor::from(std::vector<std::int64_t>{i, i})}, {}, 1};
  });
  for (const int workers : {0, 2}) {
    broken = true;
    Loader loader = set.batch({.batch_size = 4, .workers = workers});
    Batch batch;
    ASSERT_TRUE(loader.next(batch));
    ASSERT_TRUE(loader.next(batch));
    EXPECT_THROW(loader.next(batch), IoError);
    broken = false;
    ASSERT_TRUE(loader.next(batch));
    EXPECT_EQ(ids(batch), (Longs{8, 9, 10, 11}));
  }
}

TEST(Loader, CanBeLeftAtAnyMoment) {
  for (int taken = 0; taken < 4; ++taken) {
    Loader loader = numbered(1000).batch({.batch_size = 2, .shuffle = true, .workers = 3});
    Batch batch;
    for (int i = 0; i < taken; ++i) loader.next(batch);
    loader.reset(5);
    if (taken > 0) loader.next(batch);
  }
}

}  // namespace
}  // namespace nacre::data
