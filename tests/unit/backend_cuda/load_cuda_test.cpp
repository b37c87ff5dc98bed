#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

#include "backend/cuda/cuda_backend.h"
#include "backend/cuda/cuda_storage.h"
#include "backend/cuda/cuda_upload.h"
#include "backend/step_cases.h"
#include "kernels/cuda/emulation/control.h"

namespace qbench::backend::cuda_emulated {
namespace {

using namespace qbench::test;  // NOLINT: the test's own helpers
using tensor::DType;

/// Rows whose bytes follow from their number, drawn as they are asked for.
struct Drawn final : tensor::RowSource {
  DType type;
  std::int64_t row_count, col_count;
  Drawn(DType t, std::int64_t r, std::int64_t c) : type(t), row_count(r), col_count(c) {}
  DType dtype() const override { return type; }
  std::int64_t rows() const override { return row_count; }
  std::int64_t cols() const override { return col_count; }
  void read_rows(std::int64_t first, std::int64_t count, std::byte* to) const override {
    const std::int64_t bytes = tensor::row_bytes(type, col_count);
    for (std::int64_t i = 0; i < count; ++i) tensor::draw_row(type, 5, 6, first + i, 1.0, to + i * bytes, col_count);
  }
};

/// Rows `ids` of the table as the device sees them.
std::vector<float> embedded(Backend& device, const Matrix& table, const std::vector<std::int32_t>& ids) {
  OwnedBatch batch;
  batch.add(0, 0, static_cast<std::int32_t>(ids.size()));
  batch.ids = ids;
  const auto x = guarded(device, static_cast<std::int64_t>(ids.size()) * table.cols());
  device.begin_step(batch.view());
  device.embed(table, *x);
  device.end_step();
  return read_guarded(device, *x);
}

TEST_CASE("weights arrive whole, however many threads read and repack them") {
  for (const Drawn& rows :
       {Drawn(DType::kBF16, 2500, 520), Drawn(DType::kF32, 700, 1001), Drawn(DType::kQ4_K, 3001, 768), Drawn(DType::kBF16, 3, 64)}) {
    CAPTURE(tensor::name_of(rows.type));
    std::vector<std::int32_t> ids;
    for (std::int32_t id = 0; id < rows.row_count; id += 17) ids.push_back(id);
    ids.push_back(static_cast<std::int32_t>(rows.row_count - 1));
    std::vector<float> expected(ids.size() * static_cast<std::size_t>(rows.col_count));
    std::vector<std::byte> file(static_cast<std::size_t>(tensor::row_bytes(rows.type, rows.col_count)));
    for (std::size_t i = 0; i < ids.size(); ++i) {
      rows.read_rows(ids[i], 1, file.data());
      tensor::dequantize_row(rows.type, file.data(), expected.data() + i * static_cast<std::size_t>(rows.col_count), rows.col_count);
    }
    for (const int threads : {1, 2, 5}) {
      CAPTURE(threads);
      kernels::set_emulation({});
      const auto device = make_cuda_backend({.load_threads = threads});
      const auto table = load(*device, {&rows});
      CHECK(embedded(*device, *table, ids) == expected);
      const auto again = load(*device, {&rows});  // after a step, which ended the first loading
      CHECK(embedded(*device, *again, ids) == expected);
    }
  }
}

TEST_CASE("an error of any thread that reads reaches the caller, and the device loads on") {
  struct Broken final : tensor::RowSource {
    std::int64_t from = 0;
    mutable std::atomic<int> reads{0};
    DType dtype() const override { return DType::kF32; }
    std::int64_t rows() const override { return 4000; }
    std::int64_t cols() const override { return 512; }
    void read_rows(std::int64_t first, std::int64_t count, std::byte* to) const override {
      ++reads;
      if (first + count > from) throw Error(ErrorCode::kIo, "cannot be read", "test");
      std::memset(to, 0, static_cast<std::size_t>(count * 512 * 4));
    }
  } broken;
  kernels::set_emulation({});
  const auto device = make_cuda_backend({.load_threads = 4});
  for (const std::int64_t from : {0, 1000, 3999}) {
    broken.from = from;
    CHECK(error_of([&] { load(*device, {&broken}); }) == ErrorCode::kIo);
  }
  CHECK(broken.reads > 4);
  const Drawn whole(DType::kBF16, 3000, 512);
  const auto table = load(*device, {&whole});
  CHECK(embedded(*device, *table, {2999}).size() == 512);
}

TEST_CASE("pinned memory for loading is given back when the first step begins") {
  kernels::set_emulation({});
  const Drawn rows(DType::kBF16, 3000, 1024);
  const auto device = make_cuda_backend({.load_threads = 4});
  const std::uint64_t before = kernels::allocated_bytes();
  const auto table = load(*device, {&rows});
  CHECK(kernels::allocated_bytes() > before + table->device_bytes());
  embedded(*device, *table, {0});
  CHECK(kernels::allocated_bytes() < before + table->device_bytes() + (1 << 20));
}

TEST_CASE("a thread's share of a matrix is neither too small to be worth a wake-up nor larger than the pinned memory that it may take") {
  // Qwen3-32B's gate, an expert's gate of Qwen3-30B-A3B, a head: rows, bytes of a row.
  for (const auto& [rows, row_bytes] : {std::pair<std::int64_t, std::int64_t>{25600, 10240}, {768, 4096}, {151936, 10240}, {1, 304128}}) {
    const std::int64_t chunk = Uploader::chunk_rows(rows, row_bytes, 16);
    CHECK(chunk >= 1);
    CHECK(chunk <= rows);
    CHECK((chunk * row_bytes <= (4 << 20) || chunk == 1));
    CHECK((chunk * row_bytes > (256 << 10) - row_bytes || chunk == rows));
  }
}

TEST_CASE("neighbouring parts of one type become one part, others stay apart") {
  kernels::set_emulation({});
  const Drawn a(DType::kBF16, 64, 256), b(DType::kBF16, 32, 256), c(DType::kQ8_0, 32, 256), odd(DType::kBF16, 3, 40);
  const auto device = make_cuda_backend({});
  const auto parts_of = [&](std::vector<const tensor::RowSource*> sources) {
    std::vector<std::int64_t> counts;
    const auto matrix = load(*device, std::move(sources));
    for (const CudaMatrix::Part& part : own(*matrix).parts()) counts.push_back(part.count);
    return counts;
  };
  CHECK(parts_of({&a, &b, &b}) == std::vector<std::int64_t>{128});
  CHECK(parts_of({&a, &c, &b}) == std::vector<std::int64_t>{64, 32, 32});
  CHECK(parts_of({&odd, &odd}) == std::vector<std::int64_t>{3, 3});  // a gap of padding lies between them
}

TEST_CASE("weights share slabs of whole pages: thousands of experts' matrices waste less than a twentieth, and what is freed is freed") {
  constexpr std::size_t kPage = 4096;  // pages and matrices at a 512th of a GPU's
  WeightArena arena(kPage);
  const std::uint64_t before = kernels::allocated_bytes();
  std::vector<WeightArena::Place> places;
  std::size_t asked = 0;
  for (int e = 0; e < 1024; ++e) {
    for (const std::size_t bytes : {std::size_t{12288}, std::size_t{6144}}) {
      places.push_back(arena.take(bytes));
      CHECK(reinterpret_cast<std::uintptr_t>(places.back().data) % 256 == 0);
      asked += bytes;
    }
  }
  const std::uint64_t held = kernels::allocated_bytes() - before;
  CHECK(held >= asked);
  CHECK(static_cast<double>(held) <= 1.05 * static_cast<double>(asked));
  std::vector<std::pair<unsigned char*, std::size_t>> spans;
  for (std::size_t i = 0; i < places.size(); ++i) spans.emplace_back(places[i].data, i % 2 == 0 ? 12288 : 6144);
  std::sort(spans.begin(), spans.end());
  for (std::size_t i = 1; i < spans.size(); ++i) REQUIRE(spans[i - 1].first + spans[i - 1].second <= spans[i].first);
  places.clear();
  CHECK(kernels::allocated_bytes() == before);
  CHECK(arena.take(100).data != nullptr);
}

}  // namespace
}  // namespace qbench::backend::cuda_emulated
