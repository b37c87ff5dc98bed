#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace qbench {

/// Why something that outside data caused has failed. The cell runner turns it into a row, cli/main into an exit code.
enum class ErrorCode {
  kUsage,        ///< an option or argument makes no sense
  kConfig,       ///< a suite, profile, catalogue or settings file is wrong
  kNotFound,     ///< a model or file is not there
  kFormat,       ///< untrusted bytes break their format
  kUnsupported,  ///< well-formed, but outside what this build does
  kMemory,       ///< does not fit, or an allocation failed
  kContext,      ///< more tokens than the context holds
  kIo,           ///< reading or writing failed
  kTemplate,     ///< a chat template raised, or uses a construct outside the subset
  kDevice,       ///< a device is missing or failed
  kInterrupted,  ///< a signal asked to stop
};

/// "usage", "config", ...: the word written into result rows.
std::string_view name_of(ErrorCode code) noexcept;

/// The inverse of name_of; throws Error{kFormat} on an unknown word.
ErrorCode error_code_from_name(std::string_view name);

/// A failure caused by something outside the program. what() reads `where: message`.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message, const std::string& where = {});
  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace qbench
