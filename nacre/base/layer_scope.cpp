#include "nacre/base/layer_scope.h"

namespace nacre {
namespace {
std::string& mutable_path() {
  thread_local std::string path;
  return path;
}
}  // namespace

const std::string& layer_path() { return mutable_path(); }

LayerScope::LayerScope(std::string_view name) : previous_length_(mutable_path().size()) {
  std::string& path = mutable_path();
  if (!path.empty()) path += '/';
  path += name;
}

LayerScope::~LayerScope() { mutable_path().resize(previous_length_); }

}  // namespace nacre
