#include "nacre/graph/attrs.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <type_traits>

#include "nacre/base/error.h"

namespace nacre {
namespace {

std::size_t hash_bytes(const void* data, std::size_t n) {
  return std::hash<std::string_view>{}({static_cast<const char*>(data), n});
}

std::size_t hash_attr(const Attr& attr) {
  return std::visit(
      [](const auto& v) -> std::size_t {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, std::vector<std::int64_t>> ||
                      std::is_same_v<T, std::vector<double>>) {
          return hash_bytes(v.data(), v.size() * sizeof(v[0]));
        } else if constexpr (std::is_same_v<T, std::string>) {
          return std::hash<std::string>{}(v);
        } else if constexpr (std::is_same_v<T, PayloadPtr>) {
          return v->hash();
        } else if constexpr (std::is_same_v<T, double>) {
          return std::bit_cast<std::uint64_t>(v);
        } else {
          return static_cast<std::size_t>(v);
        }
      },
      attr);
}

// NaN equals NaN here: attributes name a computation, they do not compute.
bool equal_attr(const Attr& a, const Attr& b) {
  if (a.index() != b.index()) return false;
  if (const auto* pa = std::get_if<PayloadPtr>(&a)) {
    const auto& pb = std::get<PayloadPtr>(b);
    return *pa == pb || (*pa)->equal(*pb);
  }
  if (const auto* x = std::get_if<double>(&a)) {
    return std::bit_cast<std::uint64_t>(*x) == std::bit_cast<std::uint64_t>(std::get<double>(b));
  }
  return a == b;
}

struct AttrText {
  std::string operator()(bool v) const { return v ? "true" : "false"; }
  std::string operator()(std::int64_t v) const { return std::to_string(v); }
  std::string operator()(double v) const { return fmt::format("{}", v); }
  std::string operator()(const std::string& v) const { return "\"" + v + "\""; }
  std::string operator()(DType v) const { return std::string(name_of(v)); }
  std::string operator()(const PayloadPtr& v) const { return v->text(); }
  template <class T>
  std::string operator()(const std::vector<T>& v) const {
    return fmt::format("[{}]", fmt::join(v, ","));
  }
};

}  // namespace

std::size_t Constant::hash() const {
  const std::size_t n = std::min<std::size_t>(spec_.bytes(), 256);
  return mix_hash(hash_bytes(data_.data(), n), spec_.bytes());
}

bool Constant::equal(const Payload& other) const {
  const auto* c = dynamic_cast<const Constant*>(&other);
  if (!c || !(spec_ == c->spec_)) return false;
  return data_ == c->data_ || std::memcmp(data_.data(), c->data_.data(), spec_.bytes()) == 0;
}

std::string Constant::text() const {
  if (spec_.elements() != 1) return to_string(spec_);
  return visit_dtype(spec_.dtype, [&](auto tag) -> std::string {
    using T = typename decltype(tag)::type;
    const T value = *static_cast<const T*>(data_.data());
    if constexpr (std::is_integral_v<T>) return std::to_string(value);
    return fmt::format("{}", static_cast<double>(value));
  });
}

Attr to_attr(const Number& number) {
  const auto whole = number.is_whole() ? number.truncated() : std::nullopt;
  return whole ? Attr(*whole) : Attr(number.real());
}

Attrs::Attrs(std::initializer_list<Entry> entries) : Attrs(std::vector<Entry>(entries)) {}

Attrs::Attrs(std::vector<Entry> entries) {
  if (entries.empty()) return;
  std::size_t hash = 0;
  for (const auto& [key, value] : entries) {
    hash = mix_hash(mix_hash(hash, std::hash<std::string_view>{}(key)), hash_attr(value));
  }
  data_ = std::make_shared<const Data>(Data{std::move(entries), hash});
}

const std::vector<Attrs::Entry>& Attrs::entries() const {
  static const std::vector<Entry> none;
  return data_ ? data_->entries : none;
}

