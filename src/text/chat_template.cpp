#include "text/chat_template.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "text/jinja/fault.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/parser.h"
#include "text/jinja/unicode.h"

namespace qbench::text {
namespace {

constexpr int kMaxJsonDepth = 100;

/// The template's and Python's view of a JSON value.
jinja::Value from_json(const nlohmann::ordered_json& json, int depth) {
  using jinja::Value;
  if (depth > kMaxJsonDepth) jinja::raise("the variables are nested more than " + std::to_string(kMaxJsonDepth) + " deep");
  switch (json.type()) {
    case nlohmann::json::value_t::boolean: return Value::boolean(json.get<bool>());
    case nlohmann::json::value_t::number_integer: return Value::integer(json.get<std::int64_t>());
    case nlohmann::json::value_t::number_unsigned:
      if (json.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX)) jinja::unsupported("an integer beyond 64 bits in the variables");
      return Value::integer(json.get<std::int64_t>());
    case nlohmann::json::value_t::number_float: return Value::real(json.get<double>());
    case nlohmann::json::value_t::string: {
      const auto& text = json.get_ref<const std::string&>();
      if (!is_valid_utf8(text)) jinja::raise("a text among the variables is not valid UTF-8");
      return Value::text(text);
    }
    case nlohmann::json::value_t::array: {
      std::vector<Value> items;
      for (const auto& item : json) items.push_back(from_json(item, depth + 1));
      return Value::list(std::move(items));
    }
    case nlohmann::json::value_t::object: {
      jinja::Dict entries;
      for (const auto& [key, item] : json.items()) {
        if (!is_valid_utf8(key)) jinja::raise("a key among the variables is not valid UTF-8");
        entries.set(Value::text(key), from_json(item, depth + 1));
      }
      return Value::dict(std::move(entries));
    }
    default: return Value::none();
  }
}

[[noreturn]] void fail(const jinja::Fault& fault, int line, const std::string& where) {
  throw Error(ErrorCode::kTemplate, line > 0 ? fault.message + ", line " + std::to_string(line) : fault.message, where);
}

}  // namespace

struct ChatTemplate::Program {
  jinja::Program tree;
  std::string where;
};

ChatTemplate::ChatTemplate(std::string_view source, std::string_view where) : program_(std::make_unique<Program>()) {
  program_->where = where;
  try {
    program_->tree = jinja::parse(source);
  } catch (const jinja::Fault& fault) {
    fail(fault, fault.line, program_->where);
  }
}

ChatTemplate::~ChatTemplate() = default;
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;

std::string ChatTemplate::render(const nlohmann::ordered_json& variables, std::int64_t wall_ns) const {
  jinja::Dict values;
  try {
    if (!variables.is_object()) jinja::raise("the variables are no JSON object");
    for (const auto& [key, value] : variables.items()) values.set(jinja::Value::text(key), from_json(value, 1));
  } catch (const jinja::Fault& fault) {
    fail(fault, 0, program_->where);
  }
  jinja::Interpreter interpreter(program_->tree, values, wall_ns, jinja::Limits{});
  try {
    return interpreter.render();
  } catch (const jinja::Fault& fault) {
    fail(fault, fault.line > 0 ? fault.line : interpreter.line(), program_->where);
  }
}

}  // namespace qbench::text
