#include "record/csv.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "base/text_file.h"
#include "test_support.h"

using namespace qbench;
using namespace qbench::record;

TEST_CASE("fields are quoted when RFC 4180 asks for it, and only then") {
  CHECK(csv_field("") == "");
  CHECK(csv_field("plain 1.5") == "plain 1.5");
  CHECK(csv_field("a,b") == "\"a,b\"");
  CHECK(csv_field("say \"hi\"") == "\"say \"\"hi\"\"\"");
  CHECK(csv_field("two\nlines") == "\"two\nlines\"");
  CHECK(csv_field("cr\r") == "\"cr\r\"");
  CHECK(csv_field(" space") == "\" space\"");
  CHECK(csv_line({"a", "", "b,c"}) == "a,,\"b,c\"\r\n");
}

TEST_CASE("any bytes survive writing and reading") {
  Random random(1);
  const std::string alphabet = std::string(",\"\r\n ab\xff\xc3\xa9\0;\t", 14);
  CsvTable table;
  table.header = {"schema_version", "a \"quoted\", name", "c"};
  for (int row = 0; row < 500; ++row) {
    std::vector<std::string> fields;
    for (int field = 0; field < 3; ++field) {
      std::string text;
      for (std::uint64_t n = random.next_below(12); n > 0; --n) text += alphabet[random.next_below(alphabet.size())];
      fields.push_back(text);
    }
    table.rows.push_back(fields);
  }
  std::string text = csv_line(table.header);
  for (const auto& row : table.rows) text += csv_line(row);
  const CsvTable read = parse_csv(text, "x");
  CHECK(read.header == table.header);
  CHECK(read.rows == table.rows);
  CHECK(read.column("c") == 2);
  CHECK_FALSE(read.column("d").has_value());
}

TEST_CASE("line feeds alone, a missing last line end and a byte order mark are understood") {
  const CsvTable table = parse_csv(
      "\xEF\xBB\xBF"
      "a,b\n1,2\r\n3,",
      "x");
  CHECK(table.header == std::vector<std::string>{"a", "b"});
  CHECK(table.rows == std::vector<std::vector<std::string>>{{"1", "2"}, {"3", ""}});
}

TEST_CASE("a damaged table says in which line") {
  const auto failure = [](const char* text) -> std::string {
    try {
      parse_csv(text, "s.csv");
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::kFormat);
      return error.what();
    }
    return "no error";
  };
  CHECK(failure("") == "s.csv: line 1: empty; expected a header row");
  CHECK(failure("a,b\n1\n") == "s.csv: line 2: 1 fields, the header has 2");
  CHECK(failure("a,b\n\"x\ny\",1\n1,2,3\n") == "s.csv: line 4: 3 fields, the header has 2");
  CHECK(failure("a,b\n1,x\"y\"\n") == "s.csv: line 2: a quote inside a field that does not begin with one");
  CHECK(failure("a,b\n1,\"x\"y\n") == "s.csv: line 2: text after a closing quote");
  CHECK(failure("a,b\n\"1,2\n3,4\n") == "s.csv: line 2: the quote that opens here is never closed");
  CHECK(failure("a,b\r1,2\n") == "s.csv: line 1: a carriage return without a line feed outside quotes");
  CHECK(failure("a,a\n") == "s.csv: line 1: column 'a' stands twice in the header");
  CHECK(failure("a,,b\n") == "s.csv: line 1: column 2 has no name");
}

TEST_CASE("a summary of another schema version is refused") {
  const test::TempDir folder;
  const auto path = folder.path() / "summary.csv";
  write_text_file_atomic(path, "schema_version,status\r\n1,ok\r\n");
  CHECK(read_summary_csv(path).rows.size() == 1);
  write_text_file_atomic(path, "schema_version,status\r\n5,ok\r\n");
  CHECK_THROWS_WITH_AS(read_summary_csv(path), doctest::Contains("schema_version 5, this build reads versions 1 to 4"), Error);
  write_text_file_atomic(path, "schema_version,status\r\n1,ok\r\n3,ok\r\n");
  CHECK_THROWS_WITH_AS(read_summary_csv(path), doctest::Contains("rows of schema versions 1 and 3 in one file"), Error);
  write_text_file_atomic(path, "status,schema_version\r\nok,1\r\n");
  CHECK_THROWS_WITH_AS(read_summary_csv(path), doctest::Contains("first column is 'status'"), Error);
}
