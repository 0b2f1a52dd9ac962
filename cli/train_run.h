// A training run and its folder: what `nacre train` does once it has a recipe.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/console.h"
#include "cli/recipe_model.h"
#include "cli/run_setup.h"
#include "nacre/base/durable.h"
#include "nacre/data/loader.h"
#include "nacre/train/callback.h"

namespace nacre::cli {

class TrainRun {
 public:
  // quiet: no progress, no advice.
  TrainRun(const Console& console, bool quiet)
      : console_(console), quiet_(quiet), silent_(quiet || console.json) {}

  // Takes the folder of a run to go on with for this process. Throws IoError when it holds none.
  void claim(const std::filesystem::path& run);
  // Trains, saves and evaluates; returns the exit status. Nothing in the folder changes before all
  // has been accepted, the checkpoint included. Throws ValueError and IoError with what to do.
  int train(Recipe recipe, bool resumes);

 private:
  void lock(const std::filesystem::path& run);
  void open();
  void choose_folder();
  void settle_precision();
  void tell(const nn::Summary& network) const;
  SourceFitOptions fit_options();
  void begin(TrainingState& state);
  void save(const char* file, Model& model) const;
  int finish(Model& model, const History& history);
  int evaluate(Model& model, const data::Dataset& judged, const char* part);

  const Console& console_;
  bool quiet_, silent_;
  bool resumes_ = false;
  std::optional<FolderLock> lock_;
  Recipe recipe_;
  std::optional<RunSetup> begun_;  // of a run that goes on
  Setup setup_;
  std::vector<std::string> warnings_;
  std::string layers_;  // JSON
  std::string summary_;
  std::string precision_;
  std::filesystem::path run_;
  std::optional<data::Loader> validation_;
  bool training_ = false;  // there is something to go on from
};

}  // namespace nacre::cli
