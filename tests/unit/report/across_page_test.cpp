#include "report/across_page.h"

#include <doctest/doctest.h>

#include <string>

using namespace qbench;
using namespace qbench::report;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

compare::AcrossTable example() {
  compare::AcrossTable table;
  table.devices = {"Some <CPU>", "NVIDIA L4", "NVIDIA H100"};
  compare::AcrossLine line;
  line.model = "smol & co";
  line.precision = "q4_1";
  line.prompt = "smoke/is-prime";
  line.values.resize(3);
  line.values[0].tok_per_s = 20;
  line.values[0].low = 19;
  line.values[0].high = 21;
  line.values[0].n_sessions = 3;
  line.values[0].ratio = 1;
  line.values[1].tok_per_s = 100;
  line.values[1].ratio = 5;
  line.values[1].tok_per_s_per_watt = 1.5;
  line.values[2].state = "failed";
  table.lines.push_back(line);
  table.notes = {"prices <none>"};
  return table;
}

}  // namespace

TEST_CASE("the page across devices has the quantities that were measured, and no text can break it") {
  const std::string page = across_page(example());
  CHECK(contains(page, "Some &lt;CPU&gt;"));
  CHECK(contains(page, "smol &amp; co"));
  CHECK(contains(page, "data-value=\"100\">100.0 <span class=\"note\">5.00x</span>"));
  CHECK(contains(page, "title=\"19.0 to 21.0 over 3 sessions\""));
  CHECK(contains(page, "per watt"));
  CHECK_FALSE(contains(page, "unit of money"));
  CHECK(contains(page, ">failed</td>"));
  CHECK(contains(page, "prices &lt;none&gt;"));
}

TEST_CASE("JUnit across devices has a suite per device, and only what failed is an error") {
  const std::string xml = across_junit(example());
  CHECK(contains(xml, "<testsuite name=\"NVIDIA L4\" tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"0\""));
  CHECK(contains(xml, "<testsuite name=\"NVIDIA H100\" tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\""));
  CHECK(contains(xml, "tok_per_s_per_watt 1.5"));
  CHECK(contains(xml, "smol &amp; co on NVIDIA H100: failed"));
}
