#include "quality/judge/values.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "quality/judge/literal.h"

namespace qbench::quality {
namespace {

using nlohmann::json;

bool same(const std::string& expected, const std::string& actual, const ValueRules& rules = value_rules("python", 0)) {
  return !find_difference(json::parse(expected), json::parse(actual), rules);
}

}  // namespace

TEST_CASE("values of different types differ, however alike they look") {
  const std::string distinct[] = {"1",
                                  "1.0",
                                  "true",
                                  R"("1")",
                                  "null",
                                  "[1]",
                                  R"({"$tuple":[1]})",
                                  R"({"$set":[1]})",
                                  R"({"a":1})",
                                  R"({"$dict":[[1,1]]})",
                                  R"({"$bytes":"01"})",
                                  R"({"$float":"nan"})",
                                  R"({"$float":"inf"})",
                                  R"({"$int":"9007199254740993"})",
                                  R"({"$undefined":true})",
                                  "[]",
                                  "{}",
                                  "0",
                                  "false"};
  for (const std::string& a : distinct) {
    for (const std::string& b : distinct) {
      CAPTURE(a);
      CAPTURE(b);
      CHECK(same(a, b) == (a == b));
    }
  }
}

TEST_CASE("order counts in lists and not in sets and dicts") {
  CHECK_FALSE(same("[1,2]", "[2,1]"));
  CHECK(same(R"({"$set":[1,2]})", R"({"$set":[2,1]})"));
  CHECK_FALSE(same(R"({"$set":[1,2]})", R"({"$set":[2,2]})"));
  CHECK(same(R"({"$dict":[[1,"a"],[2,"b"]]})", R"({"$dict":[[2,"b"],[1,"a"]]})"));
  CHECK_FALSE(same(R"({"$dict":[[1,"a"],[2,"b"]]})", R"({"$dict":[[2,"a"],[1,"b"]]})"));
  CHECK(same(R"({"a":1})", R"({"$dict":[["a",1]]})"));  // two ways to write it
  ValueRules unordered = value_rules("python", 0);
  unordered.unordered = true;
  CHECK(same("[1,2,2]", "[2,1,2]", unordered));
  CHECK_FALSE(same("[1,2,2]", "[1,1,2]", unordered));
  CHECK_FALSE(same("[[1,2]]", "[[2,1]]", unordered));  // the outermost only
}

TEST_CASE("a tolerance is for floating-point numbers alone, absolute or relative") {
  const ValueRules near = value_rules("python", 1e-6);
  CHECK(same("1.0", "1.0000005", near));
  CHECK_FALSE(same("1.0", "1.000002", near));
  CHECK(same("1e9", "1000000000.5", near));
  CHECK(same("0.0", "5e-7", near));
  CHECK_FALSE(same("1", "1.0", near));
  CHECK(same(R"([{"x":[0.5]}])", R"([{"x":[0.50000001]}])", near));
  CHECK(same(R"({"$float":"nan"})", R"({"$float":"nan"})"));
  CHECK_FALSE(same(R"({"$float":"inf"})", "1e308", near));
}

TEST_CASE("TypeScript has one type of number and C++ writes tuples either way") {
  const ValueRules script = value_rules("typescript", 0);
  CHECK(same("1", "1.0", script));
  CHECK(same("9007199254740994", "9007199254740994.0", script));
  CHECK_FALSE(same("1", R"({"$int":"1"})", script));  // a bigint is no number
  CHECK(same(R"({"$tuple":[1,2]})", "[1,2]", value_rules("cpp", 0)));
  CHECK_FALSE(same("1", "1.0", value_rules("cpp", 0)));
}

TEST_CASE("whole numbers beyond 2^53 are compared by digits") {
  CHECK(same(R"({"$int":"9007199254740993"})", "9007199254740993"));
  CHECK_FALSE(same(R"({"$int":"9007199254740993"})", R"({"$int":"9007199254740992"})"));
  CHECK(same(R"({"$int":"123456789012345678901234567890"})", R"({"$int":"123456789012345678901234567890"})"));
}

TEST_CASE("a difference says where") {
  const auto difference =
      find_difference(json::parse(R"({"a":[1,{"b":2}]})"), json::parse(R"({"a":[1,{"b":3}]})"), value_rules("python", 0));
  REQUIRE(difference);
  CHECK(*difference == R"(at ["a"][1]["b"]: expected 2, got 3)");
}

TEST_CASE("foreign tags that are malformed equal nothing") {
  for (const char* actual : {R"({"$set":1})", R"({"$dict":[[1]]})", R"({"$dict":1})", R"({"$int":5})", R"({"$float":1})",
                             R"({"$tuple":null})", R"({"$none":1})"}) {
    CAPTURE(actual);
    for (const char* expected : {R"({"$set":[]})", R"({"$dict":[]})", "5", "1.0", R"({"$tuple":[]})", "{}", "null"})
      CHECK_FALSE(same(expected, actual));
  }
}

TEST_CASE("literals of all types are handed on") {
  for (const char* text : {"1",
                           "-1",
                           "+2",
                           "-1.5e-07",
                           "1e+300",
                           "nan",
                           "-inf",
                           "None",
                           "True",
                           "'a\\'b'",
                           "\"a'b\"",
                           "b'\\x00'",
                           "[1, 2]",
                           "(1, )",
                           "()",
                           "{1: 'a'}",
                           "{1, 2}",
                           "set()",
                           "(int, set, )",
                           "-0x1f",
                           "frozenset([1])",
                           "complex(1.0, -2.0)",
                           "ref(3)",
                           "[[], {}, ((1, ), )]",
                           "'__import__(1)'"}) {
    CAPTURE(std::string(text));
    CHECK_FALSE(find_literal_problem(text));
  }
}

TEST_CASE("what is no literal is not handed on") {
  for (const char* text : {"__import__('os')",
                           "x",
                           "f(1)",
                           "1+1",
                           "--1",
                           "-'a'",
                           "-(1)",
                           "[1",
                           "1]",
                           "(1]",
                           "'a",
                           "lambda: 1",
                           "1 if 1 else 2",
                           "f''",
                           "r'a'",
                           "1j",
                           "1_000",
                           "0x",
                           "0xg1",
                           "0X1F",
                           "int(1)",
                           "object",
                           "'a'.join",
                           "[i for i in (1,)]",
                           "\\",
                           "\n",
                           "1;2",
                           "a=1",
                           "*[1]",
                           "print('x')",
                           "not 1",
                           "@",
                           "b"}) {
    CAPTURE(std::string(text));
    CHECK(find_literal_problem(text));
  }
  CHECK(find_literal_problem(std::string(101, '[') + std::string(101, ']')));
  CHECK_FALSE(find_literal_problem(std::string(100, '[') + std::string(100, ']')));
  CHECK(find_literal_problem(std::string(20001, '1')));
  CHECK(find_literal_problem("'abc\\"));
}

}  // namespace qbench::quality
