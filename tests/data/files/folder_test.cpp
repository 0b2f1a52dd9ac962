// Folders: what they hold is counted, and what is not used is said.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "nacre/base/error.h"
#include "nacre/base/file.h"
#include "nacre/data/files/census.h"
#include "nacre/data/files/folder.h"
#include "tests/support/files.h"

namespace nacre::data {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using Texts = std::vector<std::string>;

class Folder : public ::testing::Test {
 protected:
  void put(const std::string& name) { write_file(folder_ / name, "x"); }
  // All warnings on the classes of `name`.
  std::string warnings(const std::string& name) {
    std::string out;
    for (const std::string& w : list_classes(folder_ / name, {".png"}).warnings) out += w + "\n";
    return out;
  }
  test::TemporaryFolder folder_;
};

TEST_F(Folder, MostFilesDecideItsKind) {
  for (const char* c : {"cat", "dog"}) {
    for (int i = 0; i < 3; ++i) put(std::string("set/") + c + "/" + std::to_string(i) + ".JPG");
    for (int i = 0; i < 2; ++i) put(std::string("set/") + c + "/a" + std::to_string(i) + ".txt");
  }
  put("set/Thumbs.db");
  put("set/.hidden.wav");
  const Census census = take_census(folder_ / "set");
  EXPECT_EQ(census.kind, FileKind::picture);
  EXPECT_EQ(census.left_out(), "4 texts (cat/a0.txt, ...), 1 other file (Thumbs.db)");
  put("set/cat/x.txt");
  put("set/dog/x.txt");
  expect_error<IoError>([&] { take_census(folder_ / "set"); }, {"6 pictures and 6 texts"});
  fs::create_directories(folder_ / "empty/cat");
  expect_error<IoError>([&] { take_census(folder_ / "empty"); }, {"no files"});
  put("odd/cat/x.webp");
  expect_error<IoError>([&] { take_census(folder_ / "odd"); }, {"no pictures", ".png"});
}

TEST_F(Folder, WhatIsNoClassIsSaid) {
  put("set/cat/1.png");
  put("set/dog/deep/2.png");
  put("set/stray.png");
  put("set/notes/a.txt");
  fs::create_directories(folder_ / "set/birds");
  const std::string all = warnings("set");
  for (const char* part : {"\"birds\" has no files .png", "\"notes\" has no files",
                           "1 files beside the folders of classes", "stray.png", "dog/deep/2.png",
                           "count as \"dog\""}) {
    EXPECT_NE(all.find(part), std::string::npos) << part << ": " << all;
  }
  EXPECT_EQ(list_classes(folder_ / "set", {".png"}).class_names, (Texts{"cat", "dog"}));
}

TEST_F(Folder, PartsInAnyCaseAndNeverByHalves) {
  put("set/Train/cat/1.png");
  put("set/TEST/cat/1.png");
  put("set/extra/cat/1.png");
  const PartFolders parts = find_parts(folder_ / "set");
  EXPECT_EQ(parts.train.filename(), "Train");
  EXPECT_EQ(parts.test.filename(), "TEST");
  EXPECT_EQ(parts.left_out, "extra");
  put("set/val/cat/1.png");
  put("set/valid/cat/1.png");
  expect_error<IoError>([&] { find_parts(folder_ / "set"); }, {"\"val\" and \"valid\""});
  put("half/test/cat/1.png");
  put("half/cat/1.png");
  expect_error<IoError>([&] { find_parts(folder_ / "half"); }, {"\"test\"", "no folder \"train\""});
  put("words/test/1.png");  // a class of this name
  EXPECT_TRUE(find_parts(folder_ / "words").test.empty());
}

TEST_F(Folder, NamesThatAreNoUtf8AreKeptReadable) {
  put("set/caf\xe9/1.png");
  put("set/th\xc3\xa9/1.png");
  EXPECT_EQ(list_classes(folder_ / "set", {".png"}).class_names, (Texts{"caf\\xe9", "th\xc3\xa9"}));
  put("set/caf\\xe9/1.png");
  expect_error<IoError>([&] { list_classes(folder_ / "set", {".png"}); },
                        {"two folders are the class"});
  put("flat/caf\xe9_1.png");
  put("flat/noclass.png");
  const LabelledFiles flat = list_prefixes(folder_ / "flat", {".png"});
  EXPECT_EQ(flat.class_names, (Texts{"caf\\xe9"}));
  ASSERT_EQ(flat.warnings.size(), 1u);
  EXPECT_NE(flat.warnings[0].find("noclass.png"), std::string::npos);
}

TEST_F(Folder, PipesAndLinksThatLeadNowhereAreRefused) {
  put("set/cat/1.png");
  ASSERT_EQ(mkfifo((folder_ / "set/cat/2.png").c_str(), 0600), 0);
  expect_error<IoError>([&] { list_classes(folder_ / "set", {".png"}); }, {"cat/2.png", "pipe"});
  expect_error<IoError>([&] { take_census(folder_ / "set"); }, {"cat/2.png", "pipe"});
  fs::remove(folder_ / "set/cat/2.png");
  fs::create_symlink("nothing", folder_ / "set/cat/3.png");
  expect_error<IoError>([&] { take_census(folder_ / "set"); }, {"cat/3.png", "leads nowhere"});
  fs::remove(folder_ / "set/cat/3.png");
  fs::create_directory_symlink("..", folder_ / "set/cat/up");
  expect_error<IoError>([&] { list_classes(folder_ / "set", {".png"}); }, {"32 folders", "link"});
}

}  // namespace
}  // namespace nacre::data
