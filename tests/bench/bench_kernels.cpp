// bench_kernels [--threads N] [--isa NAME] [--no-vnni] [--no-bf16] [--repeats N] [--tokens N] [--types a,b,...] [--models a,b,...]
//
// Times the matrix kernels alone: per type one matrix of Qwen2.5-0.5B's feed-forward shape (as GEMV over copies larger than the last-level
// cache, and as GEMM), then all matrices of a model in turn, which bounds the tokens per second that the engine can reach. Best of the repeats:
// other work on the machine can only slow a repeat down. 1 GB = 1e9 bytes.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "base/random.h"
#include "kernels/cpu/matmul.h"
#include "kernels/cpu/thread_pool.h"
#include "tensor/convert.h"
#include "tensor/row_source.h"

namespace {

using namespace qbench;
using namespace qbench::kernels::cpu;
using tensor::DType;

struct Options {
  int threads = 2;
  Isa isa = best_isa(detect_features());
  CpuFeatures features = detect_features();
  int repeats = 5;
  std::int64_t tokens = 512;
  std::vector<std::string> types, models;
};

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) out.push_back(part);
  return out;
}

Options parse(int argc, char** argv) {
  Options o;
  for (const tensor::DTypeInfo& type : tensor::all_dtypes()) o.types.emplace_back(type.name);
  o.models = {"qwen-bf16", "qwen-q8_0", "qwen-q4_0", "qwen-q4_k_m", "smollm-q4_1"};
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--no-vnni") {
      o.features.avx512_vnni = o.features.avx_vnni = false;
      continue;
    }
    if (name == "--no-bf16") {
      o.features.avx512_bf16 = false;
      continue;
    }
    const char* value = ++i < argc ? argv[i] : "";
    if (name == "--threads") o.threads = std::atoi(value);
    else if (name == "--isa") o.isa = isa_from_name(value).value_or(o.isa);
    else if (name == "--repeats") o.repeats = std::atoi(value);
    else if (name == "--tokens") o.tokens = std::atoi(value);
    else if (name == "--types") o.types = split(value);
    else if (name == "--models") o.models = split(value);
    else {
      std::fprintf(stderr, "unknown option %s\n", name.c_str());
      std::exit(2);
    }
  }
  return o;
}

/// Random rows, a few hundred of them over and over: drawing is not what is timed.
class RandomRows final : public tensor::RowSource {
 public:
  RandomRows(DType dtype, std::int64_t rows, std::int64_t cols) : dtype_(dtype), rows_(rows), cols_(cols), bytes_(tensor::row_bytes(dtype, cols)) {
    drawn_.resize(static_cast<std::size_t>(kDrawn * bytes_));
    for (std::int64_t r = 0; r < kDrawn; ++r) {
      tensor::draw_row(dtype, 1, 1, r, 1.0 / std::sqrt(static_cast<double>(cols)), drawn_.data() + r * bytes_, cols);
    }
  }
  DType dtype() const override { return dtype_; }
  std::int64_t rows() const override { return rows_; }
  std::int64_t cols() const override { return cols_; }
  void read_rows(std::int64_t first, std::int64_t count, std::byte* to) const override {
    for (std::int64_t i = 0; i < count; ++i) {
      std::memcpy(to + i * bytes_, drawn_.data() + (first + i) % kDrawn * bytes_, static_cast<std::size_t>(bytes_));
    }
  }

 private:
  static constexpr std::int64_t kDrawn = 192;
  DType dtype_;
  std::int64_t rows_, cols_, bytes_;
  std::vector<std::byte> drawn_;
};

