// Nests: tensors in vectors, arrays, pairs, tuples and maps, seen as a flat list.
#pragma once

#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "nacre/base/mix_hash.h"
#include "nacre/run/variable.h"

namespace nacre {

// Numbers, enumerators and strings are part of a nest's structure and hold no tensor.
template <class T>
concept NestConstant =
    std::is_arithmetic_v<T> || std::is_enum_v<T> || std::is_same_v<T, std::string>;
template <NestConstant T>
void flatten(const T&, Tensors&) {}

inline void flatten(const Tensor& t, Tensors& out) { out.push_back(t); }
inline void flatten(const Variable& v, Tensors& out) { out.push_back(v.value()); }
template <class T>
void flatten(const std::vector<T>& nest, Tensors& out) {
  for (const T& t : nest) flatten(t, out);
}
template <class T, std::size_t N>
void flatten(const std::array<T, N>& nest, Tensors& out) {
  for (const T& t : nest) flatten(t, out);
}
template <class K, class T>
void flatten(const std::map<K, T>& nest, Tensors& out) {
  for (const auto& [key, t] : nest) flatten(t, out);
}
template <class A, class B>
void flatten(const std::pair<A, B>& nest, Tensors& out) {
  flatten(nest.first, out);
  flatten(nest.second, out);
}
template <class... T>
void flatten(const std::tuple<T...>& nest, Tensors& out) {
  std::apply([&](const auto&... t) { (flatten(t, out), ...); }, nest);
}

// The same nest as `like` with tensors from `flat`, starting at `next`, which advances.
template <NestConstant T>
T rebuild(const T& like, const Tensors&, std::size_t&) {
  return like;
}
inline Tensor rebuild(const Tensor&, const Tensors& flat, std::size_t& next) {
  return flat[next++];
}
inline Tensor rebuild(const Variable&, const Tensors& flat, std::size_t& next) {
  return flat[next++];
}
// The parts keep their kinds, but a Variable becomes a tensor.
template <class T>
auto rebuild(const std::vector<T>& like, const Tensors& flat, std::size_t& next) {
  std::vector<decltype(rebuild(like[0], flat, next))> out;
  out.reserve(like.size());
  for (const T& t : like) out.push_back(rebuild(t, flat, next));
  return out;
}
template <class T, std::size_t N>
auto rebuild(const std::array<T, N>& like, const Tensors& flat, std::size_t& next) {
  std::array<decltype(rebuild(like[0], flat, next)), N> out;
  for (std::size_t i = 0; i < N; ++i) out[i] = rebuild(like[i], flat, next);
  return out;
}
template <class K, class T>
auto rebuild(const std::map<K, T>& like, const Tensors& flat, std::size_t& next) {
  std::map<K, decltype(rebuild(like.begin()->second, flat, next))> out;
  for (const auto& [key, t] : like) out.emplace(key, rebuild(t, flat, next));
  return out;
}
template <class A, class B>
auto rebuild(const std::pair<A, B>& like, const Tensors& flat, std::size_t& next) {
  auto first = rebuild(like.first, flat, next);
  auto second = rebuild(like.second, flat, next);
  return std::pair<decltype(first), decltype(second)>{std::move(first), std::move(second)};
}
template <class... T>
auto rebuild(const std::tuple<T...>& like, const Tensors& flat, std::size_t& next) {
  // Braces evaluate from left to right.
  return std::apply(
      [&](const auto&... t) {
        return std::tuple<decltype(rebuild(t, flat, next))...>{rebuild(t, flat, next)...};
      },
      like);
}

// What flatten() takes.
template <class T>
concept Nest = requires(const T& nest, Tensors& out) {
  flatten(nest, out);
};

// The tensors of one nest.
template <Nest T>
Tensors flat(const T& nest) {
  Tensors out;
  flatten(nest, out);
  return out;
}
template <Nest T>
auto rebuild(const T& like, const Tensors& flat) {
  std::size_t next = 0;
  return rebuild(like, flat, next);
}

// f(x), or f(x0, x1, ...) when x is a tuple and f takes its parts.
template <class F, class X>
decltype(auto) call_with(F& f, X&& x) {
  if constexpr (std::is_invocable_v<F&, X&&>) {
    return f(std::forward<X>(x));
  } else {
    return std::apply(f, std::forward<X>(x));
  }
}

// A number of its own for each type: 1 and true are different constants.
template <class T>
std::size_t type_number() {
  static const char place = 0;
  return reinterpret_cast<std::size_t>(&place);
}

// A number for the structure of a nest: sizes, keys and constants, not the tensors.
template <class T>
std::size_t nest_hash(const T& t) {
  if constexpr (std::is_enum_v<T>) {
    return mix_hash(type_number<T>(), static_cast<std::size_t>(t));
  } else if constexpr (std::is_floating_point_v<T>) {
    // The hash of -0.0 is that of 0.0.
    return mix_hash(type_number<T>(), mix_hash(std::hash<T>{}(t), std::signbit(t) ? 1 : 0));
  } else if constexpr (NestConstant<T>) {
    return mix_hash(type_number<T>(), std::hash<T>{}(t));
  } else {
    return 2;
  }
}
template <class T, std::size_t N>
std::size_t nest_hash(const std::array<T, N>& nest);
template <class K, class T>
std::size_t nest_hash(const std::map<K, T>& nest);
template <class A, class B>
std::size_t nest_hash(const std::pair<A, B>& nest);
template <class... T>
std::size_t nest_hash(const std::tuple<T...>& nest);
template <class T>
std::size_t nest_hash(const std::vector<T>& nest) {
  std::size_t h = mix_hash(3, nest.size());
  for (const T& t : nest) h = mix_hash(h, nest_hash(t));
  return h;
}
template <class T, std::size_t N>
std::size_t nest_hash(const std::array<T, N>& nest) {
  std::size_t h = 4;
  for (const T& t : nest) h = mix_hash(h, nest_hash(t));
  return h;
}
template <class K, class T>
std::size_t nest_hash(const std::map<K, T>& nest) {
  std::size_t h = mix_hash(5, nest.size());
  for (const auto& [key, t] : nest) h = mix_hash(mix_hash(h, std::hash<K>{}(key)), nest_hash(t));
  return h;
}
template <class A, class B>
std::size_t nest_hash(const std::pair<A, B>& nest) {
  return mix_hash(nest_hash(nest.first), nest_hash(nest.second));
}
template <class... T>
std::size_t nest_hash(const std::tuple<T...>& nest) {
  std::size_t h = 6;
  std::apply([&](const auto&... t) { ((h = mix_hash(h, nest_hash(t))), ...); }, nest);
  return h;
}
template <class... Args>
std::size_t nest_key(const Args&... args) {
  std::size_t h = 7;
  ((h = mix_hash(h, nest_hash(args))), ...);
  return h;
}

}  // namespace nacre
