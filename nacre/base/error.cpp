#include "nacre/base/error.h"

namespace nacre {

std::string to_string(const Location& location) {
  if (!location.known()) return {};
  std::string_view file = location.file;
  if (const auto slash = file.find_last_of("/\\"); slash != file.npos)
    file.remove_prefix(slash + 1);
  return std::string(file) + ":" + std::to_string(location.line);
}

std::string format_error(const ErrorText& text) {
  std::string out;
  if (!text.op.empty()) out.append(text.op).append(": ");
  out.append(text.what);
  if (!text.inputs.empty()) out.append("\n  ").append(text.inputs);
  const bool has_layer = !text.layer.empty();
  if (has_layer) out.append("\n  in layer \"").append(text.layer).append("\"");
  if (text.location.known()) {
    out.append(has_layer ? ", called at " : "\n  called at ").append(to_string(text.location));
  }
  if (!text.hint.empty()) out.append("\n  hint: ").append(text.hint);
  return out;
}

}  // namespace nacre
