// Training or inference: what layers such as dropout and batch normalisation ask.
#pragma once

namespace nacre {

// Whether this thread is training. False unless a TrainingScope lives, as in Keras, where a model
// that is called by hand infers.
bool training();

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
  bool previous_;
};

}  // namespace nacre
