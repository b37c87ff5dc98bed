#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "record/result_set.h"

namespace qbench::history {

/// What the nights of a series share: the cell's key, digests of weights, tokenizer, template, prompt and settings, hardware, driver and
/// limits. A difference in any of these begins a new series.
struct SeriesKey {
  std::vector<std::pair<std::string, std::string>> facts;  ///< columns of summary.csv that are not empty, in a fixed order
  std::string text() const;                                ///< "model=smol\nsuite=..."; equal for equal keys
  std::string id() const;                                  ///< first 12 hex digits of the text's SHA-256
  std::string label() const;                               ///< "smol q4_1 smoke/fizzbuzz cpu", for people; no two series need differ in it
  std::string_view fact(std::string_view column) const;
};

SeriesKey key_of(const record::ResultRow& row);
/// The inverse of text().
SeriesKey parse_key(std::string_view text);

/// Names of the columns that a key is made of, in order.
std::vector<std::string_view> series_columns();

}  // namespace qbench::history
