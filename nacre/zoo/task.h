// What a model is for. It decides how outputs are read, and which losses and metrics suit them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nacre::zoo {

enum class Task {
  classification,  // outputs [n, classes]: logits or probabilities; targets class numbers [n]
  regression,      // outputs [n, values], targets alike
  language,        // outputs [n, steps, vocabulary]: logits of the next token; targets [n, steps]
};

std::string_view name_of(Task task);
// Nothing for a name that none has.
std::optional<Task> task_from_name(std::string_view name);
std::vector<std::string> task_names();

}  // namespace nacre::zoo
