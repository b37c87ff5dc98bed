#include "text/chat_template.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/text_file.h"
#include "test_support.h"

using nlohmann::ordered_json;
using qbench::Error;
using qbench::ErrorCode;
using qbench::text::ChatTemplate;

namespace {

constexpr std::int64_t kWallNs = 1'784'116'800'000'000'000;  // 2026-07-15 12:00 UTC, as in scripts/fixtures/text_templates.py

struct Outcome {
  std::optional<std::string> text;
  std::string error;
};

Outcome outcome(const std::string& source, const ordered_json& variables) {
  try {
    return {ChatTemplate(source, "test").render(variables, kWallNs), {}};
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::kTemplate);
    return {std::nullopt, error.what()};
  }
}

std::string message_of(const std::string& source, const ordered_json& variables = ordered_json::object()) {
  const Outcome got = outcome(source, variables);
  CHECK_MESSAGE(!got.text.has_value(), source);
  return got.error;
}

ordered_json read(const std::filesystem::path& path) { return ordered_json::parse(qbench::read_text_file(path)); }

}  // namespace

TEST_CASE("every construct renders as jinja2 renders it, or is refused by name") {
  const ordered_json records = read(qbench::test::fixtures_dir() / "text" / "templates.json");
  REQUIRE(records.size() > 300);
  std::size_t rendered = 0;
  for (const auto& record : records) {
    const auto source = record["template"].get<std::string>();
    const Outcome got = outcome(source, record["variables"]);
    if (record["expected"].is_null()) {
      CHECK_MESSAGE(!got.text.has_value(), source << " gave " << got.text.value_or(""));
      if (record.contains("unsupported")) CHECK_MESSAGE(got.error.find("unsupported construct") != std::string::npos, source << ": " << got.error);
    } else {
      CHECK_MESSAGE(got.text == record["expected"].get<std::string>(), source << " gave " << got.text.value_or(got.error));
      ++rendered;
    }
  }
  CHECK(rendered > 200);
}

TEST_CASE("the templates of real models give what transformers made of them") {
  const auto shared = qbench::test::shared_data_dir();
  if (!shared) return qbench::test::report_skip("renderings", "no shared test data");
  const ordered_json records = read(*shared / "renderings.json");
  REQUIRE(records.size() == 220);
  for (const auto& record : records) {
    const auto name = record["template"].get<std::string>();
    const bool file = name.ends_with(".jinja");
    const std::string source = file ? qbench::read_text_file(*shared / "templates" / name)
                                    : read(*shared / "tokenizers" / name)["chat_template"].get<std::string>();
    const Outcome got = outcome(source, record["variables"]);
    CHECK_MESSAGE(got.text == record["expected"].get<std::string>(), name << ", " << record["case"].get<std::string>() << ": " << got.error);
  }
}

TEST_CASE("an error names the template, the construct and the line") {
  CHECK(message_of("a\n{{ x|urlize }}") == "test: unsupported construct: filter 'urlize', line 2");
  CHECK(message_of("\n\n{% include 'x' %}") == "test: unsupported construct: tag 'include', line 3");
  CHECK(message_of("{% if true %}\n{{ 'a' + 1 }}{% endif %}") == "test: unsupported operand type(s) for +: 'str' and 'int', line 2");
  CHECK(message_of("{{ raise_exception('Conversation roles must alternate') }}") == "test: the template raised: Conversation roles must alternate, line 1");
  CHECK(message_of("{{ nope.x }}") == "test: 'nope' is undefined, line 1");
  CHECK(message_of("{% macro m() %}\n\n{{ nope.x }}{% endmacro %}\n{{ m() }}") == "test: 'nope' is undefined, line 3");
  CHECK(message_of("x\r\ny\r\n{{ }}") == "test: Expected an expression, got 'end of print statement', line 3");
}

TEST_CASE("the variables must be an object of valid text and 64-bit numbers") {
  CHECK(message_of("x", ordered_json::array()) == "test: the variables are no JSON object");
  CHECK(message_of("x", {{"a", "\xff"}}) == "test: a text among the variables is not valid UTF-8");
  CHECK(message_of("x", {{"a", 18446744073709551615ULL}}).find("64 bits") != std::string::npos);
  ordered_json deep = 1;
  for (int i = 0; i < 200; ++i) deep = ordered_json::array({deep});
  CHECK(message_of("x", {{"a", deep}}).find("nested") != std::string::npos);
  CHECK(message_of("\xc3") == "test: the template is not valid UTF-8, line 1");
}

TEST_CASE("object keys keep the order that they came in") {
  const auto variables = ordered_json::parse(R"({"x": {"z": 1, "a": 2, "m": {"q": [], "b": null}}})");
  CHECK(outcome("{{ x|tojson }}", variables).text == R"({"z": 1, "a": 2, "m": {"q": [], "b": null}})");
}

TEST_CASE("strftime_now reads the injected clock in local time") {
  const std::time_t seconds = 1'700'000'000;
  std::tm local{};
  localtime_r(&seconds, &local);
  char expected[64];
  std::strftime(expected, sizeof expected, "%Y-%m-%d %H:%M:%S", &local);
  const ChatTemplate clock("{{ strftime_now('%Y-%m-%d %H:%M:%S') }}.{{ strftime_now('%f') }}");
  CHECK(clock.render(ordered_json::object(), 1'700'000'000'123'456'789) == std::string(expected) + ".123456");
}

TEST_CASE("one template renders many times and can be moved") {
  ChatTemplate first("{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}");
  const ordered_json variables = {{"messages", {1, 2, 3}}};
  CHECK(first.render(variables, 0) == "3");
  ChatTemplate second = std::move(first);
  CHECK(second.render(variables, 0) == "3");
  CHECK(second.render({{"messages", ordered_json::array()}}, 0) == "0");
}
