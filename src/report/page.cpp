#include "report/page.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "report/assets.h"
#include "report/text.h"

namespace qbench::report {
namespace {

unsigned hex_value(char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); }

/// Base64 (RFC 4648) of the bytes that lower-case hexadecimal digits stand for.
std::string base64_of_hex(std::string_view hex) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t at = 0; at < hex.size(); at += 6) {
    // Three bytes are six hexadecimal digits and four of base64.
    const std::string_view piece = hex.substr(at, 6);
    unsigned bits = 0;
    for (std::size_t i = 0; i < 6; ++i) bits = bits << 4 | (i < piece.size() ? hex_value(piece[i]) : 0);
    for (std::size_t i = 0; i < 4; ++i) out += i <= piece.size() / 2 ? kAlphabet[bits >> (18 - 6 * i) & 63] : '=';
  }
  return out;
}

/// `'sha256-...'` as a content security policy names a script or style.
std::string policy_digest(std::string_view text) { return "'sha256-" + base64_of_hex(sha256_hex(text)) + "'"; }

}  // namespace

std::string html_text(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string script_json(const nlohmann::ordered_json& data) {
  const std::string plain = data.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  std::string out;
  out.reserve(plain.size() + plain.size() / 16);
  for (std::size_t i = 0; i < plain.size(); ++i) {
    // These characters stand only inside JSON's strings, where an escape means the same.
    if (plain[i] == '<' || plain[i] == '>' || plain[i] == '&') {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(plain[i]));
    } else if (plain.compare(i, 3, "\xE2\x80\xA8") == 0 || plain.compare(i, 3, "\xE2\x80\xA9") == 0) {
      out += plain[i + 2] == '\xA8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      out += plain[i];
    }
  }
  return out;
}

std::string html_page(std::string_view title, std::string_view body, const nlohmann::ordered_json& data) {
  const std::string policy =
      fmt::format("default-src 'none'; script-src {} {}; style-src {}; base-uri 'none'; form-action 'none'", policy_digest(chart_library_text()),
                  policy_digest(page_script_text()), policy_digest(page_style_text()));
  std::string out = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
  out += fmt::format("<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n", policy);
  out += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n";
  out += fmt::format("<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n", html_text(title), page_style_text());
  out += body;
  out += "\n<noscript><p class=\"notice\">The charts and the sorting of tables need JavaScript; the tables are complete without it.</p></noscript>\n";
  out += fmt::format("<script type=\"application/json\" id=\"data\">{}</script>\n", script_json(data));
  out += fmt::format("<script>{}</script>\n<script>{}</script>\n</body>\n</html>\n", chart_library_text(), page_script_text());
  return out;
}

}  // namespace qbench::report
