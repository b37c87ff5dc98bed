#pragma once

#include "kernels/cpu/matmul_kernels.h"

/// Kernels for quantised weights with Q8 activations. Included by one file per instruction set, see matmul_kernels.h.
///
/// Per block of 32 columns and for each (row, token), with integer sums over the block (or over its two halves):
///   chunk += float(sum q_w q_x) s d                   where the stored numbers have an offset, -2^shift sum(q_x) is added to the integer sum
///   chunk += m (d sum q_x)                            where the type has minima
namespace qbench::kernels::cpu {
namespace {

/// The vectors of a block that several groups share.
template <class V>
struct Planes {
  typename V::Int bits, pairs[2];
};
template <class V, QuantFormat kF>
QB_INLINE Planes<V> load_planes(const std::uint8_t* q) {
  Planes<V> planes;
  if constexpr (kF.single()) planes.bits = V::keep(V::load_bytes(q));
  if constexpr (kF.pairs()) {
    planes.pairs[0] = V::keep(V::load_bytes(q + kF.pairs_offset()));
    planes.pairs[1] = V::keep(V::load_bytes(q + kF.pairs_offset() + 64));
  }
  return planes;
}

/// Groups g (columns 4g ...) and g + 4 of one register of rows, as unsigned bytes. q: the block's quants at the register's first row.
template <class V, QuantFormat kF, int g>
QB_INLINE void unpack(const std::uint8_t* q, const Planes<V>& planes, typename V::Int& low, typename V::Int& high) {
  if constexpr (kF.bytes()) {
    low = V::load_bytes(q + 128 * g);
    high = V::load_bytes(q + 128 * g + 64);
    return;
  }
  if constexpr (kF.nibbles()) {
    const auto mask = V::set_bytes(15);
    const auto nibbles = V::keep(V::load_bytes(q + kF.nibbles_offset() + 64 * g));
    low = V::bit_and(nibbles, mask);
    high = V::bit_and(V::template shift<-4>(nibbles), mask);
    if constexpr (kF.lookup) {
      low = V::iq4_lookup(low);
      high = V::iq4_lookup(high);
    }
  }
  if constexpr (kF.pairs()) {
    constexpr int kTo = kF.nibbles() ? 4 : 0;  // where the pair goes in the number
    const auto mask = V::set_bytes(3 << kTo);
    const auto first = V::bit_and(V::template shift<kTo - 2 * g>(planes.pairs[0]), mask);
    const auto second = V::bit_and(V::template shift<kTo - 2 * g>(planes.pairs[1]), mask);
    low = kF.nibbles() ? V::bit_or(low, first) : first;
    high = kF.nibbles() ? V::bit_or(high, second) : second;
  }
  if constexpr (kF.single()) {
    constexpr int kTo = kF.nibbles() ? 4 : 2;
    const auto mask = V::set_bytes(1 << kTo);
    low = V::bit_or(low, V::bit_and(V::template shift<kTo - g>(planes.bits), mask));
    high = V::bit_or(high, V::bit_and(V::template shift<kTo - 4 - g>(planes.bits), mask));
  }
}

/// Scales and minima of a register of rows for one block; [0] alone where they cover all 32 columns.
template <class V>
struct Scales {
  typename V::Float s[2], m[2];
};

/// scale, super: the block's entries for the tile; lane: the register's first row in the tile.
template <class V, QuantFormat kF>
QB_INLINE Scales<V> load_scales(const std::uint8_t* scale, const std::uint8_t* super, int lane) {
  Scales<V> out;
  out.s[0] = out.s[1] = out.m[0] = out.m[1] = V::zero();
  if constexpr (kF.scale == ScaleKind::kF16 || kF.scale == ScaleKind::kF16Min) {
    out.s[0] = V::load_f16(scale + 2 * lane);
    if constexpr (kF.has_min()) out.m[0] = V::load_f16(scale + 32 + 2 * lane);
  } else {
    const auto d = V::load_f16(super + 2 * lane);
    if constexpr (kF.scale == ScaleKind::kI8) out.s[0] = V::mul(d, V::load_i8(scale + lane));
    if constexpr (kF.scale == ScaleKind::kI8x16) {
      out.s[0] = V::mul(d, V::load_i8(scale + lane));
      out.s[1] = V::mul(d, V::load_i8(scale + 16 + lane));
    }
    if constexpr (kF.has_min()) {
      const auto minus_dmin = V::negate(V::load_f16(super + 32 + 2 * lane));
      if constexpr (kF.scale == ScaleKind::kU8Min) {
        out.s[0] = V::mul(d, V::load_u8(scale + lane));
        out.m[0] = V::mul(minus_dmin, V::load_u8(scale + 16 + lane));
      } else {
        out.s[0] = V::mul(d, V::load_u4_low(scale + lane));
        out.s[1] = V::mul(d, V::load_u4_low(scale + 16 + lane));
        out.m[0] = V::mul(minus_dmin, V::load_u4_high(scale + lane));
        out.m[1] = V::mul(minus_dmin, V::load_u4_high(scale + 16 + lane));
      }
    }
  }
  return out;
}

/// chunk + the block's contribution. low, high: integer sums of the halves.
template <class V, bool kPer16, bool kMin>
QB_INLINE typename V::Float add_block(typename V::Float chunk, typename V::Sum low, typename V::Sum high, const Scales<V>& scales, const Q8Block& x) {
  if constexpr (kPer16) {
    const auto half = V::mul(V::to_float(low), scales.s[0]);
    chunk = V::fma(V::fma(V::to_float(high), scales.s[1], half), V::broadcast(&x.d), chunk);
    if constexpr (kMin) {
      chunk = V::fma(scales.m[0], V::broadcast(&x.d_sum_half[0]), chunk);
      chunk = V::fma(scales.m[1], V::broadcast(&x.d_sum_half[1]), chunk);
    }
  } else {
    chunk = V::fma(V::mul(V::to_float(V::add(low, high)), scales.s[0]), V::broadcast(&x.d), chunk);
    if constexpr (kMin) chunk = V::fma(scales.m[0], V::broadcast(&x.d_sum), chunk);
  }
  return chunk;
}

/// Start values of the halves' sums.
template <class V, int kShift, bool kPer16>
QB_INLINE void start_sums(const Q8Block& x, typename V::Sum& low, typename V::Sum& high) {
  low = high = V::start_zero();
  if constexpr (kShift > 0) {
    if constexpr (kPer16) {
      low = V::template start<kShift>(&x.minus_sum_half[0]);
      high = V::template start<kShift>(&x.minus_sum_half[1]);
    } else {
      low = V::template start<kShift>(&x.minus_sum);
    }
  }
}

// -------------------------------------------------------------------------------------------------------------------------------------
// One to four tokens: a tile's rows go through registers once, straight from the packed bits. With one token several tiles go side by side: as
// many streams for the prefetchers, and as many independent sums.

template <class V, QuantFormat kF, int kTiles>
struct PackedTile {
  static constexpr int kTileRegs = kTileRows / V::kLanes, kRegs = kTiles * kTileRegs;
  const std::uint8_t *quants, *scales, *supers;
  std::int64_t all_blocks, first_block, blocks, rows;
  bool add;

