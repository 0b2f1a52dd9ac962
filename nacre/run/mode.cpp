#include "nacre/run/mode.h"

namespace nacre {
namespace {
thread_local Mode present = Mode::not_said;
}  // namespace

Mode mode() { return present; }
bool training() { return present == Mode::train; }

TrainingScope::TrainingScope(bool on) : previous_(present) {
  present = on ? Mode::train : Mode::infer;
}
TrainingScope::~TrainingScope() { present = previous_; }

DefaultTraining::DefaultTraining() : previous_(present) {
  if (present == Mode::not_said) present = Mode::train;
}
DefaultTraining::~DefaultTraining() { present = previous_; }

}  // namespace nacre
