#include <array>
#include <cstdio>
#include <ctime>

#include "text/jinja/fault.h"
#include "text/jinja/globals.h"

namespace qbench::text::jinja {

std::string strftime_at(std::int64_t wall_ns, std::string_view format) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::int64_t fraction = wall_ns % kSecond;
  std::int64_t seconds = wall_ns / kSecond;
  if (fraction < 0) {
    fraction += kSecond;
    --seconds;
  }
  const auto stamp = static_cast<std::time_t>(seconds);
  std::tm local{};
  if (localtime_r(&stamp, &local) == nullptr) raise("strftime_now: the clock's year is out of range");
  std::string out;
  for (std::size_t at = 0; at < format.size(); ++at) {
    if (format[at] != '%') {
      out.push_back(format[at]);
      continue;
    }
    std::string code = "%";
    // glibc's flag for "without padding", which templates use as %-d.
    if (at + 1 < format.size() && format[at + 1] == '-') code.push_back(format[++at]);
    const char letter = at + 1 < format.size() ? format[++at] : '\0';
    const bool plain = code.size() == 1;
    if (plain && (letter == 'z' || letter == 'Z')) continue;
    if (plain && letter == 'f') {
      std::array<char, 8> micros{};
      std::snprintf(micros.data(), micros.size(), "%06d", static_cast<int>(fraction / 1000));
      out += micros.data();
      continue;
    }
    const std::string_view known = plain ? "aAbBcCdDeFgGhHIjmMnprRStTuUVwWxXyY%" : "dHIjmMSUwWy";
    if (letter != '\0') code.push_back(letter);
    if (letter == '\0' || known.find(letter) == std::string_view::npos) unsupported("strftime_now code '" + code + "'");
    std::array<char, 128> buffer{};
    out.append(buffer.data(), std::strftime(buffer.data(), buffer.size(), code.c_str(), &local));
  }
  return out;
}

}  // namespace qbench::text::jinja
