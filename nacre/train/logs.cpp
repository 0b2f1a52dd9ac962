#include "nacre/train/logs.h"

#include <fmt/format.h>

#include "nacre/base/error.h"
#include "nacre/base/text.h"

namespace nacre {

void Logs::set(std::string_view name, double value) {
  for (auto& [key, old] : entries_) {
    if (key == name) {
      old = value;
      return;
    }
  }
  entries_.emplace_back(name, value);
}

bool Logs::has(std::string_view name) const {
  for (const auto& [key, value] : entries_) {
    if (key == name) return true;
  }
  return false;
}

double Logs::operator[](std::string_view name) const {
  std::string list;
  std::vector<std::string> names;
  for (const auto& [key, value] : entries_) {
    if (key == name) return value;
    list += (list.empty() ? "" : ", ") + key;
    names.push_back(key);
  }
  throw ValueError(fmt::format("logs: nothing is named \"{}\"{}; there are {}", name,
                               did_you_mean(name, names), list.empty() ? "none" : list));
}

std::string to_string(const Logs& logs) {
  std::string out;
  for (const auto& [name, value] : logs.entries()) {
    out += fmt::format("{}{} {:.4f}", out.empty() ? "" : ", ", name, value);
  }
  return out;
}

std::vector<double> History::operator[](std::string_view name) const {
  std::vector<double> out;
  for (const Logs& epoch : epochs) out.push_back(epoch[name]);
  return out;
}

double History::last(std::string_view name) const {
  if (epochs.empty()) throw ValueError("history: no epoch has ended");
  return epochs.back()[name];
}

}  // namespace nacre
