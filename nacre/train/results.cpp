// What steps gave: read when somebody asks, added up, and told as logs.
#include <algorithm>
#include <cmath>
#include <utility>

#include "nacre/base/error.h"
#include "nacre/train/model_impl.h"

namespace nacre {

void Model::Impl::add(const Unread& step, Sums& total, std::vector<metric::Metric>& metrics) const {
  const Tensors& out = step.out;
  std::size_t at = 1;
  total.resize(heads.size());
  for (Sum& sum : total) {
    const double weight = out[at + 1].item<double>();
    sum.loss += out[at].item<double>() * weight;
    sum.weight += weight;
    at += 2;
  }
  for (metric::Metric& m : metrics) {
    const std::size_t count = m.measure().observed_count();
    m.measure().add(std::span(out).subspan(at, count));
    at += count;
  }
}

namespace {

// Brings what many steps gave to where the host reads it, at once.
template <class List>
void bring_here(List& steps) {
  Tensors all;
  for (const auto& step : steps) {
    all.insert(all.end(), step.out.begin(), step.out.end());
    all.push_back(step.finite);
  }
  all = on_host(all);
  auto next = all.begin();
  for (auto& step : steps) {
    for (Tensor& t : step.out) t = std::move(*next++);
    step.finite = std::move(*next++);
  }
}

}  // namespace

void Model::Impl::take(Unread step, const data::Batch& batch) {
  if (options->check_finite) step.finite = optimizer().finite_word();
  if (step.is_here() && unread.empty()) {
    add(step, sums, options->metrics);
    check_loss(step, batch, false);
    return;
  }
  step.batch = batch;
  unread.push_back(std::move(step));
  for (const Tensor& t : batch.inputs) unread_bytes += t.spec().bytes();
  if (unread.size() >= kMostUnread || unread_bytes >= kMostUnreadBytes) read_results();
}

void Model::Impl::read_results() {
  if (unread.empty()) return;
  std::vector<Unread> steps = std::exchange(unread, {});
  unread_bytes = 0;
  bring_here(steps);
  for (const Unread& step : steps) {
    add(step, sums, options->metrics);
    check_loss(step, step.batch, &step != &steps.back());
  }
}

Logs Model::Impl::logs_of(const Sums& total, const std::vector<metric::Metric>& metrics) const {
  Logs logs;
  double loss = 0;
  for (std::size_t i = 0; i < total.size(); ++i) loss += heads[i].weight * total[i].mean();
  logs.set("loss", loss);
  for (std::size_t i = 0; heads.size() > 1 && i < total.size(); ++i) {
    logs.set(heads[i].name + "_loss", total[i].mean());
  }
  for (const metric::Metric& m : metrics) logs.set(m.name(), m.result());
  return logs;
}

std::vector<std::string> Model::Impl::log_names() const {
  std::vector<std::string> names{"loss"};
  for (const Head& head : heads) {
    if (heads.size() > 1) names.push_back(head.name + "_loss");
  }
  for (const metric::Metric& m : options->metrics) names.push_back(m.name());
  return names;
}

Logs Model::Impl::evaluate(data::BatchSource& source) {
  evaluated = options->metrics;
  for (metric::Metric& m : evaluated) m.reset();
  Sums total;
  source.reset(0);
  data::Batch batch;
  if (source.samples() == 0) {
    throw ValueError(format_error({.op = "evaluate", .what = "there are no samples"}));
  }
  std::vector<Unread> steps;
  const auto read = [&] {
    bring_here(steps);
    for (const Unread& step : steps) add(step, total, evaluated);
    steps.clear();
  };
  while (source.next(batch)) {
    steps.push_back(run_batch(StepKind::test, batch));
    if (steps.back().is_here() || steps.size() >= kMostUnread) read();
  }
  read();
  return logs_of(total, evaluated);
}

}  // namespace nacre
