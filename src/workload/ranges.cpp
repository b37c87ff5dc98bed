#include "workload/ranges.h"

#include <charconv>
#include <optional>
#include <string>

#include "base/error.h"
#include "workload/names.h"

namespace qbench::workload {
namespace {

constexpr std::size_t kMaxValues = 1024;

/// What is being read, for messages.
struct Source {
  std::string_view text;
  std::string_view option;
  std::int64_t low, high;

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::kUsage, std::string(option) + ": " + what + " in '" + printable(text) + "'");
  }
};

/// Takes a whole number without sign off the front of `rest`.
std::int64_t take_number(std::string_view& rest, const Source& source) {
  std::int64_t value = 0;
  const auto [end, failed] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (failed == std::errc::result_out_of_range) source.fail("number too large");
  if (failed != std::errc() || rest.front() == '-')
    source.fail("expected numbers and ranges such as 128,512 or 0-4096+1024, found '" + printable(rest) + "'");
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  return value;
}

void append(std::vector<std::int64_t>& values, std::int64_t value, const Source& source) {
  if (value < source.low || value > source.high) {
    source.fail("value " + std::to_string(value) + " is outside " + std::to_string(source.low) + " to " + std::to_string(source.high));
  }
  if (values.size() == kMaxValues) source.fail("more than " + std::to_string(kMaxValues) + " values");
  values.push_back(value);
}

/// Reads `a`, `a-b`, `a-b+step` or `a-b*factor`.
void append_part(std::vector<std::int64_t>& values, std::string_view part, const Source& source) {
  const std::int64_t first = take_number(part, source);
  if (part.empty()) return append(values, first, source);
  if (part.front() != '-') source.fail("unexpected '" + printable(part) + "'");
  part.remove_prefix(1);
  const std::int64_t last = take_number(part, source);
  if (last < first) source.fail("range " + std::to_string(first) + "-" + std::to_string(last) + " runs backwards");
  char kind = '+';
  std::int64_t step = 1;
  if (!part.empty()) {
    kind = part.front();
    if (kind != '+' && kind != '*') source.fail("unexpected '" + printable(part) + "'");
    part.remove_prefix(1);
    step = take_number(part, source);
    if (!part.empty()) source.fail("unexpected '" + printable(part) + "'");
  }
  const bool endless = kind == '+' ? step == 0 : step < 2 || first == 0;
  if (endless && first != last) source.fail("a range that never ends");
  for (std::int64_t value = first;;) {
    append(values, value, source);
    // Compared before stepping, so that nothing overflows.
    if (endless || (kind == '+' ? step > last - value : value > last / step)) return;
    value = kind == '+' ? value + step : value * step;
  }
}

}  // namespace

std::vector<std::int64_t> parse_int_list(std::string_view text, std::string_view option, std::int64_t low, std::int64_t high) {
  const Source source{text, option, low, high};
  std::vector<std::int64_t> values;
  std::string_view rest = text;
  while (true) {
    const std::size_t comma = rest.find(',');
    const std::string_view part = rest.substr(0, comma);
    if (part.empty()) source.fail("empty value");
    append_part(values, part, source);
    if (comma == std::string_view::npos) return values;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace qbench::workload
