#include "report/terminal_report.h"

#include <doctest/doctest.h>

#include <string>

#include "report/sparkline.h"
#include "report_examples.h"

using namespace qbench;
using namespace qbench::report;

namespace {

using Values = std::vector<std::optional<double>>;

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::size_t widest_line(const std::string& text) {
  std::size_t widest = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    widest = std::max(widest, display_width(text.substr(at, end - at)));
    at = end + 1;
  }
  return widest;
}

/// Two repetitions whose times differ.
record::SampleFileContent two_repetitions(const std::string& label) {
  auto content = test::small_content("x", label);
  content.samples.insert(content.samples.begin() + 1, content.samples.front());
  content.samples[1].metrics[record::MetricId::kTtftMs] = 30;
  return content;
}

}  // namespace

TEST_CASE("a sparkline goes from the smallest to the largest value") {
  CHECK(sparkline(Values{1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0}) == "▁▂▃▄▅▆▇█");
  CHECK(sparkline(Values{8.0, 1.0}) == "█▁");
  CHECK(sparkline(Values{-1e300, 1e300}) == "▁█");
}

TEST_CASE("equal values of a sparkline stand in the middle, and a missing one is a gap") {
  CHECK(sparkline(Values{5.0, 5.0}) == "▅▅");
  CHECK(sparkline(Values{1.0, std::nullopt, 3.0}) == "▁ █");
  CHECK(sparkline(Values{std::nullopt}).empty());
  CHECK(sparkline(Values{}).empty());
}

TEST_CASE("a long series is shown by the means of stretches") {
  Values values;
  for (int i = 0; i < 1000; ++i) values.emplace_back(i < 500 ? 1.0 : 2.0);
  CHECK(sparkline(values, 4) == "▁▁██");
  CHECK(sparkline(Values{0.0, 2.0, 4.0}, 2) == "▁█");
}

TEST_CASE("the terminal's report shows every metric of a row, with a sparkline over its repetitions, in 80 columns") {
  const std::string text = terminal_report(test::small_run(), two_repetitions("a-model-with-a-very-long-name-that-does-not-fit-into-the-line-of-a-terminal"));
  CHECK(widest_line(text) <= 80);
  CHECK(contains(text, "20261121_032200-test, started 2026-11-21T03:22:00Z\n"));
  CHECK(contains(text, "  decode_tok_per_s"));
  CHECK(contains(text, "▁█"));
  CHECK_FALSE(contains(text, "\x1b"));
}

TEST_CASE("the terminal's report has colours only where they are asked for, and no control character of a name") {
  CHECK(contains(terminal_report(test::small_run(), two_repetitions("smol"), {.width = 80, .color = true}), "\x1b[1m"));
  CHECK_FALSE(contains(terminal_report(test::small_run(), two_repetitions("evil\x1b[2J\nname")), "\x1b"));
}
