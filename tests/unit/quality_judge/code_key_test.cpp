#include "quality/judge/code_key.h"

#include <doctest/doctest.h>

#include <vector>

using qbench::quality::code_key;
using Files = std::vector<qbench::workload::CodeFile>;

TEST_CASE("code that is only written differently has one key") {
  const std::string key = code_key(Files{{"solution.py", "def f(x):\n    return x + 1\n"}});
  CHECK(key == code_key(Files{{"solution.py", "# adds one\n\ndef f(x):  \r\n\n\t# here\n\treturn x + 1"}}));
  CHECK(key != code_key(Files{{"solution.py", "def f(x):\n    return x + 2\n"}}));
  CHECK(key != code_key(Files{{"solution.py", "def f(x):\n  return x + 1\n"}}));  // indentation is meaning
  CHECK(key != code_key(Files{{"other.py", "def f(x):\n    return x + 1\n"}}));
  CHECK(code_key(Files{{"a.ts", "// note\nf()\n"}}) == code_key(Files{{"a.ts", "f()"}}));
  CHECK(code_key(Files{{"a.ts", "# x\nf()\n"}}) != code_key(Files{{"a.ts", "f()"}}));
}

TEST_CASE("the order of files does not matter, and what holds no code has no key") {
  CHECK(code_key(Files{{"a.py", "x = 1"}, {"b.py", "y = 2"}}) == code_key(Files{{"b.py", "y = 2"}, {"a.py", "x = 1"}}));
  CHECK(code_key(Files{}).empty());
  CHECK(code_key(Files{{"a.py", "\n  \n# only words\n"}}).empty());
}
