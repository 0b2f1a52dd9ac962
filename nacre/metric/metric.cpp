#include "nacre/metric/metric.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>

#include "nacre/base/text.h"
#include "nacre/metric/sums.h"
#include "nacre/ops/api.h"

namespace nacre::metric {
namespace {

struct Known {
  std::string_view name;
  Metric (*make)();
};
constexpr Known kKnown[] = {
    {"accuracy", [] { return accuracy(); }},
    {"precision", [] { return precision(); }},
    {"recall", [] { return recall(); }},
    {"f1", [] { return f1(); }},
    {"auc", [] { return auc(); }},
    {"mae", [] { return mean_absolute_error(); }},
    {"mse", [] { return mean_squared_error(); }},
    {"rmse", [] { return root_mean_squared_error(); }},
    {"r2", [] { return r2(); }},
    {"perplexity", [] { return perplexity(); }},
};

// The k of "top_k_accuracy", with digits for k; 0 of other names and numbers.
int count_in(std::string_view name) {
  constexpr std::string_view kBefore = "top_";
  constexpr std::string_view kAfter = "_accuracy";
  if (!name.starts_with(kBefore) || !name.ends_with(kAfter)) return 0;
  if (name.size() <= kBefore.size() + kAfter.size()) return 0;
  name.remove_prefix(kBefore.size());
  name.remove_suffix(kAfter.size());
  int k = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), k);
  return error == std::errc() && end == name.data() + name.size() && k > 0 ? k : 0;
}

// NaN where nothing was counted.
double quotient(const std::vector<double>& sums) { return sums[0] / sums[1]; }

// Errors of regression in f64, so that sums are exact to the last digits.
Tensor errors(const char* who, const Operand& p, const Tensor& t) {
  return p.tensor().to(f64) - like_prediction(who, p, t).to(f64);
}

class Auc final : public Metric::Measure {
 public:
  std::unique_ptr<Measure> clone() const override { return std::make_unique<Auc>(*this); }
  Tensors observe(const Operand& p, const Tensor& t, const Tensor& weights) const override {
    const Tensor target = like_prediction("auc", p, t);
    const Tensor w = weights.defined() ? spread_weights(weights, target) : ones_like(target);
    return {p.tensor().to(f64), target.to(f64), broadcast_to(w, target.shape()).to(f64)};
  }
  std::size_t observed_count() const override { return 3; }
  void add(std::span<const Tensor> observed) override {
    const Tensors here = on_host(observed);
    const auto scores = here[0].data<double>();
    const auto targets = here[1].data<double>();
    const auto weights = here[2].data<double>();
    for (std::size_t i = 0; i < scores.size(); ++i) {
      seen_.insert(seen_.end(), {scores[i], targets[i], weights[i]});
    }
  }
  // Of all pairs of a positive and a negative, the share where the positive scores higher; NaN
  // where there is no pair, or a score has no place in the order.
  double result() const override {
    constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
    std::vector<std::size_t> order(seen_.size() / 3);
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (std::isnan(seen_[3 * i]) && seen_[3 * i + 2] != 0) return kNone;
      if (std::isnan(seen_[3 * i + 1]) || std::isnan(seen_[3 * i + 2])) return kNone;
    }
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::erase_if(order, [&](std::size_t i) { return seen_[3 * i + 2] == 0; });
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return seen_[3 * a] < seen_[3 * b]; });
    double negatives = 0;
    double positives = 0;
    double won = 0;
    for (std::size_t i = 0; i < order.size();) {
      double tied_negatives = 0;
      double tied_positives = 0;
      const double score = seen_[3 * order[i]];
      for (; i < order.size() && seen_[3 * order[i]] == score; ++i) {
        const double w = seen_[3 * order[i] + 2];
        (seen_[3 * order[i] + 1] > 0.5 ? tied_positives : tied_negatives) += w;
      }
      won += tied_positives * (negatives + tied_negatives / 2);
      negatives += tied_negatives;
      positives += tied_positives;
    }
    return won / (negatives * positives);
  }
  void reset() override { seen_.clear(); }
  std::vector<double> state() const override { return seen_; }
  void load_state(std::span<const double> state) override {
    seen_.assign(state.begin(), state.end());
  }

 private:
  std::vector<double> seen_;  // score, target, weight
};

