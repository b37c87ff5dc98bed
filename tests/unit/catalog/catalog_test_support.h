#pragma once

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/error.h"
#include "catalog/catalog.h"

namespace qbench::test {

inline catalog::Catalog shipped_catalog() {
  return catalog::Catalog::load(std::filesystem::path(QB_SOURCE_DIR) / "configs" / "models.json");
}

inline void write_file(const std::filesystem::path& path, std::string_view content) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

/// Runs `action`, which must throw Error with this code; returns its message.
template <class Action>
std::string message_of(ErrorCode code, Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    CHECK_MESSAGE(error.code() == code, "code " << std::string(name_of(error.code())) << ": " << error.what());
    const std::string message = error.what();
    CHECK_MESSAGE(message.find('\n') == std::string::npos, "more than one line: " << message);
    return message;
  }
  FAIL_CHECK("no error");
  return {};
}

/// Checks that every piece stands in the message.
inline void check_mentions(const std::string& message, std::initializer_list<std::string_view> pieces) {
  for (const std::string_view piece : pieces) {
    CHECK_MESSAGE(message.find(piece) != std::string::npos, "expected '" << std::string(piece) << "' in: " << message);
  }
}

}  // namespace qbench::test
