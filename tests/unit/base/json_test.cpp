#include "base/json.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"

using namespace qbench;

TEST_CASE("what is wrong with a JSON text is said with line and column, in plain words, without the text") {
  struct Case {
    std::string text, message;
  };
  for (const Case& wrong : {
           Case{"", "not valid JSON: there is nothing in it"},
           Case{" \n\t", "not valid JSON: there is nothing in it"},
           Case{"{\n  \"a\": 1,\n  }", "not valid JSON at line 3, column 3: unexpected '}'; expected string literal"},
           Case{"{\"a\": 1", "not valid JSON at line 1, column 8: unexpected end of input; expected '}'"},
           Case{"{\n\"a\" \"b\"}", "not valid JSON at line 2, column 5: unexpected string literal; expected ':'"},
           Case{"[1 2]", "not valid JSON at line 1, column 4: unexpected number literal; expected ']'"},
           Case{"{\"a\": tru}", "not valid JSON at line 1, column 7: unexpected \"tru\""},
           Case{"{\n  settings: 1}", "not valid JSON at line 2, column 3: unexpected \"settings\""},
           Case{"{'a': 1}", "not valid JSON at line 1, column 2: unexpected \"'\""},
           Case{"[\xC3\xA9]", "not valid JSON at line 1, column 2: unexpected byte 0xc3"},
           Case{"[nul", "not valid JSON at line 1, column 2: unexpected \"nul\""},
           Case{"[1, 1e400]", "not valid JSON at line 1, column 5: number overflow parsing '1e400'"},
           Case{"[\n\n\"'; expected x\n\"]", "not valid JSON at line 3, column 1: invalid string: control character U+000A (LF) must be escaped "
                                            "to \\u000A or \\n"},
           Case{"[\"" + std::string(10'000, 'x'), "not valid JSON at line 1, column 2: invalid string: missing closing quote"},
           Case{"[\"\xFF\"]", "not valid JSON at line 1, column 2: invalid string: ill-formed UTF-8 byte"},
           Case{"{\"a\": 1, \"a\": 2}", "key 'a' stands twice in one object"},
       }) {
    const auto problem = find_json_problem(wrong.text);
    REQUIRE(problem.has_value());
    CAPTURE(*problem);
    CHECK(problem->starts_with(wrong.message));
    CHECK(problem->size() < wrong.message.size() + 40);
    CHECK(problem->find("json.exception") == std::string::npos);
    CHECK_THROWS_WITH_AS(parse_json(wrong.text, "a.json"), ("a.json: " + *problem).c_str(), Error);
  }
  CHECK_FALSE(find_json_problem("{\"a\": [1, 2.5, null]}").has_value());
  CHECK(find_json_problem("[1,]", {.one_line = true})->starts_with("not valid JSON at column 4: "));
}
