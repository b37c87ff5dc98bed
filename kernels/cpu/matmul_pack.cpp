#include "kernels/cpu/matmul_pack.h"

#include <cstring>

#include "base/check.h"
#include "tensor/blocks.h"
#include "tensor/convert.h"

namespace qbench::kernels::cpu {
namespace {

using namespace tensor;  // block types

using Values = std::uint8_t[kBlockCols];  // the stored numbers of one row's block, unsigned, as QuantFormat describes them

/// Scale entries of one row's block and super block, as they are stored; what a format lacks stays 0.
struct RowScales {
  std::uint8_t s[2] = {0, 0}, m[2] = {0, 0};
  std::uint16_t d = 0, dmin = 0;
};

void split_nibbles(const std::uint8_t* qs, Values& v) {
  for (int j = 0; j < 16; ++j) {
    v[j] = qs[j] & 15;
    v[j + 16] = qs[j] >> 4;
  }
}

void add_fifth_bits(const std::uint8_t* qh, Values& v) {
  for (int j = 0; j < 32; ++j) v[j] = static_cast<std::uint8_t>(v[j] | ((qh[j / 8] >> (j % 8)) & 1) << 4);
}

/// Per type: its block in the file, its packed format, and the numbers and scales of sub-block `sub` (32 columns) of a block.
template <class Block>
struct Source;

template <>
struct Source<BlockQ4_0> {
  static constexpr QuantFormat kFormat = kFormatQ4_0;
  static void read(const BlockQ4_0& b, int, Values& v, RowScales& s) {
    split_nibbles(b.qs, v);
    s.d = b.d;
  }
};
template <>
struct Source<BlockQ4_1> {
  static constexpr QuantFormat kFormat = kFormatQ4_1;
  static void read(const BlockQ4_1& b, int, Values& v, RowScales& s) {
    split_nibbles(b.qs, v);
    s.d = b.d;
    s.dmin = b.m;
  }
};
template <>
struct Source<BlockQ5_0> {
  static constexpr QuantFormat kFormat = kFormatQ5_0;
  static void read(const BlockQ5_0& b, int, Values& v, RowScales& s) {
    split_nibbles(b.qs, v);
    add_fifth_bits(b.qh, v);
    s.d = b.d;
  }
};
template <>
struct Source<BlockQ5_1> {
  static constexpr QuantFormat kFormat = kFormatQ5_1;
  static void read(const BlockQ5_1& b, int, Values& v, RowScales& s) {
    split_nibbles(b.qs, v);
    add_fifth_bits(b.qh, v);
    s.d = b.d;
    s.dmin = b.m;
  }
};
template <>
struct Source<BlockQ8_0> {
  static constexpr QuantFormat kFormat = kFormatQ8_0;
  static void read(const BlockQ8_0& b, int, Values& v, RowScales& s) {
    for (int j = 0; j < 32; ++j) v[j] = static_cast<std::uint8_t>(b.qs[j] + 128);
    s.d = b.d;
  }
};
template <>
struct Source<BlockIQ4_NL> {
  static constexpr QuantFormat kFormat = kFormatIQ4_NL;
  static void read(const BlockIQ4_NL& b, int, Values& v, RowScales& s) {
    split_nibbles(b.qs, v);
    s.d = b.d;
  }
};
template <>
struct Source<BlockIQ4_XS> {
  static constexpr QuantFormat kFormat = kFormatIQ4_XS;
  static void read(const BlockIQ4_XS& b, int sub, Values& v, RowScales& s) {
    split_nibbles(b.qs + 16 * sub, v);
    s.s[0] = static_cast<std::uint8_t>(iq4_xs_scale(b, sub));
    s.d = b.d;
  }
};
template <>
struct Source<BlockQ2_K> {
  static constexpr QuantFormat kFormat = kFormatQ2_K;
  static void read(const BlockQ2_K& b, int sub, Values& v, RowScales& s) {
    const std::uint8_t* q = b.qs + 32 * (sub / 4);
    for (int l = 0; l < 32; ++l) v[l] = static_cast<std::uint8_t>((q[l] >> (2 * (sub % 4))) & 3);
    s.s[0] = b.scales[2 * sub];
    s.s[1] = b.scales[2 * sub + 1];
    s.d = b.d;
    s.dmin = b.dmin;
  }
};
template <>
struct Source<BlockQ3_K> {
  static constexpr QuantFormat kFormat = kFormatQ3_K;
  static void read(const BlockQ3_K& b, int sub, Values& v, RowScales& s) {
    const std::uint8_t* q = b.qs + 32 * (sub / 4);
    for (int l = 0; l < 32; ++l) v[l] = static_cast<std::uint8_t>(((q[l] >> (2 * (sub % 4))) & 3) | ((b.hmask[l] >> sub) & 1) << 2);
    s.s[0] = static_cast<std::uint8_t>(q3_scale(b.scales, 2 * sub));
    s.s[1] = static_cast<std::uint8_t>(q3_scale(b.scales, 2 * sub + 1));
    s.d = b.d;
  }
};
template <class Block>
void read_k4_scales(const Block& b, int sub, RowScales& s) {
  const ScaleMin sm = k4_scale_min(b.scales, sub);
  s.s[0] = sm.scale;
  s.m[0] = sm.min;
  s.d = b.d;
  s.dmin = b.dmin;
}
template <>
struct Source<BlockQ4_K> {
  static constexpr QuantFormat kFormat = kFormatQ4_K;
  static void read(const BlockQ4_K& b, int sub, Values& v, RowScales& s) {
    const std::uint8_t* q = b.qs + 32 * (sub / 2);
    for (int l = 0; l < 32; ++l) v[l] = static_cast<std::uint8_t>((q[l] >> (4 * (sub % 2))) & 15);
    read_k4_scales(b, sub, s);
  }
};
template <>
struct Source<BlockQ5_K> {
  static constexpr QuantFormat kFormat = kFormatQ5_K;
  static void read(const BlockQ5_K& b, int sub, Values& v, RowScales& s) {
    const std::uint8_t* q = b.qs + 32 * (sub / 2);
    for (int l = 0; l < 32; ++l) v[l] = static_cast<std::uint8_t>(((q[l] >> (4 * (sub % 2))) & 15) | ((b.qh[l] >> sub) & 1) << 4);
    read_k4_scales(b, sub, s);
  }
};
template <>
struct Source<BlockQ6_K> {
  static constexpr QuantFormat kFormat = kFormatQ6_K;
  static void read(const BlockQ6_K& b, int sub, Values& v, RowScales& s) {
    const int half = sub / 4, run = sub % 4;
    const std::uint8_t *low = b.ql + 64 * half + 32 * (run % 2), *high = b.qh + 32 * half;
    for (int l = 0; l < 32; ++l) v[l] = static_cast<std::uint8_t>(((low[l] >> (4 * (run / 2))) & 15) | ((high[l] >> (2 * run)) & 3) << 4);
    s.s[0] = static_cast<std::uint8_t>(b.scales[2 * sub]);
    s.s[1] = static_cast<std::uint8_t>(b.scales[2 * sub + 1]);
    s.d = b.d;
  }
};

// A group of 4 columns is one 32-bit word, so that planes are built four columns at a time.

std::uint32_t load_word(const std::uint8_t* from) {
  std::uint32_t word;
  std::memcpy(&word, from, 4);
  return word;
}
void store_word(std::uint8_t* to, std::uint32_t word) { std::memcpy(to, &word, 4); }

/// q: the block's quants, already at the row (4 bytes a row).
template <QuantFormat kF>
void put_values(const Values& v, std::uint8_t* q) {
  std::uint32_t word[8];
  for (int g = 0; g < 8; ++g) word[g] = load_word(v + 4 * g);
  if constexpr (kF.bytes()) {
    for (int g = 0; g < 8; ++g) store_word(q + 128 * (g % 4) + 64 * (g / 4), word[g]);
  }
  if constexpr (kF.nibbles()) {
    for (int g = 0; g < 4; ++g) store_word(q + kF.nibbles_offset() + 64 * g, (word[g] & 0x0f0f0f0fu) | (word[g + 4] & 0x0f0f0f0fu) << 4);
  }
  if constexpr (kF.pairs()) {
    constexpr int kFrom = kF.nibbles() ? 4 : 0;
    for (int p = 0; p < 2; ++p) {
      std::uint32_t out = 0;
      for (int j = 0; j < 4; ++j) out |= ((word[4 * p + j] >> kFrom) & 0x03030303u) << (2 * j);
      store_word(q + kF.pairs_offset() + 64 * p, out);
    }
  }
  if constexpr (kF.single()) {
    constexpr int kFrom = kF.nibbles() ? 4 : 2;
    std::uint32_t out = 0;
    for (int g = 0; g < 8; ++g) out |= ((word[g] >> kFrom) & 0x01010101u) << g;
    store_word(q, out);
  }
}

template <QuantFormat kF>
void get_values(const std::uint8_t* q, Values& v) {
  std::uint32_t word[8] = {};
  for (int g = 0; g < 8; ++g) {
    if constexpr (kF.bytes()) word[g] = load_word(q + 128 * (g % 4) + 64 * (g / 4));
    if constexpr (kF.nibbles()) word[g] = (load_word(q + kF.nibbles_offset() + 64 * (g % 4)) >> (g < 4 ? 0 : 4)) & 0x0f0f0f0fu;
    if constexpr (kF.pairs()) word[g] |= ((load_word(q + kF.pairs_offset() + 64 * (g / 4)) >> (2 * (g % 4))) & 0x03030303u) << (kF.nibbles() ? 4 : 0);
    if constexpr (kF.single()) word[g] |= ((load_word(q) >> g) & 0x01010101u) << (kF.nibbles() ? 4 : 2);
    store_word(v + 4 * g, word[g]);
  }
}

void put_half(std::uint8_t* to, std::int64_t index, std::uint16_t bits) { std::memcpy(to + 2 * index, &bits, 2); }
std::uint16_t get_half(const std::uint8_t* from, std::int64_t index) {
  std::uint16_t bits;
  std::memcpy(&bits, from + 2 * index, 2);
  return bits;
}

/// scale: the block's entries of the tile; super: its super block's (or nullptr); row: 0..15.
template <QuantFormat kF>
void put_scales(const RowScales& s, std::uint8_t* scale, std::uint8_t* super, std::int64_t row) {
  switch (kF.scale) {
    case ScaleKind::kF16Min: put_half(scale + 32, row, s.dmin); [[fallthrough]];
    case ScaleKind::kF16: put_half(scale, row, s.d); return;
    case ScaleKind::kU8Min: scale[16 + row] = s.m[0]; [[fallthrough]];
    case ScaleKind::kI8: scale[row] = s.s[0]; break;
    case ScaleKind::kNibble16:
    case ScaleKind::kI8x16:
      scale[row] = s.s[0];
      scale[16 + row] = s.s[1];
      break;
  }
  put_half(super, row, s.d);
  if constexpr (kF.has_min()) put_half(super + 32, row, s.dmin);
}

template <class Block>
void pack_quant_tile(const std::byte* rows, std::int64_t count, std::int64_t cols, std::int64_t tile, const PackedTarget& to) {
  constexpr QuantFormat kF = Source<Block>::kFormat;
  constexpr int kSubs = kF.has_super() ? kBlocksPerSuper : 1;
  const std::int64_t blocks = cols / (kBlockCols * kSubs);
  const std::int64_t row_bytes = blocks * static_cast<std::int64_t>(sizeof(Block));
  for (std::int64_t i = 0; i < blocks; ++i) {
    const std::int64_t at = tile * blocks + i;
    for (std::int64_t r = 0; r < count; ++r) {
      Block block;
      std::memcpy(&block, rows + r * row_bytes + i * static_cast<std::int64_t>(sizeof(Block)), sizeof(Block));
      for (int sub = 0; sub < kSubs; ++sub) {
        Values values;
        RowScales scales;
        Source<Block>::read(block, sub, values, scales);
        put_values<kF>(values, to.quants + (at * kSubs + sub) * kF.quant_bytes() + 4 * r);
        put_scales<kF>(scales, to.scales + (at * kSubs + sub) * kF.scale_bytes(), kF.has_super() ? to.supers + at * kF.super_bytes() : nullptr, r);
      }
    }
  }
}

/// y = the block's numbers of one row, by the type's formula: scale times number, then plus or minus the minimum, each step rounded to float32.
template <QuantFormat kF>
void dequantize_block(const Values& v, const std::uint8_t* scale, const std::uint8_t* super, std::int64_t row, float* y) {
  float s[2], m[2] = {0, 0};
  if constexpr (!kF.has_super()) {
    s[0] = s[1] = f32_from_f16(get_half(scale, row));
    if constexpr (kF.has_min()) m[0] = m[1] = f32_from_f16(get_half(scale + 32, row));
  } else {
    const float d = f32_from_f16(get_half(super, row));
    const float minus_dmin = kF.has_min() ? -f32_from_f16(get_half(super + 32, row)) : 0.0f;
    for (int half = 0; half < 2; ++half) {
      const std::uint8_t byte = scale[row + (kF.per16() ? 16 * half : 0)];
      if constexpr (kF.scale == ScaleKind::kU8Min) {
        s[half] = d * static_cast<float>(byte);
        m[half] = minus_dmin * static_cast<float>(scale[16 + row]);
      } else if constexpr (kF.scale == ScaleKind::kNibble16) {
        s[half] = d * static_cast<float>(byte & 15);
        m[half] = minus_dmin * static_cast<float>(byte >> 4);
      } else {
        s[half] = d * static_cast<float>(static_cast<std::int8_t>(byte));
      }
    }
  }
  for (int j = 0; j < kBlockCols; ++j) {
    const int value = kF.lookup ? kIq4Values[v[j] & 15] : v[j] - (kF.offset_shift > 0 ? 1 << kF.offset_shift : 0);
    y[j] = s[j / 16] * static_cast<float>(value);
    if constexpr (kF.has_min()) y[j] += m[j / 16];
  }
}

template <QuantFormat kF>
void unpack_quant_row(const PackedView& from, std::int64_t row, float* to) {
  const std::int64_t blocks = from.cols / kBlockCols, tile = row / kTileRows, lane = row % kTileRows;
  for (std::int64_t b = 0; b < blocks; ++b) {
    const std::int64_t at = tile * blocks + b;
    Values values;
    get_values<kF>(from.quants + at * kF.quant_bytes() + 4 * lane, values);
    const std::uint8_t* super = kF.has_super() ? from.supers + at / kBlocksPerSuper * kF.super_bytes() : nullptr;
    dequantize_block<kF>(values, from.scales + at * kF.scale_bytes(), super, lane, to + b * kBlockCols);
  }
}

/// Transposes elements of kBytes: BF16 goes in column pairs (kBytes 4). cols: elements a row; an incomplete last one is padded with zeros.
template <int kBytes>
void pack_float_tile(const std::byte* rows, std::int64_t count, std::int64_t row_bytes, std::int64_t tile, std::uint8_t* to) {
  const std::int64_t elements = (row_bytes + kBytes - 1) / kBytes, whole = row_bytes / kBytes;
  std::uint8_t* out = to + tile * elements * kBytes * kTileRows;
  constexpr std::int64_t kStrip = 64 / kBytes;  // a cache line of every row at a time
  for (std::int64_t strip = 0; strip < whole; strip += kStrip) {
    const std::int64_t end = strip + kStrip < whole ? strip + kStrip : whole;
    for (std::int64_t r = 0; r < count; ++r) {
      for (std::int64_t e = strip; e < end; ++e) std::memcpy(out + (e * kTileRows + r) * kBytes, rows + r * row_bytes + e * kBytes, kBytes);
    }
  }
  if (whole == elements) return;
  for (std::int64_t r = 0; r < count; ++r) {
    std::memcpy(out + (whole * kTileRows + r) * kBytes, rows + r * row_bytes + whole * kBytes, static_cast<std::size_t>(row_bytes - whole * kBytes));
  }
}

template <DType kType, int kBytes>
void unpack_float_row(const PackedView& from, std::int64_t row, float* to) {
  constexpr int kParts = kType == DType::kBF16 ? 2 : 1;
  const std::int64_t elements = (from.cols + kParts - 1) / kParts;
  const std::uint8_t* in = from.quants + (row / kTileRows * elements * kTileRows + row % kTileRows) * kBytes;
  for (std::int64_t c = 0; c < from.cols; ++c) {
    const std::uint8_t* at = in + c / kParts * kTileRows * kBytes;
    if constexpr (kType == DType::kF32) std::memcpy(to + c, at, 4);
    if constexpr (kType == DType::kF16) to[c] = f32_from_f16(get_half(at, 0));
    if constexpr (kType == DType::kBF16) to[c] = f32_from_bf16(get_half(at, c % 2));
  }
}

/// Calls visit with the block type of a quantised dtype; false for floating point.
template <class Visitor>
bool visit_block(DType dtype, Visitor&& visit) {
  switch (dtype) {
    case DType::kF32: case DType::kF16: case DType::kBF16: return false;
    case DType::kQ4_0: visit(Source<BlockQ4_0>{}, BlockQ4_0{}); return true;
    case DType::kQ4_1: visit(Source<BlockQ4_1>{}, BlockQ4_1{}); return true;
    case DType::kQ5_0: visit(Source<BlockQ5_0>{}, BlockQ5_0{}); return true;
    case DType::kQ5_1: visit(Source<BlockQ5_1>{}, BlockQ5_1{}); return true;
    case DType::kQ8_0: visit(Source<BlockQ8_0>{}, BlockQ8_0{}); return true;
    case DType::kQ2_K: visit(Source<BlockQ2_K>{}, BlockQ2_K{}); return true;
    case DType::kQ3_K: visit(Source<BlockQ3_K>{}, BlockQ3_K{}); return true;
    case DType::kQ4_K: visit(Source<BlockQ4_K>{}, BlockQ4_K{}); return true;
    case DType::kQ5_K: visit(Source<BlockQ5_K>{}, BlockQ5_K{}); return true;
    case DType::kQ6_K: visit(Source<BlockQ6_K>{}, BlockQ6_K{}); return true;
    case DType::kIQ4_NL: visit(Source<BlockIQ4_NL>{}, BlockIQ4_NL{}); return true;
    case DType::kIQ4_XS: visit(Source<BlockIQ4_XS>{}, BlockIQ4_XS{}); return true;
    case DType::kInt8: case DType::kFP8: case DType::kFP8Block: case DType::kInt4: break;  // never packed: matmul_dequantised.h
  }
  QB_CHECK(false);
}

}  // namespace

PackedSizes packed_sizes(DType dtype, std::int64_t rows, std::int64_t cols) {
  const std::int64_t tiles = (rows + kTileRows - 1) / kTileRows;
  PackedSizes sizes{0, 0, 0};
  const bool quantised = visit_block(dtype, [&](auto source, auto) {
    constexpr QuantFormat kF = decltype(source)::kFormat;
    const auto blocks = static_cast<std::uint64_t>(tiles * (cols / kBlockCols));
    sizes.quants = blocks * static_cast<std::uint64_t>(kF.quant_bytes());
    sizes.scales = blocks * static_cast<std::uint64_t>(kF.scale_bytes());
    sizes.supers = blocks / kBlocksPerSuper * static_cast<std::uint64_t>(kF.super_bytes());
  });
  if (!quantised) {
    const std::int64_t element_bytes = dtype == DType::kF32 ? 4 : 2;
    sizes.quants = static_cast<std::uint64_t>(tiles * kTileRows * element_bytes * (dtype == DType::kBF16 ? (cols + 1) / 2 * 2 : cols));
  }
  return sizes;
}

void pack_tile(DType dtype, const std::byte* rows, std::int64_t count, std::int64_t cols, std::int64_t tile, const PackedTarget& to) {
  QB_CHECK(count >= 1 && count <= kTileRows);
  const bool quantised = visit_block(dtype, [&](auto, auto block) { pack_quant_tile<decltype(block)>(rows, count, cols, tile, to); });
  if (quantised) return;
  const std::int64_t bytes = row_bytes(dtype, cols);
  if (dtype == DType::kF16) return pack_float_tile<2>(rows, count, bytes, tile, to.quants);
  pack_float_tile<4>(rows, count, bytes, tile, to.quants);
}

void unpack_row(DType dtype, const PackedView& from, std::int64_t row, float* to) {
  const bool quantised = visit_block(dtype, [&](auto source, auto) { unpack_quant_row<decltype(source)::kFormat>(from, row, to); });
  if (quantised) return;
  if (dtype == DType::kF32) return unpack_float_row<DType::kF32, 4>(from, row, to);
  if (dtype == DType::kF16) return unpack_float_row<DType::kF16, 2>(from, row, to);
  unpack_float_row<DType::kBF16, 4>(from, row, to);
}

}  // namespace qbench::kernels::cpu
