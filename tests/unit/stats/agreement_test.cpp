#include "stats/agreement.h"

#include <doctest/doctest.h>

#include <vector>

using namespace qbench::stats;

TEST_CASE("the largest group of equal answers is the majority, the one that begins first among equals") {
  const Agreement a = agreement_of(std::vector<std::string>{"x", "y", "z", "y", "x", "y"});
  CHECK(a.answers == 6);
  CHECK(a.groups == 3);
  CHECK(a.largest == 3);
  CHECK(a.majority == 1);
  CHECK(a.ratio() == 0.5);
  CHECK(agreement_of(std::vector<std::string>{"x", "y", "y", "x"}).majority == 0);
  CHECK(agreement_of(std::vector<std::string>{"", "", "x", "y"}).majority == 2);
  CHECK(agreement_of(std::vector<std::string>{"x", "x", "x"}).ratio() == 1.0);
}

TEST_CASE("answers without a key agree with nothing, and one answer cannot agree") {
  const Agreement a = agreement_of(std::vector<std::string>{"", "", "", "y"});
  CHECK(a.groups == 4);
  CHECK(a.largest == 1);
  CHECK(a.ratio() == 0.25);
  CHECK_FALSE(agreement_of(std::vector<std::string>{"x"}).ratio().has_value());
  CHECK_FALSE(agreement_of({}).ratio().has_value());
}

TEST_CASE("consistency over tasks counts whose majority passes, and leaves out tasks with one answer") {
  Consistency c;
  CHECK_FALSE(c.ratio().has_value());
  CHECK_FALSE(c.majority_ratio().has_value());
  c.add(std::vector<std::string>{"right", "wrong", "right", "other"}, {true, false, true, false});
  c.add(std::vector<std::string>{"right", "wrong", "wrong", "wrong"}, {true, false, false, false});
  c.add(std::vector<std::string>{"right"}, {true});
  CHECK(c.tasks == 2);
  CHECK(c.ratio() == 0.625);
  CHECK(c.majority_ratio() == 0.5);
}

TEST_CASE("efficiency is successes per thousand tokens, and undefined without tokens") {
  CHECK(per_thousand(3, 1500) == 2.0);
  CHECK(per_thousand(0, 10) == 0.0);
  CHECK_FALSE(per_thousand(3, 0).has_value());
}
