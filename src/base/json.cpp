#include "base/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/text_file.h"

namespace qbench {
namespace {

using nlohmann::json;

/// Walks the text once before it is built, so that depth and duplicate keys are judged without building anything.
class LimitChecker : public json::json_sax_t {
 public:
  LimitChecker(std::string_view text, const JsonLimits& limits) : text_(text), limits_(limits) {}
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    if (!limits_.unique_keys || keys_.back().insert(name).second) return true;
    message_ = "key '" + name + "' stands twice in one object";
    return false;
  }
  bool parse_error(std::size_t position, const std::string& token, const nlohmann::detail::exception& error) override {
    message_ = describe_json_error(text_, position, token, error.what(), limits_.one_line);
    return false;
  }
  const std::string& message() const { return message_; }

 private:
  bool open() {
    if (static_cast<int>(keys_.size()) >= limits_.depth) {
      message_ = "nested deeper than " + std::to_string(limits_.depth) + " levels";
      return false;
    }
    keys_.emplace_back();
    return true;
  }
  bool close() {
    keys_.pop_back();
    return true;
  }
  std::string_view text_;
  JsonLimits limits_;
  std::vector<std::set<std::string>> keys_;
  std::string message_;
};

/// "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while parsing value - unexpected ..." from "unexpected"
/// on, without the token that it repeats: that may be long, and it may be no text.
std::string plain_words(std::string_view words, std::string_view token) {
  for (const std::string_view before : {"] ", "syntax error while parsing ", " - "}) {
    const std::size_t at = words.find(before);
    if (at != words.npos) words.remove_prefix(at + before.size());
  }
  std::string plain(words);
  const std::string repeated = "; last read: '" + std::string(token) + "'";
  if (const std::size_t at = plain.find(repeated); at != plain.npos) plain.erase(at, repeated.size());
  return plain;
}

/// Bytes of the string or number at which reading stopped; 1 for everything else, before which the parser's token may begin.
std::size_t token_bytes(std::string_view token, std::string_view words) {
  const bool number = words.find("number overflow") != words.npos;
  const bool string = token.starts_with('"') && (token.ends_with('"') || words.find("invalid string") != words.npos);
  if (!number && !string) return 1;
  constexpr std::size_t kWrittenControl = 8;  // "<U+000A>"
  const bool control = words.find("invalid string: control character") != words.npos && token.size() > kWrittenControl;
  return std::max<std::size_t>(control ? token.size() - kWrittenControl + 1 : token.size(), 1);
}

/// The word around a byte that begins or ends no literal; of `{a: 1}` and `{"x": tru}` the `a` and the `tru`.
std::string_view word_at(std::string_view text, std::size_t at) {
  constexpr std::size_t kLongest = 40;
  const auto in_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  std::size_t start = at, end = at;
  while (start > 0 && at - start < kLongest && in_word(text[start - 1])) --start;
  while (end < text.size() && end - start < kLongest && in_word(text[end])) ++end;
  return text.substr(start, std::max<std::size_t>(end - start, 1));
}

}  // namespace

std::string describe_json_error(std::string_view text, std::size_t bytes_read, std::string_view last_token, std::string_view words,
                                bool one_line) {
  if (text.find_first_not_of(" \t\r\n") == text.npos) return "not valid JSON: there is nothing in it";
  // The end of the input counts as a byte that was read, but not as one of a token.
  const std::size_t token = token_bytes(last_token, words);
  const std::size_t end = token > 1 ? std::min(bytes_read, text.size()) : std::min(bytes_read, text.size() + 1);
  std::string_view before = text.substr(0, end - std::min(token, end));
  std::string why = plain_words(words, last_token);
  if (const std::string_view word = word_at(text, before.size()); why.starts_with("invalid literal") && !word.empty()) {
    before = text.substr(0, static_cast<std::size_t>(word.data() - text.data()));
    const auto byte = static_cast<unsigned char>(word.front());
    why = byte > 0x20 && byte < 0x7f ? fmt::format("unexpected \"{}\"", word) : fmt::format("unexpected byte 0x{:02x}", byte);
  }
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  const std::string line = "line " + std::to_string(std::count(before.begin(), before.end(), '\n') + 1) + ", ";
  return "not valid JSON at " + (one_line ? std::string() : line) + "column " + std::to_string(before.size() - line_start + 1) + ": " + why;
}

std::optional<std::string> find_json_problem(std::string_view text, const JsonLimits& limits) {
  LimitChecker checker(text, limits);
  if (json::sax_parse(text, &checker)) return std::nullopt;
  return checker.message();
}

json parse_json(std::string_view text, std::string_view where, const JsonLimits& limits) {
  if (const auto problem = find_json_problem(text, limits)) throw Error(ErrorCode::kFormat, *problem, std::string(where));
  return json::parse(text);
}

json read_json_file(const std::filesystem::path& path, const JsonLimits& limits) {
  return parse_json(read_text_file(path), path.string(), limits);
}

std::string dump_json(const json& value, int indent) { return value.dump(indent, ' ', false, json::error_handler_t::replace); }

}  // namespace qbench
