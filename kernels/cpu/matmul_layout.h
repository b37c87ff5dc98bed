#pragma once

#include <cstddef>
#include <cstdint>

/// The packed layout that matmul_pack.cpp writes and every kernel reads, for all instruction sets alike. This header goes into files compiled
/// for different instruction sets: plain data only, nothing that emits a function shared between them.
///
/// A tile is 16 consecutive rows. Floating-point weights: element (row, column) of a tile lies
///   F32, F16   at [column][16 rows]
///   BF16       at [column pair][16 rows][2], an odd last column padded with 0.
/// Quantised weights: a block is 32 columns of a tile, seen as 8 groups of 4 columns; three arrays, each [tile][block] (supers: [tile][256 columns]):
///   quants  planes of 64-byte vectors [16 rows][4 columns], in this order (the order in which kernels need them: memory is read strictly
///           forward), as the format's bits need them
///     bits     1 vector: bit g belongs to group g
///     pairs    2 vectors: vector p holds group 4p+j in bits 2j, 2j+1
///     nibbles  4 vectors: vector g holds group g in the low and group g+4 in the high nibbles
///     bytes    8 vectors: groups 0, 4, 1, 5, 2, 6, 3, 7, offset by 128
///     A number is nibble | pair << 4 | bit << 4 (Q5, Q6), or pair | bit << 2 (Q2, Q3).
///   scales  see ScaleKind
///   supers  f16 d [16 rows], then f16 dmin [16 rows] where the format has minima
namespace qbench::kernels::cpu {

inline constexpr int kTileRows = 16;
inline constexpr int kBlockCols = 32;
inline constexpr int kSuperCols = 256;
inline constexpr int kBlocksPerSuper = kSuperCols / kBlockCols;

enum class ScaleKind {
  kF16,      ///< f16 d[16]
  kF16Min,   ///< f16 d[16], f16 m[16]: x = d q + m
  kU8Min,    ///< u8 s[16], u8 m[16]: x = (d s) q - (dmin m)                                     (Q4_K, Q5_K)
  kNibble16, ///< u8 sm[2][16], s low nibble, m high, one per 16 columns: x = (d s) q - (dmin m) (Q2_K)
  kI8,       ///< i8 s[16]: x = (d s) q                                                          (IQ4_XS)
  kI8x16,    ///< i8 s[2][16], one per 16 columns: x = (d s) q                                   (Q3_K, Q6_K)
};

/// One quantised type in packed form. Numbers are unsigned in memory; 2^offset_shift is subtracted where the type has no minimum.
struct QuantFormat {
  int bits;           ///< significant bits of a stored number after unpacking: 2, 3, 4, 5, 6 or 8
  bool lookup;        ///< the stored nibble indexes the IQ4 table (its values offset by 128: bits is 8)
  int offset_shift;   ///< 0 where the format has minima
  ScaleKind scale;
  constexpr bool nibbles() const { return lookup || (bits >= 4 && bits <= 6); }
  constexpr bool pairs() const { return !lookup && (bits == 2 || bits == 3 || bits == 6); }
  constexpr bool single() const { return bits == 3 || bits == 5; }
  constexpr bool bytes() const { return bits == 8 && !lookup; }
  constexpr int pairs_offset() const { return single() ? 64 : 0; }
  constexpr int nibbles_offset() const { return pairs_offset() + (pairs() ? 128 : 0); }
  constexpr int quant_bytes() const { return bytes() ? 512 : nibbles_offset() + (nibbles() ? 256 : 0); }
  constexpr bool has_min() const { return scale == ScaleKind::kF16Min || scale == ScaleKind::kU8Min || scale == ScaleKind::kNibble16; }
  constexpr bool per16() const { return scale == ScaleKind::kNibble16 || scale == ScaleKind::kI8x16; }
  constexpr bool has_super() const { return scale != ScaleKind::kF16 && scale != ScaleKind::kF16Min; }
  constexpr int scale_bytes() const { return scale == ScaleKind::kF16Min ? 64 : scale == ScaleKind::kI8 ? 16 : 32; }
  constexpr int super_bytes() const { return !has_super() ? 0 : has_min() ? 64 : 32; }
};

inline constexpr QuantFormat kFormatQ4_0{4, false, 3, ScaleKind::kF16};
inline constexpr QuantFormat kFormatQ4_1{4, false, 0, ScaleKind::kF16Min};
inline constexpr QuantFormat kFormatQ5_0{5, false, 4, ScaleKind::kF16};
inline constexpr QuantFormat kFormatQ5_1{5, false, 0, ScaleKind::kF16Min};
inline constexpr QuantFormat kFormatQ8_0{8, false, 7, ScaleKind::kF16};
inline constexpr QuantFormat kFormatQ2_K{2, false, 0, ScaleKind::kNibble16};
inline constexpr QuantFormat kFormatQ3_K{3, false, 2, ScaleKind::kI8x16};
inline constexpr QuantFormat kFormatQ4_K{4, false, 0, ScaleKind::kU8Min};
inline constexpr QuantFormat kFormatQ5_K{5, false, 0, ScaleKind::kU8Min};
inline constexpr QuantFormat kFormatQ6_K{6, false, 5, ScaleKind::kI8x16};
inline constexpr QuantFormat kFormatIQ4_NL{8, true, 7, ScaleKind::kF16};
inline constexpr QuantFormat kFormatIQ4_XS{8, true, 7, ScaleKind::kI8};

/// 32 activations as InputKind::kQ8 prepares them: x = d q, |q| <= 127. One cache line, so that a kernel needs one pointer a token.
struct alignas(64) Q8Block {
  std::int8_t q[32];
  float d;
  float d_sum;                        ///< d (q[0] + ... + q[31])
  std::int32_t minus_sum;             ///< -(q[0] + ... + q[31])
  std::int32_t minus_sum_half[2];     ///< the same of q[0..15] and of q[16..31]
  float d_sum_half[2];
  std::int32_t unused;
};
static_assert(sizeof(Q8Block) == 64);

/// A packed matrix as kernels see it.
struct PackedView {
  const std::uint8_t* quants;  ///< or the floating-point weights
  const std::uint8_t* scales;
  const std::uint8_t* supers;
  std::int64_t cols;
};

struct MultiplyArgs {
  PackedView w;
  const std::byte* x;       ///< prepared input
  std::int64_t x_stride;    ///< bytes from token to token
  std::int64_t tokens;
  float* y;
  std::int64_t y_stride;    ///< in numbers
  std::int64_t row_begin;   ///< multiple of kTileRows
  std::int64_t row_end;     ///< any; rows beyond are neither read nor written in y
  bool accumulate;
};

/// Prepares one token: cols numbers at x.
struct PrepareArgs {
  const float* x;
  std::int64_t cols;
  std::byte* to;            ///< x_stride bytes, 64-byte aligned
};

using MultiplyFunction = void (*)(const MultiplyArgs&);
using PrepareFunction = void (*)(const PrepareArgs&);

/// What one instruction set offers. bf16_dot and prepare_bf16 are null where there is no BF16 dot product.
struct MatmulKernels {
  MultiplyFunction f32, f16, bf16, bf16_dot;
  MultiplyFunction q4_0, q4_1, q5_0, q5_1, q8_0, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl, iq4_xs;
  PrepareFunction prepare_q8, prepare_bf16;
};

// One table per file matmul_<set>.cpp, each compiled with its own flags; call only where the processor has the set.
MatmulKernels matmul_kernels_scalar();
MatmulKernels matmul_kernels_avx2();
MatmulKernels matmul_kernels_avx_vnni();
MatmulKernels matmul_kernels_avx512();
MatmulKernels matmul_kernels_avx512_vnni();
/// Adds bf16_dot and prepare_bf16.
void add_kernels_avx512_bf16(MatmulKernels& kernels);

}  // namespace qbench::kernels::cpu
