// The line of the user's program that called into the library, for errors found far below it.
#pragma once

#include "nacre/base/error.h"

namespace nacre {

// While it lives, errors made on this thread name `at` wherever they would name no line or one of
// the library's own. Within another such scope a line of the library changes nothing.
class UserCall {
 public:
  explicit UserCall(const Location& at);
  ~UserCall();
  UserCall(const UserCall&) = delete;
  UserCall& operator=(const UserCall&) = delete;

 private:
  Location previous_;
};

}  // namespace nacre
