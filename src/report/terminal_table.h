#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "record/records.h"

namespace qbench::report {

struct TerminalOptions {
  std::size_t width = 80;  ///< columns; names are shortened so that no line is longer (not below 60)
  bool color = false;      ///< only for a terminal
};

/// The table at the end of a run, one line per model: model, flash attention, the pass that the numbers are of (text where it worked), tokens,
/// tokens/s, time, memory, free, time to first token. Then each model in words: rows that worked, each pass, its first failure in full.
/// Ends with a newline.
std::string end_table(const std::vector<record::CellRecord>& cells, const TerminalOptions& options = {});

/// The same table as markdown, without the words below it; the model with the label `own` in bold. Empty without rows.
std::string models_markdown(const std::vector<record::CellRecord>& cells, std::string_view own);

/// Columns that a terminal needs for UTF-8 text (wide East Asian characters and emoji take two, combining marks none; bytes that are no
/// UTF-8 take one).
std::size_t display_width(std::string_view text);

/// The text cut to `width` columns, an ellipsis at the end where something was cut; never half a character.
std::string fit_width(std::string_view text, std::size_t width);

/// Words in lines of at most `width` columns, each after `indent`, the first after `lead` where there is one (not wider than `indent`); a
/// word that is longer than a line stays whole, for a path is of use only so. Ends with a newline.
std::string wrapped(std::string_view text, const std::string& indent, std::size_t width, const std::string& lead = {});

}  // namespace qbench::report
