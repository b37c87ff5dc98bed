#pragma once

#include <string>
#include <vector>

#include "record/result_set.h"

namespace qbench::compare {

/// A cell that both sides have, or one of them (the other is null). Pointers into the result sets.
struct RowPair {
  const record::ResultRow* base = nullptr;
  const record::ResultRow* fresh = nullptr;
};

/// Pairs the rows of two results, in NEW's order, rows that only BASE has at the end. Rows of equal keys first; of the rest those that
/// agree in model, prompt, turn, pass, precision and device class and are alone in that on both sides; last the same with the model's own
/// name in place of its label.
std::vector<RowPair> pair_rows(const record::ResultSet& base, const record::ResultSet& fresh);

/// "cpu", "cuda": the device without its number.
std::string device_class(const record::ResultRow& row);

/// "cpu_model: A against B" for each of the columns that both rows have and that differ.
std::vector<std::string> differences(const record::ResultRow& base, const record::ResultRow& fresh,
                                     const std::vector<std::string_view>& columns);

/// Hardware, driver and limits that timings hang on, for rows of this device class.
std::vector<std::string_view> hardware_columns(std::string_view device_class);
/// What says that two rows were not measured on the same machine: hardware_columns(); a machine that a row does not name; for rows of the CPU
/// another host, or, where a side ran in a container, whose host name is made up, another kernel or memory more than 1 % apart.
std::vector<std::string> machine_differences(const record::ResultRow& base, const record::ResultRow& fresh);
/// Digests of what a request computes: weights, tokenizer, template, prompt.
std::vector<std::string_view> work_columns();
/// Settings and kind of build that decide how long the same request takes: rows that differ in one are no comparison of code.
std::vector<std::string_view> load_columns();
/// How it was run, as far as the pairing leaves it open.
std::vector<std::string_view> setting_columns();

}  // namespace qbench::compare
