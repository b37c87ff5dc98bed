#include "record/csv.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/error.h"
#include "base/text_file.h"
#include "record/schema.h"

namespace qbench::record {
namespace {

/// One pass over the text; keeps the line for errors.
class CsvParser {
 public:
  CsvParser(std::string_view text, std::string_view where) : text_(text), where_(where) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
  }

  bool at_end() const { return at_ >= text_.size(); }
  int line() const { return line_; }

  std::vector<std::string> record() {
    std::vector<std::string> fields;
    while (true) {
      fields.push_back(at_ < text_.size() && text_[at_] == '"' ? quoted() : bare());
      if (at_ < text_.size() && text_[at_] == ',') {
        ++at_;
        continue;
      }
      end_record();
      return fields;
    }
  }

  [[noreturn]] void fail(int line, const std::string& message) const {
    throw Error(ErrorCode::kFormat, "line " + std::to_string(line) + ": " + message, std::string(where_));
  }

 private:
  std::string bare() {
    const std::size_t end = std::min(text_.find_first_of(",\r\n", at_), text_.size());
    const std::string_view field = text_.substr(at_, end - at_);
    if (field.find('"') != std::string_view::npos) fail(line_, "a quote inside a field that does not begin with one");
    at_ = end;
    return std::string(field);
  }

  std::string quoted() {
    const int first_line = line_;
    std::string field;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        if (at_ + 1 >= text_.size() || text_[at_ + 1] != '"') {
          ++at_;
          if (at_ < text_.size() && std::string_view(",\r\n").find(text_[at_]) == std::string_view::npos)
            fail(line_, "text after a closing quote");
          return field;
        }
        ++at_;
      }
      if (text_[at_] == '\n') ++line_;
      field += text_[at_];
    }
    fail(first_line, "the quote that opens here is never closed");
  }

  void end_record() {
    if (at_end()) return;
    if (text_[at_] == '\r') {
      ++at_;
      if (at_end() || text_[at_] != '\n') fail(line_, "a carriage return without a line feed outside quotes");
    }
    ++at_;
    ++line_;
  }

  std::string_view text_;
  std::string_view where_;
  std::size_t at_ = 0;
  int line_ = 1;
};

/// A name out of a file that may be no CSV at all, fit for a message.
std::string shown(std::string_view name) {
  std::string text(name.substr(0, 40));
  for (char& c : text) {
    if (c < ' ' || c > '~') c = '?';
  }
  return text;
}

}  // namespace

std::string csv_field(std::string_view text) {
  const bool spaced = !text.empty() && (text.front() == ' ' || text.back() == ' ');
  if (!spaced && text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string csv_line(const std::vector<std::string>& fields) {
  std::string line;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) line += ',';
    line += csv_field(fields[i]);
  }
  return line + "\r\n";
}

std::optional<std::size_t> CsvTable::column(std::string_view name) const {
  const auto found = std::find(header.begin(), header.end(), name);
  if (found == header.end()) return std::nullopt;
  return static_cast<std::size_t>(found - header.begin());
}

CsvTable parse_csv(std::string_view text, std::string_view where) {
  CsvParser parser(text, where);
  if (parser.at_end()) parser.fail(1, "empty; expected a header row");
  CsvTable table;
  table.header = parser.record();
  std::set<std::string_view> names;
  for (const std::string& name : table.header) {
    if (name.empty()) parser.fail(1, "column " + std::to_string(names.size() + 1) + " has no name");
    if (!names.insert(name).second) parser.fail(1, "column '" + name + "' stands twice in the header");
  }
  while (!parser.at_end()) {
    const int line = parser.line();
    auto row = parser.record();
    if (row.size() != table.header.size()) {
      parser.fail(line, std::to_string(row.size()) + " fields, the header has " + std::to_string(table.header.size()));
    }
    table.rows.push_back(std::move(row));
    table.lines.push_back(line);
  }
  return table;
}

CsvTable read_summary_csv(const std::filesystem::path& path) {
  CsvTable table = parse_csv(read_text_file(path), path.string());
  if (table.header.front() != "schema_version") {
    throw Error(ErrorCode::kFormat,
                "the first column is '" + shown(table.header.front()) + "', expected 'schema_version': no summary.csv of qbench",
                path.string());
  }
  for (const auto& row : table.rows) {
    int version = 0;
    const auto [end, error] = std::from_chars(row.front().data(), row.front().data() + row.front().size(), version);
    const bool whole = error == std::errc() && end == row.front().data() + row.front().size();
    if (!whole || version < kOldestSchemaVersion || version > kSchemaVersion) {
      throw Error(ErrorCode::kFormat,
                  "schema_version " + row.front() + ", this build reads versions " + std::to_string(kOldestSchemaVersion) + " to " +
                      std::to_string(kSchemaVersion),
                  path.string());
    }
    if (row.front() != table.rows.front().front()) {
      throw Error(ErrorCode::kFormat, "rows of schema versions " + table.rows.front().front() + " and " + row.front() + " in one file",
                  path.string());
    }
  }
  return table;
}

}  // namespace qbench::record
