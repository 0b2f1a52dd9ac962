#include "nacre/base/threads.h"

#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/single_threaded.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "nacre/base/cpu_quota.h"
#include "nacre/base/error.h"
#include "nacre/base/probe.h"

namespace nacre {
namespace {

// --- What is asked for

enum class Source : std::uint8_t { processors, own_variable, openmp_variable, program };

struct Setting {
  std::atomic<int> asked{0};  // 0: nobody looked yet
  std::atomic<Source> source{Source::processors};
  std::atomic<unsigned> generation{1};  // changes with `asked`
};
Setting setting;

// A number of threads, or 0.
int parse_count(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  if (first == text.npos) return 0;
  text = text.substr(first, text.find_last_not_of(' ') - first + 1);
  int n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  const bool fits = error == std::errc() && end == text.data() + text.size();
  return fits && n >= 1 && n <= kMostThreads ? n : 0;
}

[[noreturn]] void refuse(const char* variable, const std::string& text, const char* kind) {
  throw ValueError(
      format_error({.op = variable,
                    .what = std::string("expected ") + kind + " from 1 to " +
                            std::to_string(kMostThreads) + ", got \"" + text + "\"",
                    .hint = std::string("set ") + variable + "=2, or leave it out to use all " +
                            std::to_string(available_threads()) + " processors there are"}));
}

// Each level of nested regions may have its number; Nacre has one level.
int first_of_list(const char* variable, const std::string& text) {
  int first = 0;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const int n = parse_count(std::string_view(text).substr(at, comma - at));
    if (n == 0) refuse(variable, text, "a whole number, or a list of them,");
    if (at == 0) first = n;
    at = comma + 1;
  }
  return first;
}

int asked_threads() {
  if (const int n = setting.asked.load(std::memory_order_relaxed)) return n;
  int n = 0;
  Source source = Source::processors;
  const char* own = std::getenv("NACRE_THREADS");
  const char* openmp = std::getenv("OMP_NUM_THREADS");
  if (own && *own) {
    n = parse_count(own);
    source = Source::own_variable;
    if (n == 0) refuse("NACRE_THREADS", own, "a whole number");
  } else if (openmp && *openmp) {
    n = first_of_list("OMP_NUM_THREADS", openmp);
    source = Source::openmp_variable;
  } else {
    n = available_threads();
  }
  int nobody = 0;
  if (setting.asked.compare_exchange_strong(nobody, n)) setting.source.store(source);
  return setting.asked.load();
}

// --- What is granted

enum class Limit : std::uint8_t { none, fork, thread_limit, system, stack };

// Of the calling thread: libgomp keeps a pool of threads for each that opens regions.
struct Team {
  unsigned generation = 0;  // of the setting that `granted` is about
  int granted = 1;
  int proven = 1;         // the largest team that was started
  int refused = INT_MAX;  // the smallest that was refused since the setting changed
  Limit limit = Limit::none;
  int error = 0;  // why the system started no more
};
thread_local Team team;

// A child of fork() has no thread but the one that forked, while libgomp still believes in its pool
// and would wait for it for ever. Where the parent had no other thread there is no pool.
std::atomic<bool> lost_threads{false};
bool forks_with_threads = false;

void before_fork() { forks_with_threads = !__libc_single_threaded; }
void in_child() {
  if (!forks_with_threads) return;
  lost_threads.store(true);
  team = {};
  setting.generation.fetch_add(1);
}
[[maybe_unused]] const int fork_handlers = pthread_atfork(before_fork, nullptr, in_child);

// Opens a region, so that libgomp starts the team's threads now, just after they were found
// startable, and they stay. Returns how many there were.
int start_team(int n) {
  const LibraryTeam exact(1);  // only for OMP_DYNAMIC off; `n` is said below
  int count = 1;
#pragma omp parallel num_threads(n)
  {
    if (omp_get_thread_num() == 0) count = omp_get_num_threads();
  }
  return count;
}

void prove(int asked) {
  int n = asked;
  team.limit = Limit::none;
  if (lost_threads.load(std::memory_order_relaxed)) {
    n = 1;
    team.limit = Limit::fork;
  } else if (omp_get_max_active_levels() < 1) {
    n = 1;
  } else if (omp_get_thread_limit() < n) {
    n = omp_get_thread_limit();
    team.limit = Limit::thread_limit;
  }
  if (n > team.proven) {
    const StartableThreads more = startable_threads(n - team.proven);
    if (team.proven + more.count < n) {
      n = team.proven + more.count;
      team.limit = more.small_stack ? Limit::stack : Limit::system;
      team.error = more.error;
    }
  }
  if (n > team.proven) {
    const int started = start_team(n);
    if (started < n) team.limit = Limit::thread_limit;
    team.proven = std::max(team.proven, started);
  }
  if (team.proven < asked) team.refused = asked;
}

std::string reason() {
  if (omp_in_parallel()) return "within a parallel region";
  if (omp_get_max_active_levels() < 1) return "OMP_MAX_ACTIVE_LEVELS is 0";
  switch (team.limit) {
    case Limit::fork:
      return "a child of fork() has one thread";
    case Limit::thread_limit:
      return "OMP_THREAD_LIMIT is " + std::to_string(omp_get_thread_limit());
    case Limit::system:
      return "the system starts no more: " + std::string(std::strerror(team.error));
    case Limit::stack:
      return "the stacks of further threads would be too small, see OMP_STACKSIZE and ulimit -s";
    case Limit::none:
      break;
  }
  return "";
}

// --- The processors

struct Processors {
  int affinity = 1;
  CpuQuota quota;
  int count = 1;
};

Processors find_processors() {
  Processors p;
  // OpenMP knows the mask that the program was started with, also where OMP_PROC_BIND has tied
  // this very thread to one place since.
  p.affinity = std::max(1, omp_get_num_procs());
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(getpid(), sizeof set, &set) == 0) {
    p.affinity = std::max(p.affinity, CPU_COUNT(&set));
  }
  p.quota = cpu_quota();
  p.count = p.affinity;
  if (p.quota.cpus > 0) p.count = std::min(p.count, std::max(1, static_cast<int>(p.quota.cpus)));
  return p;
}

