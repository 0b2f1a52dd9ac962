#include "tests/support/files.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "nacre/base/error.h"
#include "nacre/base/random.h"

namespace nacre::test {

namespace fs = std::filesystem;

TemporaryFolder::TemporaryFolder() {
  static std::atomic<int> counter{0};
  path_ = fs::temp_directory_path() /
          ("nacre-test-" + std::to_string(::getpid()) + "-" + std::to_string(counter++));
  fs::create_directories(path_);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

fs::path pantry(const std::string& name) {
  const char* given = std::getenv("NACRE_PANTRY");
  const fs::path root = given ? fs::path(given) : fs::path(NACRE_SOURCE_DIR) / "../shared/data";
  std::error_code ignored;
  return fs::exists(root / name, ignored) ? root / name : fs::path();
}

void batter(const std::string& sample, const std::function<void(const std::string&)>& parse,
            int cuts, int changes) {
  const auto attempt = [&](const std::string& bytes, const std::string& how) {
    try {
      parse(bytes);
    } catch (const IoError&) {
    } catch (const std::exception& e) {
      ADD_FAILURE() << how << ": " << e.what();
    }
  };
  const std::size_t n = sample.size();
  const std::size_t stride = std::max<std::size_t>(1, n / static_cast<std::size_t>(cuts));
  for (std::size_t length = 0; length < n; length += stride) {
    attempt(sample.substr(0, length), "cut to " + std::to_string(length) + " bytes");
  }
  RandomStream random(17);
  for (int k = 0; k < changes && n > 0; ++k) {
    std::string bytes = sample;
    const auto count = 1 + random.below(4);
    for (std::uint64_t j = 0; j < count; ++j) {
      // Half of the changes hit the first bytes, where headers are.
      const auto span = random.bits() & 1 ? std::min<std::size_t>(n, 64) : n;
      constexpr unsigned char nasty[] = {0x00, 0xff, 0x7f, 0x80, '9', '"', '\n', ','};
      const auto value = random.bits() & 1 ? nasty[random.below(sizeof nasty)] : random.bits();
      bytes[random.below(span)] = static_cast<char>(value);
    }
    attempt(bytes, "change " + std::to_string(k));
  }
}

}  // namespace nacre::test
