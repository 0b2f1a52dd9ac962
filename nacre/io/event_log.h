// TensorBoard's event files: TFRecord frames (length, masked CRC-32C, data, masked CRC-32C) of
// Event messages in the protocol buffer encoding.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace nacre::io {

// CRC-32C (Castagnoli), as in RFC 3720.
std::uint32_t crc32c(std::string_view data);

class EventLog {
 public:
  // Makes "FOLDER/events.out.tfevents.SECONDS.HOST"; a second log of the same second gets a number.
  // With `first_step` TensorBoard forgets the points of older logs in the folder from that step on,
  // as a run that goes on wants it. Throws IoError.
  explicit EventLog(const std::filesystem::path& folder,
                    std::optional<std::int64_t> first_step = {});

  // One point of the curve `tag` ("loss/train"); on disk before it returns. wall_time: seconds
  // since 1970, by default now. Throws IoError when the disk is full.
  void scalar(std::string_view tag, std::int64_t step, double value);
  void scalar(std::string_view tag, std::int64_t step, double value, double wall_time);
  const std::filesystem::path& path() const { return path_; }

 private:
  void record(std::string_view event);

  std::filesystem::path path_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> out_{nullptr, std::fclose};
};

}  // namespace nacre::io
