// What a build without an optional library says when the part is used.
#include <gtest/gtest.h>

#include "nacre/data/image/image.h"
#include "nacre/data/sets/fetch.h"
#include "nacre/data/sound/sound.h"
#include "nacre/nacre.h"
#include "tests/support/files.h"

namespace nacre::data {
namespace {

TEST(LeftOut, Pictures) {
  if (have_images()) GTEST_SKIP() << "built with pictures";
  test::expect_error<IoError>([] { decode_image({}, "a.png", 0); },
                              {"a.png", "without pictures", "hint", "NACRE_WITH_IMAGES=ON"});
  test::expect_error<IoError>([] { encode_png(zeros({1, 2, 2})); }, {"NACRE_WITH_IMAGES=ON"});
}

TEST(LeftOut, Sound) {
  if (have_sound()) GTEST_SKIP() << "built with sound";
  test::expect_error<IoError>([] { decode_sound({}, "a.wav"); },
                              {"a.wav", "without sound", "hint", "NACRE_WITH_SOUND=ON"});
}

TEST(LeftOut, Downloads) {
  if (have_fetch()) GTEST_SKIP() << "built with downloads";
  const test::TemporaryFolder folder;
  const auto file = remote_files("mnist").front();
  test::expect_error<IoError>([&] { fetch_file(file, folder / "x", {}); },
                              {"without downloads", "NACRE_WITH_FETCH=ON", "by hand"});
}

}  // namespace
}  // namespace nacre::data
