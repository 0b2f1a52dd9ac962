// How long work takes, to choose workers_for() it (base/threads.h).
#pragma once

#include "nacre/base/threads.h"

namespace nacre::cpu {

// The time to move bytes that do not sit in a near cache, on one core.
inline double microseconds_to_move(double bytes) { return bytes / 15e3; }

}  // namespace nacre::cpu
