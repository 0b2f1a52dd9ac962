// A library to be loaded before all others (LD_PRELOAD): the process is killed at its N-th change
// of files below a folder, or finds the disk full from there on. It stands between the program and
// the C library, so the program needs nothing for it.
//
//   NACRE_FAULT=count:FILE   writes into FILE how many changes there were
//   NACRE_FAULT=kill:N       SIGKILL in the N-th (from 1); of a write, half is done
//   NACRE_FAULT=full:N       the N-th and all later ones fail with ENOSPC, but for removals
//   NACRE_FAULT_UNDER        the folder, absolute
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

enum class Mode { off, count, kill, full };

struct Setting {
  Mode mode = Mode::off;
  long at = 0;
  const char* file = nullptr;
  const char* under = nullptr;
};

const Setting& setting() {
  static const Setting s = [] {
    Setting out;
    const char* fault = std::getenv("NACRE_FAULT");
    out.under = std::getenv("NACRE_FAULT_UNDER");
    if (!fault || !out.under) return out;
    const char* value = std::strchr(fault, ':');
    if (!value) return out;
    ++value;
    if (std::strncmp(fault, "count:", 6) == 0) out.mode = Mode::count;
    if (std::strncmp(fault, "kill:", 5) == 0) out.mode = Mode::kill;
    if (std::strncmp(fault, "full:", 5) == 0) out.mode = Mode::full;
    out.file = value;
    out.at = std::atol(value);
    return out;
  }();
  return s;
}

std::atomic<long> changes{0};

bool below(const char* path) {
  const Setting& s = setting();
  if (s.mode == Mode::off || !path) return false;
  char whole[2 * PATH_MAX];
  if (path[0] == '/') {
    std::snprintf(whole, sizeof whole, "%s", path);
  } else {
    char here[PATH_MAX];
    if (!getcwd(here, sizeof here)) return false;
    std::snprintf(whole, sizeof whole, "%s/%s", here, path);
  }
  return std::strncmp(whole, s.under, std::strlen(s.under)) == 0;
}

bool below(int descriptor) {
  if (setting().mode == Mode::off) return false;
  char link[64], path[PATH_MAX];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const ssize_t n = readlink(link, path, sizeof path - 1);
  if (n < 0) return false;
  path[n] = 0;
  return below(path);
}

enum class Fate { live, die, full };

Fate next() {
  const long n = ++changes;
  const Setting& s = setting();
  if (s.mode == Mode::kill && n == s.at) return Fate::die;
  if (s.mode == Mode::full && n >= s.at) return Fate::full;
  return Fate::live;
}

[[noreturn]] void die() {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

// Whether the change may be made; else errno is set.
bool allowed(bool removes = false) {
  const Fate fate = next();
  if (fate == Fate::die) die();
  if (fate == Fate::live || removes) return true;
  errno = ENOSPC;
  return false;
}

template <class F>
F* real(const char* name) {
  return reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
}

struct Report {
  ~Report() {
    if (setting().mode != Mode::count) return;
    if (std::FILE* file = std::fopen(setting().file, "w")) {
      std::fprintf(file, "%ld\n", changes.load());
      std::fclose(file);
    }
  }
} report;

int open_with(const char* name, const char* path, int flags, mode_t mode) {
  if ((flags & O_CREAT) != 0 && below(path) && !allowed()) return -1;
  return real<int(const char*, int, ...)>(name)(path, flags, mode);
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return open_with("open", path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return open_with("open64", path, flags, mode);
}

ssize_t write(int descriptor, const void* data, size_t size) {
  static auto* const go = real<ssize_t(int, const void*, size_t)>("write");
  if (!below(descriptor)) return go(descriptor, data, size);
  const Fate fate = next();
  if (fate == Fate::live) return go(descriptor, data, size);
  if (go(descriptor, data, size / 2) < 0) return -1;
  if (fate == Fate::die) die();
  errno = ENOSPC;
  return -1;
}

int fsync(int descriptor) {
  if (below(descriptor) && !allowed()) return -1;
  return real<int(int)>("fsync")(descriptor);
}

int syncfs(int descriptor) {
  if (below(descriptor) && !allowed()) return -1;
  return real<int(int)>("syncfs")(descriptor);
}

int rename(const char* from, const char* to) {
  if (below(to) && !allowed()) return -1;
  return real<int(const char*, const char*)>("rename")(from, to);
}

int mkdir(const char* path, mode_t mode) {
  if (below(path) && !allowed()) return -1;
  return real<int(const char*, mode_t)>("mkdir")(path, mode);
}

int unlink(const char* path) {
  if (below(path) && !allowed(true)) return -1;
  return real<int(const char*)>("unlink")(path);
}

int remove(const char* path) {
  if (below(path) && !allowed(true)) return -1;
  return real<int(const char*)>("remove")(path);
}

}  // extern "C"
