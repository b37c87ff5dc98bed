#include "kernels/cuda/probes.h"

#include "op_cases.h"

namespace qbench::test {
namespace {

constexpr int kSms = 2;
const auto kBlocks = static_cast<std::size_t>(emulated::probe_blocks(kSms));

std::vector<unsigned> words(std::int64_t count) {
  Random random(5);
  std::vector<unsigned> all(static_cast<std::size_t>(4 * count));
  for (unsigned& word : all) word = static_cast<unsigned>(random.next_u64());
  return all;
}

/// One piece, a tail, one round of all loads in flight plus a tail, two rounds.
const std::vector<std::int64_t> kCounts = {1, 1000, 8 * 2048 + 77, 2 * 8 * 2048};

TEST_CASE("the read probe reads every piece once, for any length") {
  emulated::Stream stream;
  for (const std::int64_t count : kCounts) {
    CAPTURE(count);
    const auto numbers = words(count);
    const auto from = to_device(numbers, stream);
    const auto sums = to_device(std::vector<unsigned>(kBlocks + 1, 77U), stream);
    emulated::read_probe({from.data(), count, sums.as<unsigned>()}, kSms, stream);
    const auto actual = to_host<unsigned>(sums, stream);
    unsigned expected = 0, all = 0;
    for (const unsigned word : numbers) expected ^= word;
    for (std::size_t b = 0; b < kBlocks; ++b) all ^= actual[b];
    CHECK(all == expected);
    CHECK(actual[kBlocks] == 77U);
    CHECK(emulated::read_probe_cost({from.data(), count, sums.as<unsigned>()}).bytes == numbers.size() * 4);
  }
}

TEST_CASE("the copy probe copies every piece and nothing behind it") {
  emulated::Stream stream;
  for (const std::int64_t count : kCounts) {
    CAPTURE(count);
    const auto numbers = words(count);
    const auto from = to_device(numbers, stream);
    const auto to = to_device(std::vector<unsigned>(numbers.size() + 4, 77U), stream);
    emulated::copy_probe({from.data(), to.data(), count}, kSms, stream);
    auto actual = to_host<unsigned>(to, stream);
    for (std::size_t i = numbers.size(); i < actual.size(); ++i) CHECK(actual[i] == 77U);
    actual.resize(numbers.size());
    CHECK((actual == numbers));
  }
}

TEST_CASE("launch probes run one after the other, in a graph and with early starts, too") {
  for (const bool programmatic : {false, true}) {
    CAPTURE(programmatic);
    emulated::Stream stream;
    const auto x = to_device(std::vector<unsigned>(kBlocks, 0U), stream);
    const emulated::LaunchProbeArguments a{x.as<unsigned>(), programmatic};
    const auto graph = emulated::Graph::capture(stream, [&] {
      for (int i = 0; i < 5; ++i) emulated::launch_probe(a, kSms, stream);
    });
    CHECK(graph.node_count() == 5);
    graph.launch(stream);
    graph.launch(stream);
    CHECK(to_host<unsigned>(x, stream) == std::vector<unsigned>(kBlocks, 1023U));  // 2^10 - 1
  }
}

}  // namespace
}  // namespace qbench::test