  PackedTile(const MultiplyArgs& a, std::int64_t row, std::int64_t first_col) {
    all_blocks = a.w.cols / kBlockCols;
    const std::int64_t tile = row / kTileRows;
    first_block = first_col / kBlockCols;
    blocks = min64(kChunkBlocks, all_blocks - first_block);
    quants = a.w.quants + (tile * all_blocks + first_block) * kF.quant_bytes();
    scales = a.w.scales + (tile * all_blocks + first_block) * kF.scale_bytes();
    supers = kF.has_super() ? a.w.supers + (tile * all_blocks + first_block) / kBlocksPerSuper * kF.super_bytes() : nullptr;
    rows = a.row_end - row;
    add = a.accumulate || first_col > 0;
  }

  /// Where register r's rows stand from the first tile's on.
  __attribute__((always_inline)) std::int64_t quants_at(int r) const {
    return r / kTileRegs * all_blocks * kF.quant_bytes() + r % kTileRegs * V::kLanes * 4;
  }

  template <int g, int kTokens>
  __attribute__((always_inline)) void dot_group(const std::uint8_t* q, const Planes<V> (&planes)[kRegs], const Q8Block* x, std::int64_t x_step, typename V::Sum (&low)[kRegs][kTokens],
                           typename V::Sum (&high)[kRegs][kTokens], typename V::Partial (&partial)[2][kRegs][kTokens]) const {
    typename V::Int w_low[kRegs], w_high[kRegs];
#pragma GCC unroll 4
    for (int r = 0; r < kRegs; ++r) unpack<V, kF, g>(q + quants_at(r), planes[r], w_low[r], w_high[r]);
#pragma GCC unroll 4
    for (int t = 0; t < kTokens; ++t) {
      const auto x_low = V::broadcast4(x[t * x_step].q + 4 * g), x_high = V::broadcast4(x[t * x_step].q + 16 + 4 * g);
#pragma GCC unroll 4
      for (int r = 0; r < kRegs; ++r) {
        V::template dot<kF.bits, g>(low[r][t], partial[0][r][t], w_low[r], x_low);
        V::template dot<kF.bits, g>(high[r][t], partial[1][r][t], w_high[r], x_high);
      }
    }
  }

