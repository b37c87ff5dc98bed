#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "base/error.h"

namespace qbench::test {

/// Runs `action`, which must throw Error with `expected` somewhere in a message of one printable line.
template <class Action>
void expect_error(Action action, std::string_view expected) {
  std::string message;
  try {
    action();
  } catch (const Error& error) {
    message = error.what();
  }
  CAPTURE(message);
  CAPTURE(expected);
  CHECK(message.find(expected) != std::string::npos);
  bool printable = !message.empty() && message.size() < 1500;
  for (const char c : message) printable = printable && static_cast<unsigned char>(c) >= 32;
  CHECK(printable);
}

}  // namespace qbench::test
