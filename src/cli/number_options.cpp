#include "cli/number_options.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include "workload/names.h"

namespace qbench::cli {
namespace {

std::string got(const std::string& value) { return ", got '" + workload::printable(value) + "'"; }

/// The whole text as a number, a plus sign allowed.
template <class T>
std::from_chars_result read_number(std::string_view text, T& number) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  std::from_chars_result result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (result.ec == std::errc() && result.ptr != text.data() + text.size()) result.ec = std::errc::invalid_argument;
  return result;
}

}  // namespace

CLI::Validator whole_number() {
  return CLI::Validator(
      [](std::string& value) -> std::string {
        std::int64_t number = 0;
        const std::errc failed = read_number(value, number).ec;
        if (failed == std::errc::result_out_of_range) return "too large for a whole number here" + got(value);
        if (failed != std::errc()) return "expected a whole number" + got(value);
        value = std::to_string(number);
        return {};
      },
      "");
}

CLI::Validator finite_number() {
  return CLI::Validator(
      [](std::string& value) -> std::string {
        double number = 0.0;
        const std::errc failed = read_number(value, number).ec;
        if (failed != std::errc() || !std::isfinite(number)) return "expected a finite number" + got(value);
        return {};
      },
      "");
}

}  // namespace qbench::cli
