#include "cli/train_checks.h"

#include <fmt/format.h>

#include "nacre/base/error.h"
#include "nacre/io/checkpoint.h"

namespace nacre::cli {
namespace {

namespace fs = std::filesystem;

// Files that a run which has begun may have.
constexpr const char* kResults[] = {"history.jsonl", "best.safetensors", "model.safetensors",
                                    "evaluation.json"};

}  // namespace

void expect_no_run(const fs::path& run) {
  if (fs::exists(run / "config.json")) {
    throw ValueError(fmt::format(
        "{0}: holds a run already; go on with --resume {0} or choose another --out", run.string()));
  }
  bool other = !io::CheckpointFolder(run / "checkpoints").steps().empty();
  for (const char* name : kResults) other = other || fs::exists(run / name);
  if (!other) return;
  throw ValueError(fmt::format(
      "{}: holds results of a run, though no config.json\n  hint: choose another --out, or put its "
      "config.json back and --resume it",
      run.string()));
}

void expect_checkpoint(const fs::path& run, const Recipe& recipe, const Console& console,
                       bool tells) {
  std::vector<std::string> problems;
  const auto checkpoint = io::CheckpointFolder(run / "checkpoints").load_latest(&problems);
  if (tells) {
    for (const std::string& problem : problems) console.warn("passed over: " + problem);
  }
  if (!checkpoint) {
    for (const char* name : kResults) {
      if (!fs::exists(run / name)) continue;
      throw IoError(fmt::format(
          "{0}: has a {1} but no checkpoint to go on from, and would begin anew over its results\n"
          "  hint: put {0}/checkpoints back, or begin another run with --out",
          run.string(), name));
    }
    return;  // stopped before it had begun
  }
  for (const io::NamedTensor& t : checkpoint->tensors) {
    if (t.name != "run/position" || t.tensor.elements() < 2) continue;
    const std::vector<std::int64_t> position = t.tensor.to_vector<std::int64_t>();
    const std::int64_t begun = position[0] + (position[1] > 0 ? 1 : 0);
    if (begun > recipe.train.epochs) {
      throw ValueError(
          fmt::format("train.epochs: {} is less than the run has got to, which is in epoch {}\n  "
                      "hint: train on "
                      "with --epochs {} or more",
                      recipe.train.epochs, begun, begun));
    }
  }
}

}  // namespace nacre::cli
