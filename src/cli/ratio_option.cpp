#include "cli/ratio_option.h"

#include <charconv>
#include <cmath>

#include "base/error.h"

namespace qbench::cli {

double parse_ratio(const std::string& option, const std::string& text) {
  std::string number = text;
  const bool percent = number.ends_with('%');
  if (percent) number.pop_back();
  while (percent && number.ends_with(' ')) number.pop_back();
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (percent) value /= 100;
  if (error != std::errc() || end != number.data() + number.size() || !std::isfinite(value) || value < 0 || value > 1) {
    throw Error(ErrorCode::kUsage, "'" + text + "': expected a share from 0 to 100 % such as 3% or 0.03", option);
  }
  return value;
}

}  // namespace qbench::cli
