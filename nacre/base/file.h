// Files: whole reads and maps with errors that name the file, and writes that a crash at any moment
// leaves either complete or without effect.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace nacre {

using Bytes = std::span<const std::byte>;

// The bytes of a text.
inline Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

// Throws an IoError: "PATH: what", and the hint when there is one.
[[noreturn]] void throw_io(const std::string& path, std::string_view what,
                           std::string_view hint = {});

// The whole file. Throws IoError when it is missing, a folder, unreadable or above `limit` bytes.
std::string read_file(const std::filesystem::path& path,
                      std::uint64_t limit = std::uint64_t{1} << 40);

// A file's contents in memory, read by the system as they are touched.
class MappedFile {
 public:
  // Throws IoError as read_file does.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  Bytes bytes() const { return {data_, size_}; }

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// Writes beside the target and takes its place in commit(), after the bytes have reached the disk;
// folders that are missing are made. Without commit() the target stays as it was.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path target);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // Throws IoError when the disk is full or fails.
  void write(const void* data, std::size_t size);
  void write(std::string_view text) { write(text.data(), text.size()); }
  void commit();

 private:
  std::filesystem::path target_;
  std::string temporary_;
  int descriptor_ = -1;
};

// Replaces a file atomically.
void write_file(const std::filesystem::path& path, std::string_view contents);

}  // namespace nacre
