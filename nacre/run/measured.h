// What is measured once a process for each backend.
#pragma once

#include <map>
#include <mutex>

#include "nacre/kernels/backend.h"

namespace nacre {

template <class T>
class Measured {
 public:
  explicit Measured(T (*measure)(Backend&)) : measure_(measure) {}

  const T& of(Backend& backend) {
    const std::lock_guard lock(mutex_);
    const auto known = values_.find(&backend);
    return known != values_.end() ? known->second
                                  : values_.emplace(&backend, measure_(backend)).first->second;
  }

 private:
  T (*measure_)(Backend&);
  std::mutex mutex_;
  std::map<const Backend*, T> values_;
};

}  // namespace nacre
