// `nacre doctor`: what the machine offers, what Nacre uses, and why something is not used.
#pragma once

#include "cli/console.h"

namespace nacre::cli {

// Name and value of what a report should say about where a run took place.
std::vector<std::pair<std::string, std::string>> environment();

}  // namespace nacre::cli