Attrs Attrs::with(std::string_view key, Attr value) const {
  std::vector<Entry> copy = entries();
  for (auto& [k, v] : copy) {
    if (k == key) {
      v = std::move(value);
      return Attrs(std::move(copy));
    }
  }
  copy.emplace_back(key, std::move(value));
  return Attrs(std::move(copy));
}

Attrs Attrs::without(std::string_view key) const {
  std::vector<Entry> copy = entries();
  std::erase_if(copy, [&](const Entry& entry) { return entry.first == key; });
  return Attrs(std::move(copy));
}

const Attr* Attrs::find(std::string_view key) const {
  if (!data_) return nullptr;
  for (const auto& [k, v] : data_->entries) {
    if (k == key) return &v;
  }
  return nullptr;
}

template <class T>
const T& Attrs::get(std::string_view key) const {
  const Attr* attr = find(key);
  const T* value = attr ? std::get_if<T>(attr) : nullptr;
  if (!value) {
    throw InternalError(fmt::format("attribute \"{}\" is {} in {}", key,
                                    attr ? "of another type" : "missing", to_string(*this)));
  }
  return *value;
}

std::int64_t Attrs::integer(std::string_view key) const { return get<std::int64_t>(key); }
double Attrs::number(std::string_view key) const {
  const Attr* attr = find(key);
  if (attr && std::holds_alternative<std::int64_t>(*attr)) {
    return static_cast<double>(std::get<std::int64_t>(*attr));
  }
  return get<double>(key);
}
Number Attrs::exact(std::string_view key) const {
  const Attr* attr = find(key);
  if (attr && std::holds_alternative<std::int64_t>(*attr)) return std::get<std::int64_t>(*attr);
  return get<double>(key);
}
bool Attrs::flag(std::string_view key) const { return get<bool>(key); }
const std::string& Attrs::text(std::string_view key) const { return get<std::string>(key); }
const std::vector<std::int64_t>& Attrs::integers(std::string_view key) const {
  return get<std::vector<std::int64_t>>(key);
}
const std::vector<double>& Attrs::numbers(std::string_view key) const {
  return get<std::vector<double>>(key);
}
DType Attrs::dtype(std::string_view key) const { return get<DType>(key); }
const Payload& Attrs::payload(std::string_view key) const { return *get<PayloadPtr>(key); }
PayloadPtr Attrs::shared_payload(std::string_view key) const { return get<PayloadPtr>(key); }

std::int64_t Attrs::integer_or(std::string_view key, std::int64_t fallback) const {
  return has(key) ? integer(key) : fallback;
}
double Attrs::number_or(std::string_view key, double fallback) const {
  return has(key) ? number(key) : fallback;
}
bool Attrs::flag_or(std::string_view key, bool fallback) const {
  return has(key) ? flag(key) : fallback;
}
std::vector<std::int64_t> Attrs::integers_or(std::string_view key,
                                             std::vector<std::int64_t> fallback) const {
  return has(key) ? integers(key) : fallback;
}

bool operator==(const Attrs& a, const Attrs& b) {
  if (a.data_ == b.data_) return true;
  if (!a.data_ || !b.data_ || a.data_->hash != b.data_->hash ||
      a.data_->entries.size() != b.data_->entries.size()) {
    return false;
  }
  for (std::size_t i = 0; i < a.data_->entries.size(); ++i) {
    if (a.data_->entries[i].first != b.data_->entries[i].first ||
        !equal_attr(a.data_->entries[i].second, b.data_->entries[i].second)) {
      return false;
    }
  }
  return true;
}

std::string to_string(const Attrs& attrs) {
  if (attrs.empty()) return {};
  std::string out = "{";
  for (const auto& [key, value] : attrs.entries()) {
    if (out.size() > 1) out += ", ";
    out.append(key).append("=").append(std::visit(AttrText{}, value));
  }
  return out + "}";
}

}  // namespace nacre
