#include "nacre/base/text.h"

#include <gtest/gtest.h>

namespace nacre {
namespace {

TEST(Text, NearestName) {
  const std::vector<std::string> names{"epochs", "batch_size", "optimizer"};
  EXPECT_EQ(nearest_name("epoch", names), "epochs");
  EXPECT_EQ(nearest_name("bacth_size", names), "batch_size");
  EXPECT_EQ(nearest_name("zzz", names), "");
  EXPECT_EQ(did_you_mean("optimiser", names), "; did you mean \"optimizer\"?");
}

TEST(Text, Numbers) {
  EXPECT_EQ(with_thousands(0), "0");
  EXPECT_EQ(with_thousands(1234567), "1,234,567");
  EXPECT_EQ(with_thousands(-1000), "-1,000");
  EXPECT_EQ(human_bytes(12), "12 B");
  EXPECT_EQ(human_bytes(1500), "1.5 kB");
  EXPECT_EQ(human_bytes(999.7e3), "1 MB");
  EXPECT_EQ(human_seconds(0.012), "12 ms");
  EXPECT_EQ(human_seconds(4.52), "4.5 s");
  EXPECT_EQ(human_seconds(123), "2:03");
  EXPECT_EQ(human_seconds(3723), "1:02:03");
}

TEST(Text, Base64) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xff\xfe\xfd"), "//79");
  for (const std::string text : {"", "f", "fo", "foo", "foob", "\xff\xfe\xfd"}) {
    EXPECT_EQ(from_base64(base64(text)), text);
  }
  for (const char* bad :
       {"Zg", "Zg=", "Z===", "====", "Zh==", "Zm9v\n", "Zm=v", "\"><script>", "Zm9-"}) {
    EXPECT_EQ(from_base64(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace nacre
