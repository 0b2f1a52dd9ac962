#include "nacre/base/utf8.h"

#include <gtest/gtest.h>

namespace nacre {
namespace {

TEST(Utf8, KnowsWhatItIs) {
  for (const char* good :
       {"", "plain", "caf\u00e9", "\u6f22\u5b57", "\U0001f41a", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  // Latin-1, cut off, overlong, a surrogate, beyond U+10FFFF.
  for (const char* bad : {"caf\xe9", "\xe6\xbc", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80",
                          "\xf4\x90\x80\x80", "\x80", "\xff"}) {
    EXPECT_FALSE(is_utf8(bad));
    EXPECT_TRUE(is_utf8(as_utf8(bad)));
  }
}

TEST(Utf8, EscapesWithoutLoss) {
  EXPECT_EQ(as_utf8("caf\xe9"), "caf\\xe9");
  EXPECT_EQ(as_utf8("a\\xe9"), "a\\xe9");  // a valid name stays
  EXPECT_NE(as_utf8("\\xe9\xe9"), as_utf8("\xe9\xe9"));
  EXPECT_EQ(as_utf8("\\xe9\xe9"), "\\\\xe9\\xe9");
}

TEST(Utf8, NothingCommandsTheTerminal) {
  EXPECT_EQ(printable("\x1b[31mred\x07"), "\\x1b[31mred\\x07");
  EXPECT_EQ(printable("a\nb\tc\rd\x7f"), "a\\nb\\tc\\rd\\x7f");
  EXPECT_EQ(printable_lines("a\nb\tc\rd"), "a\nb\tc\\rd");
  EXPECT_EQ(printable("\u009b31m"), "\\u009b31m");  // C1's one-character escape code
  EXPECT_EQ(printable("exe.\u202egnp"), "exe.\\u202egnp");
  EXPECT_EQ(printable("\u2066a\u2028"), "\\u2066a\\u2028");
  EXPECT_EQ(printable("caf\xe9"), "caf\\xe9");
  EXPECT_EQ(printable("\u6f22 caf\u00e9 \U0001f41a"), "\u6f22 caf\u00e9 \U0001f41a");
}

TEST(Utf8, MeasuresAndCutsWholeCharacters) {
  EXPECT_EQ(display_width("abc"), 3u);
  EXPECT_EQ(display_width("\u6f22\u5b57"), 4u);
  EXPECT_EQ(display_width("e\u0301"), 1u);  // with a combining accent
  EXPECT_EQ(shortened("abcdef", 6), "abcdef");
  EXPECT_EQ(shortened("abcdefg", 6), "abcde…");
  EXPECT_EQ(shortened("\u6f22\u5b57\u6f22\u5b57", 6), "\u6f22\u5b57…");
  EXPECT_EQ(shortened("e\u0301e\u0301e\u0301", 2), "e\u0301…");
  EXPECT_EQ(shortened("abc", 2, ""), "ab");
  EXPECT_EQ(shortened("abc", 0), "");
  const std::string long_name = [] {
    std::string s;
    for (int i = 0; i < 40; ++i) s += "\u00e9\u6f22";
    return s;
  }();
  for (std::size_t columns = 0; columns < 130; ++columns) {
    const std::string cut = shortened(long_name, columns);
    EXPECT_TRUE(is_utf8(cut)) << columns;
    EXPECT_LE(display_width(cut), columns);
  }
}

}  // namespace
}  // namespace nacre
