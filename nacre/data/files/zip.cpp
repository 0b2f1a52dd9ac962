#include "nacre/data/files/zip.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "nacre/base/error.h"
#include "nacre/base/input.h"

namespace nacre::data {
namespace {

constexpr std::uint32_t kLocal = 0x04034b50;
constexpr std::uint32_t kCentral = 0x02014b50;
constexpr std::uint32_t kEnd = 0x06054b50;
constexpr std::uint32_t kEnd64Locator = 0x07064b50;
constexpr std::uint32_t kEnd64 = 0x06064b50;
constexpr std::uint32_t kInExtra = 0xffffffff;  // the true value is in the Zip64 field

// Little-endian numbers at checked places.
struct Archive {
  Bytes bytes;
  const std::string& file;

  [[noreturn]] void fail(const std::string& what) const {
    throw_io(file, what, "the zip archive is damaged or cut off");
  }
  void need(std::uint64_t at, std::uint64_t n, const char* what) const {
    if (at > bytes.size() || n > bytes.size() - at) {
      fail(fmt::format("at byte {}: expected {} ({} bytes), the file has {} bytes", at, what, n,
                       bytes.size()));
    }
  }
  std::uint64_t number(std::uint64_t at, int n, const char* what) const {
    need(at, static_cast<std::uint64_t>(n), what);
    std::uint64_t out = 0;
    for (int i = 0; i < n; ++i) {
      out |= std::to_integer<std::uint64_t>(bytes[at + static_cast<std::uint64_t>(i)]) << (8 * i);
    }
    return out;
  }
  std::uint32_t u32(std::uint64_t at, const char* what) const {
    return static_cast<std::uint32_t>(number(at, 4, what));
  }
  std::uint64_t u16(std::uint64_t at, const char* what) const { return number(at, 2, what); }
};

struct Directory {
  std::uint64_t entries = 0;
  std::uint64_t offset = 0;
};

Directory find_directory(const Archive& a) {
  if (a.bytes.size() < 22) a.fail(fmt::format("{} bytes are no zip archive", a.bytes.size()));
  // The end record is last, before a comment of up to 65,535 bytes.
  const std::uint64_t last = a.bytes.size() - 22;
  const std::uint64_t first = last > 65535 ? last - 65535 : 0;
  for (std::uint64_t at = last + 1; at-- > first;) {
    if (a.u32(at, "the end record") != kEnd) continue;
    Directory d{a.u16(at + 10, "the count"), a.u32(at + 16, "the offset")};
    if (at >= 20 && a.u32(at - 20, "the Zip64 locator") == kEnd64Locator) {
      const std::uint64_t end64 = a.number(at - 12, 8, "the Zip64 offset");
      if (a.u32(end64, "the Zip64 end record") != kEnd64) a.fail("no Zip64 end record");
      d = {a.number(end64 + 32, 8, "the count"), a.number(end64 + 48, 8, "the offset")};
    }
    return d;
  }
  a.fail("no zip archive: its end record is missing");
}

// One row of the central directory.
struct Row {
  std::uint64_t flags, method, packed, size, local;
  std::uint32_t crc;
  std::string name;
};

// Values that are kInExtra in the row itself, in this order, from its Zip64 field.
void read_zip64(const Archive& a, std::uint64_t at, std::uint64_t length, Row& row) {
  const std::uint64_t end = at + length;
  while (at + 4 <= end) {
    const std::uint64_t id = a.u16(at, "an extra field");
    const std::uint64_t size = a.u16(at + 2, "an extra field");
    at += 4;
    if (id == 1) {
      for (std::uint64_t* value : {&row.size, &row.packed, &row.local}) {
        if (*value != kInExtra) continue;
        *value = a.number(at, 8, "a Zip64 size");
        at += 8;
      }
      return;
    }
    at += size;
  }
}

std::string unpack(const Archive& a, const Row& row) {
  if (row.flags & 1) a.fail(fmt::format("\"{}\" is encrypted", row.name));
  if (a.u32(row.local, "a local header") != kLocal) {
    a.fail(fmt::format("\"{}\": no local header at byte {}", row.name, row.local));
  }
  const std::uint64_t begin = row.local + 30 + a.u16(row.local + 26, "a name's length") +
                              a.u16(row.local + 28, "a field's length");
  a.need(begin, row.packed, "an entry's data");
  const Bytes packed = a.bytes.subspan(begin, row.packed);
  std::string out;
  if (row.method == 0) {
    if (row.packed != row.size) a.fail(fmt::format("\"{}\": two sizes for stored data", row.name));
    out.assign(reinterpret_cast<const char*>(packed.data()), packed.size());
  } else if (row.method == 8) {
    out = inflate_raw(packed, row.size, a.file + ": " + row.name);
  } else {
    a.fail(fmt::format("\"{}\" is packed with method {}, only deflate is known", row.name,
                       row.method));
  }
  if (crc32_of(bytes_of(out)) != row.crc) {
    a.fail(fmt::format("\"{}\": the contents do not fit their checksum", row.name));
  }
  return out;
}

// Entries that share bytes unpack to more than any honest archive; names that come twice hide one
// of the two.
void expect_apart(const Archive& a, std::vector<Row>& rows) {
  std::sort(rows.begin(), rows.end(), [](const Row& x, const Row& y) { return x.local < y.local; });
  std::set<std::string> names;
  for (std::size_t k = 0; k < rows.size(); ++k) {
    if (!names.insert(rows[k].name).second) {
      a.fail(fmt::format("two entries are called \"{}\"", rows[k].name));
    }
    if (k > 0 && rows[k].local < rows[k - 1].local + 30 + rows[k - 1].packed) {
      a.fail(fmt::format("\"{}\" and \"{}\" overlap", rows[k - 1].name, rows[k].name));
    }
  }
}

void put(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

// What local header and central row have in common, from "version needed" on.
void put_common(std::string& out, std::uint64_t method, std::uint32_t crc, std::size_t packed,
                const ZipEntry& entry) {
  put(out, 20, 2);  // version 2.0
  put(out, 0, 2);   // flags
  put(out, method, 2);
  put(out, 0, 2);     // time 0:00
  put(out, 0x21, 2);  // 1980-01-01
  put(out, crc, 4);
  put(out, packed, 4);
  put(out, entry.contents.size(), 4);
  put(out, entry.name.size(), 2);
  put(out, 0, 2);  // extra fields
}

}  // namespace

std::vector<ZipEntry> read_zip(Bytes bytes, const std::string& file) {
  const Archive a{bytes, file};
  const Directory directory = find_directory(a);
  std::vector<Row> rows;
  std::uint64_t at = directory.offset;
  std::uint64_t unpacked = 0;
  for (std::uint64_t k = 0; k < directory.entries; ++k) {
    if (a.u32(at, "a directory row") != kCentral) {
      a.fail(fmt::format("at byte {}: row {} of the directory expected", at, k));
    }
    Row row{.flags = a.u16(at + 8, "flags"),
            .method = a.u16(at + 10, "a method"),
            .packed = a.u32(at + 20, "a size"),
            .size = a.u32(at + 24, "a size"),
            .local = a.u32(at + 42, "an offset"),
            .crc = a.u32(at + 16, "a checksum"),
            .name = {}};
    const std::uint64_t name = a.u16(at + 28, "a name's length");
    const std::uint64_t extra = a.u16(at + 30, "a field's length");
    const std::uint64_t comment = a.u16(at + 32, "a comment's length");
    a.need(at + 46, name + extra + comment, "a name");
    row.name.assign(reinterpret_cast<const char*>(bytes.data()) + at + 46, name);
    read_zip64(a, at + 46 + name, extra, row);
    const std::uint64_t most = most_unpacked(bytes.size());
    if (row.size > most || (unpacked += row.size) > most) {
      throw_io(file,
               fmt::format("\"{}\" claims {} bytes; {} bytes of archive may unpack to {}", row.name,
                           row.size, bytes.size(), most),
               "if it is meant so, save it without compression (numpy.savez)");
    }
    if (!row.name.ends_with('/')) rows.push_back(std::move(row));
    at += 46 + name + extra + comment;
  }
  expect_apart(a, rows);
  std::vector<ZipEntry> out;
  for (const Row& row : rows) out.push_back({row.name, unpack(a, row)});
  return out;
}

std::string zip_of(const std::vector<ZipEntry>& entries, bool compress) {
  std::string out;
  std::string directory;
  for (const ZipEntry& entry : entries) {
    const std::string packed = compress ? deflate_raw(bytes_of(entry.contents)) : entry.contents;
    const std::uint32_t crc = crc32_of(bytes_of(entry.contents));
    const std::uint64_t local = out.size();
    if (entry.name.size() > 65535 || entries.size() > 65535) {
      throw ValueError(fmt::format(
          "zip_of: {} entries, \"{:.40}\" with a name of {} bytes; a zip archive holds at most "
          "65535 "
          "entries with names of 65535 bytes\n  hint: save arrays in several files, or as "
          "safetensors",
          entries.size(), entry.name, entry.name.size()));
    }
    if (local + packed.size() + entry.contents.size() + directory.size() > 0xf0000000ull) {
      throw ValueError(
          "zip_of: the archive would be beyond 4 GiB; save arrays as single .npy files");
    }
    put(out, kLocal, 4);
    put_common(out, compress ? 8 : 0, crc, packed.size(), entry);
    out += entry.name;
    out += packed;
    put(directory, kCentral, 4);
    put(directory, 20, 2);  // made by version 2.0
    put_common(directory, compress ? 8 : 0, crc, packed.size(), entry);
    put(directory, 0, 2);  // comment
    put(directory, 0, 2);  // disk
    put(directory, 0, 2);  // internal attributes
    put(directory, 0, 4);  // external attributes
    put(directory, local, 4);
    directory += entry.name;
  }
  const std::uint64_t offset = out.size();
  out += directory;
  put(out, kEnd, 4);
  put(out, 0, 4);  // disks
  put(out, entries.size(), 2);
  put(out, entries.size(), 2);
  put(out, directory.size(), 4);
  put(out, offset, 4);
  put(out, 0, 2);  // comment
  return out;
}

}  // namespace nacre::data
