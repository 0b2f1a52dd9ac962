#include "nacre/nn/layer.h"

#include <cxxabi.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "nacre/nn/field.h"

namespace nacre::nn {
namespace {

thread_local LayerObserver* observer = nullptr;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string demangle(const char* name) {
  int status = 0;
  char* text = abi::__cxa_demangle(name, nullptr, nullptr, &status);
  std::string result = status == 0 && text ? text : name;
  std::free(text);
  return result;
}

}  // namespace

LayerObserver::LayerObserver() : previous_(observer) { observer = this; }
LayerObserver::~LayerObserver() { observer = previous_; }

LayerCall::LayerCall(const LayerBase& layer) : layer_(layer) {
  layer.setting().note();
  if (!layer.scope().empty()) {
    scope_.emplace(layer.scope());
  } else if (layer.kind() != "Sequential") {
    scope_.emplace(lower(layer.kind()));
  }
}

Tensor LayerCall::done(Tensor output) const {
  if (observer) observer->events.push_back({layer_path(), layer_.kind(), output.spec()});
  return output;
}

void LayerCall::fail_shape(const Operand& x, std::string_view what, std::string_view hint) const {
  throw ShapeError(format_error({.op = layer_.kind(),
                                 .what = what,
                                 .inputs = "input " + to_string(x.tensor().spec()),
                                 .layer = layer_path(),
                                 .location = x.at(),
                                 .hint = hint}));
}

void LayerCall::fail_value(const Location& at, std::string_view what, std::string_view hint) const {
  throw ValueError(format_error(
      {.op = layer_.kind(), .what = what, .layer = layer_path(), .location = at, .hint = hint}));
}

void define_variable(Variable& variable, Tensor value, std::string_view name, bool trainable) {
  std::string full = layer_path();
  std::replace(full.begin(), full.end(), '/', '.');
  if (!full.empty()) full += '.';
  full += name;
  variable.define(std::move(value), std::move(full), trainable);
}

Operand in_floats(const Operand& x) {
  return is_floating(x.dtype()) ? x : Operand(x.tensor().to(f32), x.at());
}

void fail_two_sizes(const char* layer, std::int64_t option, const First& given) {
  throw ValueError(format_error(
      {.op = layer,
       .what = fmt::format("it is given the size {} and, in its options, {}", given.value, option),
       .location = given.at}));
}

void Layer::fail_inputs(const std::string& kind, std::size_t expected, std::size_t given,
                        const Location& at) {
  throw ValueError(format_error({.op = kind,
                                 .what = fmt::format("it takes {} input tensor{}, {} came",
                                                     expected, expected == 1 ? "" : "s", given),
                                 .layer = layer_path(),
                                 .location = at}));
}

Tensor Layer::only(Tensors outputs, const Location& at) const {
  if (outputs.size() == 1) return std::move(outputs[0]);
  throw ValueError(
      format_error({.op = kind(),
                    .what = fmt::format("it gives {} outputs, one is expected", outputs.size()),
                    .layer = layer_path(),
                    .location = at,
                    .hint = "outputs() gives all of them"}));
}

std::string Layer::kind_name(const char* type_name, bool is_module) {
  if (!is_module) return "Lambda";
  std::string name = demangle(type_name);
  if (const auto space = name.rfind("::"); space != std::string::npos) name.erase(0, space + 2);
  return name;
}

}  // namespace nacre::nn
