#include "workload/ranges.h"

#include "workload_test_support.h"

namespace qbench::workload {
namespace {

using Values = std::vector<std::int64_t>;

Values parse(std::string_view text) { return parse_int_list(text, "--depth", 0, 1 << 20); }

}  // namespace

TEST_CASE("a list option takes numbers and ranges in the order written") {
  CHECK(parse("512") == Values{512});
  CHECK(parse("128,512") == Values{128, 512});
  CHECK(parse("512,128,512") == Values{512, 128, 512});
  CHECK(parse("3-6") == Values{3, 4, 5, 6});
  CHECK(parse("0-4096+1024") == Values{0, 1024, 2048, 3072, 4096});
  CHECK(parse("0-10+4") == Values{0, 4, 8});
  CHECK(parse("1-8*2") == Values{1, 2, 4, 8});
  CHECK(parse("1-10*3,7") == Values{1, 3, 9, 7});
  CHECK(parse("5-5") == Values{5});
  CHECK(parse("0-0*2") == Values{0});
  CHECK(parse_int_list("9223372036854775807", "--x", 0, INT64_MAX) == Values{INT64_MAX});
  CHECK(parse_int_list("9223372036854775806-9223372036854775807", "--x", 0, INT64_MAX).size() == 2);
}

TEST_CASE("a broken list option is one usage error that names the option") {
  for (const std::string_view text : {"",          ",",     "1,",    ",1",      "1,,2",
                                      "x",         "-1",    "+1",    "1 2",     " 1",
                                      "1-",        "1-x",   "9-3",   "1-5+",    "1-5+0",
                                      "1-5*1",     "1-5*0", "0-5*2", "1-5/2",   "1-5+2+3",
                                      "1.5",       "0x10",  "1e3",   "1048577", "99999999999999999999",
                                      "0-1048576", "1-5-9"}) {
    CAPTURE(text);
    const std::string message = test::message_of(ErrorCode::kUsage, [&] { parse(text); });
    test::check_mentions(message, {"--depth"});
  }
  CHECK(parse("0-1023").size() == 1024);
  test::check_mentions(test::message_of(ErrorCode::kUsage, [] { parse("0-1024"); }), {"more than 1024 values"});
  test::check_mentions(test::message_of(ErrorCode::kUsage, [] { parse_int_list("0", "--threads", 1, 64); }),
                       {"--threads", "outside 1 to 64"});
}

}  // namespace qbench::workload
