#include "nacre/base/input.h"

#include <gtest/gtest.h>

#include "nacre/base/error.h"
#include "nacre/base/random.h"
#include "nacre/base/sha256.h"
#include "tests/support/files.h"

namespace nacre {
namespace {

using test::expect_error;

std::string noise(std::size_t n) {
  RandomStream random(3);
  std::string out(n, '\0');
  for (char& c : out) c = static_cast<char>(random.below(7));
  return out;
}

TEST(Files, WriteIsReadBack) {
  const test::TemporaryFolder folder;
  const auto path = folder / "a/b/c.txt";
  write_file(path, "one");
  write_file(path, "two");
  EXPECT_EQ(read_file(path), "two");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(path.parent_path()), {}), 1);
}

TEST(Files, AbandonedWriteLeavesTheOldFile) {
  const test::TemporaryFolder folder;
  write_file(folder / "x", "old");
  {
    AtomicFile file(folder / "x");
    file.write("new");
  }
  EXPECT_EQ(read_file(folder / "x"), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(Files, ErrorsNameTheFile) {
  const test::TemporaryFolder folder;
  expect_error<IoError>([&] { read_file(folder / "none"); }, {"none", "No such file"});
  expect_error<IoError>([&] { read_file(folder.path()); }, {"this is a folder"});
  write_file(folder / "x", "12345");
  expect_error<IoError>([&] { read_file(folder / "x", 4); }, {"5 bytes, at most 4"});
  write_file(folder / "plain", "");
  expect_error<IoError>([&] { write_file(folder / "plain/x", "1"); }, {"plain"});
}

TEST(Input, PlainAndGzipReadTheSame) {
  const std::string plain = noise(300'000);
  const std::string packed = gzip_of(bytes_of(plain));
  ASSERT_LT(packed.size(), plain.size());
  for (const std::string& bytes : {plain, packed}) {
    Input input("x", bytes_of(bytes));
    std::string head(1000, '\0');
    EXPECT_FALSE(input.at_end());
    input.read(head.data(), head.size(), "head");
    EXPECT_EQ(head, plain.substr(0, 1000));
    EXPECT_EQ(input.position(), 1000u);
    EXPECT_GE(input.most_left(), plain.size() - 1000);
    EXPECT_EQ(input.read_rest(1 << 20), plain.substr(1000));
    EXPECT_TRUE(input.at_end());
  }
}

TEST(Input, TwoGzipMembersFollowEachOther) {
  const std::string packed = gzip_of(bytes_of("abc")) + gzip_of(bytes_of("def"));
  Input input("x", bytes_of(packed));
  EXPECT_EQ(input.read_rest(100), "abcdef");
}

TEST(Input, DamageIsAnIoError) {
  const std::string plain = noise(20'000);
  const std::string packed = gzip_of(bytes_of(plain));
  test::batter(packed, [](const std::string& bytes) {
    Input input("x", bytes_of(bytes));
    input.read_rest(1 << 24);
  });
  Input cut("file.gz", bytes_of(packed).first(packed.size() / 2));
  expect_error<IoError>([&] { cut.read_rest(1 << 24); }, {"file.gz", "ends in the middle"});
  Input limited("file.gz", bytes_of(packed));
  expect_error<IoError>([&] { limited.read_rest(100); }, {"limit of 100 bytes"});
}

TEST(Input, ClaimsAreChecked) {
  Input input("x", bytes_of("12345678"));
  input.expect_available(8, "it");
  expect_error<IoError>([&] { input.expect_available(9, "nine"); }, {"x", "nine", "9 bytes"});
  char to[9];
  expect_error<IoError>([&] { input.read(to, 9, "nine"); }, {"at byte 0", "9 bytes, 8 are there"});
}

TEST(Deflate, RoundTripAndWrongSizes) {
  const std::string plain = noise(100'000);
  const std::string packed = deflate_raw(bytes_of(plain));
  EXPECT_EQ(inflate_raw(bytes_of(packed), plain.size(), "x"), plain);
  EXPECT_THROW(inflate_raw(bytes_of(packed), plain.size() - 1, "x"), IoError);
  EXPECT_THROW(inflate_raw(bytes_of(packed), plain.size() + 1, "x"), IoError);
  EXPECT_THROW(inflate_raw(bytes_of(packed), std::size_t{1} << 50, "x"), IoError);
  EXPECT_EQ(inflate_raw(bytes_of(deflate_raw({})), 0, "x"), "");
}

TEST(Sha256, ExamplesOfTheStandard) {
  EXPECT_EQ(sha256_hex({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex(bytes_of("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(bytes_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  const std::string million(1'000'000, 'a');
  Sha256 hash;
  for (std::size_t i = 0; i < million.size(); i += 777) {
    hash.update(bytes_of(std::string_view(million).substr(i, 777)));
  }
  EXPECT_EQ(hash.hex(), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

}  // namespace
}  // namespace nacre
