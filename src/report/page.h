#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

/// Pages that need no other file and no network: style, scripts and data stand in them. A run's report and a comparison's have the same frame.
namespace qbench::report {

/// Text as HTML shows it: printable, the characters that mean something escaped. Fits between tags and in quoted attributes.
std::string html_text(std::string_view text);

/// JSON that may stand in a <script> element: no '<', '>' or '&' and no line separators of Unicode, so that no text in it can end the element.
/// Bytes that are no UTF-8 become U+FFFD.
std::string script_json(const nlohmann::ordered_json& data);

/// A whole document. `body` is HTML, with every text in it escaped already; `data` is what page.js draws its charts from. A policy in the
/// head lets only the two scripts and the one style run that the build put into the program, by their digests, and loads nothing.
std::string html_page(std::string_view title, std::string_view body, const nlohmann::ordered_json& data);

}  // namespace qbench::report
