#include "nacre/base/durable.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "nacre/base/file.h"

namespace nacre {
namespace {

namespace fs = std::filesystem;

// "NAME.part-PROCESS-NUMBER", as AtomicFile calls what it writes.
bool is_temporary(const std::string& name) {
  const std::size_t at = name.rfind(".part-");
  if (at == name.npos) return false;
  const std::string rest = name.substr(at + 6);
  return rest.find('-') != rest.npos && rest.find_first_not_of("0123456789-") == rest.npos;
}

std::string holder_text() {
  char host[256] = {};
  const bool named = ::gethostname(host, sizeof host - 1) == 0;
  return fmt::format("process {} on {} since {:%Y-%m-%d %H:%M:%S} UTC\n", ::getpid(),
                     named ? host : "an unnamed machine", fmt::gmtime(std::time(nullptr)));
}

// What the holder wrote about itself, if it did.
std::string holder_of(int descriptor) {
  char text[400];
  const ssize_t n = ::pread(descriptor, text, sizeof text, 0);
  std::string holder(text, n > 0 ? static_cast<std::size_t>(n) : 0);
  holder.resize(std::min(holder.find('\n'), holder.size()));
  const bool plain = std::all_of(holder.begin(), holder.end(), [](char c) { return c >= ' '; });
  return holder.starts_with("process ") && plain ? holder : "another process";
}

}  // namespace

void make_folders(const fs::path& folder) {
  std::error_code error;
  if (folder.empty() || fs::is_directory(folder, error)) return;
  const fs::path above = folder.parent_path();
  if (above != folder) make_folders(above);
  if (!folder.has_filename()) return;  // "a/b/": made as "a/b"
  if (::mkdir(folder.c_str(), 0777) != 0) {
    const int problem = errno;
    if (problem == EEXIST && fs::is_directory(folder, error)) return;  // just made by another one
    throw_io(folder.string(), std::string("cannot make the folder: ") + std::strerror(problem));
  }
  sync_folder(above.empty() ? "." : above);
}

void remove_leftovers(const fs::path& folder) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (!is_temporary(entry.path().filename().string())) continue;
    const int descriptor = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor < 0) continue;
    // Its writer holds a lock on it for as long as it lives.
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) ::unlink(entry.path().c_str());
    ::close(descriptor);
  }
}

FolderLock::FolderLock(const fs::path& folder) {
  make_folders(folder);
  const fs::path path = folder / ".lock";
  descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0) {
    throw_io(path.string(), std::string("cannot be opened: ") + std::strerror(errno));
  }
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return;
    const std::string holder = holder_of(descriptor_);
    ::close(descriptor_);
    throw_io(folder.string(), "in use by " + holder,
             "wait until it has ended, or end it, or take another folder");
  }
  held_ = true;
  // For whoever comes next; nothing depends on it, so a full disk is no reason to fail here.
  const std::string text = holder_text();
  if (::ftruncate(descriptor_, 0) != 0 ||
      ::pwrite(descriptor_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    return;
  }
}

FolderLock::~FolderLock() { ::close(descriptor_); }

}  // namespace nacre
