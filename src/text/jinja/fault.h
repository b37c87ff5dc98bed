#pragma once

#include <string>
#include <utility>

namespace qbench::text::jinja {

/// Why a template cannot be parsed or rendered. Never leaves the room: chat_template.cpp turns it into Error{kTemplate} with template and
/// line.
struct Fault {
  std::string message;
  int line = 0;  ///< 0: the line that is being rendered
};

/// What jinja2 or Python would raise too.
[[noreturn]] inline void raise(std::string message, int line = 0) { throw Fault{std::move(message), line}; }

/// What they would do and we do not: never guessed at.
[[noreturn]] inline void unsupported(const std::string& construct, int line = 0) {
  throw Fault{"unsupported construct: " + construct, line};
}

}  // namespace qbench::text::jinja
