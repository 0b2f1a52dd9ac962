#include "nacre/run/plan_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "nacre/base/debug.h"
#include "nacre/base/output.h"
#include "nacre/base/probe.h"
#include "nacre/base/threads.h"
#include "nacre/ops/define/emit.h"
#include "nacre/passes/pipeline.h"
#include "nacre/run/mode.h"
#include "nacre/run/profile.h"

namespace nacre {
namespace {

void print(std::string_view title, const std::string& text) {
  write_error(fmt::format("== {} ==\n{}", title, text));
}

Graph optimize(const Graph& traced, const CompileOptions& options) {
  const DebugFlags& debug = debug_flags();
  // To be named exactly, a value that is not finite must be the output of a node of its own.
  const PassOptions passes{.bfloat16 = uses_bfloat16(options.precision), .fuse = !debug.nan};
  if (!options.optimize) return remove_dead_code(traced);
  std::string before;
  if (debug.passes) before = to_text(traced);
  return run_passes(traced, default_passes(passes), [&](std::string_view name, const Graph& g) {
    if (!debug.passes) return;
    std::string text = to_text(g);
    if (text != before) print(fmt::format("after {}", name), text);
    before = std::move(text);
  });
}

// Reads and writes of the same Variable.
std::vector<Donation> donations_of(const PlanEntry& entry) {
  std::unordered_map<const VariableCell*, std::size_t> arguments;
  for (std::size_t r = 0; r < entry.reads.size(); ++r) {
    arguments.emplace(entry.reads[r].get(), entry.arguments.size() + r);
  }
  std::vector<Donation> donations;
  for (std::size_t w = 0; w < entry.writes.size(); ++w) {
    const auto argument = arguments.find(entry.writes[w].get());
    if (argument == arguments.end()) continue;
    donations.push_back({argument->second, entry.own_results + w});
  }
  return donations;
}

// Makes the memory of Variables that are updated in place theirs alone, and gathers the pointers.
// What is elsewhere than the plan is brought to it: Variables stay there.
void bind_pointers(PlanEntry& entry, const Tensors& arguments, Tensors& results) {
  MemorySpace& space = *entry.space;
  std::size_t slot = 0;
  for (const Tensor& t : arguments) {
    if (t.is_in(space)) {
      entry.in_pointers[slot++] = t.buffer().data();
    } else {
      entry.moved.push_back(t.in(space));
      entry.in_pointers[slot++] = entry.moved.back().buffer().data();
    }
  }
  for (const VariableRef& cell : entry.updated_in_place) {
    if (!cell->value.exclusive()) cell->value = cell->value.clone();
  }
  for (const VariableRef& cell : entry.reads) {
    const Buffer& memory = cell->value.buffer();
    if (memory.is_in(space)) {
      entry.in_pointers[slot++] = memory.data();
    } else {
      cell->value = cell->value.in(space);
      entry.in_pointers[slot++] = cell->value.buffer().data();
    }
  }
  results.clear();
  const auto overwrites = entry.plan->overwrites();
  for (std::size_t i = 0; i < entry.results.size(); ++i) {
    if (overwrites[i] >= 0 && i >= entry.own_results) {
      results.emplace_back();
      entry.out_pointers[i] = entry.in_pointers[static_cast<std::size_t>(overwrites[i])];
    } else {
      results.emplace_back(entry.results[i], space);
      entry.out_pointers[i] = results.back().buffer().data();
    }
  }
}

// Gives Variables that have new memory that memory.
void take_results(PlanEntry& entry, Tensors& results) {
  for (std::size_t i = 0; i < entry.writes.size(); ++i) {
    Tensor& t = results[entry.own_results + i];
    if (t.defined()) entry.writes[i]->value = std::move(t);
  }
  results.resize(entry.own_results);
  entry.moved.clear();
}

// Larger Variables than this are not kept.
constexpr std::size_t kMostKeptBytes = std::size_t{64} << 10;

// Chooses what a replay keeps.
void find_kept(PlanEntry& entry) {
  const std::vector<std::size_t> first = entry.plan->first_writes();
  const std::size_t arguments = entry.arguments.size();
  std::size_t first_update = entry.plan->step_count();
  for (std::size_t r = 0; r < entry.reads.size(); ++r) {
    if (entry.reads[r]->trainable) first_update = std::min(first_update, first[arguments + r]);
  }
  std::size_t bytes = 0;
  for (std::size_t r = 0; r < entry.reads.size(); ++r) {
    const std::size_t size = entry.read_specs[r].bytes();
    if (first[arguments + r] >= first_update || size > kMostKeptBytes) continue;
    entry.kept.push_back({r, bytes});
    bytes += size;
  }
  entry.kept_bytes = Buffer::allocate(bytes, *entry.space);
}

void* place_of(const PlanEntry& entry, const PlanEntry::Kept& kept) {
  return static_cast<char*>(entry.kept_bytes.data()) + kept.offset;
}

void keep(PlanEntry& entry) {
  for (const PlanEntry::Kept& k : entry.kept) {
    entry.space->copy(place_of(entry, k), entry.reads[k.read]->value.buffer().data(),
                      entry.read_specs[k.read].bytes());
  }
}

// After a failed replay: puts back what was kept and tells which Variables are not what they were,
// as lines of an error; "" when all are.
std::string restore_kept(PlanEntry& entry) {
  std::vector<bool> restored(entry.reads.size());
  for (const PlanEntry::Kept& k : entry.kept) {
    restored[k.read] = true;
    entry.space->copy(entry.reads[k.read]->value.buffer().data(), place_of(entry, k),
                      entry.read_specs[k.read].bytes());
  }
  constexpr std::size_t kMostNames = 4;
  std::string names;
  std::size_t count = 0;
  const std::vector<std::size_t> first = entry.plan->first_writes();
  for (std::size_t r = 0; r < entry.reads.size(); ++r) {
    if (restored[r] || first[entry.arguments.size() + r] > entry.plan->failed_step()) continue;
    if (++count > kMostNames) continue;
    const std::string& name = entry.reads[r]->name;
    names += (count > 1 ? ", " : "") + (name.empty() ? "a Variable without a name" : name);
  }
  if (count == 0) return "";
  if (count > kMostNames) names += fmt::format(" and {} more", count - kMostNames);
  return fmt::format(
      "\n  state: the step ended half-way: new values, in part or as a whole, are in {}; all other "
      "Variables are as before\n  hint: load a checkpoint before going on",
      names);
}

}  // namespace

bool PlanEntry::matches(std::size_t wanted_key, const Tensors& given) const {
  if (key != wanted_key || given.size() != arguments.size()) return false;
  if (threads != nacre::threads() || mode != nacre::mode()) return false;
  if (backend != &current_backend()) return false;
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (!(given[i].spec() == arguments[i])) return false;
  }
  for (std::size_t i = 0; i < reads.size(); ++i) {
    if (!(reads[i]->value.spec() == read_specs[i])) return false;
  }
  for (const Asked& a : asked) {
    if (a.cell->trainable != a.trainable || a.cell->value.defined() != a.defined) return false;
  }
  for (const auto& [now, then] : settings) {
    if (*now != then) return false;
  }
  return !outdated();
}