  template <int kTokens>
  __attribute__((noinline)) void run(const std::byte* x_bytes, std::int64_t x_stride, float* y, std::int64_t y_stride) const {
    const Q8Block* x = reinterpret_cast<const Q8Block*>(x_bytes) + first_block;
    const std::int64_t x_step = x_stride / static_cast<std::int64_t>(sizeof(Q8Block));
    typename V::Float chunk[kRegs][kTokens];
#pragma GCC unroll 4
    for (int r = 0; r < kRegs; ++r) {
#pragma GCC unroll 4
      for (int t = 0; t < kTokens; ++t) chunk[r][t] = V::zero();
    }
    for (std::int64_t b = 0; b < blocks; ++b) {
      typename V::Sum low[kRegs][kTokens], high[kRegs][kTokens];
      typename V::Partial partial[2][kRegs][kTokens];
#pragma GCC unroll 4
      for (int t = 0; t < kTokens; ++t) {
#pragma GCC unroll 4
        for (int r = 0; r < kRegs; ++r) start_sums<V, kF.offset_shift, kF.per16()>(x[t * x_step + b], low[r][t], high[r][t]);
      }
      const std::uint8_t* q = quants + b * kF.quant_bytes();
      Planes<V> planes[kRegs];
#pragma GCC unroll 4
      for (int r = 0; r < kRegs; ++r) planes[r] = load_planes<V, kF>(q + quants_at(r));
      dot_group<0>(q, planes, x + b, x_step, low, high, partial);
      dot_group<1>(q, planes, x + b, x_step, low, high, partial);
      dot_group<2>(q, planes, x + b, x_step, low, high, partial);
      dot_group<3>(q, planes, x + b, x_step, low, high, partial);
#pragma GCC unroll 4
      for (int r = 0; r < kRegs; ++r) {
        const std::int64_t at = r / kTileRegs * all_blocks + b;
        const auto s = load_scales<V, kF>(scales + at * kF.scale_bytes(), supers + at / kBlocksPerSuper * kF.super_bytes(), r % kTileRegs * V::kLanes);
#pragma GCC unroll 4
        for (int t = 0; t < kTokens; ++t) {
          chunk[r][t] = add_block<V, kF.per16(), kF.has_min()>(chunk[r][t], low[r][t], high[r][t], s, x[t * x_step + b]);
        }
      }
    }
#pragma GCC unroll 4
    for (int t = 0; t < kTokens; ++t) {
#pragma GCC unroll 4
      for (int r = 0; r < kRegs; ++r) put<V>(y + t * y_stride + r * V::kLanes, chunk[r][t], rows - r * V::kLanes, add);
    }
  }
};

// -------------------------------------------------------------------------------------------------------------------------------------
// More tokens: a panel of rows by a chunk of columns is unpacked once to bytes and float scales, then used for all tokens.

template <class V, int kRegs>
struct PanelData {
  static constexpr int kRows = kRegs * V::kLanes;
  alignas(64) std::uint8_t q[kChunkBlocks][8][kRegs][V::kLanes * 4];
  alignas(64) float s[kChunkBlocks][2][kRows];
  alignas(64) float m[kChunkBlocks][2][kRows];
};

template <class V, QuantFormat kF, int kRegs, int g>
QB_INLINE void unpack_group(const std::uint8_t* q, const Planes<V>& planes, PanelData<V, kRegs>& panel, std::int64_t block, int r) {
  typename V::Int low, high;
  unpack<V, kF, g>(q, planes, low, high);
  V::store_bytes(panel.q[block][g][r], low);
  V::store_bytes(panel.q[block][g + 4][r], high);
}

/// Fills the panel with rows [row, row + kRows) and up to kChunkCols columns from first_col.
template <class V, QuantFormat kF, int kRegs>
void unpack_panel(const PackedView& w, std::int64_t row, std::int64_t first_col, PanelData<V, kRegs>& panel) {
  const std::int64_t all_blocks = w.cols / kBlockCols, first = first_col / kBlockCols;
  const std::int64_t blocks = min64(kChunkBlocks, all_blocks - first);
#pragma GCC unroll 2
  for (int r = 0; r < kRegs; ++r) {
    const std::int64_t at = row + r * V::kLanes, tile = at / kTileRows;
    const int lane = static_cast<int>(at % kTileRows);
    const std::int64_t start = tile * all_blocks + first;
    for (std::int64_t b = 0; b < blocks; ++b) {
      const std::uint8_t* q = w.quants + (start + b) * kF.quant_bytes() + lane * 4;
      const Planes<V> planes = load_planes<V, kF>(q);
      unpack_group<V, kF, kRegs, 0>(q, planes, panel, b, r);
      unpack_group<V, kF, kRegs, 1>(q, planes, panel, b, r);
      unpack_group<V, kF, kRegs, 2>(q, planes, panel, b, r);
      unpack_group<V, kF, kRegs, 3>(q, planes, panel, b, r);
      const std::uint8_t* super = kF.has_super() ? w.supers + (start + b) / kBlocksPerSuper * kF.super_bytes() : nullptr;
      const auto s = load_scales<V, kF>(w.scales + (start + b) * kF.scale_bytes(), super, lane);
#pragma GCC unroll 2
      for (int half = 0; half < (kF.per16() ? 2 : 1); ++half) {
        V::store(panel.s[b][half] + r * V::kLanes, s.s[half]);
        if constexpr (kF.has_min()) V::store(panel.m[b][half] + r * V::kLanes, s.m[half]);
      }
    }
  }
}

/// Register tile over an unpacked panel. The format enters only through these four facts.
template <class V, int kRegs, int kBits, int kShift, bool kPer16, bool kMin>
struct PanelTile {
  const PanelData<V, kRegs>& panel;
  std::int64_t first_block, blocks, rows;
  bool add;

