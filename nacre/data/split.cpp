#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "nacre/base/error.h"
#include "nacre/data/dataset.h"
#include "nacre/data/sources.h"

namespace nacre::data {
namespace {

// How many of each group go to the second part: whole numbers nearest to the shares whose sum is
// right (largest remainder).
std::vector<std::size_t> shares(const std::vector<std::size_t>& sizes, double fraction,
                                std::size_t wanted) {
  std::vector<std::size_t> out;
  std::vector<std::pair<double, std::size_t>> remainders;
  std::size_t given = 0;
  for (std::size_t g = 0; g < sizes.size(); ++g) {
    const double exact = fraction * static_cast<double>(sizes[g]);
    const double whole = std::floor(exact);
    out.push_back(static_cast<std::size_t>(whole));
    given += out.back();
    remainders.emplace_back(whole - exact, g);
  }
  std::sort(remainders.begin(), remainders.end());
  for (std::size_t k = 0; k < remainders.size() && given < wanted; ++k) {
    const std::size_t g = remainders[k].second;
    if (out[g] < sizes[g]) {
      ++out[g];
      ++given;
    }
  }
  return out;
}

// Class indices when there are such targets, else nothing.
std::vector<std::int64_t> labels_if_any(const Dataset& set) {
  const std::vector<Spec> specs = set.target_specs();
  if (specs.size() != 1 || specs[0].shape.rank() != 0 || !is_integral(specs[0].dtype)) return {};
  return set.labels();
}

}  // namespace

std::pair<Dataset, Dataset> Dataset::split(double fraction, const SplitOptions& options) const {
  if (!(fraction >= 0 && fraction <= 1)) {
    throw ValueError(fmt::format("Dataset::split: a fraction of {} (0 to 1 expected)", fraction));
  }
  const auto n = static_cast<std::size_t>(size());
  const auto wanted = static_cast<std::size_t>(std::llround(fraction * static_cast<double>(n)));
  if (!options.shuffle) {
    const auto cut = static_cast<std::int64_t>(n - wanted);
    return {take(cut), skip(cut)};
  }
  std::map<std::int64_t, std::vector<std::int64_t>> groups;
  const auto labels =
      options.stratified && n > 0 ? labels_if_any(*this) : std::vector<std::int64_t>{};
  for (const std::int64_t i : random_order(size(), {options.seed, 0}, 0)) {
    groups[labels.empty() ? 0 : labels[static_cast<std::size_t>(i)]].push_back(i);
  }
  std::vector<std::size_t> sizes;
  for (const auto& [label, members] : groups) sizes.push_back(members.size());
  const std::vector<std::size_t> second = shares(sizes, fraction, wanted);
  std::vector<std::int64_t> left;
  std::vector<std::int64_t> right;
  std::size_t g = 0;
  for (const auto& [label, members] : groups) {
    const auto cut = members.begin() + static_cast<std::ptrdiff_t>(second[g++]);
    right.insert(right.end(), members.begin(), cut);
    left.insert(left.end(), cut, members.end());
  }
  std::sort(left.begin(), left.end());
  std::sort(right.begin(), right.end());
  return {select(std::move(left)), select(std::move(right))};
}

}  // namespace nacre::data
