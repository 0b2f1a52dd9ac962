#include "nacre/base/durable.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <string_view>
#include <thread>
#include <utility>

#include "nacre/base/file.h"

namespace nacre {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPart = ".part-";

// "NAME.part-PROCESS-NUMBER", as AtomicFile and AtomicFolder call what they fill.
bool is_temporary(const std::string& name) {
  const std::size_t at = name.rfind(kPart);
  if (at == name.npos) return false;
  const std::string rest = name.substr(at + kPart.size());
  return rest.find('-') != rest.npos && rest.find_first_not_of("0123456789-") == rest.npos;
}

[[noreturn]] void throw_errno(const fs::path& path, const char* doing, int error) {
  throw_io(path.string(), fmt::format("{}: {}", doing, std::strerror(error)));
}

// Whether a path still means the open file.
bool is_same(const char* path, int descriptor) {
  struct stat named {};
  struct stat open {};
  return ::stat(path, &named) == 0 && ::fstat(descriptor, &open) == 0 &&
         named.st_dev == open.st_dev && named.st_ino == open.st_ino;
}

// Folders that others left half-filled for the same target.
void remove_unfinished(const fs::path& target) {
  const fs::path above = target.has_parent_path() ? target.parent_path() : ".";
  const std::string prefix = target.filename().string() + std::string(kPart);
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(above, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix) || !is_temporary(name)) continue;
    const int descriptor =
        ::open(entry.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor < 0) continue;
    // Whoever fills it holds a lock on it.
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) fs::remove_all(entry.path(), error);
    ::close(descriptor);
  }
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

AtomicFolder::AtomicFolder(fs::path target) : target_(std::move(target)) {
  static std::atomic<unsigned> counter{0};
  std::error_code error;
  const std::string last = target_.filename().string();
  // Of "a/b/", "." and a link the folder that is meant.
  if (last.empty() || last == "." || last == ".." || fs::is_symlink(target_, error)) {
    target_ = fs::weakly_canonical(target_);
    if (!target_.has_filename()) target_ = target_.parent_path();
  }
  const fs::file_status status = fs::symlink_status(target_, error);
  if (fs::exists(status) && !fs::is_directory(status)) {
    throw_io(target_.string(), "a folder is to be made here, something else is there");
  }
  if (fs::exists(status) && !fs::is_empty(target_, error)) {
    throw_io(target_.string(), error ? "cannot look into it: " + error.message() : "is not empty");
  }
  make_folders(target_.parent_path());
  remove_unfinished(target_);
  for (;;) {
    path_ = target_.string() + std::string(kPart) + std::to_string(::getpid()) + "-" +
            std::to_string(counter.fetch_add(1));
    if (::mkdir(path_.c_str(), 0777) != 0) {
      if (errno == EEXIST) continue;
      throw_errno(target_, "cannot make the folder", errno);
    }
    descriptor_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor_ < 0 && errno != ENOENT) throw_errno(target_, "cannot be opened", errno);
    // Another one may just have taken it for a leftover.
    if (descriptor_ < 0) continue;
    static_cast<void>(::flock(descriptor_, LOCK_EX));
    if (is_same(path_.c_str(), descriptor_)) return;
    ::close(std::exchange(descriptor_, -1));
  }
}

AtomicFolder::~AtomicFolder() {
  if (descriptor_ < 0) return;
  std::error_code ignored;
  fs::remove_all(path_, ignored);
  ::close(descriptor_);
}

void AtomicFolder::commit() {
  // Files and folders within, whatever made them.
  if (::syncfs(descriptor_) != 0) throw_errno(target_, "cannot write to the disk", errno);
  // Takes the place of an empty folder, of nothing else.
  if (std::rename(path_.c_str(), target_.c_str()) != 0) {
    throw_errno(target_, "cannot be put there", errno);
  }
  ::close(std::exchange(descriptor_, -1));
  sync_folder(target_.has_parent_path() ? target_.parent_path() : ".");
}

FileTurn::FileTurn(const fs::path& target, const std::function<void()>& waiting)
    : path_(target.string() + ".lock") {
  for (;;) {
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor_ < 0) throw_errno(path_, "cannot be opened", errno);
    bool busy = true;
    while (busy) {
      busy = ::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
      if (!busy) break;
      if (waiting) waiting();
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
    // The one before may have removed the file that was waited for.
    if (is_same(path_.c_str(), descriptor_)) return;
    ::close(std::exchange(descriptor_, -1));
  }
}

FileTurn::~FileTurn() {
  ::unlink(path_.c_str());
  ::close(descriptor_);
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
