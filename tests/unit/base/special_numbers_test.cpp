#include "base/special_numbers.h"

#include <doctest/doctest.h>

using namespace qbench;

TEST_CASE("NaN and the infinities of Python's json module become null, inside strings they stay") {
  CHECK(null_special_numbers(R"({"NaN": [NaN, -Infinity, Infinity, -1, "Infinity \" NaN", "\\", NaN]})") ==
        R"({"NaN": [null, null, null, -1, "Infinity \" NaN", "\\", null]})");
  CHECK(null_special_numbers("").empty());
  CHECK(null_special_numbers("\"NaN\\") == "\"NaN\\");
}
