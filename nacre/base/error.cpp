#include "nacre/base/error.h"

#include "nacre/base/user_call.h"

namespace nacre {

std::string to_string(const Location& location) {
  if (!location.known()) return {};
  std::string_view file = location.file;
  if (const auto slash = file.find_last_of("/\\"); slash != file.npos)
    file.remove_prefix(slash + 1);
  return std::string(file) + ":" + std::to_string(location.line);
}

namespace {

thread_local Location user_call;

// The folder "nacre/" that this file was compiled from.
std::string_view library_folder() {
  constexpr std::string_view kOwn = "base/error.cpp";
  static const std::string_view here = std::source_location::current().file_name();
  return here.ends_with(kOwn) ? here.substr(0, here.size() - kOwn.size()) : std::string_view();
}

bool in_library(const Location& location) {
  const std::string_view folder = library_folder();
  return !folder.empty() && std::string_view(location.file).starts_with(folder);
}

std::string place_of(std::string_view layer, const Location& found) {
  const bool own = !found.known() || in_library(found);
  const Location& location = own && user_call.known() ? user_call : found;
  std::string out;
  if (!layer.empty()) out.append("\n  in layer \"").append(layer).append("\"");
  if (location.known()) {
    out.append(layer.empty() ? "\n  called at " : ", called at ").append(to_string(location));
  }
  return out;
}

}  // namespace

UserCall::UserCall(const Location& at) : previous_(user_call) {
  if (at.known() && !(previous_.known() && in_library(at))) user_call = at;
}
UserCall::~UserCall() { user_call = previous_; }

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
