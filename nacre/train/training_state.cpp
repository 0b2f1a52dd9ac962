// What a run needs to go on bit for bit, as named tensors.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "nacre/base/output.h"
#include "nacre/base/utf8.h"
#include "nacre/io/weights.h"
#include "nacre/nn/summary.h"
#include "nacre/train/model_impl.h"

namespace nacre {
namespace {

// The entries whose names begin with the prefix, without it.
nn::StateMap under(const nn::StateMap& state, std::string_view prefix) {
  nn::StateMap out;
  for (const auto& [name, value] : state) {
    if (name.starts_with(prefix)) out.emplace(name.substr(prefix.size()), value);
  }
  return out;
}

void put(nn::StateMap& to, std::string_view prefix, const nn::StateMap& from) {
  for (const auto& [name, value] : from) to.emplace(std::string(prefix) + name, value);
}

std::vector<std::int64_t> numbers(const nn::StateMap& state, const std::string& name,
                                  std::size_t count) {
  const auto found = state.find(name);
  if (found == state.end() || found->second.elements() != static_cast<std::int64_t>(count)) {
    throw IoError("\"" + name + "\" is missing or has another size");
  }
  return found->second.to_vector<std::int64_t>();
}

std::string metric_key(std::size_t i, const metric::Metric& metric) {
  return fmt::format("run/metric/{:03}/{}", i, metric.name());
}

std::set<std::string> names_under(const nn::StateMap& state, std::string_view prefix) {
  std::set<std::string> out;
  for (const auto& [name, value] : under(state, prefix)) out.insert(name);
  return out;
}

// "000/accuracy" and so on as "accuracy, f1".
std::string listed(const std::set<std::string>& metrics) {
  std::string out;
  for (const std::string& name : metrics) {
    out += (out.empty() ? "" : ", ") + name.substr(std::min(name.size(), name.find('/') + 1));
  }
  return out.empty() ? "(none)" : out;
}

std::string rule_of(const nn::StateMap& state) {
  for (const std::string& name : names_under(state, "optimizer/rule/")) return name;
  return "unknown";
}

// A place within an epoch means nothing for other batches.
void check_same_data(const nn::StateMap& state, const std::vector<std::int64_t>& now,
                     std::int64_t batch) {
  if (batch == 0 || state.count("run/data") == 0) return;
  const std::vector<std::int64_t> then = numbers(state, "run/data", now.size());
  if (then == now) return;
  throw IoError(fmt::format(
      "it is from the middle of an epoch of {} samples in batches of {} with accumulate = {}; this "
      "run has {} samples in batches of {} with accumulate = {}",
      then[0], then[1], then[2], now[0], now[1], now[2]));
}

// Whether a layer has not made its parameters yet.
bool has_unbuilt(nn::Layer& network) {
  class Search final : public nn::ModuleVisitor {
   public:
    void variable(std::string_view, Variable& v) override { found = found || !v.defined(); }
    bool found = false;
  } search;
  network.visit(search);
  return search.found;
}

}  // namespace

nn::StateMap Model::Impl::training_state() {
  read_results();
  nn::StateMap out;
  put(out, "model/", nn::values_of(nn::state(network)));
  if (options) put(out, "optimizer/", nn::values_of(options->optimizer->state()));
  const std::vector<std::int64_t> run{position.epoch, position.batch,
                                      static_cast<std::int64_t>(position.seed), steps,
                                      stopped ? 1 : 0};
  out.emplace("run/position", Tensor::from(run));
  if (!data_shape.empty()) out.emplace("run/data", Tensor::from(data_shape));
  std::vector<double> losses;
  for (std::size_t i = 0; i < std::max<std::size_t>(1, heads.size()); ++i) {
    const Sum sum = i < sums.size() ? sums[i] : Sum();
    losses.insert(losses.end(), {sum.loss, sum.weight});
  }
  out.emplace("run/loss", Tensor::from(losses));
  if (lbfgs) {
    out.emplace("run/lbfgs", Tensor::scalar(1, i64));
    put(out, "lbfgs/", lbfgs->state());
  }
  if (options) {
    for (std::size_t i = 0; i < options->metrics.size(); ++i) {
      out.emplace(metric_key(i, options->metrics[i]),
                  Tensor::from(options->metrics[i].measure().state()));
    }
  }
  for (std::size_t e = 0; e < history.epochs.size(); ++e) {
    const auto& entries = history.epochs[e].entries();
    for (std::size_t i = 0; i < entries.size(); ++i) {
      out.emplace(fmt::format("run/history/{:06}/{:03}/{}", e, i, entries[i].first),
                  Tensor::scalar(entries[i].second, f64));
    }
  }
  for (std::size_t i = 0; i < callbacks.size(); ++i) {
    put(out, fmt::format("run/callback/{}/", i), callbacks[i]->state());
  }
  return out;
}

void Model::Impl::load_training_state(const nn::StateMap& state) {
  const auto run = numbers(state, "run/position", 5);
  check_same_data(state, data_shape, run[1]);
  if (lbfgs.has_value() != (state.count("run/lbfgs") > 0)) {
    throw IoError(lbfgs ? "it is of a run with the optimizer \"" + rule_of(state) +
                              "\", this one is with L-BFGS"
                        : "it is of a run with L-BFGS, this one is with the optimizer \"" +
                              optimizer().name() + '"');
  }
  const std::set<std::string> theirs = names_under(state, "run/metric/");
  std::set<std::string> ours;
  for (std::size_t i = 0; i < options->metrics.size(); ++i) {
    ours.insert(metric_key(i, options->metrics[i]).substr(std::string("run/metric/").size()));
  }
  if (theirs != ours) {
    throw IoError(fmt::format("it was written with the metrics {}, this run has {}", listed(theirs),
                              listed(ours)));
  }
  for (std::size_t i = 0; i < callbacks.size(); ++i) {
    const nn::StateMap remembered = under(state, fmt::format("run/callback/{}/", i));
    if (remembered.empty()) {
      callbacks[i]->reset();
    } else {
      callbacks[i]->load_state(remembered);
    }
  }
  // The model is as it was unless all of it fits.
  optim::Optimizer trial = optimizer();
  trial.load_state(under(state, "optimizer/"));
  nn::load_state(network, under(state, "model/"));
  optimizer().load_state(under(state, "optimizer/"));
  position = {run[0], run[1], static_cast<std::uint64_t>(run[2])};
  steps = run[3];
  stopped = run[4] != 0;
  const auto loss = state.find("run/loss");
  if (loss == state.end() ||
      loss->second.elements() != static_cast<std::int64_t>(2 * heads.size())) {
    throw IoError("\"run/loss\" is missing or is of another number of outputs");
  }
  const std::vector<double> losses = loss->second.to_vector<double>();
  sums.clear();
  for (std::size_t i = 0; i < losses.size(); i += 2) sums.push_back({losses[i], losses[i + 1]});
  if (lbfgs) lbfgs->load_state(under(state, "lbfgs/"));
  for (std::size_t i = 0; i < options->metrics.size(); ++i) {
    const Tensor& seen = state.at(metric_key(i, options->metrics[i]));
    options->metrics[i].measure().load_state(seen.to_vector<double>());
  }
  history = {};
  for (const auto& [name, value] : under(state, "run/history/")) {
    // "000012/003/val_loss": the names sort by epoch and place.
    const std::size_t epoch = std::stoul(name.substr(0, 6));
    if (history.epochs.size() <= epoch) history.epochs.resize(epoch + 1);
    history.epochs[epoch].set(name.substr(11), value.item<double>());
  }
}

void Model::Impl::write_checkpoint(const io::CheckpointFolder& folder, std::int64_t batches) {
  io::Checkpoint checkpoint{.step = position.epoch * batches + position.batch};
  for (const auto& [name, value] : training_state()) checkpoint.tensors.push_back({name, value});
  folder.save(checkpoint);
}

bool Model::Impl::read_checkpoint(const io::CheckpointFolder& folder, data::BatchSource& source,
                                  bool verbose) {
  std::vector<std::string> problems;
  const std::optional<io::Checkpoint> checkpoint = folder.load_latest(&problems);
  for (const std::string& problem : problems) {
    if (verbose) write_error(fmt::format("passed over: {}\n", printable_lines(problem)));
  }
  if (!checkpoint) return false;
  nn::StateMap state;
  for (const io::NamedTensor& t : checkpoint->tensors) state.emplace(t.name, t.tensor);
  // Layers that were never called would take any sizes: the first batch says which are right.
  data::Batch first;
  if (has_unbuilt(network) && source.next(first)) {
    const TrainingScope infer(false);
    if (options->run_eagerly) {
      network.outputs(first.inputs);
    } else {
      std::vector<Spec> specs;
      for (const Tensor& t : first.inputs) specs.push_back(t.spec());
      nn::summarize(network, specs);
    }
  }
  try {
    load_training_state(state);
  } catch (const Error& e) {
    std::string text = checkpoint->source + ": the run cannot go on from it: " + e.what();
    if (text.find("called at") == text.npos) text = with_place(std::move(text), "", Location());
    throw IoError(text);
  }
  return true;
}

void Model::save_weights(const std::filesystem::path& path,
                         const std::map<std::string, std::string>& metadata) {
  io::save_weights(path, state(), metadata);
}

void Model::load_weights(const std::filesystem::path& path, bool strict) {
  load_state(io::read_weights(path), strict);
}

}  // namespace nacre
