#include "nacre/io/event_log.h"

#include <gtest/gtest.h>

#include "nacre/base/error.h"
#include "nacre/base/file.h"
#include "tests/support/files.h"

namespace nacre::io {
namespace {

// RFC 3720, section B.4.
TEST(EventLog, Crc32cOfTheStandard) {
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
}

TEST(EventLog, BytesAreThoseOfTensorBoard) {
  const test::TemporaryFolder folder;
  EventLog log(folder / "logs");
  log.scalar("loss", 300, 0.5, 1.5);
  const std::string bytes = read_file(log.path());
  // The second record, as TensorFlow's writer makes it: length, masked CRC, Event, masked CRC.
  const std::string event(
      "\x09\0\0\0\0\0\0\xf8\x3f\x10\xac\x02\x2a\x0d\x0a\x0b\x0a\x04loss\x15\0\0\0\x3f", 27);
  const auto at = bytes.find(event);
  ASSERT_NE(at, bytes.npos);
  ASSERT_GE(at, 12u);
  EXPECT_EQ(bytes.substr(at - 12, 8), std::string("\x1b\0\0\0\0\0\0\0", 8));
  EXPECT_EQ(bytes.size(), at + event.size() + 4);
  EXPECT_NE(bytes.find("brain.Event:2"), bytes.npos);
}

// A tag is a text of a protocol buffer: UTF-8.
TEST(EventLog, TakesAnyTag) {
  const test::TemporaryFolder folder;
  EventLog log(folder / "logs");
  log.scalar("caf\xe9", 1, 0.5, 1.5);
  EXPECT_TRUE(read_file(log.path()).find("caf\\xe9") != std::string::npos);
}

TEST(EventLog, TwoLogsOfOneSecondAreTwoFiles) {
  const test::TemporaryFolder folder;
  const EventLog a(folder.path());
  const EventLog b(folder.path());
  EXPECT_NE(a.path(), b.path());
  write_file(folder / "plain", "");
  EXPECT_THROW(EventLog(folder / "plain"), IoError);
}

}  // namespace
}  // namespace nacre::io
