#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qbench::record {

/// One field by RFC 4180: quoted when it holds a comma, a quote, CR, LF, or begins or ends with a space; quotes doubled. Bytes pass
/// unchanged.
std::string csv_field(std::string_view text);

/// Fields joined by commas, ended with CR LF.
std::string csv_line(const std::vector<std::string>& fields);

/// A CSV text with one header row. Every row has as many fields as the header.
struct CsvTable {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
  std::vector<int> lines;  ///< on which each row begins, from 1; empty for a table that is from no file
  std::optional<std::size_t> column(std::string_view name) const;
};

/// Parses RFC 4180 (LF alone ends a record too; a UTF-8 byte order mark is skipped). Error{kFormat} with the line: a row of another length,
/// a quote inside a bare field, text after a closing quote, an open quote at the end, a header name twice, no header.
CsvTable parse_csv(std::string_view text, std::string_view where);

/// Reads summary.csv: parse_csv, and Error{kFormat} unless schema_version is the first column and the rows have one version that this build reads.
CsvTable read_summary_csv(const std::filesystem::path& path);

}  // namespace qbench::record
