// Attributes of a node: an immutable, shared list of named values.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "nacre/base/buffer.h"
#include "nacre/base/mix_hash.h"
#include "nacre/base/number.h"
#include "nacre/base/shape.h"

namespace nacre {

// What an attribute may hold beside plain values: a constant tensor, a fused program, a subgraph.
// Two nodes are the same computation when their payloads are equal().
class Payload {
 public:
  virtual ~Payload() = default;
  virtual std::size_t hash() const = 0;
  virtual bool equal(const Payload& other) const = 0;
  virtual std::string text() const = 0;
};

// The contents of a tensor as an attribute of the `constant` op: in memory that the host may read,
// since passes do. A plan copies them to where its kernels run.
class Constant final : public Payload {
 public:
  Constant(Spec spec, const Buffer& data) : spec_(std::move(spec)), data_(data.on_host()) {}
  const Spec& spec() const { return spec_; }
  const Buffer& data() const { return data_; }
  std::size_t hash() const override;
  bool equal(const Payload& other) const override;  // the same bytes
  std::string text() const override;

 private:
  Spec spec_;
  Buffer data_;
};

using PayloadPtr = std::shared_ptr<const Payload>;
using Attr = std::variant<bool, std::int64_t, double, std::string, std::vector<std::int64_t>,
                          std::vector<double>, DType, PayloadPtr>;

// A number as an attribute: a whole one exactly, all others as double.
Attr to_attr(const Number& number);

// Copying is cheap (one shared pointer). Keys are string literals.
class Attrs {
 public:
  using Entry = std::pair<std::string_view, Attr>;

  Attrs() = default;
  Attrs(std::initializer_list<Entry> entries);
  explicit Attrs(std::vector<Entry> entries);

  bool empty() const { return !data_; }
  std::size_t hash() const { return data_ ? data_->hash : 0; }
  const std::vector<Entry>& entries() const;
  // A copy with one entry set or replaced.
  Attrs with(std::string_view key, Attr value) const;
  // A copy without an entry, which may be missing.
  Attrs without(std::string_view key) const;

  bool has(std::string_view key) const { return find(key) != nullptr; }
  // These throw InternalError when the key is missing or of another type.
  std::int64_t integer(std::string_view key) const;
  double number(std::string_view key) const;  // an integer is taken too, rounded
  Number exact(std::string_view key) const;   // an integer or a double
  bool flag(std::string_view key) const;
  const std::string& text(std::string_view key) const;
  const std::vector<std::int64_t>& integers(std::string_view key) const;
  const std::vector<double>& numbers(std::string_view key) const;
  DType dtype(std::string_view key) const;
  const Payload& payload(std::string_view key) const;
  PayloadPtr shared_payload(std::string_view key) const;
  // The same with a value to use when the key is missing.
  std::int64_t integer_or(std::string_view key, std::int64_t fallback) const;
  double number_or(std::string_view key, double fallback) const;
  bool flag_or(std::string_view key, bool fallback) const;
  std::vector<std::int64_t> integers_or(std::string_view key,
                                        std::vector<std::int64_t> fallback) const;

  friend bool operator==(const Attrs& a, const Attrs& b);

 private:
  struct Data {
    std::vector<Entry> entries;
    std::size_t hash;
  };
  const Attr* find(std::string_view key) const;
  template <class T>
  const T& get(std::string_view key) const;

  std::shared_ptr<const Data> data_;
};

// "{axis=1, keep_dims=true}"; "" when empty.
std::string to_string(const Attrs& attrs);

}  // namespace nacre
