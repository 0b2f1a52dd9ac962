// Optimizers by name, from the rows of optimizers.h.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "nacre/base/error.h"
#include "nacre/base/text.h"
#include "nacre/optim/optimizers.h"

namespace nacre::optim {
namespace {

template <class T>
struct OptionsOf;
#define NACRE_ROW(Class, paper)  \
  template <>                    \
  struct OptionsOf<Class> {      \
    using Type = Class##Options; \
  };
NACRE_OPTIMIZERS(NACRE_ROW)
#undef NACRE_ROW

std::string lower(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

// What an option is made from, and how its default is written.
const char* type_of(bool) { return "true or false"; }
const char* type_of(std::int64_t) { return "a whole number"; }
const char* type_of(double) { return "a number"; }
const char* type_of(const Schedule&) { return "a number"; }
std::string text_of(const Schedule& value) { return fmt::format("{}", value.constant()); }
template <class T>
std::string text_of(T value) {
  return fmt::format("{}", value);
}

// Whether `value` is of a kind that the option takes; it is set then.
template <class T>
bool put(T& option, const OptionValue& value) {
  if (const T* same = std::get_if<T>(&value)) {
    option = *same;
    return true;
  }
  if constexpr (std::is_same_v<T, double> || std::is_same_v<T, Schedule>) {
    if (const auto* whole = std::get_if<std::int64_t>(&value)) {
      option = static_cast<double>(*whole);
      return true;
    }
  }
  if constexpr (std::is_same_v<T, Schedule>) {
    if (const auto* number = std::get_if<double>(&value)) {
      option = *number;
      return true;
    }
  }
  return false;
}

struct Row {
  OptimizerDescription description;
  Optimizer (*make)(const NamedOptions&);
};

template <class Class>
Optimizer make(const NamedOptions& given) {
  typename OptionsOf<Class>::Type options;
  for (const auto& [name, value] : given) {
    std::vector<std::string> known;
    bool found = false;
    options.each([&, &name = name, &value = value](const char* option, auto& place) {
      known.emplace_back(option);
      if (name != option) return;
      found = true;
      if (!put(place, value)) {
        throw ValueError(
            fmt::format("optimizer: the option \"{}\" must be {}", name, type_of(place)));
      }
    });
    if (!found) {
      throw ValueError(fmt::format("optimizer: no option \"{}\"{}; there are {}", name,
                                   did_you_mean(name, known), fmt::join(known, ", ")));
    }
  }
  return Class(options);
}

template <class Class>
Row row(const char* name, const char* paper) {
  Row result{{lower(name), paper, {}}, make<Class>};
  typename OptionsOf<Class>::Type standard;
  standard.each([&](const char* option, const auto& value) {
    result.description.options.push_back({option, type_of(value), text_of(value)});
  });
  return result;
}

const std::vector<Row>& rows() {
  static const std::vector<Row> list = {
#define NACRE_ROW(Class, paper) row<Class>(#Class, paper),
      NACRE_OPTIMIZERS(NACRE_ROW)
#undef NACRE_ROW
  };
  return list;
}

const Row& find(const std::string& name) {
  std::vector<std::string> names;
  for (const Row& row : rows()) {
    if (row.description.name == name) return row;
    names.push_back(row.description.name);
  }
  fail_unknown_name("optimizer", name, names);
}

}  // namespace

Optimizer::Optimizer(const std::string& name, const NamedOptions& options)
    : Optimizer(find(name).make(options)) {}

const std::vector<OptimizerDescription>& optimizers() {
  static const std::vector<OptimizerDescription> list = [] {
    std::vector<OptimizerDescription> all;
    for (const Row& row : rows()) all.push_back(row.description);
    return all;
  }();
  return list;
}

const OptimizerDescription& describe_optimizer(const std::string& name) {
  return find(name).description;
}

}  // namespace nacre::optim
