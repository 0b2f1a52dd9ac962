// What a run needs to go on bit for bit, as named tensors.
#include <fmt/format.h>

#include <cstdio>

#include "nacre/base/utf8.h"
#include "nacre/io/weights.h"
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
    throw IoError("checkpoint: \"" + name + "\" is missing or has another size");
  }
  return found->second.to_vector<std::int64_t>();
}

}  // namespace

nn::StateMap Model::Impl::training_state() {
  nn::StateMap out;
  put(out, "model/", nn::values_of(nn::state(network)));
  if (options) put(out, "optimizer/", nn::values_of(options->optimizer.state()));
  const std::vector<std::int64_t> run{
      position.epoch, position.batch,  static_cast<std::int64_t>(position.seed),
      steps,          stopped ? 1 : 0, batches};
  out.emplace("run/position", Tensor::from(run));
  std::vector<double> losses{sums.loss, sums.weight};
  losses.insert(losses.end(), sums.of_outputs.begin(), sums.of_outputs.end());
  out.emplace("run/loss", Tensor::from(losses));
  if (lbfgs) put(out, "lbfgs/", lbfgs->state());
  if (options) {
    for (std::size_t i = 0; i < options->metrics.size(); ++i) {
      out.emplace(fmt::format("run/metric/{}", i),
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
  const auto run = numbers(state, "run/position", 6);
  // A number of a batch means nothing among other batches.
  if (run[1] > 0 && run[5] != batches) {
    throw ValueError(format_error(
        {.op = "fit",
         .what = fmt::format("the checkpoint was saved after batch {} of {}, an epoch now has {}",
                             run[1], run[5], batches),
         .hint = "resume with the same data and batch size"}));
  }
  nn::load_state(network, under(state, "model/"));
  options->optimizer.load_state(under(state, "optimizer/"));
  position = {run[0], run[1], static_cast<std::uint64_t>(run[2])};
  steps = run[3];
  stopped = run[4] != 0;
  const auto loss = state.find("run/loss");
  if (loss == state.end() || loss->second.elements() < 2) {
    throw IoError("checkpoint: \"run/loss\" is missing or has another size");
  }
  const std::vector<double> losses = loss->second.to_vector<double>();
  sums = {losses[0], losses[1], {losses.begin() + 2, losses.end()}};
  if (lbfgs) lbfgs->load_state(under(state, "lbfgs/"));
  for (std::size_t i = 0; i < options->metrics.size(); ++i) {
    const auto found = state.find(fmt::format("run/metric/{}", i));
    if (found == state.end()) {
      throw IoError("checkpoint: it was written with other metrics");
    }
    options->metrics[i].measure().load_state(found->second.to_vector<double>());
  }
  history = {};
  for (const auto& [name, value] : under(state, "run/history/")) {
    // "000012/003/val_loss": the names sort by epoch and place.
    const std::size_t epoch = std::stoul(name.substr(0, 6));
    if (history.epochs.size() <= epoch) history.epochs.resize(epoch + 1);
    history.epochs[epoch].set(name.substr(11), value.item<double>());
  }
  for (std::size_t i = 0; i < callbacks.size(); ++i) {
    callbacks[i]->load_state(under(state, fmt::format("run/callback/{}/", i)));
  }
}

void Model::Impl::write_checkpoint(const io::CheckpointFolder& folder, std::int64_t batches) {
  io::Checkpoint checkpoint{.step = position.epoch * batches + position.batch};
  for (const auto& [name, value] : training_state()) checkpoint.tensors.push_back({name, value});
  folder.save(checkpoint);
}

void Model::Impl::read_checkpoint(const io::CheckpointFolder& folder, bool verbose) {
  std::vector<std::string> problems;
  const std::optional<io::Checkpoint> checkpoint = folder.load_latest(&problems);
  for (const std::string& problem : problems) {
    // Not fmt::print, which throws when nobody reads standard error.
    if (verbose) {
      std::fputs(fmt::format("passed over: {}\n", printable_lines(problem)).c_str(), stderr);
    }
  }
  if (!checkpoint) return;
  nn::StateMap state;
  for (const io::NamedTensor& t : checkpoint->tensors) state.emplace(t.name, t.tensor);
  load_training_state(state);
}

void Model::save_weights(const std::filesystem::path& path,
                         const std::map<std::string, std::string>& metadata) {
  io::save_weights(path, state(), metadata);
}

void Model::load_weights(const std::filesystem::path& path, bool strict) {
  load_state(io::read_weights(path), strict);
}

}  // namespace nacre
