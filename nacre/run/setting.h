// Setting: what a traced function depends on that is no tensor, such as the options of an optimizer
// or which layer stands at a place. A plan serves only while all settings it read are the same.
#pragma once

#include <cstdint>
#include <memory>

namespace nacre {

// A member of what is read while tracing. Its owner's copies are other things; moving, replacing or
// destroying the owner ends what plans know of it.
class Setting {
 public:
  Setting() = default;
  Setting(const Setting&) {}
  Setting(Setting&& other) noexcept { other.renew(); }
  Setting& operator=(const Setting&) {
    renew();
    return *this;
  }
  Setting& operator=(Setting&& other) noexcept {
    renew();
    other.renew();
    return *this;
  }
  ~Setting() { renew(); }

  // A trace that is under way on this thread depends on it; without one nothing happens.
  void note() const;
  // The same where a number says all there is to know: plans of that number serve again when it
  // comes back.
  void note(std::uint64_t value) const;
  void set(std::uint64_t value) noexcept {
    if (value_) *value_ = value;
  }
  // It is something else from now on.
  void renew() noexcept;

 private:
  mutable std::shared_ptr<std::uint64_t> value_;  // made when it is first noted
};

}  // namespace nacre