bool PlanEntry::outdated() const {
  return std::any_of(watched.begin(), watched.end(),
                     [](const Watched& w) { return w.cell->moves != w.moves; });
}

PlanEntry make_plan_entry(std::size_t key, const Tensors& arguments, const CompileOptions& options,
                          CompiledFunction::TraceFn trace, void* user) {
  PlanEntry entry;
  entry.key = key;
  entry.backend = &current_backend();
  entry.space = &entry.backend->memory();
  entry.threads = threads();
  entry.mode = mode();
  // Also since a std::variant (of GCC 12) that finds no memory for its copy breaks.
  expect_working_memory("compiling a function");
  {
    TraceSession session;
    Tensors symbols;
    for (const Tensor& t : arguments) {
      entry.arguments.push_back(t.spec());
      symbols.push_back(session.argument(t.spec()));
    }
    std::vector<ValueId> ids;
    {
      const Tensors results = trace(user, symbols, entry.structure);
      for (const Tensor& t : results) ids.push_back(value_in(session.trace(), t));
    }
    entry.own_results = ids.size();
    for (const auto& [cell, id] : session.assignments()) {
      entry.writes.push_back(cell);
      ids.push_back(id);
    }
    session.trace()->graph.set_results(ids);
    entry.reads = session.reads();
    entry.settings = session.settings();
    for (const VariableRef& cell : session.asked()) {
      entry.asked.push_back({cell, cell->trainable, cell->value.defined()});
    }
    using Cells = std::vector<VariableRef>;
    std::unordered_set<const VariableCell*> seen;
    for (const Cells* list :
         std::initializer_list<const Cells*>{&entry.reads, &entry.writes, &session.asked()}) {
      for (const VariableRef& cell : *list) {
        // Most Variables are read and written, and asked: one look at each is enough before a
        // replay.
        if (seen.insert(cell.get()).second) entry.watched.push_back({cell, cell->moves});
      }
    }
    // Symbols that somebody still holds lose their graph: they are refused wherever they are used.
    entry.traced = std::move(session.trace()->graph);
    session.trace()->graph = Graph();
  }
  for (const ValueId id : entry.traced.results()) entry.results.push_back(entry.traced.spec(id));
  for (const VariableRef& cell : entry.reads) entry.read_specs.push_back(cell->value.spec());
  expect_working_memory("compiling a function");  // the trace has made Variables meanwhile
  const DebugFlags& debug = debug_flags();
  if (debug.trace) print("trace", to_text(entry.traced));
  entry.plan = std::make_unique<Plan>(optimize(entry.traced, options),
                                      PlanOptions{.backend = entry.backend,
                                                  .threads = entry.threads,
                                                  .reference_only = options.reference_only,
                                                  .donations = donations_of(entry),
                                                  .check_finite = debug.nan,
                                                  .check_reference = debug.reference,
                                                  .poison = debug.poison});
  if (debug.plan) print("plan", entry.plan->to_text());
  entry.in_pointers.resize(entry.arguments.size() + entry.reads.size());
  entry.out_pointers.resize(entry.results.size());
  for (std::size_t w = 0; w < entry.writes.size(); ++w) {
    if (entry.plan->overwrites()[entry.own_results + w] >= 0) {
      entry.updated_in_place.push_back(entry.writes[w]);
    }
  }
  find_kept(entry);
  return entry;
}

