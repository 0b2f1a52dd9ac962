#include "nacre/data/files/tar.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

namespace nacre::data {
namespace {

constexpr std::size_t kBlock = 512;

// A number in octal digits, or big-endian binary when the first bit is set (GNU).
std::uint64_t read_number(const Input& input, const char* field, std::size_t size) {
  std::uint64_t out = 0;
  if (static_cast<unsigned char>(field[0]) & 0x80) {
    for (std::size_t i = 1; i < size; ++i) out = (out << 8) | static_cast<unsigned char>(field[i]);
    return out;
  }
  for (std::size_t i = 0; i < size && field[i] != '\0' && field[i] != ' '; ++i) {
    if (field[i] < '0' || field[i] > '7') input.fail("a tar header with a damaged number");
    out = out * 8 + static_cast<std::uint64_t>(field[i] - '0');
  }
  return out;
}

std::string text_of(const char* field, std::size_t size) {
  return std::string(field, std::find(field, field + size, '\0'));
}

// The sum of all bytes with the checksum's own eight as blanks.
bool checksum_fits(const char* block, std::uint64_t wanted) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kBlock; ++i) {
    sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(block[i]);
  }
  return sum == wanted;
}

void copy(Input& input, std::uint64_t size, AtomicFile* to) {
  std::vector<char> buffer(256 * 1024);
  while (size > 0) {
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(size, buffer.size()));
    input.read(buffer.data(), n, "a file's contents");
    if (to) to->write(buffer.data(), n);
    size -= n;
  }
}

// "LENGTH path=NAME\n" among the records of a pax header.
std::string pax_path(const std::string& records) {
  const auto at = records.find(" path=");
  if (at == records.npos) return {};
  return records.substr(at + 6, records.find('\n', at) - at - 6);
}

}  // namespace

void unpack_tar(Input& input,
                const std::function<std::filesystem::path(const std::string&)>& visit) {
  std::string long_name;
  while (!input.at_end()) {
    char block[kBlock];
    input.read(block, kBlock, "a tar header");
    if (std::all_of(block, block + kBlock, [](char c) { return c == '\0'; })) return;
    if (!checksum_fits(block, read_number(input, block + 148, 8))) {
      input.fail("not a tar header: its checksum does not fit");
    }
    const std::uint64_t size = read_number(input, block + 124, 12);
    input.expect_available(size, "a file in the archive");
    const std::uint64_t padding = (kBlock - size % kBlock) % kBlock;
    const char type = block[156];
    if (type == 'L' || type == 'x') {  // the name of the next file
      if (size > 1 << 20) input.fail(fmt::format("a name of {} bytes", size));
      std::string text(size, '\0');
      input.read(text.data(), text.size(), "a long name");
      long_name = type == 'L' ? text.substr(0, text.find('\0')) : pax_path(text);
      copy(input, padding, nullptr);
      continue;
    }
    std::string name = text_of(block, 100);
    const std::string prefix = text_of(block + 345, 155);
    if (std::memcmp(block + 257, "ustar", 6) == 0 && !prefix.empty()) name = prefix + "/" + name;
    if (!long_name.empty()) name = std::exchange(long_name, {});
    std::filesystem::path target;
    if (type == '0' || type == '\0') target = visit(name);
    if (target.empty()) {
      copy(input, size, nullptr);
    } else {
      AtomicFile file(target);
      copy(input, size, &file);
      file.commit();
    }
    // Some writers leave the padding of the last file out.
    if (!input.at_end()) copy(input, padding, nullptr);
  }
}

void unpack_tar(const std::filesystem::path& archive, const std::filesystem::path& folder) {
  Input input(archive);
  unpack_tar(input, [&](const std::string& name) {
    const std::filesystem::path relative = std::filesystem::path(name).lexically_normal();
    if (relative.empty() || relative.is_absolute() || *relative.begin() == "..") {
      input.fail(fmt::format("the name \"{}\" leads outside the folder", name));
    }
    return folder / relative;
  });
}

}  // namespace nacre::data
