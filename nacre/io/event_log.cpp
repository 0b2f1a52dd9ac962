#include "nacre/io/event_log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "nacre/base/durable.h"
#include "nacre/base/file.h"
#include "nacre/base/utf8.h"

namespace nacre::io {
namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int k = 0; k < 8; ++k) c = (c >> 1) ^ ((c & 1) ? 0x82f63b78u : 0);
    table[i] = c;
  }
  return table;
}
constexpr std::array<std::uint32_t, 256> kTable = make_table();

// TFRecord stores CRCs rotated and shifted, so that a CRC of data with CRCs in it stays useful.
std::uint32_t masked(std::uint32_t crc) { return std::rotr(crc, 15) + 0xa282ead8u; }

void put_fixed(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

// Protocol buffer encoding (protobuf.dev/programming-guides/encoding): key, then payload.
enum class Wire : unsigned { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}
void put_key(std::string& out, unsigned field, Wire wire) {
  put_varint(out, (field << 3) | static_cast<unsigned>(wire));
}
void put_bytes(std::string& out, unsigned field, std::string_view value) {
  put_key(out, field, Wire::bytes);
  put_varint(out, value.size());
  out.append(value);
}

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

// The fields of Event: wall_time = 1, step = 2, file_version = 3, summary = 5, session_log = 7.
std::string event_head(double wall_time, std::int64_t step) {
  std::string out;
  put_key(out, 1, Wire::fixed64);
  put_fixed(out, std::bit_cast<std::uint64_t>(wall_time), 8);
  put_key(out, 2, Wire::varint);
  put_varint(out, static_cast<std::uint64_t>(step));
  return out;
}

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 && name[0] ? name : "localhost";
}

}  // namespace

std::uint32_t crc32c(std::string_view data) {
  std::uint32_t c = ~0u;
  for (const char ch : data) c = (c >> 8) ^ kTable[(c ^ static_cast<unsigned char>(ch)) & 0xff];
  return ~c;
}

EventLog::EventLog(const std::filesystem::path& folder, std::optional<std::int64_t> first_step) {
  make_folders(folder);
  const std::string name =
      fmt::format("events.out.tfevents.{}.{}", static_cast<std::int64_t>(now()), host_name());
  path_ = folder / name;
  // Never a file that another process has just made.
  for (int k = 1; !(out_ = File(std::fopen(path_.c_str(), "wbx"), std::fclose)); ++k) {
    if (errno != EEXIST) {
      throw_io(path_.string(), std::string("cannot write: ") + std::strerror(errno));
    }
    path_ = folder / fmt::format("{}.{}", name, k);
  }
  std::string event = event_head(now(), first_step.value_or(0));
  put_bytes(event, 3, "brain.Event:2");
  record(event);
  if (!first_step) return;
  // Event: session_log = 7; SessionLog: status = 1, of which 1 is START. From there on readers of
  // version 2 of the format drop what they have of this step and later ones.
  std::string session;
  put_key(session, 1, Wire::varint);
  put_varint(session, 1);
  std::string start = event_head(now(), *first_step);
  put_bytes(start, 7, session);
  record(start);
}

void EventLog::scalar(std::string_view tag, std::int64_t step, double value) {
  scalar(tag, step, value, now());
}

void EventLog::scalar(std::string_view tag, std::int64_t step, double value, double wall_time) {
  std::string point;                  // Summary.Value: tag = 1, simple_value = 2
  put_bytes(point, 1, as_utf8(tag));  // a protocol buffer's text has to be UTF-8
  put_key(point, 2, Wire::fixed32);
  put_fixed(point, std::bit_cast<std::uint32_t>(static_cast<float>(value)), 4);
  std::string summary;  // Summary: value = 1, repeated
  put_bytes(summary, 1, point);
  std::string event = event_head(wall_time, step);
  put_bytes(event, 5, summary);
  record(event);
}

void EventLog::record(std::string_view event) {
  std::string frame;
  put_fixed(frame, event.size(), 8);
  put_fixed(frame, masked(crc32c(frame)), 4);
  frame.append(event);
  put_fixed(frame, masked(crc32c(event)), 4);
  if (std::fwrite(frame.data(), 1, frame.size(), out_.get()) != frame.size() ||
      std::fflush(out_.get()) != 0) {
    throw_io(path_.string(), std::string("cannot write: ") + std::strerror(errno));
  }
}

}  // namespace nacre::io
