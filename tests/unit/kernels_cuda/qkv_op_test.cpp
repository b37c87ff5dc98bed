#include <algorithm>
#include <array>

#include "kernels/cuda/qkv.h"
#include "op_cases.h"

namespace qbench::test {
namespace {

using tensor::DType;

struct Case {
  const char* name;
  std::array<DType, 3> types;  ///< of q, k and v
  bool stacked;                ///< one matrix of type types[0]
  std::int32_t heads, kv_heads, dim, rotary_dim, cols, tokens;
  bool bias, head_norms;
  DType cache;
};

constexpr std::int32_t kLayer = 1;      // of 2
constexpr std::int32_t kSequences = 2;
constexpr std::int32_t kPositions = 40;
constexpr float kEps = 1e-6F;

/// A number and how far off it may be.
using Bounded = Product;

/// What qkv and qkv_finish must give: q (tokens, heads dim), and k and v (tokens, kv_heads dim) before the cache rounds them.
struct Expected {
  std::vector<Bounded> q, k, v;
};

struct Setup {
  Case c;
  emulated::Stream& stream;
  std::vector<DeviceMatrix> parts;
  std::vector<float> x, norm, bias, q_norm, k_norm, cos, sin;
  std::vector<std::int32_t> positions, sequences;
  emulated::KvLayout layout;

  Setup(const Case& the_case, emulated::Stream& the_stream) : c(the_case), stream(the_stream) {
    const std::int32_t q_rows = c.heads * c.dim, kv_rows = c.kv_heads * c.dim;
    if (c.stacked) {
      parts.emplace_back(c.types[0], q_rows + 2 * kv_rows, c.cols, 11, stream);
    } else {
      parts.emplace_back(c.types[0], q_rows, c.cols, 11, stream);
      parts.emplace_back(c.types[1], kv_rows, c.cols, 12, stream);
      parts.emplace_back(c.types[2], kv_rows, c.cols, 13, stream);
    }
    x = normal_numbers(std::int64_t{c.tokens} * c.cols, 1, 3.0);
    norm = normal_numbers(c.cols, 2);
    bias = normal_numbers(q_rows + 2 * kv_rows, 3);
    q_norm = normal_numbers(c.dim, 4);
    k_norm = normal_numbers(c.dim, 5);
    cos = normal_numbers(kPositions * c.rotary_dim / 2, 6);  // any table will do
    sin = normal_numbers(kPositions * c.rotary_dim / 2, 7);
    for (std::int32_t t = 0; t < c.tokens; ++t) {
      positions.push_back((7 * t + 3) % kPositions);
      sequences.push_back(t % kSequences);
    }
    layout = emulated::make_kv_layout(c.cache, c.dim, c.kv_heads, kSequences, kPositions);
  }

  const float* row(std::int32_t r) const {
    for (const DeviceMatrix& part : parts) {
      if (r < part.rows) return part.row(r);
      r -= static_cast<std::int32_t>(part.rows);
    }
    return nullptr;
  }
  DType type_of_row(std::int32_t r) const {
    if (c.stacked || r < c.heads * c.dim) return c.types[0];
    return r < (c.heads + c.kv_heads) * c.dim ? c.types[1] : c.types[2];
  }

