// Folders whose contents survive a crash: see also AtomicFile (base/file.h).
#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace nacre {

// Makes the folder and those above it that are missing, so that they stay after a power cut. Throws
// IoError.
void make_folders(const std::filesystem::path& folder);

// Makes the names in a folder durable: what was made or renamed there stays after a power cut.
// Throws IoError when the disk fails; file systems that cannot do it for folders are passed over.
void sync_folder(const std::filesystem::path& folder);

// Removes what AtomicFile left half-written in this folder when its process was killed. Files that
// a process is writing just now stay. What cannot be removed stays too: it harms nobody.
void remove_leftovers(const std::filesystem::path& folder);

// A folder that is filled beside its target and takes its place in commit(), complete and on the
// disk. Without commit() nothing is left; what a killed process left is removed by the next one for
// the same target.
class AtomicFolder {
 public:
  // The target must be missing or an empty folder; throws IoError.
  explicit AtomicFolder(std::filesystem::path target);
  ~AtomicFolder();
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  // Where to put the files.
  const std::filesystem::path& path() const { return path_; }
  // Throws IoError when the disk is full or fails, and when the target has been filled meanwhile.
  void commit();

 private:
  std::filesystem::path target_, path_;
  int descriptor_ = -1;
};

// The right to make one file, one process (or object) after the other: "TARGET.lock" stands beside
// it meanwhile. It ends with the process, however that ends; a lock file that is left behind means
// nothing. A file system that knows no locks gives it to everybody.
class FileTurn {
 public:
  // Waits for its turn and calls `waiting` about five times a second meanwhile. The folder of
  // `target` must be there. Throws IoError.
  explicit FileTurn(const std::filesystem::path& target, const std::function<void()>& waiting = {});
  ~FileTurn();
  FileTurn(const FileTurn&) = delete;
  FileTurn& operator=(const FileTurn&) = delete;

 private:
  std::string path_;
  int descriptor_ = -1;
};

// The right to write in a folder while the object lives. It ends with the process, however that
// ends. The file ".lock" in the folder says who holds it; it stays behind, and means nothing then.
class FolderLock {
 public:
  // Makes the folder when it is missing. Throws IoError that names the holder (process, machine,
  // since when) when another process, or another object of this one, has the lock. A file system
  // that knows no locks gives one to everybody; held() tells.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

  bool held() const { return held_; }

 private:
  int descriptor_ = -1;
  bool held_ = false;
};

}  // namespace nacre
