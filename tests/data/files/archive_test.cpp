#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <thread>

#include "nacre/base/error.h"
#include "nacre/base/sha256.h"
#include "nacre/data/files/cifar.h"
#include "nacre/data/files/tar.h"
#include "nacre/data/sets/fetch.h"
#include "tests/support/files.h"

namespace nacre::data {
namespace {

using test::expect_error;

// One file of a ustar archive.
std::string member(const std::string& name, const std::string& contents, char type = '0') {
  std::string head(512, '\0');
  head.replace(0, name.size(), name);
  char size[13];
  std::snprintf(size, sizeof size, "%011zo", contents.size());
  head.replace(124, 11, size, 11);
  head[156] = type;
  head.replace(257, 6, std::string("ustar\0", 6));
  head.replace(148, 8, "        ");
  unsigned sum = 0;
  for (const char c : head) sum += static_cast<unsigned char>(c);
  char text[8];
  std::snprintf(text, sizeof text, "%06o", sum);
  head.replace(148, 7, text, 7);
  return head + contents + std::string((512 - contents.size() % 512) % 512, '\0');
}

TEST(Tar, Unpacks) {
  const test::TemporaryFolder folder;
  const std::string long_name = "a/" + std::string(120, 'x');
  const std::string tar = member("a/one", "111") + member("a", "", '5') +
                          member("././@LongLink", long_name + '\0', 'L') + member("cut", "22") +
                          std::string(1024, '\0');
  write_file(folder / "t.tar.gz", gzip_of(bytes_of(tar)));
  unpack_tar(folder / "t.tar.gz", folder / "out");
  EXPECT_EQ(read_file(folder / "out/a/one"), "111");
  EXPECT_EQ(read_file(folder / ("out/" + long_name)), "22");
}

TEST(Tar, RefusesWhatIsWrong) {
  const test::TemporaryFolder folder;
  write_file(folder / "a", member("../evil", "1"));
  expect_error<IoError>([&] { unpack_tar(folder / "a", folder / "out"); }, {"outside"});
  write_file(folder / "b", member("/evil", "1"));
  expect_error<IoError>([&] { unpack_tar(folder / "b", folder / "out"); }, {"outside"});
  test::batter(member("a", "1234") + member("b", std::string(700, 'x')), [](const std::string& b) {
    Input input("t", bytes_of(b));
    unpack_tar(input, [](const std::string&) { return std::filesystem::path(); });
  });
}

TEST(Cifar, ReadsRecords) {
  std::string ten;
  for (const char label : {3, 9}) ten += label + std::string(3072, static_cast<char>(label + 1));
  Input input("t", bytes_of(ten));
  const CifarRecords records = read_cifar(input, 10);
  EXPECT_EQ(records.images.shape(), (Shape{2, 3, 32, 32}));
  EXPECT_EQ(records.labels.to_vector<std::int64_t>(), (std::vector<std::int64_t>{3, 9}));
  EXPECT_EQ(records.images.data<std::uint8_t>()[3072], 10);
  const std::string hundred = std::string("\x07\x63") + std::string(3072, 'x');
  Input fine("t", bytes_of(hundred));
  const CifarRecords both = read_cifar(fine, 100);
  EXPECT_EQ(both.labels.item<int>(), 99);
  EXPECT_EQ(both.coarse.item<int>(), 7);
  EXPECT_EQ(cifar100_names().size(), 100u);
}

TEST(Cifar, RefusesWhatIsWrong) {
  const auto parse = [](const std::string& bytes) {
    Input input("t", bytes_of(bytes));
    read_cifar(input, 10);
  };
  expect_error<IoError>([&] { parse(""); }, {"multiple of 3073"});
  expect_error<IoError>([&] { parse(std::string(3000, 'x')); }, {"3000 bytes"});
  expect_error<IoError>([&] { parse('\x0a' + std::string(3072, 'x')); }, {"record 0", "label 10"});
}

TEST(Fetch, KnowsItsFiles) {
  EXPECT_TRUE(remote_files("digits").empty());
  EXPECT_EQ(remote_files("mnist").size(), 4u);
  for (const char* name : {"mnist", "fashion-mnist", "cifar-10", "cifar-100"}) {
    for (const RemoteFile& file : remote_files(name)) {
      EXPECT_EQ(file.sha256.size(), 64u);
      EXPECT_GT(file.bytes, 0u);
    }
  }
  EXPECT_THROW(remote_files("imagenet"), ValueError);
}

// Without a network, from this machine's own files: libcurl reads file:// addresses.
TEST(Fetch, ChecksContinuesAndTriesTheNextAddress) {
  if (!have_fetch()) GTEST_SKIP() << "built without downloads";
  const test::TemporaryFolder folder;
  const std::string contents(5000, 'x');
  write_file(folder / "source", contents);
  write_file(folder / "wrong", std::string(5000, 'y'));
  const std::string base = "file://" + folder.path().string() + "/";
  RemoteFile file{{base + "none", base + "wrong", base + "source"},
                  "f",
                  5000,
                  sha256_hex(bytes_of(contents)),
                  false};
  fetch_file(file, folder / "out/f");
  EXPECT_EQ(read_file(folder / "out/f"), contents);
  // Half of it is there already.
  write_file(folder / "out/g.download", contents.substr(0, 2500));
  file.addresses = {base + "source"};
  std::uint64_t first = 0;
  fetch_file(file, folder / "out/g", [&](const std::string&, std::uint64_t done, std::uint64_t) {
    if (first == 0) first = done;
  });
  EXPECT_EQ(read_file(folder / "out/g"), contents);
  EXPECT_GT(first, 2500u);
  file.addresses = {base + "wrong"};
  expect_error<IoError>([&] { fetch_file(file, folder / "out/h"); },
                        {"h: could not be downloaded", "SHA-256", "expected"});
  EXPECT_FALSE(std::filesystem::exists(folder / "out/h"));
}

// The second of two waits, sees how far the first is, and finds the file there.
TEST(Fetch, TwoAtOnceBothEndRight) {
  if (!have_fetch()) GTEST_SKIP() << "built without downloads";
  const test::TemporaryFolder folder;
  const std::string contents(3000000, 'x');
  write_file(folder / "source", contents);
  const RemoteFile file{{"file://" + folder.path().string() + "/source"},
                        "f",
                        contents.size(),
                        sha256_hex(bytes_of(contents)),
                        false};
  std::thread second;
  std::atomic<bool> waits{false};
  std::atomic<int> wrong{0};
  std::string problem;
  fetch_file(file, folder / "out/f", [&](const std::string&, std::uint64_t, std::uint64_t) {
    if (second.joinable()) return;
    // In the middle of the first.
    second = std::thread([&] {
      try {
        fetch_file(file, folder / "out/f",
                   [&](const std::string&, std::uint64_t done, std::uint64_t total) {
                     if (done > total || total != contents.size()) ++wrong;
                     waits = true;
                   });
      } catch (const std::exception& e) {
        problem = e.what();
      }
    });
    while (!waits) std::this_thread::yield();
  });
  second.join();
  EXPECT_EQ(problem, "");
  EXPECT_EQ(wrong, 0);
  EXPECT_TRUE(read_file(folder / "out/f") == contents);
  // No part, no lock.
  using Entries = std::filesystem::directory_iterator;
  EXPECT_EQ(std::distance(Entries(folder / "out"), Entries()), 1);
  // What a killed process left of its lock keeps nobody waiting.
  write_file(folder / "out/g.lock", "");
  fetch_file(file, folder / "out/g");
  EXPECT_TRUE(read_file(folder / "out/g") == contents);
}

TEST(Fetch, SaysWhenThereIsNoNetwork) {
  if (!have_fetch()) GTEST_SKIP() << "built without downloads";
  const test::TemporaryFolder folder;
  // .invalid never resolves (RFC 2606).
  const RemoteFile file{{"http://nacre.invalid/f"}, "f", 10, std::string(64, '0'), false};
  expect_error<IoError>([&] { fetch_file(file, folder / "f"); }, {"nacre.invalid", "f: could not"});
}

}  // namespace
}  // namespace nacre::data
