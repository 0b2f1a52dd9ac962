#include "nacre/run/setting.h"

#include <atomic>

#include "nacre/run/trace_session.h"

namespace nacre {
namespace {

// Far from what small numbers and hashes of few options are likely to be.
std::uint64_t unused_value() {
  static std::atomic<std::uint64_t> next{0x9E3779B97F4A7C15ull};
  return next++;
}

}  // namespace

void Setting::note() const {
  TraceSession* session = TraceSession::current();
  if (!session) return;
  if (!value_) value_ = std::make_shared<std::uint64_t>(unused_value());
  session->depend(value_);
}

void Setting::note(std::uint64_t value) const {
  if (value_) *value_ = value;
  TraceSession* session = TraceSession::current();
  if (!session) return;
  if (!value_) value_ = std::make_shared<std::uint64_t>();
  *value_ = value;
  session->depend(value_);
}

void Setting::renew() noexcept {
  if (value_) *value_ = unused_value();
}

}  // namespace nacre