// Squared errors, and the spread of the targets around their mean: batches are put together as by
// Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample
// variances", 1979, so that targets far from zero lose no digits.
class R2 final : public Metric::Measure {
 public:
  std::unique_ptr<Measure> clone() const override { return std::make_unique<R2>(*this); }
  Tensors observe(const Operand& p, const Tensor& t, const Tensor& weights) const override {
    // Rows are samples, columns outputs.
    const auto n = p.tensor().rank() > 0 ? p.tensor().size(0) : 1;
    const Shape rows{n, p.tensor().elements() / std::max<std::int64_t>(1, n)};
    const Tensor y = reshape(like_prediction("r2", p, t), rows).to(f64);
    const Tensor e = reshape(p, rows).to(f64) - y;
    const Tensor w = weights.defined()
                         ? broadcast_to(reshape(weights, Shape{n, 1}).to(f64), y.shape())
                         : ones_like(y);
    const Tensor total = sum(w, {0});
    const Tensor middle = sum(w * y, {0}) / where(greater(total, 0), total, ones_like(total));
    return {total, middle, sum(w * square(y - middle), {0}), sum(w * square(e), {0})};
  }
  std::size_t observed_count() const override { return 4; }
  void add(std::span<const Tensor> observed) override {
    const Tensors here = on_host(observed);
    const auto total = here[0].data<double>();
    const auto middle = here[1].data<double>();
    const auto spread = here[2].data<double>();
    const auto errors = here[3].data<double>();
    sums_.resize(4 * total.size(), 0);
    for (std::size_t i = 0; i < total.size(); ++i) {
      double* s = &sums_[4 * i];
      const double both = s[0] + total[i];
      if (both == 0) continue;
      const double apart = middle[i] - s[1];
      s[2] += spread[i] + apart * apart * s[0] * total[i] / both;
      s[1] += apart * total[i] / both;
      s[0] = both;
      s[3] += errors[i];
    }
  }
  double result() const override {
    double total = 0;
    for (std::size_t i = 0; i < sums_.size(); i += 4) {
      const double spread = sums_[i + 2];
      const double error = sums_[i + 3];
      total += spread > 0 ? 1 - error / spread : error > 0 ? 0 : 1;
    }
    return 4 * total / static_cast<double>(sums_.size());  // of nothing NaN
  }
  void reset() override { sums_.clear(); }
  std::vector<double> state() const override { return sums_; }
  void load_state(std::span<const double> state) override {
    sums_.assign(state.begin(), state.end());
  }

 private:
  std::vector<double> sums_;  // of each output: weight, mean and squared spread of y, squared error
};

}  // namespace

Metric::Metric(const char* name) {
  std::vector<std::string> names;
  for (const Known& known : kKnown) {
    if (known.name == name) {
      *this = known.make();
      return;
    }
    names.emplace_back(known.name);
  }
  if (const int k = count_in(name)) {
    *this = top_k_accuracy(k);
    return;
  }
  names.emplace_back("top_5_accuracy");  // of any number
  fail_unknown_name("metric", name, names);
}

void SumsMeasure::add(std::span<const Tensor> observed) {
  std::size_t at = 0;
  for (const Tensor& t : on_host(observed)) {
    const std::vector<double> values = t.to_vector<double>();
    if (sums_.size() < at + values.size()) sums_.resize(at + values.size(), 0);
    for (const double v : values) sums_[at++] += v;
  }
}

Tensors weighted_sums(const Tensor& values, const Tensor& weights) {
  const Tensor v = values.to(f64);
  if (!weights.defined()) {
    return {sum(v), full_like(sum(v), static_cast<double>(v.elements()))};
  }
  const Tensor w = broadcast_to(spread_weights(weights, v), v.shape());
  return {sum(v * w), sum(w)};
}

Metric auc() { return {"auc", std::make_unique<Auc>()}; }

Metric mean_absolute_error() {
  return {"mae", sums_of([](const Operand& p, const Tensor& t,
                            const Tensor& w) { return weighted_sums(abs(errors("mae", p, t)), w); },
                         quotient)};
}

Metric mean_squared_error() {
  return {"mse",
          sums_of([](const Operand& p, const Tensor& t,
                     const Tensor& w) { return weighted_sums(square(errors("mse", p, t)), w); },
                  quotient)};
}

Metric root_mean_squared_error() {
  return {"rmse",
          sums_of([](const Operand& p, const Tensor& t,
                     const Tensor& w) { return weighted_sums(square(errors("rmse", p, t)), w); },
                  [](const std::vector<double>& s) { return std::sqrt(quotient(s)); })};
}

Metric r2() { return {"r2", std::make_unique<R2>()}; }

}  // namespace nacre::metric
