#include <doctest/doctest.h>

#include "base/random.h"
#include "text/utf8.h"
#include "tokenizer_test_support.h"

using namespace qbench;
using namespace qbench::text;
using namespace qbench::text::test;
using Ids = std::vector<std::int32_t>;

namespace {

/// Pushes all ids, checking that nothing but whole characters comes out on the way.
std::string streamed(const Tokenizer& tokenizer, const Ids& ids, bool skip_special) {
  StreamDecoder decoder(tokenizer, skip_special);
  std::string text;
  for (const std::int32_t id : ids) {
    const std::string part = decoder.push(id);
    REQUIRE(is_valid_utf8(part));
    text += part;
  }
  return text + decoder.finish();
}

void check_random_sequences(const Tokenizer& tokenizer, std::uint64_t seed) {
  Random random(seed);
  const auto size = static_cast<std::uint64_t>(tokenizer.vocab_size());
  for (int round = 0; round < 3000; ++round) {
    // A third of the rounds draws from the low ids, where the single bytes are: broken characters of every kind.
    const std::uint64_t bound = round % 3 == 0 ? std::min<std::uint64_t>(size, 262) : size;
    Ids ids(1 + random.next_below(14));
    for (auto& id : ids) id = static_cast<std::int32_t>(random.next_below(bound));
    const bool skip = round % 2 == 0;
    CHECK(streamed(tokenizer, ids, skip) == replace_invalid_utf8(tokenizer.decode(ids, skip)));
  }
}

}  // namespace

TEST_CASE("a stream of tokens gives what decoding the whole gives, whatever the tokens") {
  check_random_sequences(*tokenizer_of(read_fixture("tok_byte_level.json")), 1);
  check_random_sequences(*tokenizer_of(read_fixture("tok_spm_like.json")), 2);
  check_random_sequences(*make_tokenizer(sentencepiece_source()), 3);
}

TEST_CASE("a character that several tokens spell comes out when its last byte is there") {
  const auto tokenizer = tokenizer_of(read_fixture("tok_byte_level.json"));
  const Ids ids = tokenizer->encode("\xF0\x92\x8D\x85");  // a cuneiform sign: four tokens here
  REQUIRE(ids.size() == 4);
  StreamDecoder decoder(*tokenizer);
  for (std::size_t i = 0; i < 3; ++i) CHECK(decoder.push(ids[i]).empty());
  CHECK(decoder.push(ids[3]) == "\xF0\x92\x8D\x85");
  CHECK(decoder.finish().empty());
}

TEST_CASE("bytes that can no longer become a character come out as U+FFFD at once, the rest at the end") {
  const auto tokenizer = tokenizer_of(read_fixture("tok_byte_level.json"));
  const Ids ids = tokenizer->encode("\xF0\x92\x8D\x85");
  REQUIRE(ids.size() == 4);
  StreamDecoder decoder(*tokenizer);
  CHECK(decoder.push(ids[0]).empty());
  CHECK(decoder.push(tokenizer->encode("a")[0]) ==
        "\xEF\xBF\xBD"
        "a");
  CHECK(decoder.push(ids[0]).empty());
  CHECK(decoder.push(ids[1]).empty());
  CHECK(decoder.finish() == "\xEF\xBF\xBD");
}

TEST_CASE("only the blank that begins a SentencePiece text is taken off") {
  const auto tokenizer = make_tokenizer(sentencepiece_source());
  Ids ids = tokenizer->encode("Hello Hello");
  CHECK(ids[0] == 1);
  CHECK(streamed(*tokenizer, ids, true) == "Hello Hello");
  CHECK(streamed(*tokenizer, ids, false) == "<s> Hello Hello");
  const std::int32_t blank = tokenizer->id_of("\xE2\x96\x81").value();
  CHECK(streamed(*tokenizer, {1, blank, blank, blank}, true) == "  ");
}