const Processors& processors() {
  static const Processors found = find_processors();
  return found;
}

}  // namespace

int available_threads() { return processors().count; }

int grant_threads(int asked) {
  if (asked <= 1 || omp_in_parallel() || omp_get_max_active_levels() < 1) return 1;
  if (asked > team.proven && asked < team.refused) prove(asked);
  return std::min(asked, team.proven);
}

// Every eager op asks, so the usual answer costs two loads and, for more than one thread, a call.
int threads() {
  const unsigned now = setting.generation.load(std::memory_order_acquire);
  if (team.generation == now && team.granted == 1) return 1;
  if (omp_in_parallel()) return 1;
  if (team.generation != now) {
    const int asked = asked_threads();
    team.refused = INT_MAX;
    team.limit = Limit::none;
    if (asked > team.proven) prove(asked);
    team.granted = grant_threads(asked);
    team.generation = now;
  }
  return team.granted;
}

void set_threads(int n) {
  if (n < 1 || n > kMostThreads) {
    throw ValueError("threads: from 1 to " + std::to_string(kMostThreads) + ", not " +
                     std::to_string(n));
  }
  setting.asked.store(n);
  setting.source.store(Source::program);
  setting.generation.fetch_add(1, std::memory_order_release);
}

std::string describe_threads() {
  const int granted = threads();
  const int asked = asked_threads();
  const Source source = setting.source.load();
  std::string text = std::to_string(granted) + " of " + std::to_string(asked);
  if (source == Source::processors) text += " available";
  if (source == Source::own_variable) text += " that NACRE_THREADS asks for";
  if (source == Source::openmp_variable) text += " that OMP_NUM_THREADS asks for";
  if (source == Source::program) text += " asked for";
  if (granted == asked) return text;
  const std::string why = reason();
  return why.empty() ? text : text + " (" + why + ")";
}

std::string describe_processors() {
  const Processors& p = processors();
  std::string text = std::to_string(p.count) + " (" + std::to_string(p.affinity) +
                     " in the affinity mask of " + std::to_string(sysconf(_SC_NPROCESSORS_ONLN));
  if (p.quota.cpus > 0) {
    std::string cpus = std::to_string(p.quota.cpus);  // six decimals
    cpus.erase(cpus.find_last_not_of('0') + 1);
    if (cpus.back() == '.') cpus.pop_back();
    text += "; cgroup quota " + cpus + " CPUs, in " + p.quota.file;
  }
  return text + ")";
}

LibraryTeam::LibraryTeam(int n)
    : threads_before_(omp_get_max_threads()), dynamic_before_(omp_get_dynamic()) {
  if (const int granted = grant_threads(n); granted < n) {
    std::string why = reason();
    if (why.empty()) why = "of this thread";
    throw ValueError(format_error(
        {.op = "threads",
         .what = "this kernel was made for " + std::to_string(n) + " threads, " +
                 std::to_string(granted) + " are granted (" + why + ")",
         .hint = "make the plan where it runs, as compile() and eager ops do; set_threads(n) "
                 "looks anew after a change of OpenMP's settings"}));
  }
  omp_set_num_threads(n);
  if (dynamic_before_) omp_set_dynamic(0);
}

LibraryTeam::~LibraryTeam() {
  omp_set_num_threads(threads_before_);
  if (dynamic_before_) omp_set_dynamic(1);
}

}  // namespace nacre
