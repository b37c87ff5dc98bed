#include "text/nfc.h"

#include <doctest/doctest.h>

#include "base/random.h"
#include "text/nfc_table.h"
#include "text/utf8.h"

using namespace qbench;
using namespace qbench::text;

namespace {

std::string spelled(std::initializer_list<char32_t> code_points) {
  std::string text;
  for (const char32_t c : code_points) append_utf8(text, c);
  return text;
}

}  // namespace

TEST_CASE("letters and marks are composed and put in canonical order") {
  CHECK(normalize_nfc("") == "");
  CHECK(normalize_nfc("plain") == "plain");
  CHECK(normalize_nfc(spelled({'e', 0x301})) == spelled({0xE9}));
  CHECK(normalize_nfc(spelled({'a', 0x307, 0x323})) == spelled({0x1EA1, 0x307}));
  CHECK(normalize_nfc(spelled({'x', 0x301, 0x323, 'y'})) == spelled({'x', 0x323, 0x301, 'y'}));
  CHECK(normalize_nfc(spelled({0x212B, 0x2126})) == spelled({0xC5, 0x3A9}));
  CHECK(normalize_nfc(spelled({0x1100, 0x1161, 0x11A8})) == spelled({0xAC01}));
  CHECK(normalize_nfc(spelled({0xAC00, 0x11A8})) == spelled({0xAC01}));
  CHECK(normalize_nfc(spelled({0x958})) == spelled({0x915, 0x93C}));
  CHECK(normalize_nfc(spelled({0x301, 'a', 0x301})) == spelled({0x301, 0xE1}));
}

TEST_CASE("marks that came after Unicode 9 are left where they stand") {
  CHECK(normalize_nfc(spelled({0x898, 0x334})) == spelled({0x898, 0x334}));          // Unicode 14, class 230 before class 1
  CHECK(normalize_nfc(spelled({0x11935, 0x11930})) == spelled({0x11935, 0x11930}));  // Unicode 13, would compose
  CHECK(normalize_nfc(spelled({'a', 0x345, 0x1DF9})) == spelled({'a', 0x345, 0x1DF9}));
  CHECK(normalize_nfc(spelled({0x898, 'e', 0x301, 0x898})) == spelled({0x898, 0xE9, 0x898}));
}

TEST_CASE("the table is in order, and normalising twice changes nothing more") {
  for (std::size_t i = 0; i < kNfcUnsafe.size(); ++i) {
    CHECK(kNfcUnsafe[i].first <= kNfcUnsafe[i].last);
    if (i > 0) CHECK(kNfcUnsafe[i - 1].last < kNfcUnsafe[i].first);
  }
  Random random(4);
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (std::uint64_t i = random.next_below(12) + 1; i > 0; --i) {
      const auto& range = kNfcUnsafe[random.next_below(kNfcUnsafe.size())];
      append_utf8(text, random.next_below(3) == 0 ? static_cast<char32_t>('a' + random.next_below(26))
                                                  : range.first + static_cast<char32_t>(random.next_below(range.last - range.first + 1)));
    }
    const std::string once = normalize_nfc(text);
    REQUIRE(is_valid_utf8(once));
    REQUIRE(normalize_nfc(once) == once);
    if (is_surely_nfc(text)) REQUIRE(once == text);
  }
}
