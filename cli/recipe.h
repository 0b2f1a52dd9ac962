// Recipe: everything `nacre train` needs to know, from a TOML file, options, or a finished run.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

namespace nacre::cli {

// The most threads that may be asked for, and the most epochs or samples that the program counts as
// int.
constexpr int kMostThreads = 1024;
constexpr std::int64_t kMostCount = std::numeric_limits<int>::max();

struct DataRecipe {
  std::string name;                    // a named dataset: "digits", "fashion-mnist", ...
  std::string path;                    // or a file or folder of the user's
  std::string target;                  // of a table: the column to predict; default the last
  std::string task = "auto";           // "auto", or one of zoo/task.h
  bool lines = false;                  // language: each line of the text is a sample of its own
  std::string tokens = "character";    // language: "character", "bpe", or a tokenizer.json
  std::int64_t vocabulary = 1000;      // language: tokens of "bpe"
  std::vector<std::string> leave_out;  // columns of a table that are no inputs
  std::vector<std::string> types;      // of its columns: "zip=category"; see data::column_type
  std::vector<std::string> missing;  // words that stand for a missing cell, besides the usual ones
  bool default_missing = true;       // whether the usual ones ("NA", "?", ...) do, too
  std::string header = "auto";       // of a table: "present", "absent", "auto"
  bool standardize_targets = true;   // regression: train on targets of mean 0 and deviation 1
  double validation = 0.1;           // part of the training data kept for validation
  double test = 0.2;            // part kept for the final evaluation where the data has no test set
  std::int64_t image_size = 0;  // pictures are scaled to this square; 0: as the first one is
  double sound_seconds = 1;     // longer sounds lose their end, shorter get silence
  std::int64_t text_length = 0;      // tokens, as with sounds; 0: what holds 95 in 100 texts
  std::vector<std::string> augment;  // "flip", "crop", "rotate", "cutout", "colour"
  std::int64_t limit = 0;            // use only so many training samples; 0: all
  std::int64_t workers = -1;         // threads that make batches ahead; -1: 1 where there is work
};

struct ModelRecipe {
  std::string name = "auto";  // of the zoo, or "auto": by the kind of data
  std::string layers;         // or a JSON list of layers
  // Sizes of models of language; 0: the model's own.
  std::int64_t blocks = 0;  // of a transformer, or layers of a recurrent model
  std::int64_t heads = 0;
  std::int64_t width = 0;
  double dropout = 0;
};

struct TrainRecipe {
  std::int64_t epochs = 5;
  std::int64_t batch_size = 32;
  std::int64_t steps_per_epoch = 0;  // batches of an epoch at most; 0: all
  std::string optimizer = "adam";
  std::vector<std::string> optimizer_options;  // more of them: "momentum=0.9"
  double learning_rate = 0;                    // 0: the optimizer's default
  double weight_decay = -1;                    // -1: the optimizer's default
  std::string schedule = "constant";
  std::string loss = "auto";
  std::vector<std::string> metrics;  // empty: accuracy or mean absolute error
  double clip_norm = 0;              // 0: off
  double label_smoothing = 0;
  std::int64_t early_stopping = 0;    // epochs without improvement; 0: off
  std::int64_t checkpoint_every = 0;  // steps; 0: once an epoch
  std::uint64_t seed = 0;
  std::string precision = "f32";  // of products: "f32", "bf16", or "auto": what is faster here
  bool check_finite = true;       // a loss or gradient that is not finite ends the run
};

struct RunRecipe {
  std::string directory;  // "" : runs/<data>-<model>-<number>
  int threads = 0;        // 0: all that the process may use
  bool tensorboard = false;
};

struct Recipe {
  DataRecipe data;
  ModelRecipe model;
  TrainRecipe train;
  RunRecipe run;
};

// Throws ValueError for a name that is none of those known, with the nearest.
[[noreturn]] void fail_choice(const char* what, const std::string& given,
                              const std::vector<std::string>& known);

// Reads a TOML file. Throws IoError when it cannot be read, ValueError with file and line for what
// is not TOML, for an unknown key (with the nearest known one) or a value out of range.
Recipe read_recipe(const std::string& path);
Recipe recipe_from_toml(const std::string& text, const std::string& name);

// Sets one key: "train.epochs=3", "data.augment=flip,crop". Throws ValueError as above.
void set_key(Recipe& recipe, const std::string& assignment);

// Throws ValueError when a value is out of its range.
void validate(const Recipe& recipe);

// A key on which two recipes differ, with its values as JSON.
struct KeyChange {
  std::string key, before, now;
};
std::vector<KeyChange> changed_keys(const Recipe& before, const Recipe& now);

// All keys with their values, as JSON and back: a run keeps it as config.json. The reader throws
// IoError, also for unknown keys and values out of range: a run's file is no usage.
std::string to_json(const Recipe& recipe);
Recipe recipe_from_json(const std::string& text, const std::string& name);

}  // namespace nacre::cli
