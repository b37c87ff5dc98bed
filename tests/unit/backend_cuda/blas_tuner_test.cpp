#include "backend/cuda/cuda_blas_tuner.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "base/text_file.h"
#include "test_support.h"

namespace qbench::backend::cuda_emulated {
namespace {

using kernels::BlasAlgorithm;
using kernels::BlasShape;

/// A library with some ways to do everything, told apart by their first word.
struct FakeBlas final : kernels::Blas {
  std::string number = "1.0";
  std::vector<std::uint64_t> ways = {7, 8, 9};
  std::vector<std::uint64_t> refused;
  int asked = 0;
  std::string version() const override { return "fake " + number; }
  std::vector<BlasAlgorithm> candidates(const BlasShape&, std::uint64_t, int most) override {
    ++asked;
    std::vector<BlasAlgorithm> found;
    for (const std::uint64_t way : ways) found.push_back({{way, 0, 0, 0, 0, 0, 0, ~std::uint64_t{0}}, 16 * way});
    CHECK(static_cast<int>(found.size()) <= most);
    return found;
  }
  bool does(const BlasShape&, const BlasAlgorithm& algorithm, std::uint64_t workspace_bytes) override {
    return std::find(refused.begin(), refused.end(), algorithm.words[0]) == refused.end() && algorithm.workspace_bytes <= workspace_bytes;
  }
  void multiply(const kernels::BlasArguments&, kernels::Stream&) override {}
};

/// Way 8 takes 1 ms, all others 2.
struct FakeClock {
  int timed = 0;
  BlasTuner::TimeProduct time() {
    return [this](const BlasShape&, const BlasAlgorithm& algorithm) -> std::optional<double> {
      ++timed;
      if (algorithm.words[0] == 9) return std::nullopt;  // the library refuses it after all
      return algorithm.words[0] == 8 ? 1.0 : 2.0;
    };
  }
};

BlasShape shape_of(std::int32_t tokens, bool accumulate = false) {
  return {tensor::DType::kBF16, 512, tokens, 256, 256, 256, 512, accumulate, false};
}

std::filesystem::path new_file(const test::TempDir& folder) { return folder.path() / "below" / "products.txt"; }

std::uint64_t choice(BlasTuner& tuner, FakeClock& clock, const BlasShape& shape) {
  const auto algorithm = tuner.algorithm_for(shape, clock.time());
  return algorithm ? algorithm->words[0] : 0;
}

TEST_CASE("the fastest way is timed once for a shape, and known to the next process on the same device and library") {
  const test::TempDir folder;
  const auto file = new_file(folder);
  FakeBlas blas;
  FakeClock clock;
  {
    BlasTuner tuner(blas, "GPU 1", file, 1000);
    CHECK(choice(tuner, clock, shape_of(100)) == 8);
    CHECK(clock.timed == 3);
    CHECK(choice(tuner, clock, shape_of(100)) == 8);
    CHECK(choice(tuner, clock, shape_of(128)) == 8);  // to the next power of two
    CHECK(clock.timed == 3);
    CHECK(choice(tuner, clock, shape_of(129)) == 8);
    CHECK(choice(tuner, clock, shape_of(100, true)) == 8);
    CHECK(clock.timed == 9);
  }
  BlasTuner again(blas, "GPU 1", file, 1000);
  CHECK(again.algorithm_for(shape_of(101), clock.time()) == BlasAlgorithm{{8, 0, 0, 0, 0, 0, 0, ~std::uint64_t{0}}, 128});
  CHECK(choice(again, clock, shape_of(200)) == 8);
  CHECK(clock.timed == 9);
}

TEST_CASE("another device or version of the library times anew and leaves the others' entries in the file") {
  const test::TempDir folder;
  const auto file = new_file(folder);
  FakeBlas blas;
  FakeClock clock;
  BlasTuner(blas, "GPU 1", file, 1000).algorithm_for(shape_of(64), clock.time());
  BlasTuner(blas, "GPU 2", file, 1000).algorithm_for(shape_of(64), clock.time());
  CHECK(clock.timed == 6);
  blas.number = "2.0";
  BlasTuner(blas, "GPU 1", file, 1000).algorithm_for(shape_of(64), clock.time());
  CHECK(clock.timed == 9);
  blas.number = "1.0";
  BlasTuner tuner(blas, "GPU 1", file, 1000);
  CHECK(choice(tuner, clock, shape_of(64)) == 8);
  CHECK(clock.timed == 9);
}

TEST_CASE("entries that the library does not take any more are timed anew") {
  const test::TempDir folder;
  const auto file = new_file(folder);
  FakeBlas blas;
  FakeClock clock;
  BlasTuner(blas, "GPU", file, 1000).algorithm_for(shape_of(64), clock.time());
  blas.refused = {8};
  blas.ways = {7, 9};
  BlasTuner tuner(blas, "GPU", file, 1000);
  CHECK(choice(tuner, clock, shape_of(64)) == 7);
  CHECK(clock.timed == 5);
}

TEST_CASE("damaged lines and files of another kind are passed over") {
  const test::TempDir folder;
  const auto file = folder.path() / "products.txt";
  FakeBlas blas;
  FakeClock clock;
  BlasTuner(blas, "GPU", file, 1000).algorithm_for(shape_of(64), clock.time());
  const std::string good = read_text_file(file);
  const std::string head = good.substr(0, good.find('\n') + 1);
  const std::string line = good.substr(head.size());
  REQUIRE(std::count(line.begin(), line.end(), '\t') == 5);
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string text = line;
    text.replace(text.rfind(from), from.size(), to);
    return head + text;
  };
  for (const std::string& text :
       {std::string(), std::string("something else\n") + line, head + line.substr(0, line.size() / 2), replaced("\t1\n", "\tnan\n"),
        replaced("\t1\n", "\t-1\n"), replaced("8 0 0", "8 0"), replaced("8 0 0", "8 x 0"), replaced("8 0 0", "8 11112222333344445 0"),
        replaced("\t128\t", "\t\t"), head + "\t\t\t\t\t\n", std::string(5 << 20, 'x'), std::string("\0\0\0\n", 4)}) {
    write_text_file_atomic(file, text);
    BlasTuner tuner(blas, "GPU", file, 1000);
    const int before = clock.timed;
    CHECK(choice(tuner, clock, shape_of(64)) == 8);
    CHECK(clock.timed == before + 3);
  }
  write_text_file_atomic(file, head + "damage\n" + line + "more damage");
  BlasTuner tuner(blas, "GPU", file, 1000);
  const int before = clock.timed;
  CHECK(choice(tuner, clock, shape_of(64)) == 8);
  CHECK(clock.timed == before);
}

TEST_CASE("without a file, without a clock and without a choice there is still a way, and none where the library has none") {
  FakeBlas blas;
  FakeClock clock;
  const test::TempDir folder;
  write_text_file_atomic(folder.path() / "file", "");
  for (const std::filesystem::path& nowhere : {std::filesystem::path(), folder.path() / "file" / "products.txt"}) {
    BlasTuner tuner(blas, "GPU", nowhere, 1000);
    CHECK(choice(tuner, clock, shape_of(64)) == 8);
  }
  BlasTuner tuner(blas, "GPU", {}, 1000);
  const auto no_clock = [](const BlasShape&, const BlasAlgorithm&) { return std::optional<double>(); };
  CHECK(tuner.algorithm_for(shape_of(64), no_clock)->words[0] == 7);
  blas.ways = {9};
  CHECK(choice(tuner, clock, shape_of(2000)) == 9);  // the only one needs no clock
  blas.ways = {};
  CHECK(choice(tuner, clock, shape_of(4000)) == 0);
  const int asked = blas.asked;
  CHECK(choice(tuner, clock, shape_of(4001)) == 0);
  CHECK(blas.asked == asked);
}

}  // namespace
}  // namespace qbench::backend::cuda_emulated