/// With one thread its processor time, which other load on the machine disturbs less than the time on the wall.
double now_seconds(int threads) {
  timespec time;
  clock_gettime(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// Matrices that one token goes through in turn.
class Chain {
 public:
  Chain(const Options& options, ThreadPool& pool) : options_(options), pool_(pool) {}

  void add(DType dtype, std::int64_t rows, std::int64_t cols) {
    const RandomRows source(dtype, rows, cols);
    const double start = now_seconds(options_.threads);
    matrices_.push_back(pack_matrix(source, options_.isa, options_.features, [&](std::int64_t count, const auto& body) {
      pool_.run([&](int thread) {
        const Range part = partition(count, 1, thread, pool_.threads());
        body(part.begin, part.end);
      });
    }));
    pack_seconds_ += now_seconds(options_.threads) - start;
  }

  /// The first matrix once more, or a new first one.
  void add_again(DType dtype, std::int64_t rows, std::int64_t cols) {
    if (matrices_.empty()) return add(dtype, rows, cols);
    matrices_.push_back(matrices_.front());
  }

  double bytes() const {
    double sum = 0;
    for (const auto& m : matrices_) sum += static_cast<double>(m->bytes());
    return sum;
  }
  double flops() const {
    double sum = 0;
    for (const auto& m : matrices_) sum += 2.0 * static_cast<double>(m->rows()) * static_cast<double>(m->cols());
    return sum;
  }
  double pack_seconds() const { return pack_seconds_; }

  /// Best seconds for preparing the inputs and multiplying every matrix but the last `skip`.
  double run(std::int64_t tokens, std::size_t skip) {
    std::int64_t cols = 0, rows = 0, bytes = 0;
    for (const auto& m : matrices_) {
      cols = std::max(cols, m->cols());
      rows = std::max(rows, m->rows());
      bytes = std::max(bytes, prepared_bytes(m->input_kind(), tokens, m->cols()));
    }
    Random random(3);
    std::vector<float> x(static_cast<std::size_t>(tokens * cols)), y(static_cast<std::size_t>(tokens * rows));
    for (float& value : x) value = static_cast<float>(random.next_normal());
    std::unique_ptr<std::byte, void (*)(void*)> prepared(static_cast<std::byte*>(std::aligned_alloc(64, static_cast<std::size_t>(bytes + 63) / 64 * 64)), std::free);
    double best = 1e30;
    for (int repeat = 0; repeat <= options_.repeats; ++repeat) {  // the first warms up
      const double start = now_seconds(options_.threads);
      pool_.run([&](int thread) {
        for (std::size_t i = 0; i + skip < matrices_.size(); ++i) {
          const PackedMatrix& m = *matrices_[i];
          const Range part = partition(tokens, prepare_granularity(m.input_kind()), thread, pool_.threads());
          prepare_input(m.input_kind(), options_.isa, {x.data(), m.cols(), nullptr, tokens, m.cols()}, part.begin, part.end, prepared.get());
          pool_.barrier();
          const Range own = partition(m.rows(), m.row_granularity(), thread, pool_.threads());
          m.multiply(prepared.get(), tokens, y.data(), m.rows(), own.begin, own.end, false);
          pool_.barrier();
        }
      });
      if (repeat > 0) best = std::min(best, (now_seconds(options_.threads) - start));
    }
    return best;
  }

 private:
  const Options& options_;
  ThreadPool& pool_;
  std::vector<std::shared_ptr<PackedMatrix>> matrices_;
  double pack_seconds_ = 0;
};

void bench_type(const Options& options, ThreadPool& pool, DType dtype) {
  constexpr std::int64_t kRows = 896, kCols = 4864;
  Chain big(options, pool);  // 200 MB or more: beyond any last-level cache
  const double one = static_cast<double>(tensor::row_bytes(dtype, kCols) * kRows);
  for (int i = 0; i < static_cast<int>(200e6 / one) + 1; ++i) big.add(dtype, kRows, kCols);
  const double gemv = big.run(1, 0);
  Chain cached(options, pool);  // 64 rows a thread: what the arithmetic alone allows
  constexpr int kTimes = 400;
  for (int i = 0; i < kTimes; ++i) cached.add_again(dtype, 64 * options.threads, kCols);
  const double compute = cached.run(1, 0);
  Chain small(options, pool);
  small.add(dtype, kRows, kCols);
  const double gemm = small.run(options.tokens, 0);
  std::printf("%-7s  gemv %6.1f GB/s (in cache %6.1f)   gemm %7.1f GFLOP/s   pack %5.2f GB/s\n", std::string(tensor::name_of(dtype)).c_str(), big.bytes() / gemv / 1e9, cached.bytes() / compute / 1e9,
              small.flops() * static_cast<double>(options.tokens) / gemm / 1e9, big.bytes() / big.pack_seconds() / 1e9);
  std::fflush(stdout);
}

struct Shape {
  std::int64_t layers, hidden, q, kv, ffn, vocab;
};

/// The types of one layer's matrices and of the head, as llama-quantize chooses them for this shape.
struct Types {
  DType attention, value, gate_up, down, head;
};

bool uses_more_bits(std::int64_t layer, std::int64_t layers) {
  return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
}

void bench_model(const Options& options, ThreadPool& pool, const std::string& name) {
  const bool qwen = name.rfind("qwen", 0) == 0;
  const Shape s = qwen ? Shape{24, 896, 896, 128, 4864, 151936} : Shape{30, 576, 576, 192, 1536, 49152};
  Chain chain(options, pool);
  DType head = DType::kQ8_0;
  for (std::int64_t layer = 0; layer < s.layers; ++layer) {
    Types types;
    if (name == "qwen-q4_k_m") {
      const bool more = uses_more_bits(layer, s.layers);
      types = {DType::kQ5_0, more ? DType::kQ8_0 : DType::kQ5_0, DType::kQ5_0, more ? DType::kQ6_K : DType::kQ4_K, DType::kQ8_0};
    } else {
      const DType all = tensor::dtype_from_name(name.substr(name.find('-') + 1)).value_or(DType::kF32);
      types = {all, all, all, all, all == DType::kQ4_0 || all == DType::kQ4_1 ? DType::kQ8_0 : all};
    }
    chain.add(types.attention, s.q + s.kv, s.hidden);
    chain.add(types.value, s.kv, s.hidden);
    chain.add(types.attention, s.hidden, s.q);
    chain.add(types.gate_up, 2 * s.ffn, s.hidden);
    chain.add(types.down, s.hidden, s.ffn);
    head = types.head;
  }
  chain.add(head, s.vocab, s.hidden);
  const double decode = chain.run(1, 0), prefill = chain.run(options.tokens, 1);
  std::printf("%-12s  %6.1f MB  decode %7.2f ms = %6.1f tok/s (%5.1f GB/s)   prefill %8.1f ms = %7.1f tok/s   pack %5.2f s\n", name.c_str(),
              chain.bytes() / 1e6, decode * 1e3, 1.0 / decode, chain.bytes() / decode / 1e9, prefill * 1e3, static_cast<double>(options.tokens) / prefill,
              chain.pack_seconds());
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  ThreadPool pool(options.threads);
  std::printf("%s, %d threads, %lld tokens, best of %d\n", describe(options.isa, options.features).c_str(), options.threads,
              static_cast<long long>(options.tokens), options.repeats);
  for (const std::string& type : options.types) {
    if (const auto dtype = tensor::dtype_from_name(type)) bench_type(options, pool, *dtype);
  }
  for (const std::string& model : options.models) bench_model(options, pool, model);
  return 0;
}
