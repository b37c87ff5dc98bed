#include "base/error.h"

#include <array>
#include <utility>

namespace qbench {
namespace {

constexpr std::array<std::pair<ErrorCode, std::string_view>, 11> kNames{{
    {ErrorCode::kUsage, "usage"},
    {ErrorCode::kConfig, "config"},
    {ErrorCode::kNotFound, "not_found"},
    {ErrorCode::kFormat, "format"},
    {ErrorCode::kUnsupported, "unsupported"},
    {ErrorCode::kMemory, "memory"},
    {ErrorCode::kContext, "context"},
    {ErrorCode::kIo, "io"},
    {ErrorCode::kTemplate, "template"},
    {ErrorCode::kDevice, "device"},
    {ErrorCode::kInterrupted, "interrupted"},
}};

}  // namespace

std::string_view name_of(ErrorCode code) noexcept {
  for (const auto& [value, name] : kNames) {
    if (value == code) return name;
  }
  return "unknown";
}

ErrorCode error_code_from_name(std::string_view name) {
  for (const auto& [value, text] : kNames) {
    if (text == name) return value;
  }
  throw Error(ErrorCode::kFormat, "unknown error code '" + std::string(name) + "'");
}

Error::Error(ErrorCode code, const std::string& message, const std::string& where)
    : std::runtime_error(where.empty() ? message : where + ": " + message), code_(code) {}

}  // namespace qbench
