#pragma once

#include <string>
#include <string_view>

namespace qbench::text {

/// Rewrites a pattern from Oniguruma's Ruby syntax, which tokenizer.json files are written in, into PCRE2's (compiled with UTF and
/// MULTILINE). What the two read differently is spelled out: \s and \S as Unicode's White_Space (U+180E is not in it), \d, \w, \v, the dot,
/// scripts by their own property and not by the extended one. Error{kUnsupported} names the construct that has no exact counterpart.
/// Source: Oniguruma doc/RE, pcre2pattern(3).
std::string pcre2_from_oniguruma(std::string_view pattern, std::string_view where);

/// Contents of a bracket class that equals \w of the Rust crate `regex` (Unicode TS 18, annex C), in PCRE2 syntax.
inline constexpr std::string_view kRustWordClass = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200c}\x{200d})";

/// Contents of a bracket class that equals Unicode's White_Space, in PCRE2 syntax.
inline constexpr std::string_view kWhiteSpaceClass =
    R"(\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";

}  // namespace qbench::text
