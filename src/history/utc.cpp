#include "history/utc.h"

#include <chrono>

#include "base/clock.h"

namespace qbench::history {
namespace {

constexpr int kLastYear = 2199;                      // nanoseconds since 1970 fit 63 bits until 2262
constexpr std::int64_t kLastSecond = 7'258'118'399;  // of that year

/// Reads digits and fixed characters from the front.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}
  bool at_end() const { return text_.empty(); }
  bool skip(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool number(int digits, int& value) {
    value = 0;
    for (int i = 0; i < digits; ++i) {
      if (text_.empty() || text_.front() < '0' || text_.front() > '9') return false;
      value = value * 10 + (text_.front() - '0');
      text_.remove_prefix(1);
    }
    return true;
  }
  void digits() {
    while (!text_.empty() && text_.front() >= '0' && text_.front() <= '9') text_.remove_prefix(1);
  }

 private:
  std::string_view text_;
};

std::optional<std::int64_t> parse_seconds(std::string_view text) {
  if (text.empty() || text.size() > 12) return std::nullopt;
  std::int64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value <= kLastSecond ? std::optional(value) : std::nullopt;
}

/// "Z", nothing, "+02:00", "-0130": minutes east of UTC.
bool read_zone(Reader& reader, int& minutes) {
  minutes = 0;
  if (reader.at_end() || (reader.skip('Z') && reader.at_end())) return true;
  reader.skip(' ');
  const bool west = reader.skip('-');
  if (!west && !reader.skip('+')) return false;
  int hours = 0;
  if (!reader.number(2, hours)) return false;
  reader.skip(':');
  if (!reader.number(2, minutes) || hours > 14 || minutes > 59) return false;
  minutes = (west ? -1 : 1) * (hours * 60 + minutes);
  return reader.at_end();
}

}  // namespace

std::optional<std::int64_t> parse_utc(std::string_view text) {
  if (const auto seconds = parse_seconds(text)) return seconds;
  Reader reader(text);
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, zone = 0;
  if (!reader.number(4, year) || !reader.skip('-') || !reader.number(2, month) || !reader.skip('-') || !reader.number(2, day))
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || year < 1970 || year > kLastYear) return std::nullopt;
  if (!reader.at_end()) {
    if (!reader.skip('T') && !reader.skip(' ')) return std::nullopt;
    if (!reader.number(2, hour) || !reader.skip(':') || !reader.number(2, minute)) return std::nullopt;
    if (reader.skip(':') && !reader.number(2, second)) return std::nullopt;
    if (reader.skip('.')) reader.digits();
    if (hour > 23 || minute > 59 || second > 60 || !read_zone(reader, zone)) return std::nullopt;
  }
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return ((days * 24 + hour) * 60 + minute - zone) * 60 + second;
}

std::string format_utc(std::int64_t seconds) {
  if (seconds < 0 || seconds > kLastSecond) return "no time";  // of a damaged file
  return iso8601_utc(seconds * 1'000'000'000);
}

}  // namespace qbench::history
