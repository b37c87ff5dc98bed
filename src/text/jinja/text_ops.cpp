#include "text/jinja/text_ops.h"

#include <algorithm>
#include <cstring>

#include "text/jinja/runtime.h"
#include "text/jinja/unicode.h"

namespace qbench::text::jinja {

std::size_t find_text(Runtime& runtime, std::string_view text, std::string_view wanted, std::size_t from) {
  if (from > text.size()) return std::string_view::npos;
  if (wanted.empty()) return from;
  // memmem is linear also where a hostile template repeats what it looks for; string::find is not.
  const void* found = memmem(text.data() + from, text.size() - from, wanted.data(), wanted.size());
  const std::size_t at = found == nullptr ? text.size() : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
  runtime.step(1 + (at - from) / 64);
  return found == nullptr ? std::string_view::npos : at;
}

std::size_t rfind_text(Runtime& runtime, std::string_view text, std::string_view wanted) {
  // rfind compares at every place in the worst case; counted before, as that may take hours.
  runtime.step(1 + text.size() / 64 +
               static_cast<std::uint64_t>(static_cast<double>(text.size()) * static_cast<double>(wanted.size()) / 1024));
  return text.rfind(wanted);
}

std::string_view strip_chars(Runtime& runtime, std::string_view text, std::string_view chars, bool left, bool right) {
  std::vector<char32_t> set;
  for (std::size_t at = 0; at < chars.size();) set.push_back(next_code_point(chars, at));
  std::sort(set.begin(), set.end());
  runtime.step(text.size() / 64 + set.size());
  const auto in_set = [&](char32_t c) { return std::binary_search(set.begin(), set.end(), c); };
  while (left && !text.empty()) {
    std::size_t next = 0;
    if (!in_set(next_code_point(text, next))) break;
    text.remove_prefix(next);
  }
  while (right && !text.empty()) {
    std::size_t start = text.size() - 1;
    while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xC0) == 0x80) --start;
    std::size_t at = start;
    if (!in_set(next_code_point(text, at))) break;
    text.remove_suffix(text.size() - start);
  }
  return text;
}

std::vector<std::string_view> split_space(Runtime& runtime, std::string_view text, std::int64_t most, bool from_right) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t next = at;
    if (is_space(next_code_point(text, next))) {
      at = next;
      continue;
    }
    const std::size_t start = at;
    while (at < text.size()) {
      next = at;
      if (is_space(next_code_point(text, next))) break;
      at = next;
    }
    words.push_back(text.substr(start, at - start));
  }
  runtime.charge_items(words.size());
  runtime.step(text.size() / 16);
  const auto count = static_cast<std::int64_t>(words.size());
  if (most < 0 || count <= most) return words;
  // The piece that the limit left whole keeps the white space on its far side.
  const auto keep = static_cast<std::size_t>(most);
  if (from_right) {
    const std::size_t first = words.size() - keep;
    const char* end = words[first - 1].data() + words[first - 1].size();
    std::vector<std::string_view> out = {text.substr(0, static_cast<std::size_t>(end - text.data()))};
    out.insert(out.end(), words.begin() + static_cast<std::ptrdiff_t>(first), words.end());
    return out;
  }
  std::vector<std::string_view> out(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(keep));
  out.push_back(text.substr(static_cast<std::size_t>(words[keep].data() - text.data())));
  return out;
}

std::vector<std::string_view> split_on(Runtime& runtime, std::string_view text, std::string_view separator, std::int64_t most,
                                       bool from_right) {
  std::vector<std::string_view> out;
  while (most != 0) {
    const std::size_t at = from_right ? rfind_text(runtime, text, separator) : find_text(runtime, text, separator);
    if (at == std::string_view::npos) break;
    runtime.charge_items(1);
    if (from_right) {
      out.push_back(text.substr(at + separator.size()));
      text = text.substr(0, at);
    } else {
      out.push_back(text.substr(0, at));
      text = text.substr(at + separator.size());
    }
    if (most > 0) --most;
  }
  out.push_back(text);
  if (from_right) std::reverse(out.begin(), out.end());
  return out;
}

std::vector<std::string_view> split_lines(Runtime& runtime, std::string_view text, bool keep_ends) {
  const auto ends_line = [](char32_t c) {
    return (c >= '\n' && c <= '\r') || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
  };
  std::vector<std::string_view> out;
  std::size_t start = 0;
  runtime.step(text.size() / 16);
  for (std::size_t at = 0; at < text.size();) {
    std::size_t next = at;
    const char32_t c = next_code_point(text, next);
    if (!ends_line(c)) {
      at = next;
      continue;
    }
    if (c == '\r' && next < text.size() && text[next] == '\n') ++next;
    runtime.charge_items(1);
    out.push_back(text.substr(start, (keep_ends ? next : at) - start));
    start = at = next;
  }
  if (start < text.size()) out.push_back(text.substr(start));
  return out;
}

std::string replace_all(Runtime& runtime, std::string_view text, std::string_view old, std::string_view with, std::int64_t most) {
  std::string out;
  runtime.charge(text.size());
  std::size_t at = 0;
  if (old.empty()) {
    // Between all characters, and at both ends.
    for (std::int64_t done = 0; most < 0 || done < most; ++done) {
      runtime.charge(with.size());
      out += with;
      if (at >= text.size()) return out;
      const std::size_t start = at;
      next_code_point(text, at);
      out.append(text.substr(start, at - start));
    }
    return out.append(text.substr(at));
  }
  for (std::int64_t done = 0; most < 0 || done < most; ++done) {
    const std::size_t found = find_text(runtime, text, old, at);
    if (found == std::string_view::npos) break;
    runtime.charge(with.size());
    out.append(text.substr(at, found - at));
    out += with;
    at = found + old.size();
  }
  return out.append(text.substr(at));
}

std::string center(Runtime& runtime, const std::string& text, std::int64_t width, const std::string& fill) {
  // CPython puts the odd fill character to the left where the width is odd.
  const std::int64_t missing = width - count_code_points(text);
  if (missing <= 0) return text;
  const std::int64_t left = missing / 2 + (missing & width & 1);
  if (static_cast<std::uint64_t>(missing) > runtime.limits().output_bytes) runtime.charge_text(UINT64_MAX);
  runtime.charge_text(static_cast<std::uint64_t>(missing) * fill.size());
  std::string out;
  for (std::int64_t i = 0; i < left; ++i) out += fill;
  out += text;
  for (std::int64_t i = left; i < missing; ++i) out += fill;
  return out;
}

}  // namespace qbench::text::jinja
