// Training or inference: what layers such as dropout and batch normalisation ask.
#pragma once

namespace nacre {

// Whether this thread is training. False unless a TrainingScope lives, as in Keras, where a model
// that is called by hand infers.
bool training();

// What plans are kept by: what a scope says, and that none says anything.
enum class Mode { not_said, infer, train };
Mode mode();

// Sets the mode of this thread for its own lifetime:
//   TrainingScope train;          // until the end of the block, layers train
//   TrainingScope infer(false);
class TrainingScope {
 public:
  explicit TrainingScope(bool on = true);
  ~TrainingScope();
  TrainingScope(const TrainingScope&) = delete;
  TrainingScope& operator=(const TrainingScope&) = delete;

 private:
  Mode previous_;
};

// Training for its own lifetime, unless a TrainingScope says which mode it is: what asks for the
// gradient of a network trains it.
class DefaultTraining {
 public:
  DefaultTraining();
  ~DefaultTraining();
  DefaultTraining(const DefaultTraining&) = delete;
  DefaultTraining& operator=(const DefaultTraining&) = delete;

 private:
  Mode previous_;
};

}  // namespace nacre
