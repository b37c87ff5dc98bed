#include "report/junit.h"

#include <fmt/format.h>
#include <tinyxml2.h>

#include <algorithm>

#include "report/text.h"

namespace qbench::report {
namespace {

struct Counts {
  std::size_t tests = 0, failures = 0, errors = 0, skipped = 0;
  double seconds = 0;

  void add(const JunitCase& one) {
    ++tests;
    failures += one.result == CaseResult::kFailure ? 1 : 0;
    errors += one.result == CaseResult::kError ? 1 : 0;
    skipped += one.result == CaseResult::kSkipped ? 1 : 0;
    seconds += one.seconds.value_or(0);
  }
};

/// XML 1.0 has no U+FFFE and U+FFFF either, which UTF-8 can say.
std::string xml_text(std::string_view text) {
  std::string out = printable(text);
  for (const char* nothing : {"\xEF\xBF\xBE", "\xEF\xBF\xBF"}) {
    for (std::size_t at = out.find(nothing); at != std::string::npos; at = out.find(nothing, at)) out.replace(at, 3, "\xEF\xBF\xBD");
  }
  return out;
}

/// Seconds in plain digits: the schema knows no exponents.
std::string seconds_text(double seconds) { return fmt::format("{:.3f}", seconds); }

/// An attribute is one line.
std::string attribute(std::string_view text) {
  std::string out = xml_text(text);
  std::replace(out.begin(), out.end(), '\n', ' ');
  std::replace(out.begin(), out.end(), '\t', ' ');
  return out;
}

void push_text(tinyxml2::XMLPrinter& printer, const char* element, const std::string& text) {
  if (text.empty()) return;
  printer.OpenElement(element);
  printer.PushText(xml_text(text).c_str());
  printer.CloseElement();
}

void push_result(tinyxml2::XMLPrinter& printer, const JunitCase& one) {
  if (one.result == CaseResult::kPassed) return;
  const char* element = one.result == CaseResult::kFailure ? "failure" : one.result == CaseResult::kError ? "error" : "skipped";
  printer.OpenElement(element);
  printer.PushAttribute("type", attribute(one.type).c_str());
  printer.PushAttribute("message", attribute(one.message).c_str());
  // Some readers show a case's own text or its output only: a failure has the numbers in both.
  if (one.result != CaseResult::kSkipped) printer.PushText(xml_text(one.message + "\n" + one.text).c_str());
  printer.CloseElement();
}

void push_case(tinyxml2::XMLPrinter& printer, const JunitCase& one) {
  printer.OpenElement("testcase");
  printer.PushAttribute("classname", attribute(one.classname).c_str());
  printer.PushAttribute("name", attribute(one.name).c_str());
  if (one.seconds) printer.PushAttribute("time", seconds_text(*one.seconds).c_str());
  push_result(printer, one);
  push_text(printer, "system-out", one.text);
  printer.CloseElement();
}

void push_counts(tinyxml2::XMLPrinter& printer, const Counts& counts) {
  printer.PushAttribute("tests", std::to_string(counts.tests).c_str());
  printer.PushAttribute("failures", std::to_string(counts.failures).c_str());
  printer.PushAttribute("errors", std::to_string(counts.errors).c_str());
}

void push_suite(tinyxml2::XMLPrinter& printer, const JunitSuite& suite) {
  Counts counts;
  for (const JunitCase& one : suite.cases) counts.add(one);
  printer.OpenElement("testsuite");
  printer.PushAttribute("name", attribute(suite.name).c_str());
  push_counts(printer, counts);
  printer.PushAttribute("skipped", std::to_string(counts.skipped).c_str());
  printer.PushAttribute("time", seconds_text(counts.seconds).c_str());
  // Ant's schema, which other readers follow, has no letter for the zone.
  if (!suite.timestamp.empty()) printer.PushAttribute("timestamp", attribute(std::string_view(suite.timestamp).substr(0, 19)).c_str());
  if (!suite.hostname.empty()) printer.PushAttribute("hostname", attribute(suite.hostname).c_str());
  printer.OpenElement("properties");
  for (const auto& [name, value] : suite.properties) {
    printer.OpenElement("property");
    printer.PushAttribute("name", attribute(name).c_str());
    printer.PushAttribute("value", attribute(value).c_str());
    printer.CloseElement();
  }
  printer.CloseElement();
  for (const JunitCase& one : suite.cases) push_case(printer, one);
  push_text(printer, "system-out", suite.system_out);
  printer.CloseElement();
}

}  // namespace

std::string junit_xml(const std::string& name, const std::vector<JunitSuite>& suites) {
  Counts all;
  for (const JunitSuite& suite : suites) {
    for (const JunitCase& one : suite.cases) all.add(one);
  }
  tinyxml2::XMLPrinter printer;
  printer.PushHeader(false, true);
  printer.OpenElement("testsuites");
  printer.PushAttribute("name", attribute(name).c_str());
  push_counts(printer, all);
  printer.PushAttribute("time", seconds_text(all.seconds).c_str());
  for (const JunitSuite& suite : suites) push_suite(printer, suite);
  printer.CloseElement();
  return std::string(printer.CStr()) + "\n";
}

}  // namespace qbench::report