  /// Products, bias, norm and rotation of one head.
  std::vector<Bounded> head(std::int32_t token, std::int32_t head) const {
    std::vector<float> h(static_cast<std::size_t>(c.cols));
    double squares = 0;
    for (std::size_t i = 0; i < h.size(); ++i) {
      const float value = x[static_cast<std::size_t>(token) * h.size() + i];
      squares += static_cast<double>(value) * static_cast<double>(value);
      h[i] = value * norm[i];
    }
    const double scale = 1.0 / std::sqrt(squares / c.cols + static_cast<double>(kEps));
    std::vector<Bounded> out;
    for (std::int32_t d = 0; d < c.dim; ++d) {
      const std::int32_t r = head * c.dim + d;
      const Product p = product(row(r), h.data(), c.cols, matvec_rounding(type_of_row(r)));
      out.push_back({p.value * scale, p.bound * scale + std::abs(p.value) * scale * c.cols * kRoundoff});
      if (c.bias) out.back().value += static_cast<double>(bias[static_cast<std::size_t>(r)]);
      out.back().bound += 4 * kRoundoff * std::abs(out.back().value);
    }
    const bool is_q = head < c.heads, is_v = head >= c.heads + c.kv_heads;
    if (c.head_norms && !is_v) normalise(out, is_q ? q_norm : k_norm);
    if (!is_v) rotate(out, positions[static_cast<std::size_t>(token)]);
    return out;
  }
  void normalise(std::vector<Bounded>& numbers, const std::vector<float>& weights) const {
    double squares = 0, error = 0;
    for (const Bounded& n : numbers) {
      squares += n.value * n.value;
      error += n.bound * n.bound;
    }
    const double scale = 1.0 / std::sqrt(squares / c.dim + static_cast<double>(kEps));
    const double off = 1.1 * std::sqrt(error / squares) + c.dim * kRoundoff;  // of the scale, relative: sqrt is a contraction here
    for (std::size_t d = 0; d < numbers.size(); ++d) {
      const auto weight = static_cast<double>(weights[d]);
      numbers[d].bound = std::abs(weight) * scale * (numbers[d].bound * (1 + off) + std::abs(numbers[d].value) * off);
      numbers[d].value *= scale * weight;
    }
  }
  void rotate(std::vector<Bounded>& numbers, std::int32_t position) const {
    const auto half = static_cast<std::size_t>(c.rotary_dim / 2);
    for (std::size_t j = 0; j < half; ++j) {
      const auto co = static_cast<double>(cos[static_cast<std::size_t>(position) * half + j]);
      const auto si = static_cast<double>(sin[static_cast<std::size_t>(position) * half + j]);
      const Bounded a = numbers[j], b = numbers[j + half];
      const double bound = std::abs(co) * a.bound + std::abs(si) * b.bound;
      const double other = std::abs(co) * b.bound + std::abs(si) * a.bound;
      const double rounding = 4 * kRoundoff * (std::abs(a.value) + std::abs(b.value)) * (std::abs(co) + std::abs(si));
      numbers[j] = {a.value * co - b.value * si, bound + rounding};
      numbers[j + half] = {b.value * co + a.value * si, other + rounding};
    }
  }
  Expected expected() const {
    Expected all;
    for (std::int32_t t = 0; t < c.tokens; ++t) {
      for (std::int32_t h = 0; h < c.heads + 2 * c.kv_heads; ++h) {
        const std::vector<Bounded> numbers = head(t, h);
        auto& to = h < c.heads ? all.q : h < c.heads + c.kv_heads ? all.k : all.v;
        to.insert(to.end(), numbers.begin(), numbers.end());
      }
    }
    return all;
  }
};

struct Actual {
  std::vector<float> q;
  std::vector<unsigned char> cache;
  bool tickets_are_zero;
};

/// Runs qkv, or qkv_finish over products that the host computed.
Actual run(const Setup& s, bool finish_only) {
  const Case& c = s.c;
  const std::int32_t all = c.heads + 2 * c.kv_heads;
  std::vector<float> raw(static_cast<std::size_t>(c.tokens * all * c.dim), 0.0F);
  if (finish_only) {
    for (std::int32_t t = 0; t < c.tokens; ++t) {
      std::vector<float> h(static_cast<std::size_t>(c.cols));
      for (std::int32_t r = 0; r < all * c.dim; ++r) {
        double squares = 0, sum = 0;
        for (std::int32_t i = 0; i < c.cols; ++i) {
          const auto value = static_cast<double>(s.x[static_cast<std::size_t>(t * c.cols + i)]);
          squares += value * value;
          sum += static_cast<double>(s.row(r)[i]) * static_cast<double>(static_cast<float>(value) * s.norm[static_cast<std::size_t>(i)]);
        }
        raw[static_cast<std::size_t>(t * all * c.dim + r)] = static_cast<float>(sum / std::sqrt(squares / c.cols + static_cast<double>(kEps)));
      }
    }
  }
  const auto x = to_device(s.x, s.stream), norm = to_device(s.norm, s.stream), bias = to_device(s.bias, s.stream);
  const auto q_norm = to_device(s.q_norm, s.stream), k_norm = to_device(s.k_norm, s.stream);
  const auto cos = to_device(s.cos, s.stream), sin = to_device(s.sin, s.stream);
  const auto positions = to_device(s.positions, s.stream), sequences = to_device(s.sequences, s.stream);
  const auto tickets = to_device(std::vector<unsigned>(static_cast<std::size_t>(c.tokens * all), 0U), s.stream);
  const auto cache = to_device(std::vector<unsigned char>(static_cast<std::size_t>(s.layout.head_offset(2, 0, 0)), 0xa5), s.stream);
  const Guarded raw_device(raw, s.stream);
  const Guarded q(std::vector<float>(static_cast<std::size_t>(c.tokens * c.heads * c.dim), kCanary), s.stream);
  emulated::QkvArguments a{};
  for (std::size_t p = 0; p < s.parts.size(); ++p) {
    a.part[p] = s.parts[p].view;
    a.part_rows[p] = static_cast<std::int32_t>(s.parts[p].rows);
  }
  a.tokens = c.tokens;
  a.heads = c.heads;
  a.kv_heads = c.kv_heads;
  a.head_dim = c.dim;
  a.x = x.as<float>();
  a.norm = norm.as<float>();
  a.rms_eps = kEps;
  a.bias = c.bias ? bias.as<float>() : nullptr;
  a.q_norm = c.head_norms ? q_norm.as<float>() : nullptr;
  a.k_norm = c.head_norms ? k_norm.as<float>() : nullptr;
  a.positions = positions.as<std::int32_t>();
  a.sequences = sequences.as<std::int32_t>();
  a.rope_cos = cos.as<float>();
  a.rope_sin = sin.as<float>();
  a.rotary_dim = c.rotary_dim;
  a.raw = raw_device.data();
  a.tickets = tickets.as<unsigned>();
  a.q = q.data();
  a.cache = cache.as<unsigned char>();
  a.layout = s.layout;
  a.layer = kLayer;
  a.programmatic = true;
  if (finish_only) {
    emulated::qkv_finish({a}, s.stream);
  } else {
    emulated::qkv(a, 4, s.stream);
  }
  Actual actual{q.read(s.stream), to_host<unsigned char>(cache, s.stream), true};
  raw_device.read(s.stream);  // its guard
  for (const unsigned ticket : to_host<unsigned>(tickets, s.stream)) actual.tickets_are_zero &= ticket == 0;
  return actual;
}

/// The dim numbers of a position's K or V as the cache holds them.
std::vector<float> stored(const Setup& s, const std::vector<unsigned char>& cache, std::int32_t token, std::int32_t kv_head, bool v) {
  const auto t = static_cast<std::size_t>(token);
  const unsigned char* block = cache.data() + s.layout.head_offset(kLayer, s.sequences[t], kv_head);
  const std::int64_t at = std::int64_t{s.positions[t]} * s.c.dim;
  std::vector<float> numbers(static_cast<std::size_t>(s.c.dim));
  const unsigned char* plane = block + (v ? s.layout.v : 0);
  if (s.c.cache != DType::kQ8_0) {
    tensor::dequantize_row(s.c.cache, reinterpret_cast<const std::byte*>(plane + at * emulated::kv_number_bytes(s.c.cache)), numbers.data(), s.c.dim);
    return numbers;
  }
  const unsigned char* scales = block + (v ? s.layout.v_scales : s.layout.k_scales);
  for (std::int32_t d = 0; d < s.c.dim; ++d) {
    unsigned short bits = 0;
    std::memcpy(&bits, scales + 2 * ((at + d) / 32), 2);
    numbers[static_cast<std::size_t>(d)] = tensor::f32_from_f16(bits) * static_cast<float>(static_cast<signed char>(plane[at + d]));
  }
  return numbers;
}

/// How much more the cache's type may be off: relative to the number, and to the largest of its block of 32.
double cache_rounding(DType dtype, double value, double largest) {
  switch (dtype) {
    case DType::kF32: return 0;
    case DType::kF16: return 0x1p-11 * std::abs(value) + 0x1p-25;
    case DType::kBF16: return 0x1p-8 * std::abs(value);
    default: return largest / 254 * 1.02 + 0x1p-10 * std::abs(value);
  }
}

void check(const Setup& s, const Actual& actual) {
  const Expected expected = s.expected();
  double worst_q = 0, worst_kv = 0;
  for (std::size_t i = 0; i < expected.q.size(); ++i) {
    worst_q = std::max(worst_q, std::abs(static_cast<double>(actual.q[i]) - expected.q[i].value) / expected.q[i].bound);
  }
  std::vector<unsigned char> untouched(actual.cache.size(), 1);
  const auto dim = static_cast<std::size_t>(s.c.dim);
  for (std::int32_t t = 0; t < s.c.tokens; ++t) {
    for (std::int32_t h = 0; h < 2 * s.c.kv_heads; ++h) {
      const bool v = h >= s.c.kv_heads;
      const std::int32_t kv_head = h % s.c.kv_heads;
      const auto numbers = stored(s, actual.cache, t, kv_head, v);
      const Bounded* wanted = (v ? expected.v : expected.k).data() + (static_cast<std::size_t>(t) * static_cast<std::size_t>(s.c.kv_heads) + static_cast<std::size_t>(kv_head)) * dim;
      for (std::size_t d = 0; d < dim; ++d) {
        double largest = 0;
        for (std::size_t j = d / 32 * 32; j < std::min(dim, d / 32 * 32 + 32); ++j) largest = std::max(largest, std::abs(wanted[j].value) + wanted[j].bound);
        const double bound = wanted[d].bound + cache_rounding(s.c.cache, wanted[d].value, largest);
        worst_kv = std::max(worst_kv, std::abs(static_cast<double>(numbers[d]) - wanted[d].value) / bound);
      }
    }
  }
  CAPTURE(std::string(s.c.name));
  CHECK(worst_q < 1);
  CHECK(worst_q > 0);
  CHECK(worst_kv < 1);
  CHECK(worst_kv > 0);
  CHECK(actual.tickets_are_zero);
}

/// Bytes of the cache that no token of the case belongs to must stay.
void check_rest_untouched(const Setup& s, const Actual& actual) {
  std::size_t touched = 0;
  for (std::size_t i = 0; i < actual.cache.size(); ++i) touched += actual.cache[i] != 0xa5 ? 1 : 0;
  const std::int64_t row = s.c.dim * emulated::kv_number_bytes(s.c.cache) + (s.c.cache == DType::kQ8_0 ? s.c.dim / 16 : 0);
  CHECK(touched <= static_cast<std::size_t>(2 * s.c.tokens * s.c.kv_heads * row));
  CHECK(touched > 0);
}

constexpr Case kCases[] = {
    {"Qwen2.5: bias", {DType::kBF16, DType::kBF16, DType::kBF16}, false, 6, 2, 64, 64, 256, 3, true, false, DType::kBF16},
    {"Qwen3: norms of heads", {DType::kF32, DType::kF32, DType::kF32}, false, 4, 2, 128, 128, 160, 2, false, true, DType::kF32},
    {"Phi-3: stacked, partial rotation", {DType::kF16, DType::kF16, DType::kF16}, true, 4, 4, 96, 72, 192, 2, false, false, DType::kF16},
    {"Q4_K_M: types that differ", {DType::kQ4_K, DType::kQ4_K, DType::kQ6_K}, false, 8, 2, 64, 64, 512, 2, true, false, DType::kQ8_0},
    {"rows shared by warps", {DType::kQ8_0, DType::kQ5_1, DType::kQ4_0}, false, 2, 1, 32, 32, 4096, 1, false, true, DType::kF16},
};

}  // namespace

TEST_CASE("qkv agrees with double precision, for every kind of layer and cache") {
  for (const Case& c : kCases) {
    emulated::Stream stream;
    const Setup s(c, stream);
    const Actual actual = run(s, false);
    check(s, actual);
    check_rest_untouched(s, actual);
  }
}

TEST_CASE("qkv_finish over given products agrees with double precision") {
  for (const Case& c : kCases) {
    emulated::Stream stream;
    const Setup s(c, stream);
    const Actual actual = run(s, true);
    check(s, actual);
    check_rest_untouched(s, actual);
  }
}

}  // namespace qbench::test
