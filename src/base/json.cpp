#include "base/json.h"

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
  explicit LimitChecker(const JsonLimits& limits) : limits_(limits) {}
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
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) override {
    message_ = "not valid JSON at byte " + std::to_string(position) + ": " + error.what();
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
  JsonLimits limits_;
  std::vector<std::set<std::string>> keys_;
  std::string message_;
};

}  // namespace

json parse_json(std::string_view text, std::string_view where, const JsonLimits& limits) {
  LimitChecker checker(limits);
  if (!json::sax_parse(text, &checker)) throw Error(ErrorCode::kFormat, checker.message(), std::string(where));
  return json::parse(text);
}

json read_json_file(const std::filesystem::path& path, const JsonLimits& limits) {
  return parse_json(read_text_file(path), path.string(), limits);
}

std::string dump_json(const json& value, int indent) { return value.dump(indent, ' ', false, json::error_handler_t::replace); }

}  // namespace qbench