void replay(PlanEntry& entry, const Tensors& arguments, Tensors& results) {
  bind_pointers(entry, arguments, results);
  keep(entry);
  try {
    entry.plan->replay(entry.in_pointers, entry.out_pointers);
  } catch (const ValueError& error) {
    const std::string changed = restore_kept(entry);
    if (changed.empty()) throw;
    throw ValueError(error.what() + changed);
  } catch (...) {
    restore_kept(entry);
    throw;
  }
  take_results(entry, results);
}

ProfileReport profile_entry(PlanEntry& entry, const Tensors& arguments, int repeats) {
  repeats = std::max(1, repeats);
  const MachineCeiling& ceiling = machine_ceiling();
  // Holding the values makes every replay work on copies.
  std::vector<std::pair<VariableRef, Tensor>> before;
  for (const VariableRef& cell : entry.writes) before.emplace_back(cell, cell->value);
  struct Restore {
    std::vector<std::pair<VariableRef, Tensor>>& values;
    ~Restore() {
      for (auto& [cell, value] : values) cell->value = value;
    }
  } restore{before};
  const std::size_t n = entry.plan->step_count();
  std::vector<std::vector<double>> seconds(n);
  std::vector<double> now(n);
  std::vector<double> whole;
  Tensors results;
  for (int i = 0; i < repeats + 2; ++i) {  // two to warm up
    bind_pointers(entry, arguments, results);
    entry.plan->replay_timed(entry.in_pointers, entry.out_pointers, now);
    take_results(entry, results);
    bind_pointers(entry, arguments, results);
    entry.space->wait();
    const auto start = std::chrono::steady_clock::now();
    entry.plan->replay(entry.in_pointers, entry.out_pointers);
    entry.space->wait();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    take_results(entry, results);
    if (i < 2) continue;
    whole.push_back(took.count());
    for (std::size_t s = 0; s < n; ++s) seconds[s].push_back(now[s]);
  }
  const auto median = [](std::vector<double>& v) {
    const auto middle = v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2);
    std::nth_element(v.begin(), middle, v.end());
    return *middle;
  };
  ProfileReport report;
  report.replay_microseconds = median(whole) * 1e6;
  report.arena_bytes = entry.plan->memory().arena_bytes;
  const Graph& graph = entry.plan->graph();
  for (std::size_t s = 0; s < n; ++s) {
    const StepInfo& info = entry.plan->steps()[s];
    const Node& node = graph.node(info.node);
    StepProfile p{.op = std::string(name_of(node.op)),
                  .kernel = std::string(info.kernel),
                  .spec = node.output_count ? to_string(graph.spec(graph.output(info.node))) : "",
                  .layer = std::string(graph.layer(node)),
                  .line = to_string(node.location),
                  .threads = info.threads,
                  .microseconds = median(seconds[s]) * 1e6,
                  .iterations = info.iterations,
                  .operations = info.cost.operations,
                  .bytes = info.cost.bytes};
    const double bandwidth = info.cost.bytes > (1 << 20) ? ceiling.memory_bytes_per_second
                                                         : ceiling.cache_bytes_per_second;
    const double arithmetic = ceiling.operations_per_second > 0
                                  ? info.cost.operations / ceiling.operations_per_second
                                  : 0;
    const double least = std::max(arithmetic, info.cost.bytes / bandwidth) / info.threads;
    p.fraction = least * 1e6 / std::max(p.microseconds, 1e-3);
    report.steps.push_back(std::move(p));
  }
  return report;
}

}  // namespace nacre
