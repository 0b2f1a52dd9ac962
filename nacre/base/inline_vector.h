// A vector whose first N elements need no heap: for the operand lists of ops, which are short.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>
#include <utility>

namespace nacre {

template <class T, std::size_t N>
class InlineVector {
 public:
  InlineVector() = default;
  InlineVector(std::initializer_list<T> values) {
    for (const T& v : values) push_back(v);
  }
  explicit InlineVector(std::span<const T> values) {
    for (const T& v : values) push_back(v);
  }
  InlineVector(const InlineVector& other) : InlineVector(std::span<const T>(other)) {}
  InlineVector(InlineVector&& other) noexcept { take(other); }
  InlineVector& operator=(InlineVector other) noexcept {
    clear();
    take(other);
    return *this;
  }
  ~InlineVector() { clear(); }

  void push_back(T value) {
    if (size_ == capacity_) grow();
    std::construct_at(data_ + size_, std::move(value));
    ++size_;
  }
  void resize(std::size_t n) {
    while (size_ > n) std::destroy_at(data_ + --size_);
    while (size_ < n) push_back(T());
  }
  void clear() {
    std::destroy_n(data_, size_);
    size_ = 0;
    if (data_ != inline_data()) {
      std::allocator<T>().deallocate(data_, capacity_);
      data_ = inline_data();
      capacity_ = N;
    }
  }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  operator std::span<T>() { return {data_, size_}; }
  operator std::span<const T>() const { return {data_, size_}; }

 private:
  T* inline_data() { return reinterpret_cast<T*>(storage_); }
  void grow() {
    const std::size_t capacity = capacity_ * 2;
    T* bigger = std::allocator<T>().allocate(capacity);
    std::uninitialized_move_n(data_, size_, bigger);
    const std::size_t n = size_;
    clear();
    data_ = bigger;
    size_ = n;
    capacity_ = capacity;
  }
  void take(InlineVector& other) noexcept {
    if (other.data_ != other.inline_data()) {
      data_ = std::exchange(other.data_, other.inline_data());
      size_ = std::exchange(other.size_, 0);
      capacity_ = std::exchange(other.capacity_, N);
      return;
    }
    std::uninitialized_move_n(other.data_, other.size_, data_);
    size_ = other.size_;
    other.clear();
  }

  alignas(T) std::byte storage_[N * sizeof(T)];
  T* data_ = inline_data();
  std::size_t size_ = 0;
  std::size_t capacity_ = N;
};

}  // namespace nacre
