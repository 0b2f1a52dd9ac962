#include "nacre/zoo/task.h"

namespace nacre::zoo {
namespace {

struct Row {
  Task task;
  const char* name;
};
constexpr Row kRows[] = {{Task::classification, "classification"},
                         {Task::regression, "regression"},
                         {Task::language, "language"}};

}  // namespace

std::string_view name_of(Task task) {
  for (const Row& row : kRows) {
    if (row.task == task) return row.name;
  }
  return "?";
}

std::optional<Task> task_from_name(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return row.task;
  }
  return std::nullopt;
}

std::vector<std::string> task_names() {
  std::vector<std::string> names;
  for (const Row& row : kRows) names.emplace_back(row.name);
  return names;
}

}  // namespace nacre::zoo
