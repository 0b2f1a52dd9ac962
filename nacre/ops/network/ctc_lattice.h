// The recursions of connectionist temporal classification over one sequence; the reference and the
// kernel of ctc_loss share them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nacre {

// Sizes that the sequences of a batch share.
struct CtcSizes {
  std::int64_t time;
  std::int64_t classes;
  std::int64_t length;  // of the padded labels
  std::int64_t blank;

  std::int64_t most_states() const { return 2 * length + 1; }
  // What a CtcLattice works in.
  std::size_t workspace_bytes() const;
};

// The states of a sequence are its labels with a blank before, between and after them. It is used
// for one sequence after the other.
class CtcLattice {
 public:
  // The workspace is aligned for doubles and outlives it.
  CtcLattice(const CtcSizes& sizes, void* workspace);

  // Takes the labels of a sequence and its number of steps. Throws ValueError.
  void set_labels(const std::int64_t* labels, std::int64_t steps);
  // Minus the log-probability of the labels; logits are [time, classes]. T is float or double.
  template <class T>
  double loss(const T* logits);
  // ct times the gradient of loss(logits), for all of [time, classes].
  template <class T>
  void gradient(const T* logits, double ct, T* out);

 private:
  // Log-probabilities of the states' classes at step t.
  template <class T>
  void read_step(const T* logits, std::int64_t t);
  bool may_skip(std::int64_t state) const {
    return state >= 2 && classes_[state] != sizes_.blank && classes_[state] != classes_[state - 2];
  }
  void forward_step(const double* before, double* now) const;

  CtcSizes sizes_;
  std::int64_t steps_ = 0;
  std::int64_t states_ = 0;
  std::int64_t* classes_;  // of each state
  double* emitted_;        // of each state, at the step read last
  double* log_total_;      // of the softmax at each step
  double* alpha_;          // [time, states]: log-probability of all ways to be there
  double* beta_;           // of all ways to go on from a state
  double* next_;           // the same a step later, with what is emitted there
  double* share_;          // of each class: the probability to be in one of its states
};

}  // namespace nacre
