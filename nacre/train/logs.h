// Logs and History: named numbers of a training run.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nacre {

// Named numbers in the order in which they were set: loss, metrics, val_loss, ...
class Logs {
 public:
  void set(std::string_view name, double value);
  bool has(std::string_view name) const;
  // Throws ValueError that lists the names there are.
  double operator[](std::string_view name) const;
  const std::vector<std::pair<std::string, double>>& entries() const { return entries_; }

 private:
  std::vector<std::pair<std::string, double>> entries_;
};

// "loss 0.1234, accuracy 0.9876".
std::string to_string(const Logs& logs);

// What fit() returns: the logs of each epoch.
struct History {
  std::vector<Logs> epochs;

  // One number an epoch; throws ValueError for an unknown name.
  std::vector<double> operator[](std::string_view name) const;
  // Of the last epoch; throws ValueError when there is none.
  double last(std::string_view name) const;
};

}  // namespace nacre
