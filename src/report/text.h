#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "record/metric_catalog.h"

/// Pieces that the reports share: numbers for people, markdown that no content can break.
namespace qbench::report {

/// Bytes that are no UTF-8 become U+FFFD; control characters other than newline and tab become their visible pictures (U+2400...), so that
/// nothing a model wrote acts on a terminal. CR LF becomes LF.
std::string printable(std::string_view text);

/// The same in one line: newlines and tabs become blanks.
std::string one_line(std::string_view text);

/// One line of running markdown text or of a table cell: printable, line breaks as spaces, markdown's and HTML's special characters
/// escaped.
std::string markdown_text(std::string_view text);

/// A code block around the text (printable), with a fence longer than any run of backticks in it.
std::string code_block(std::string_view text, std::string_view language = "text");

/// A value of a metric for people: integers in full, others with about four significant digits; "–" where there is none.
std::string metric_text(const std::optional<double>& value);

/// Rows of equal length as a markdown table; cells must be markdown already. `right` says which columns are numbers.
class MarkdownTable {
 public:
  MarkdownTable(std::vector<std::string> header, std::vector<bool> right);
  void add(std::vector<std::string> row);
  bool empty() const { return rows_.empty(); }
  std::string text() const;

 private:
  std::vector<std::string> header_;
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;
};

/// A two-column table of names and values; rows without a value are left out. Values are escaped.
class FactTable {
 public:
  void add(std::string_view name, std::string_view value);
  std::string text() const;

 private:
  MarkdownTable table_{{"", ""}, {false, false}};
};

}  // namespace qbench::report
