// The curves of a run that was stopped and went on, as TensorBoard shows them.
#include "nacre/io/event_log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <map>
#include <set>

#include "nacre/nacre.h"
#include "tests/support/files.h"

namespace nacre {
namespace {

namespace fs = std::filesystem;

// Reads what the writer writes of the format: enough to apply TensorBoard's rule that the start of
// a session takes back what stands at its step and later.
class Events {
 public:
  // All files of a folder, in the order of their names.
  explicit Events(const fs::path& folder) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) read(read_file(file));
  }
  // The steps of a curve, in the order in which they were written.
  std::vector<std::int64_t> steps(const std::string& tag) const {
    const auto found = points_.find(tag);
    return found == points_.end() ? std::vector<std::int64_t>() : found->second;
  }

 private:
  static std::uint64_t varint(const std::string& s, std::size_t& at) {
    std::uint64_t v = 0;
    for (int shift = 0;; shift += 7) {
      const auto c = static_cast<unsigned char>(s.at(at++));
      v |= std::uint64_t{c & 0x7fu} << shift;
      if (c < 0x80) return v;
    }
  }
  // The fields of a message: lengths' contents as text, numbers as they are.
  struct Field {
    std::uint64_t number = 0, value = 0;
    std::string bytes;
  };
  static std::vector<Field> fields(const std::string& message) {
    std::vector<Field> out;
    for (std::size_t at = 0; at < message.size();) {
      const std::uint64_t key = varint(message, at);
      Field f{key >> 3, 0, {}};
      if ((key & 7) == 0) f.value = varint(message, at);
      if ((key & 7) == 1) at += 8;
      if ((key & 7) == 5) at += 4;
      if ((key & 7) == 2) {
        const auto n = static_cast<std::size_t>(varint(message, at));
        f.bytes = message.substr(at, n);
        at += n;
      }
      out.push_back(f);
    }
    return out;
  }
  void read(const std::string& file) {
    for (std::size_t at = 0; at < file.size();) {
      std::uint64_t size = 0;
      for (std::size_t i = 0; i < 8; ++i) {
        size |= std::uint64_t{static_cast<unsigned char>(file.at(at + i))} << (8 * i);
      }
      take(file.substr(at + 12, size));
      at += 16 + size;
    }
  }
  void take(const std::string& event) {
    std::int64_t step = 0;
    for (const Field& f : fields(event)) {
      if (f.number == 2) step = static_cast<std::int64_t>(f.value);
      if (f.number == 7 && fields(f.bytes).at(0).value == 1) {
        for (auto& [tag, steps] : points_) std::erase_if(steps, [&](auto s) { return s >= step; });
      }
      if (f.number != 5) continue;
      for (const Field& value : fields(f.bytes)) {
        points_[fields(value.bytes).at(0).bytes].push_back(step);
      }
    }
  }
  std::map<std::string, std::vector<std::int64_t>> points_;
};

Model made() {
  Model model{nn::Sequential{nn::Dense{{.units = 1}}}};
  model.compile({.loss = loss::mse()});
  return model;
}

using Steps = std::vector<std::int64_t>;

TEST(TensorBoardLog, ARunThatGoesOnHasEachEpochOnce) {
  const test::TemporaryFolder folder;
  const fs::path logs = folder / "logs";
  const Tensor x = ones({8, 2}), y = ones({8, 1});
  FitOptions options{.epochs = 4, .verbose = 0, .checkpoint = {.folder = folder / "checkpoints"}};
  options.callbacks = {
      tensorboard_log(logs),
      // The process ends after the log of the third epoch and before its checkpoint.
      make_callback({.on_epoch_end = [](TrainingState& s) {
        if (s.epoch == 2) throw Error("killed");
      }})};
  Model first = made();
  EXPECT_THROW(first.fit(x, y, options), Error);
  EXPECT_EQ(Events(logs).steps("loss"), (Steps{1, 2, 3}));
  options.resume = true;
  options.callbacks = {tensorboard_log(logs), make_callback({})};
  Model second = made();
  second.fit(x, y, options);
  EXPECT_EQ(Events(logs).steps("loss"), (Steps{1, 2, 3, 4}));
  // Nothing more to do: nothing is taken back, and there is no empty file.
  const auto files = [&] {
    return std::distance(fs::directory_iterator(logs), fs::directory_iterator());
  };
  const auto before = files();
  Model third = made();
  third.fit(x, y, options);
  EXPECT_EQ(Events(logs).steps("loss"), (Steps{1, 2, 3, 4}));
  EXPECT_EQ(files(), before);
}

TEST(TensorBoardLog, ANewTrainingInTheFolderTakesThePlaceOfTheOldOne) {
  const test::TemporaryFolder folder;
  const Tensor x = ones({8, 2}), y = ones({8, 1});
  const auto log = tensorboard_log(folder / "logs");
  for (const std::int64_t epochs : {3, 2}) {
    Model model = made();
    model.fit(x, y, {.epochs = epochs, .callbacks = {log}, .verbose = 0});
  }
  EXPECT_EQ(Events(folder / "logs").steps("loss"), (Steps{1, 2}));
}

// A folder that cannot be made is said before the training.
TEST(TensorBoardLog, SaysAtOnceThatItCannotWrite) {
  const test::TemporaryFolder folder;
  write_file(folder / "plain", "");
  int batches = 0;
  const auto count = make_callback({.on_batch_end = [&](TrainingState&) { ++batches; }});
  Model model = made();
  EXPECT_THROW(
      model.fit(
          ones({8, 2}), ones({8, 1}),
          {.epochs = 1, .callbacks = {tensorboard_log(folder / "plain"), count}, .verbose = 0}),
      IoError);
  EXPECT_EQ(batches, 0);
}

}  // namespace
}  // namespace nacre
