#include "nacre/run/mode.h"

namespace nacre {
namespace {
thread_local bool is_training = false;
}

bool training() { return is_training; }

TrainingScope::TrainingScope(bool on) : previous_(is_training) { is_training = on; }
TrainingScope::~TrainingScope() { is_training = previous_; }

}  // namespace nacre
