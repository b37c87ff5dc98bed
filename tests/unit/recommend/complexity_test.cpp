#include "recommend/complexity.h"

#include <doctest/doctest.h>

#include <numeric>

#include "test_support.h"
#include "workload/suite.h"

using namespace qbench;
using recommend::assess_complexity;

TEST_CASE("an empty task has the least complexity and a long specification stays within ten") {
  CHECK(assess_complexity("").score == doctest::Approx(1));
  std::string huge;
  for (int i = 0; i < 20000; ++i)
    huge += "- must support class " + std::to_string(i) + " with react kafka redis docker concurrency security cache\n";
  CHECK(assess_complexity(huge).score > 8);
  CHECK(assess_complexity(huge).score <= 10);
}

TEST_CASE("the score is one and the points of its parts, each within its most") {
  const auto complexity = assess_complexity("Write a class with 3 methods.\n- must be thread-safe\n- needs a cache");
  const double points = std::accumulate(complexity.parts.begin(), complexity.parts.end(), 0.0,
                                        [](double sum, const auto& part) { return sum + part.points; });
  CHECK(complexity.score == doctest::Approx(1 + points));
  double most = 0;
  for (const auto& part : complexity.parts) {
    CAPTURE(part.name);
    CHECK(part.points >= 0);
    CHECK(part.points < part.most);
    most += part.most;
  }
  CHECK(most == doctest::Approx(9));
}

TEST_CASE("parts count what they say") {
  const auto complexity =
      assess_complexity("1. A function must parse C++ and python.\n2) two classes\n* one endpoint\n- it should cache, cached for 10 s");
  const auto count = [&](std::string_view name) {
    for (const auto& part : complexity.parts) {
      if (part.name == name) return part.count;
    }
    return -1.0;
  };
  CHECK(count("requirements") == 6);  // four items, must, should
  CHECK(count("building blocks") == 3);
  CHECK(count("technologies") == 2);
  CHECK(count("hard topics") == 3);  // parse, cache, cached
  CHECK(assess_complexity("parsing").score > assess_complexity("walking").score);  // what the part's words name
  CHECK(count("numbers") == 3);      // the two list numbers are words with digits too, and 10
}

TEST_CASE("the shipped prompts of larger models are more complex than those of smaller ones") {
  const workload::Suite guide = workload::find_suite("guide");
  const auto score = [&](std::string_view id) {
    for (const auto& prompt : guide.prompts) {
      if (prompt.id == id) return assess_complexity(prompt.turns.front().text).score;
    }
    FAIL("no prompt " << id);
    return 0.0;
  };
  CHECK(score("login-form") < score("user-management"));
  CHECK(score("user-management") < score("microservices"));
}
