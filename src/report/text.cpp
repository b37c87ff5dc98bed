#include "report/text.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "base/check.h"

namespace qbench::report {
namespace {

void append_utf8(std::string& out, utf8proc_int32_t code_point) {
  utf8proc_uint8_t bytes[4];
  const utf8proc_ssize_t n = utf8proc_encode_char(code_point, bytes);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(n));
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  for (std::size_t at = 0; at < text.size();) {
    utf8proc_int32_t code_point = 0;
    const utf8proc_ssize_t n = utf8proc_iterate(bytes + at, static_cast<utf8proc_ssize_t>(text.size() - at), &code_point);
    if (n <= 0) {
      append_utf8(out, 0xFFFD);
      ++at;
      continue;
    }
    const bool line_end = code_point == '\r' && at + 1 < text.size() && text[at + 1] == '\n';
    if (code_point < 0x20 && code_point != '\n' && code_point != '\t') {
      if (!line_end) append_utf8(out, 0x2400 + code_point);
    } else if (code_point == 0x7F) {
      append_utf8(out, 0x2421);
    } else if (code_point >= 0x80 && code_point < 0xA0) {
      append_utf8(out, 0xFFFD);  // C1 controls: some terminals obey them
    } else {
      out.append(text.substr(at, static_cast<std::size_t>(n)));
    }
    at += static_cast<std::size_t>(n);
  }
  return out;
}

std::string one_line(std::string_view text) {
  std::string out = printable(text);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return out;
}

std::string markdown_text(std::string_view text) {
  const std::string plain = printable(text);
  const auto in_word = [&](std::size_t at) { return at < plain.size() && std::isalnum(static_cast<unsigned char>(plain[at])) != 0; };
  std::string out;
  for (std::size_t i = 0; i < plain.size(); ++i) {
    const char c = plain[i];
    if (c == '\n' || c == '\t') {
      out += ' ';
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '&') {
      out += "&amp;";
    } else {
      // An underscore inside a word begins no emphasis, and names are full of them; a number sign matters at the beginning only.
      const bool harmless = (c == '_' && i > 0 && in_word(i - 1) && in_word(i + 1)) || (c == '#' && i > 0);
      if (!harmless && std::string_view("\\`*_[]|#~$").find(c) != std::string_view::npos) out += '\\';
      out += c;
    }
  }
  return out;
}

std::string code_block(std::string_view text, std::string_view language) {
  std::string content = printable(text);
  std::size_t longest = 0, run = 0;
  for (const char c : content) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  const std::string fence(std::max<std::size_t>(3, longest + 1), '`');
  if (content.empty() || content.back() != '\n') content += '\n';
  return fmt::format("{}{}\n{}{}\n", fence, language, content, fence);
}

std::string metric_text(const std::optional<double>& value) {
  if (!value || !std::isfinite(*value)) return "–";
  const double size = std::abs(*value);
  if (*value == std::trunc(*value) && size < 1e15) return fmt::format("{:.0f}", *value);
  if (size >= 1000) return fmt::format("{:.0f}", *value);
  if (size >= 100) return fmt::format("{:.1f}", *value);
  if (size >= 10) return fmt::format("{:.2f}", *value);
  if (size >= 1) return fmt::format("{:.3f}", *value);
  return fmt::format("{:.4g}", *value);
}

MarkdownTable::MarkdownTable(std::vector<std::string> header, std::vector<bool> right)
    : header_(std::move(header)), right_(std::move(right)) {
  QB_CHECK(header_.size() == right_.size());
}

void MarkdownTable::add(std::vector<std::string> row) {
  QB_CHECK(row.size() == header_.size());
  rows_.push_back(std::move(row));
}

std::string MarkdownTable::text() const {
  const auto line = [](const std::vector<std::string>& cells) {
    std::string out = "|";
    for (const std::string& cell : cells) out += " " + cell + " |";
    return out + "\n";
  };
  std::string out = line(header_) + "|";
  for (const bool right : right_) out += right ? "---:|" : "---|";
  out += "\n";
  for (const auto& row : rows_) out += line(row);
  return out;
}

void FactTable::add(std::string_view name, std::string_view value) {
  if (!value.empty()) table_.add({std::string(name), markdown_text(value)});
}

std::string FactTable::text() const { return table_.empty() ? std::string() : table_.text(); }

}  // namespace qbench::report
