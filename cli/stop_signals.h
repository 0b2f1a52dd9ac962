// Signals that ask a training run to end.
#pragma once

namespace nacre::cli {

// While the object lives, SIGINT (Ctrl-C), SIGTERM (a batch system, a machine that shuts down) and
// SIGHUP (the terminal has gone) are only noted; a second one of the same kind ends the process as
// usual. A SIGHUP that was ignored, as under nohup, stays so. A reader of our output that goes away
// (SIGPIPE) ends nothing: writing is what fails then.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // The signal that came last, or 0.
  static int asked();
};

}  // namespace nacre::cli
