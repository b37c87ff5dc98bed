#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "program.h"
#include "test_support.h"

namespace qbench::test {

using Fields = std::map<std::string, std::string>;

/// A summary.csv of one row of the speed pass with three sessions about `rate`; `more` changes or adds columns.
std::string summary(double rate, const Fields& more = {});

/// A folder with CSV files, and the program run in it.
struct Desk {
  TempDir dir;
  /// Writes a file and says its name.
  std::string file(const std::string& name, const std::string& content) const;
  /// The summary of a night of October 2026; its run is called "night" and the day in two digits.
  std::string night_file(int night, double rate, const Fields& fields = {}) const;
  Outcome run(const std::vector<std::string>& arguments) const;
  /// A night's gate against h.sqlite.
  Outcome gate(int night, double rate, const std::vector<std::string>& more = {}, const Fields& fields = {}) const;
  static std::string gates();
};

/// Exit status 2 and one line that holds `words`.
void check_refused(const Outcome& outcome, const std::string& words);
std::size_t longest_line(const std::string& text);
/// The judgement of a metric of the first cell of the first comparison.
const nlohmann::json& judgement(const nlohmann::json& document, const std::string& metric);

}  // namespace qbench::test
