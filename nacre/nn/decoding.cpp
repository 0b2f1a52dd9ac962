#include "nacre/nn/decoding.h"

#include <fmt/format.h>

#include "nacre/ops/api.h"

namespace nacre::nn {
namespace {

thread_local Decoding* current_decoding = nullptr;

}  // namespace

Decoding::Decoding(std::int64_t batch, std::int64_t room)
    : batch_(batch), room_(room), position_(zeros({}, i64), "position", false) {
  if (batch < 1 || room < 1) {
    throw ValueError(fmt::format("Decoding: batch {} and room {} must be at least 1", batch, room));
  }
}

Decoding::Scope::Scope(Decoding& decoding) : outer_(current_decoding), infer_(false) {
  current_decoding = &decoding;
}
Decoding::Scope::~Scope() { current_decoding = outer_; }

Decoding* Decoding::current() { return current_decoding; }

Tensor Decoding::positions(std::int64_t n) const { return position() + arange(n); }

void Decoding::advance(std::int64_t n) { position_.assign(position_.value() + n); }

Variable& Decoding::kept(const LayerBase& layer, std::string_view name, const Spec& spec) {
  const auto [place, fresh] = kept_.try_emplace({&layer, std::string(name)});
  if (fresh) {
    place->second = Variable(zeros(spec.shape, spec.dtype), std::string(name), false);
  } else if (place->second.spec() != spec) {
    throw ShapeError(fmt::format("{}: {} is {}, {} was kept: a Decoding is for one size of batch",
                                 layer.scope(), name, to_string(spec),
                                 to_string(place->second.spec())));
  }
  return place->second;
}

void Decoding::reorder(const Tensor& parents) {
  for (auto& [key, value] : kept_) value.assign(index_select(value, parents, 0));
}

void Decoding::restart() {
  position_.assign(zeros({}, i64));
  for (auto& [key, value] : kept_) value.assign(zeros(value.shape(), value.dtype()));
}

}  // namespace nacre::nn