  template <int kHalf, int g, int kTokens>
  QB_INLINE void dot_group(const PanelData<V, kRegs>& p, std::int64_t b, const Q8Block* x, std::int64_t x_step, typename V::Sum (&sum)[kRegs][kTokens],
                           typename V::Partial (&partial)[kRegs][kTokens]) {
    typename V::Int w[kRegs];
#pragma GCC unroll 4
    for (int r = 0; r < kRegs; ++r) w[r] = V::load_bytes(p.q[b][4 * kHalf + g][r]);
#pragma GCC unroll 16
    for (int t = 0; t < kTokens; ++t) {
      const auto input = V::broadcast4(x[t * x_step + b].q + 16 * kHalf + 4 * g);
#pragma GCC unroll 4
      for (int r = 0; r < kRegs; ++r) V::template dot<kBits, g>(sum[r][t], partial[r][t], w[r], input);
    }
  }

  template <int kHalf, int kTokens>
  QB_INLINE void dot_half(const PanelData<V, kRegs>& p, std::int64_t b, const Q8Block* x, std::int64_t x_step, typename V::Sum (&sum)[kRegs][kTokens]) {
    typename V::Partial partial[kRegs][kTokens];
    dot_group<kHalf, 0>(p, b, x, x_step, sum, partial);
    dot_group<kHalf, 1>(p, b, x, x_step, sum, partial);
    dot_group<kHalf, 2>(p, b, x, x_step, sum, partial);
    dot_group<kHalf, 3>(p, b, x, x_step, sum, partial);
  }

  template <int kTokens>
  __attribute__((noinline)) void run(const std::byte* x_bytes, std::int64_t x_stride, float* y, std::int64_t y_stride) const {
    const Q8Block* x = reinterpret_cast<const Q8Block*>(x_bytes) + first_block;
    const std::int64_t x_step = x_stride / static_cast<std::int64_t>(sizeof(Q8Block));
    typename V::Float chunk[kRegs][kTokens];
#pragma GCC unroll 4
    for (int r = 0; r < kRegs; ++r) {
#pragma GCC unroll 16
      for (int t = 0; t < kTokens; ++t) chunk[r][t] = V::zero();
    }
    for (std::int64_t b = 0; b < blocks; ++b) add_one_block<kTokens>(x, x_step, b, chunk);
#pragma GCC unroll 16
    for (int t = 0; t < kTokens; ++t) {
#pragma GCC unroll 4
      for (int r = 0; r < kRegs; ++r) put<V>(y + t * y_stride + r * V::kLanes, chunk[r][t], rows - r * V::kLanes, add);
    }
  }

