// Files that are replaced as a whole, what killed writers leave, and who may write in a folder.
#include "nacre/base/durable.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "nacre/base/error.h"
#include "nacre/base/file.h"
#include "tests/support/files.h"

namespace nacre {
namespace {

namespace fs = std::filesystem;
using test::expect_error;

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(AtomicFile, WithoutCommitNothingChanges) {
  const test::TemporaryFolder folder;
  write_file(folder / "a", "old");
  {
    AtomicFile file(folder / "a");
    file.write("new, but never finished");
  }
  EXPECT_EQ(read_file(folder / "a"), "old");
  EXPECT_EQ(entries(folder.path()), 1u);
}

TEST(AtomicFile, MakesFoldersAndKeepsModeAndLinks) {
  const test::TemporaryFolder folder;
  write_file(folder / "x" / "y" / "a", "1");
  EXPECT_EQ(read_file(folder / "x" / "y" / "a"), "1");
  fs::permissions(folder / "x" / "y" / "a", fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink("x/y/a", folder / "link");
  write_file(folder / "link", "2");
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(read_file(folder / "x" / "y" / "a"), "2");
  EXPECT_EQ(fs::status(folder / "x" / "y" / "a").permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
  expect_error<IoError>([&] { write_file(folder / "x", "3"); }, {"x", "this is a folder"});
  expect_error<IoError>([&] { write_file(folder / "link" / "b", "3"); }, {"link"});
}

// A pipe or a device is written to, not replaced by a file.
TEST(AtomicFile, WritesIntoWhatIsNoFile) {
  const test::TemporaryFolder folder;
  const fs::path pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::string got;
  std::thread reader([&] {
    std::ifstream in(pipe);
    std::getline(in, got);
  });
  write_file(pipe, "through\n");
  reader.join();
  EXPECT_EQ(got, "through");
  EXPECT_TRUE(fs::is_fifo(pipe));
}

TEST(Leftovers, GoUnlessTheirWriterLives) {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "a.part-99999-0") << "half";
  std::ofstream(folder / "b.part-of-a-book") << "a user's";
  std::ofstream(folder / "c.part") << "a user's";
  AtomicFile file(folder / "d");
  file.write("in work");
  remove_leftovers(folder.path());
  EXPECT_FALSE(fs::exists(folder / "a.part-99999-0"));
  EXPECT_TRUE(fs::exists(folder / "b.part-of-a-book"));
  EXPECT_TRUE(fs::exists(folder / "c.part"));
  file.commit();
  EXPECT_EQ(read_file(folder / "d"), "in work");
  remove_leftovers(folder / "nowhere");
}

TEST(AtomicFile, TakesAnotherNameThanALeftoverHas) {
  const test::TemporaryFolder folder;
  const std::string own = (folder / "a").string() + ".part-" + std::to_string(::getpid()) + "-";
  for (int i = 0; i < 2000; ++i) std::ofstream(own + std::to_string(i)) << "another machine's";
  write_file(folder / "a", "mine");
  EXPECT_EQ(read_file(folder / "a"), "mine");
  EXPECT_EQ(read_file(own + "0"), "another machine's");
}

TEST(AtomicFolder, IsThereWholeOrNotAtAll) {
  const test::TemporaryFolder folder;
  const fs::path target = folder / "a/target";
  {
    AtomicFolder filled(target);
    write_file(filled.path() / "x/file", "1");
    EXPECT_FALSE(fs::exists(target));
    // Another one leaves what is being filled alone.
    AtomicFolder other(target);
    EXPECT_TRUE(fs::exists(filled.path() / "x/file"));
    write_file(other.path() / "file", "2");
    filled.commit();
    EXPECT_EQ(read_file(target / "x/file"), "1");
    expect_error<IoError>([&] { other.commit(); }, {"target", "not empty"});
  }
  EXPECT_EQ(entries(folder / "a"), 1u);
  expect_error<IoError>([&] { AtomicFolder again(target); }, {"target", "not empty"});
  // Nothing is left of one that was given up, or of a killed process; names like it stay.
  fs::create_directories(folder / "a/new.part-1-2/x");
  fs::create_directories(folder / "a/new.part-time/x");
  fs::create_directories(folder / "a/newer.part-1-2/x");
  { AtomicFolder given_up(folder / "a/new"); }
  EXPECT_FALSE(fs::exists(folder / "a/new"));
  EXPECT_FALSE(fs::exists(folder / "a/new.part-1-2"));
  EXPECT_TRUE(fs::exists(folder / "a/new.part-time"));
  EXPECT_TRUE(fs::exists(folder / "a/newer.part-1-2"));
}

TEST(FolderLock, OneAtATimeAndSaysWho) {
  const test::TemporaryFolder folder;
  {
    const FolderLock lock(folder / "run");
    EXPECT_TRUE(lock.held());
    const std::string holder = "process " + std::to_string(::getpid()) + " on ";
    expect_error<IoError>([&] { FolderLock second(folder / "run"); },
                          {"run", "in use by", holder.c_str(), "since 20", "UTC", "hint"});
  }
  const FolderLock again(folder / "run");
  EXPECT_TRUE(again.held());
}

TEST(FolderLock, DiesWithItsProcess) {
  const test::TemporaryFolder folder;
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const FolderLock lock(folder.path());
    if (::write(ready[1], "x", 1) != 1) ::_exit(1);
    ::pause();
    ::_exit(0);
  }
  char byte;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  const std::string holder = "process " + std::to_string(child) + " on ";
  expect_error<IoError>([&] { FolderLock second(folder.path()); }, {holder.c_str()});
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(FolderLock(folder.path()).held());
  ::close(ready[0]);
  ::close(ready[1]);
}

}  // namespace
}  // namespace nacre
