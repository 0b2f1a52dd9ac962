// JSON from outside, and JSON that will be read back: every reader and writer goes through here, so
// that both have the same limits and no library's exception gets out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nacre {

// What is accepted; what is written stays within the same.
struct JsonLimits {
  std::uint64_t bytes = std::uint64_t{256} << 20;
  int depth = 128;  // lists and objects within each other
};

// Throws IoError "NAME: at line 3, column 7: ..." for what is not JSON (RFC 8259), nested deeper or
// longer than the limits, or has a key twice in one object.
nlohmann::json parse_json(std::string_view text, const std::string& name,
                          const JsonLimits& limits = {});
// The same for a file; also throws IoError when it cannot be read.
nlohmann::json read_json(const std::filesystem::path& path, const JsonLimits& limits = {});

// The text of a value (numbers that are not finite become null). Throws ValueError "NAME: ..." that
// names the key of a text that is not UTF-8, or when a reader would refuse it for its limits.
std::string json_text(const nlohmann::json& value, const std::string& name, int indent = -1,
                      const JsonLimits& limits = {});

// A value of a file with the place where it stands. Every read checks type and range and throws
// IoError: 'NAME: "mistakes[3].probability": a number in 0..1 expected, "high" came', and the hint.
class JsonView {
 public:
  // `value` must live as long. `hint` is what a user can do about a damaged file.
  JsonView(const nlohmann::json& value, std::string name, std::string hint = {});

  // A value of an object; throws when this is none or has no such key.
  JsonView at(const std::string& key) const;
  // Nothing when there is no such key; throws when this is no object.
  std::optional<JsonView> find(const std::string& key) const;
  // The keys and values of an object.
  std::vector<std::pair<std::string, JsonView>> members() const;
  // The elements of a list of at most `most`.
  std::vector<JsonView> items(std::size_t most = kMost) const;

  std::string text() const;
  bool flag() const;
  std::int64_t whole(std::int64_t least = std::numeric_limits<std::int64_t>::min(),
                     std::int64_t most = std::numeric_limits<std::int64_t>::max()) const;
  // A finite number.
  double number(double least = -std::numeric_limits<double>::max(),
                double most = std::numeric_limits<double>::max()) const;
  // A number, or NaN for the null that a number which is not finite became.
  double number_or_null() const;
  std::vector<std::string> texts() const;
  std::vector<double> numbers() const;
  std::vector<std::int64_t> wholes(std::int64_t least, std::int64_t most) const;

  bool is_text() const;
  const nlohmann::json& json() const { return *value_; }
  // Throws IoError that this place should hold `expected`; says what came.
  [[noreturn]] void fail(const std::string& expected) const;

 private:
  static constexpr std::size_t kMost = std::size_t{1} << 28;

  JsonView inner(const nlohmann::json& value, const std::string& where) const;
  JsonView element(std::size_t i) const;

  const nlohmann::json* value_;
  std::string name_, hint_, where_;
};

}  // namespace nacre
