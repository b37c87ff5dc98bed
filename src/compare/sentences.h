#pragma once

#include <string>
#include <vector>

#include "compare/rules.h"
#include "compare/verdict.h"

/// Words for verdicts.
namespace qbench::compare {

/// Fills metric, unit and direction from the catalogue; columns of bytes that are no metrics are bytes, the fewer the better.
void describe_metric(Judgement& judgement, const std::string& metric);

/// The reason of a judgement in words with its numbers. `detail` is what the numbers do not hold: the first difference, the tasks.
std::string sentence_of(const Judgement& judgement, const std::string& detail = {});

/// "same", "unclear (one session)", "worse (confirmed)": for tables.
std::string short_text(const Judgement& judgement);

/// "1,234.5 ms", "15.2 GB", "53.1 tok/s".
std::string value_text(double value, const std::string& unit);

/// The rules in the catalogue's order, columns of bytes at the end.
std::vector<MetricRule> in_display_order(const Rules& rules);

}  // namespace qbench::compare
