#include "text/nfc.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>

#include "base/check.h"
#include "text/nfc_table.h"
#include "text/utf8.h"

namespace qbench::text {
namespace {

bool is_unsafe(char32_t c) noexcept {
  if (c < 0x300 || (c >= 0x3400 && c <= 0x9FFF) || (c >= 0xAC00 && c <= 0xD7A3)) return false;  // Latin, Han, Hangul syllables: most text
  const auto after = std::upper_bound(kNfcUnsafe.begin(), kNfcUnsafe.end(), c,
                                      [](char32_t value, const CodePointRange& range) { return value < range.first; });
  return after != kNfcUnsafe.begin() && c <= (after - 1)->last;
}

/// First unsafe character from `at`, which is on a boundary; `previous` becomes the start of the character before it, npos when none was
/// seen.
std::size_t find_unsafe(std::string_view text, std::size_t at, std::size_t& previous) noexcept {
  previous = std::string_view::npos;
  while (at < text.size()) {
    if (static_cast<unsigned char>(text[at]) < 0xCC) {  // everything below U+0300
      previous = at;
      at += utf8_length(text[at]);
      continue;
    }
    std::size_t next = at;
    if (is_unsafe(next_code_point(text, next))) return at;
    previous = at;
    at = next;
  }
  return at;
}

/// A combining mark that Unicode 9 did not know: it stands like a letter, but utf8proc would move it.
bool is_newer_mark(std::string_view text, std::size_t at) {
  const auto code_point = static_cast<utf8proc_int32_t>(next_code_point(text, at));
  return utf8proc_get_property(code_point)->combining_class != 0;
}

void append_composed(std::string_view segment, std::string& out) {
  utf8proc_uint8_t* composed = nullptr;
  const utf8proc_ssize_t length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(segment.data()), static_cast<utf8proc_ssize_t>(segment.size()), &composed,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  if (length == UTF8PROC_ERROR_NOMEM) throw std::bad_alloc();
  QB_CHECK(length >= 0);  // the text was valid
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(composed, &std::free);
  out.append(reinterpret_cast<const char*>(composed), static_cast<std::size_t>(length));
}

}  // namespace

bool is_surely_nfc(std::string_view text) noexcept {
  std::size_t previous;
  return find_unsafe(text, 0, previous) == text.size();
}

/// Everything that is not unsafe is a boundary: only the stretches of unsafe characters with the one before them go through utf8proc.
std::string normalize_nfc(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::size_t done = 0, at = 0;
  while (done < text.size()) {
    std::size_t previous;
    at = find_unsafe(text, at, previous);
    if (at == text.size()) break;
    std::size_t begin = previous == std::string_view::npos || is_newer_mark(text, previous) ? at : previous;
    begin = std::max(begin, done);
    std::size_t end = at;
    for (std::size_t next = at; next < text.size() && is_unsafe(next_code_point(text, next)); end = next) {
    }
    out.append(text, done, begin - done);
    append_composed(text.substr(begin, end - begin), out);
    done = at = end;
  }
  out.append(text, done);
  return out;
}

}  // namespace qbench::text
