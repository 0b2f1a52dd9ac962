#include "nacre/base/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "nacre/base/durable.h"
#include "nacre/base/error.h"

namespace nacre {
namespace {

[[noreturn]] void throw_errno(const std::string& path, std::string_view doing, int error) {
  throw_io(path, std::string(doing) + ": " + std::strerror(error));
}

// What is there where a file is expected.
std::string_view kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a file is expected, this is a folder";
  if (S_ISFIFO(mode)) return "a file is expected, this is a pipe (FIFO)";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a file is expected, this is a device";
  if (S_ISSOCK(mode)) return "a file is expected, this is a socket";
  return "a file is expected, this is something else";
}

// An open file for reading, closed at the end of the scope, and its size. Only regular files have
// an end that is known; a pipe would wait for somebody who writes, so nothing here waits.
struct Opened {
  int descriptor;
  std::size_t size = 0;

  explicit Opened(const std::string& path)
      : descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (descriptor < 0) throw_errno(path, "cannot open", errno);
    struct stat status {};
    if (::fstat(descriptor, &status) != 0) {
      const int error = errno;
      ::close(descriptor);
      throw_errno(path, "cannot look at", error);
    }
    if (!S_ISREG(status.st_mode)) {
      ::close(descriptor);
      throw_io(path, kind_of(status.st_mode));
    }
    size = static_cast<std::size_t>(status.st_size);
  }
  ~Opened() { ::close(descriptor); }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
};

// The file to replace: behind a link it is the one that the link means.
std::filesystem::path behind_links(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_symlink(path, error)) return path;
  std::filesystem::path real = std::filesystem::weakly_canonical(path, error);
  return error ? path : real;
}

}  // namespace

void sync_folder(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;  // a folder that may be written but not listed
  const int error = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  if (error == EIO || error == ENOSPC || error == EDQUOT) {
    throw_errno(folder.string(), "cannot write to the disk", error);
  }
}

void throw_io(const std::string& path, std::string_view what, std::string_view hint) {
  throw IoError(format_error({.op = path, .what = what, .hint = hint}));
}

std::string read_file(const std::filesystem::path& path, std::uint64_t limit) {
  const std::string name = path.string();
  const Opened file(name);
  if (file.size > limit) {
    throw_io(name, std::to_string(file.size) + " bytes, at most " + std::to_string(limit) +
                       " are expected here");
  }
  std::string out(file.size, '\0');
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t n = ::read(file.descriptor, out.data() + done, out.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno(name, "cannot read", errno);
    if (n == 0) break;  // somebody cut the file meanwhile
    done += static_cast<std::size_t>(n);
  }
  out.resize(done);
  return out;
}

MappedFile::MappedFile(const std::filesystem::path& path) {
  const std::string name = path.string();
  const Opened file(name);
  if (file.size == 0) return;
  void* memory = ::mmap(nullptr, file.size, PROT_READ, MAP_PRIVATE, file.descriptor, 0);
  if (memory == MAP_FAILED) throw_errno(name, "cannot map into memory", errno);
  data_ = static_cast<const std::byte*>(memory);
  size_ = file.size;
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
}

AtomicFile::AtomicFile(std::filesystem::path target) : target_(behind_links(target)) {
  static std::atomic<unsigned> counter{0};
  make_folders(target_.parent_path());
  struct stat old {};
  const bool replaces = ::stat(target_.c_str(), &old) == 0;
  if (replaces && S_ISDIR(old.st_mode)) {
    throw_io(target_.string(), "a file is to be written here, this is a folder");
  }
  if (replaces && !S_ISREG(old.st_mode)) {
    // A pipe, a terminal, /dev/null: it is there to be written to, not to be replaced.
    descriptor_ = ::open(target_.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor_ < 0) throw_errno(target_.string(), "cannot write", errno);
    return;
  }
  for (;;) {
    temporary_ = target_.string() + ".part-" + std::to_string(::getpid()) + "-" +
                 std::to_string(counter.fetch_add(1));
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    // A killed process, or one of another machine, had the same number.
    if (descriptor_ < 0 && errno == EEXIST) continue;
    if (descriptor_ < 0) throw_errno(target_.string(), "cannot write", errno);
    // Shows remove_leftovers that the file is in use. It may just have taken it for a leftover.
    while (::flock(descriptor_, LOCK_EX) != 0 && errno == EINTR) {
    }
    struct stat own {};
    if (::fstat(descriptor_, &own) == 0 && own.st_nlink > 0) break;
    ::close(descriptor_);
  }
  if (replaces) static_cast<void>(::fchmod(descriptor_, old.st_mode & 07777u));
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* data, std::size_t size) {
  const char* from = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t n = ::write(descriptor_, from, size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno(target_.string(), "cannot write", errno);
    from += n;
    size -= static_cast<std::size_t>(n);
  }
}

void AtomicFile::commit() {
  if (temporary_.empty()) {
    if (::close(std::exchange(descriptor_, -1)) != 0) {
      throw_errno(target_.string(), "cannot write", errno);
    }
    return;
  }
  if (::fsync(descriptor_) != 0) throw_errno(target_.string(), "cannot write to the disk", errno);
  if (::close(std::exchange(descriptor_, -1)) != 0) {
    const int error = errno;
    ::unlink(temporary_.c_str());
    throw_errno(target_.string(), "cannot write", error);
  }
  if (std::rename(temporary_.c_str(), target_.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary_.c_str());
    throw_errno(target_.string(), "cannot replace", error);
  }
  sync_folder(target_.has_parent_path() ? target_.parent_path() : ".");
}

void write_file(const std::filesystem::path& path, std::string_view contents) {
  AtomicFile file(path);
  file.write(contents);
  file.commit();
}

}  // namespace nacre