  template <int kTokens>
  __attribute__((always_inline)) void add_one_block(const Q8Block* x, std::int64_t x_step, std::int64_t b, typename V::Float (&chunk)[kRegs][kTokens]) const {
    typename V::Sum low[kRegs][kTokens], high[kRegs][kTokens];
#pragma GCC unroll 16
    for (int t = 0; t < kTokens; ++t) {
#pragma GCC unroll 4
      for (int r = 0; r < kRegs; ++r) start_sums<V, kShift, kPer16>(x[t * x_step + b], low[r][t], high[r][t]);
    }
    dot_half<0>(panel, b, x, x_step, low);
    if constexpr (kPer16) {
      dot_half<1>(panel, b, x, x_step, high);
    } else {
      dot_half<1>(panel, b, x, x_step, low);  // one sum for the whole block; `high` stays zero
    }
    Scales<V> s[kRegs];
#pragma GCC unroll 4
    for (int r = 0; r < kRegs; ++r) {
#pragma GCC unroll 2
      for (int half = 0; half < 2; ++half) {
        s[r].s[half] = half == 0 || kPer16 ? V::load(panel.s[b][half] + r * V::kLanes) : V::zero();
        s[r].m[half] = kMin && (half == 0 || kPer16) ? V::load(panel.m[b][half] + r * V::kLanes) : V::zero();
      }
    }
#pragma GCC unroll 16
    for (int t = 0; t < kTokens; ++t) {
#pragma GCC unroll 4
      for (int r = 0; r < kRegs; ++r) chunk[r][t] = add_block<V, kPer16, kMin>(chunk[r][t], low[r][t], high[r][t], s[r], x[t * x_step + b]);
    }
  }
};

template <class V, QuantFormat kF, int kRegs>
void multiply_panel(const MultiplyArgs& a, std::int64_t row, std::int64_t col, PanelData<V, kRegs>& panel) {
  unpack_panel<V, kF, kRegs>(a.w, row, col, panel);
  const std::int64_t first = col / kBlockCols, blocks = min64(kChunkBlocks, a.w.cols / kBlockCols - first);
  const PanelTile<V, kRegs, kF.bits, kF.offset_shift, kF.per16(), kF.has_min()> tile{panel, first, blocks, a.row_end - row, a.accumulate || col > 0};
  run_tokens<V::kQuantTokens>(tile, a, row);
}

template <class V, QuantFormat kF>
void multiply_quant(const MultiplyArgs& a) {
  if (a.tokens <= 4) {
    std::int64_t row = a.row_begin;
    if (a.tokens == 1) {
      constexpr int kTiles = V::tiles_one_token(kF);
      for (; a.row_end - row > (kTiles - 1) * kTileRows; row += kTiles * kTileRows) {
        for (std::int64_t col = 0; col < a.w.cols; col += kChunkCols) run_tokens<1>(PackedTile<V, kF, kTiles>(a, row, col), a, row);
      }
    }
    for (; row < a.row_end; row += kTileRows) {
      for (std::int64_t col = 0; col < a.w.cols; col += kChunkCols) run_tokens<4>(PackedTile<V, kF, 1>(a, row, col), a, row);
    }
    return;
  }
  constexpr int kRegs = V::kQuantRegs, kTileRegs = kTileRows / V::kLanes;
  // On the stack, not static: about 48 KiB.
  union {
    PanelData<V, kRegs> wide;
    PanelData<V, kTileRegs> narrow;
  } panel;
  for (std::int64_t col = 0; col < a.w.cols; col += kChunkCols) {
    std::int64_t row = a.row_begin;
    for (; a.row_end - row > kRegs * V::kLanes - kTileRows; row += kRegs * V::kLanes) multiply_panel<V, kF, kRegs>(a, row, col, panel.wide);
    for (; row < a.row_end; row += kTileRows) multiply_panel<V, kF, kTileRegs>(a, row, col, panel.narrow);
  }
}

}  // namespace
}  // namespace qbench::kernels::cpu
