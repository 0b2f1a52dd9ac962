#include "nacre/base/error.h"

namespace nacre {

std::string to_string(const Location& location) {
  if (!location.known()) return {};
  std::string_view file = location.file;
  if (const auto slash = file.find_last_of("/\\"); slash != file.npos)
    file.remove_prefix(slash + 1);
  return std::string(file) + ":" + std::to_string(location.line);
}

namespace {

std::string place_of(std::string_view layer, const Location& location) {
  std::string out;
  if (!layer.empty()) out.append("\n  in layer \"").append(layer).append("\"");
  if (location.known()) {
    out.append(layer.empty() ? "\n  called at " : ", called at ").append(to_string(location));
  }
  return out;
}

}  // namespace

std::string format_error(const ErrorText& text) {
  std::string out;
  if (!text.op.empty()) out.append(text.op).append(": ");
  out.append(text.what);
  if (!text.inputs.empty()) out.append("\n  ").append(text.inputs);
  out.append(place_of(text.layer, text.location));
  if (!text.hint.empty()) out.append("\n  hint: ").append(text.hint);
  return out;
}

std::string with_place(std::string text, std::string_view layer, const Location& location) {
  const auto hint = text.rfind("\n  hint: ");
  text.insert(hint == std::string::npos ? text.size() : hint, place_of(layer, location));
  return text;
}

}  // namespace nacre
