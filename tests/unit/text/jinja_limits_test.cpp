// Templates come with checkpoints: whatever they say, rendering ends soon, with text or with an error, and gives its memory back.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "test_support.h"
#include "text/chat_template.h"

using nlohmann::ordered_json;
using qbench::Error;
using qbench::text::ChatTemplate;

namespace {

std::string failure(const std::string& source) {
  try {
    ChatTemplate(source, "t").render({{"x", "abc"}, {"xs", {1, 2, 3}}}, 0);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

bool fails_with(const std::string& source, const std::string& part) {
  const std::string message = failure(source);
  INFO(message);
  return message.find(part) != std::string::npos;
}

std::string repeated(const std::string& text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

/// The limits let through seconds of work, which AddressSanitizer makes minutes.
bool too_slow_here(const char* name) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  qbench::test::report_skip(name, "takes minutes under a sanitizer");
  return true;
#else
  static_cast<void>(name);
  return false;
#endif
}

}  // namespace

TEST_CASE("loops that would take for ever are stopped") {
  if (too_slow_here("loops that would take for ever")) return;
  CHECK(fails_with("{% for a in range(10**12) %}{% endfor %}", "Range too big"));
  const std::string loop = "{% for a in range(99999) %}";
  CHECK(fails_with(loop + loop + loop + "{% endfor %}{% endfor %}{% endfor %}", "steps"));
  CHECK(fails_with(loop + loop + "{{ 'y' }}{% endfor %}{% endfor %}", "steps"));
  CHECK(fails_with("{% set ns = namespace(g=xs) %}" + loop + "{% set ns.g = ns.g|list + ns.g|list %}{% endfor %}", "more than"));
}

TEST_CASE("texts and lists that would fill the memory are stopped") {
  if (too_slow_here("texts and lists that would fill the memory")) return;
  CHECK(fails_with("{{ 'a' * 10**15 }}", "bytes"));
  CHECK(fails_with("{{ ([0] * 10**15)|length }}", "bytes"));
  CHECK(fails_with("{{ '%1000000000d' % 1 }}", "ten digits"));
  CHECK(fails_with("{{ '%999999999d' % 1 }}", "bytes"));
  CHECK(fails_with("{{ '{:>999999999}'.format(1) }}", "bytes"));
  CHECK(fails_with("{{ x.ljust(10**18) }}", "bytes"));
  CHECK(fails_with("{{ x.center(10**18) }}", "bytes"));
  CHECK(fails_with("{{ x|indent(10**18) }}", "bytes"));
  CHECK(fails_with("{{ xs|tojson(indent=10**18) }}", "bytes"));
  CHECK(fails_with("{{ xs|batch(10**18, 0)|list }}", "more than"));
  CHECK(fails_with("{{ xs|slice(10**18)|list }}", "more than"));
  CHECK(fails_with("{% set ns = namespace(s='ab') %}{% for a in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}", "longer than"));
  CHECK(fails_with("{% set ns = namespace(s='ab') %}{% for a in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}", "longer than"));
  CHECK(fails_with("{% set ns = namespace(s='ab') %}{% for a in range(99) %}{% set ns.s = ns.s|replace('a', 'aaaa')|replace('b', 'bb') %}{% endfor %}", "more than"));
  CHECK(fails_with("{% set y = 'a' * 10**6 %}{% for a in range(100) %}{{ y }}{% endfor %}", "longer than"));
}

TEST_CASE("nesting is stopped before the stack ends") {
  CHECK(fails_with("{{ " + repeated("(", 5000) + "1" + repeated(")", 5000) + " }}", "nested"));
  CHECK(fails_with("{{ " + repeated("[", 5000) + repeated("]", 5000) + " }}", "nested"));
  CHECK(fails_with("{{ " + repeated("not ", 5000) + "1 }}", "nested"));
  CHECK(fails_with("{{ " + repeated("-", 5000) + "1 }}", "nested"));
  CHECK(fails_with("{{ 1" + repeated(" + 1", 5000) + " }}", "nested"));
  CHECK(fails_with("{{ x" + repeated("|trim", 5000) + " }}", "nested"));
  CHECK(fails_with("{{ x" + repeated(".y", 5000) + " }}", "nested"));
  CHECK(fails_with("{{ x" + repeated("()", 5000) + " }}", "nested"));
  CHECK(fails_with("{{ 1" + repeated(" if 1 else 2", 5000) + " }}", "nested"));
  CHECK(fails_with(repeated("{% if 1 %}", 5000) + repeated("{% endif %}", 5000), "nested"));
  CHECK(fails_with("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "nested"));
  CHECK(fails_with("{% macro m(n) %}{% for a in xs %}{{ m(n + 1) }}{% endfor %}{% endmacro %}{{ m(0) }}", "nested"));
  CHECK(fails_with("{% set ns = namespace(v=1) %}{% for a in range(9999) %}{% set ns.v = [ns.v] %}{% endfor %}", "nested"));
  CHECK(fails_with("{% set ns = namespace(v=xs) %}{% for a in range(9999) %}{% set ns.v = ns.v|map('string') %}{% endfor %}", "nested"));
  CHECK(fails_with("{% set ns = namespace(v=xs) %}{% for a in range(9999) %}{% set ns.v = [1]|map('default', ns.v) %}{% endfor %}", "nested"));
  CHECK(fails_with("{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}", "nested"));
}

TEST_CASE("shared structure is not walked once for every path to it") {
  const std::string doubled = "{% set ns = namespace(a=[1], b=[1]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% set ns.b = [ns.b, ns.b] %}{% endfor %}";
  CHECK(fails_with(doubled + "{{ ns.a == ns.b }}", "steps"));
  CHECK(fails_with(doubled + "{{ ns.a < ns.b }}", "steps"));
  CHECK(fails_with(doubled + "{{ ns.a|tojson|length }}", "more than"));
  CHECK(fails_with(doubled + "{{ ns.a|string|length }}", "more than"));
  CHECK(failure(doubled + "{{ ns.a == ns.a }}").empty());
}

TEST_CASE("searching hostile text stays linear or is counted") {
  const std::string text = "{% set y = 'a' * 3000000 %}{% set z = 'a' * 1500000 ~ 'b' %}";
  CHECK(failure(text + "{{ z in y }}{{ y.find(z) }}{{ y.replace(z, '')|length }}{{ y.split(z)|length }}{{ y.count(z) }}").empty());
  CHECK(fails_with(text + "{{ y.rfind(z) }}", "steps"));
}

TEST_CASE("what holds itself is given back") {
  // Under the address sanitizer these would be reported as leaks.
  CHECK(failure("{% set ns = namespace() %}{% set ns.me = ns %}").empty());
  CHECK(failure("{% macro m() %}{{ m }}{% endmacro %}{{ m() }}").empty());
  CHECK(failure("{% set ns = namespace() %}{% for a in xs if a %}{% set ns.l = loop %}{% endfor %}").empty());
  CHECK(failure("{% for a in xs if a %}{{ loop.changed(loop) }}{% endfor %}").empty());
  CHECK(!failure("{% for a in xs if a %}{{ loop.changed(loop) }}{{ loop.last }}{{ nope.x }}{% endfor %}").empty());
  CHECK(failure("{% set ns = namespace() %}{% macro m(p) %}{% macro i() %}{{ p }}{% endmacro %}{% set ns.k = i %}{% endmacro %}"
                "{% for a in range(3000) %}{{ m(ns.k) }}{% endfor %}")
            .empty());
}

TEST_CASE("a long conversation stays far within the limits") {
  ordered_json messages = ordered_json::array();
  for (int i = 0; i < 400; ++i) messages.push_back({{"role", i % 2 == 0 ? "user" : "assistant"}, {"content", repeated("word and more, ", 700)}});
  const ChatTemplate chat("{% set ns = namespace(t='') %}{% for m in messages %}{{ '<' ~ m.role ~ '>' + m['content'].split('</think>')[-1].strip() }}{% endfor %}");
  CHECK(chat.render({{"messages", messages}}, 0).size() > 4'000'000);
}
