#include "kernels/cuda/matmul_few.h"
#include "kernels/cuda/matmul_tiles.cuh"

// Products of few tokens on tensor cores (mma m16n8k16), bounded by the weights' bytes.
//
// A = weights (128 rows), B = tokens (16, 32 or 64), both with their columns contiguous. Block: 8 warps, four of 32 rows by two of half the
// tokens. The work is the list of (row tile, column tile of 64) in order; each of the grid's blocks takes an equal run of it ("stream-K",
// Osama et al. 2023), so that all multiprocessors read equally many bytes whatever the matrix's height. A run that holds a row tile whole
// writes it. Otherwise each block leaves its sums in `partial`, and the tile's last block (a ticket counts them) adds all in the order of
// their columns: deterministic. Groups: one block for each row tile and expert tile, nothing shared.
//
// Float types: a ring of four stages by cp.async, 48 KB of weights on their way for each of two resident blocks; the first stages' weights
// are asked for before the kernel's input is there. Quantised types: stages in pairs; a thread holds the next pair's 2 x 32 numbers of a
// row in registers while this pair is multiplied, then decodes them. Shared memory: 4 x (128 + tokens) rows of 72 numbers: 81, 90 or 108
// KB. Bytes: weights once; activations once for each row tile, from L2; partial sums through L2.

namespace qbench::kernels::QB_CUDA_NAMESPACE {
namespace {

constexpr int kThreads = 256;
constexpr int kRows = kMatmulFewRows;
constexpr int kStages = 4;

template <int kTokens>
struct FewTraits {
  static constexpr int kBuffer = (kRows + kTokens) * kTileStride;  // numbers
  static constexpr int kSharedBytes = kStages * kBuffer * 2;
  static_assert(kSharedBytes <= 99 * 1024 - 2048 || kTokens > 32);  // matmul_few_most
  static constexpr int kColumns = kTokens / 16;  // tiles of 8 tokens of a warp
};

/// Sums of a warp: [16 rows][8 tokens] tiles of 32 rows and half the block's tokens.
template <int kTokens>
struct Sums {
  float at[2][FewTraits<kTokens>::kColumns][4];
  QB_DEVICE void clear() {
#pragma unroll
    for (int m = 0; m < 2; ++m) {
#pragma unroll
      for (int n = 0; n < FewTraits<kTokens>::kColumns; ++n) at[m][n][0] = at[m][n][1] = at[m][n][2] = at[m][n][3] = 0.0F;
    }
  }
};

/// What a block multiplies.
struct Source {
  WeightRows w;
  int rows;                    // of the matrix
  const unsigned short* h;     // first token's row, or the first row of all where there is an index
  const std::int32_t* h_rows;  // of the tile's tokens, or nullptr
  int tokens;                  // of the tile
  int tiles;                   // column tiles of a row
};

/// A column tile of a row tile: number `unit` of the list.
struct Place {
  int row, tile;
};
QB_DEVICE Place place_of(int unit, const Source& s) { return {unit / s.tiles * kRows, unit % s.tiles}; }

/// Starts the copy of the weights of a unit; rows beyond the matrix repeat its last one and are not written, columns beyond it are zero.
QB_DEVICE void copy_weights(const Source& s, const Place& at, unsigned short* to) {
  const int unit = at.tile * kTileUnits + thread_x() % kTileUnits;
  const bool inside = unit < (s.w.cols + 7) / 8;
#pragma unroll
  for (int i = 0; i < kRows * kTileUnits / kThreads; ++i) {
    const int row = thread_x() / kTileUnits + i * (kThreads / kTileUnits);
    unsigned short* into = to + row * kTileStride + 8 * (thread_x() % kTileUnits);
    if (inside) {
      cp_async16(into, s.w.data + min_int(at.row + row, s.rows - 1) * s.w.row_bytes + 16LL * unit);
    } else {
      *reinterpret_cast<uint4*>(into) = uint4{0, 0, 0, 0};
    }
  }
}

/// Tokens beyond the tile's repeat its last one and are not written.
template <int kTokens>
QB_DEVICE void copy_tokens(const Source& s, const Place& at, unsigned short* to) {
  for (int i = thread_x(); i < kTokens * kTileUnits; i += kThreads) {
    const int token = i / kTileUnits;
    const int used = min_int(token, s.tokens - 1);
    const long long row = s.h_rows != nullptr ? s.h_rows[used] : used;
    cp_async16(to + token * kTileStride + 8 * (i % kTileUnits),
               s.h + row * (s.tiles * kTileCols) + at.tile * kTileCols + 8 * (i % kTileUnits));
  }
}

/// The warp's part of one column tile.
template <int kTokens, bool kF16>
QB_DEVICE void multiply_few(const unsigned short* stage, Sums<kTokens>& sums) {
  constexpr int kColumns = FewTraits<kTokens>::kColumns;
  const unsigned short* a_from = stage + (warp() / 2 * 32 + lane() % 16) * kTileStride + lane() / 16 * 8;
  // Four 8 x 8 matrices: one tile of 8 tokens, 32 columns.
  const unsigned short* b_from = stage + (kRows + warp() % 2 * (kTokens / 2) + lane() % 8) * kTileStride + lane() / 8 * 8;
#pragma unroll
  for (int k = 0; k < kTileCols; k += 32) {
    unsigned a[2][2][4];  // two steps of 16 columns, two tiles of 16 rows
#pragma unroll
    for (int step = 0; step < 2; ++step) {
      ldmatrix_x4(a[step][0], a_from + k + 16 * step);
      ldmatrix_x4(a[step][1], a_from + 16 * kTileStride + k + 16 * step);
    }
#pragma unroll
    for (int n = 0; n < kColumns; ++n) {
      unsigned b[4];
      ldmatrix_x4(b, b_from + 8 * n * kTileStride + k);
#pragma unroll
      for (int m = 0; m < 2; ++m) {
        mma_half_16x8x16<kF16>(sums.at[m][n], a[0][m], {b[0], b[1]});
        mma_half_16x8x16<kF16>(sums.at[m][n], a[1][m], {b[2], b[3]});
      }
    }
  }
}

/// `first_token` of y; its rows beyond the tile's tokens and the matrix's rows stay as they are.
template <int kTokens>
QB_DEVICE void write_few(const MatmulArguments& a, const Source& s, int first_token, int first_row, const Sums<kTokens>& sums) {
#pragma unroll
  for (int m = 0; m < 2; ++m) {
#pragma unroll
    for (int n = 0; n < FewTraits<kTokens>::kColumns; ++n) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int row = first_row + warp() / 2 * 32 + 16 * m + i / 2 * 8 + lane() / 4;
        const int token = warp() % 2 * (kTokens / 2) + 8 * n + lane() % 4 * 2 + i % 2;
        if (row >= s.rows || token >= s.tokens) continue;
        float* y = a.y + (first_token + token) * a.y_stride + row;
        *y = a.accumulate ? *y + sums.at[m][n][i] : sums.at[m][n][i];
      }
    }
  }
}

/// Where a block leaves a part of a tile: each thread's sums side by side.
template <int kTokens>
QB_DEVICE float* partial_of(float* partial, int block, int slot) {
  return partial + (2LL * block + slot) * (kRows * kTokens) + 4 * thread_x();
}

template <int kTokens>
QB_DEVICE void store_partial(float* to, const Sums<kTokens>& sums) {
#pragma unroll
  for (int m = 0; m < 2; ++m) {
#pragma unroll
    for (int n = 0; n < FewTraits<kTokens>::kColumns; ++n, to += 4 * kThreads) {
      const float(&v)[4] = sums.at[m][n];
      *reinterpret_cast<float4*>(to) = float4{v[0], v[1], v[2], v[3]};
    }
  }
}

template <int kTokens>
QB_DEVICE void add_partial(const float* from, Sums<kTokens>& sums) {
#pragma unroll
  for (int m = 0; m < 2; ++m) {
#pragma unroll
    for (int n = 0; n < FewTraits<kTokens>::kColumns; ++n, from += 4 * kThreads) {
      const float4 v = load_written128(from);
      float(&to)[4] = sums.at[m][n];
      to[0] += v.x, to[1] += v.y, to[2] += v.z, to[3] += v.w;
    }
  }
}

/// The run of units of a block.
struct Run {
  int first, end;
};
QB_DEVICE int run_first(int block, int blocks, int units) { return static_cast<int>(static_cast<long long>(units) * block / blocks); }
/// The block whose run holds a unit: the last that begins at or before it.
QB_DEVICE int block_of(int unit, int blocks, int units) { return static_cast<int>(((unit + 1LL) * blocks - 1) / units); }

/// A row tile of which this block had some columns: leaves its sums, and where it is the last to do so adds all and writes. Whole block.
template <int kTokens>
QB_DEVICE void join_tile(const MatmulFewArguments& a, const Source& s, int tile, int units, unsigned* last, Sums<kTokens>& sums) {
  const int first = block_of(tile * s.tiles, grid_x(), units);
  const int end = block_of((tile + 1) * s.tiles - 1, grid_x(), units) + 1;
  const auto slot_of = [&](int block) { return run_first(block, grid_x(), units) / s.tiles == tile ? 0 : 1; };
  store_partial<kTokens>(partial_of<kTokens>(a.partial, block_x(), slot_of(block_x())), sums);
  if (!last_to_arrive(a.tickets + tile, static_cast<unsigned>(end - first), last)) return;
  sums.clear();
  for (int block = first; block < end; ++block) add_partial<kTokens>(partial_of<kTokens>(a.partial, block, slot_of(block)), sums);
  write_few<kTokens>(a.matmul, s, 0, tile * kRows, sums);
}

/// After the last unit of a row tile in this block's run.
template <int kTokens>
QB_DEVICE void finish_tile(const MatmulFewArguments& a, const Source& s, const Run& run, int unit, int units, int first_token,
                           unsigned* last, Sums<kTokens>& sums) {
  const int tile = unit / s.tiles;
  const bool whole = run.first <= tile * s.tiles && unit == (tile + 1) * s.tiles - 1;
  if (whole) {
    write_few<kTokens>(a.matmul, s, first_token, tile * kRows, sums);
  } else {
    join_tile<kTokens>(a, s, tile, units, last, sums);
  }
  sums.clear();
}

QB_DEVICE bool ends_tile(int unit, const Run& run, const Source& s) { return unit + 1 == run.end || (unit + 1) % s.tiles == 0; }

/// Float types: a ring of stages.
template <int kTokens, bool kF16>
QB_DEVICE void run_floats(const MatmulFewArguments& a, const Source& s, const Run& run, int units, int first_token, unsigned short* shared,
                          unsigned* last) {
  using T = FewTraits<kTokens>;
  const auto stage = [&](int unit) { return shared + (unit - run.first) % kStages * T::kBuffer; };
  const int ahead = min_int(run.first + kStages - 1, run.end);
  for (int unit = run.first; unit < ahead; ++unit) copy_weights(s, place_of(unit, s), stage(unit));
  grid_dependency_wait();
  grid_dependency_trigger();
  for (int i = 0; i < kStages - 1; ++i) {
    const int unit = run.first + i;
    if (unit < ahead) copy_tokens<kTokens>(s, place_of(unit, s), stage(unit) + kRows * kTileStride);
    cp_async_commit();
  }
  Sums<kTokens> sums;
  sums.clear();
  for (int unit = run.first; unit < run.end; ++unit) {
    cp_async_wait<kStages - 2>();
    sync_threads();  // this unit is there, and nobody reads the stage of the one before any more
    if (const int next = unit + kStages - 1; next < run.end) {
      const Place at = place_of(next, s);
      copy_weights(s, at, stage(next));
      copy_tokens<kTokens>(s, at, stage(next) + kRows * kTileStride);
    }
    cp_async_commit();
    multiply_few<kTokens, kF16>(stage(unit), sums);
    if (ends_tile(unit, run, s)) finish_tile<kTokens>(a, s, run, unit, units, first_token, last, sums);
  }
}

/// Quantised types: pairs of stages (single ones where a pair's numbers would not fit in registers). Each thread has one half (32 numbers)
/// of one row of a stage.
template <int kTokens, DType kType>
QB_DEVICE void run_quantised(const MatmulFewArguments& a, const Source& s, const Run& run, int units, int first_token,
                             unsigned short* shared, unsigned* last) {
  using T = FewTraits<kTokens>;
  using F = TileFormat<kType>;
  constexpr int kPair = kTokens == 64 && sizeof(typename F::Raw) > 24 ? 1 : 2;
  typename F::Raw raw[kPair];
  const int half = thread_x() % 2;
  const auto stage = [&](int unit) { return shared + (unit - run.first) % kStages * T::kBuffer; };
  // The first pair's loads start before the input is there.
  const auto load = [&](int first) {
#pragma unroll
    for (int i = 0; i < kPair; ++i) {
      const Place at = place_of(min_int(first + i, run.end - 1), s);
      const int unit = min_int(2 * at.tile + half, s.w.cols / 32 - 1);
      raw[i] = F::load(s.w.data + min_int(at.row + thread_x() / 2, s.rows - 1) * s.w.row_bytes, s.w, unit);
    }
  };
  const auto decode = [&](int first) {
#pragma unroll
    for (int i = 0; i < kPair; ++i) {
      if (first + i >= run.end) continue;
      const int unit = 2 * place_of(first + i, s).tile + half;
      unsigned short* to = stage(first + i) + thread_x() / 2 * kTileStride + 32 * half;
      if (unit < s.w.cols / 32) {
        F::write(raw[i], unit, to);
      } else {
        write_zero_unit(to);
      }
    }
  };
  const auto copy = [&](int first) {
    for (int unit = first; unit < min_int(first + kPair, run.end); ++unit)
      copy_tokens<kTokens>(s, place_of(unit, s), stage(unit) + kRows * kTileStride);
    cp_async_commit();
  };
  load(run.first);
  grid_dependency_wait();
  grid_dependency_trigger();
  copy(run.first);
  decode(run.first);
  Sums<kTokens> sums;
  sums.clear();
  for (int first = run.first; first < run.end; first += kPair) {
    const bool more = first + kPair < run.end;
    cp_async_wait<0>();
    sync_threads();  // this pair is there, and nobody reads the one before any more
    if (more) {
      load(first + kPair);
      copy(first + kPair);
    }
    for (int unit = first; unit < min_int(first + kPair, run.end); ++unit) {
      multiply_few<kTokens, false>(stage(unit), sums);
      if (ends_tile(unit, run, s)) finish_tile<kTokens>(a, s, run, unit, units, first_token, last, sums);
    }
    if (more) decode(first + kPair);
  }
}

template <int kTokens, DType kType>
QB_DEVICE void run_units(const MatmulFewArguments& a, const Source& s, const Run& run, int units, int first_token, unsigned short* shared,
                         unsigned* last) {
  if constexpr (is_decoded(kType)) {
    run_quantised<kTokens, kType>(a, s, run, units, first_token, shared, last);
  } else {
    run_floats<kTokens, kType == DType::kF16>(a, s, run, units, first_token, shared, last);
  }
}

template <int kTokens, DType kType>
QB_KERNEL QB_LAUNCH_BOUNDS(kThreads, 2) matmul_few_kernel(MatmulFewArguments a) {
  QB_DYNAMIC_SHARED(unsigned short, shared);
  QB_SHARED(unsigned, last, 1);
  const MatmulArguments& m = a.matmul;
  const int tiles = static_cast<int>(prepared_cols(m.w.cols)) / kTileCols;
  const int units = matmul_few_tiles(m.rows) * tiles;
  const Source source{m.w, m.rows, m.h, nullptr, m.tokens, tiles};
  const Run run{run_first(block_x(), grid_x(), units), run_first(block_x() + 1, grid_x(), units)};
  run_units<kTokens, kType>(a, source, run, units, 0, shared, last);
}

/// One row tile of one expert's tile.
template <int kTokens, DType kType>
QB_KERNEL QB_LAUNCH_BOUNDS(kThreads, 2) matmul_few_groups_kernel(MatmulFewArguments a) {
  QB_DYNAMIC_SHARED(unsigned short, shared);
  QB_SHARED(unsigned, last, 1);
  const MatmulArguments& m = a.matmul;
  grid_dependency_wait();  // the tiles are the launch before's
  if (block_x() >= *m.groups.count) return;
  const ExpertTile tile = m.groups.tiles[block_x()];
  const int tiles = static_cast<int>(prepared_cols(m.w.cols)) / kTileCols;
  Source source{m.w, m.rows, m.h, nullptr, tile.rows, tiles};
  source.w.data = m.groups.data[tile.expert * m.groups.stride];
  if (m.groups.h_rows != nullptr) {
    source.h_rows = m.groups.h_rows + tile.first;
  } else {
    source.h += static_cast<long long>(tile.first) * (tiles * kTileCols);
  }
  const Run run{block_y() * tiles, (block_y() + 1) * tiles};
  run_units<kTokens, kType>(a, source, run, 0, tile.first, shared, last);
}

template <int kTokens, DType kType>
void start(const MatmulFewArguments& a, int sm_count, Stream& stream) {
  const MatmulArguments& m = a.matmul;
  const bool groups = m.groups.tiles != nullptr;
  const auto blocks = static_cast<unsigned>(matmul_few_blocks(m.rows, m.w.cols, sm_count));
  const Dim3 grid =
      groups ? Dim3{static_cast<unsigned>(m.groups.most), static_cast<unsigned>(matmul_few_tiles(m.rows)), 1} : Dim3{blocks, 1, 1};
  const LaunchConfig config{grid,   kThreads,       FewTraits<kTokens>::kSharedBytes,
                            stream, m.programmatic, groups ? "matmul_few_groups" : "matmul_few"};
  if (groups) return launch(config, (matmul_few_groups_kernel<kTokens, kType>), a);
  launch(config, (matmul_few_kernel<kTokens, kType>), a);
}

template <DType kType>
void start_for_width(const MatmulFewArguments& a, int sm_count, Stream& stream) {
  const std::int32_t width = a.matmul.groups.tiles != nullptr ? a.matmul.groups.tile_rows : matmul_few_width(a.matmul.tokens);
  if (width == 16) return start<16, kType>(a, sm_count, stream);
  if (width == 32) return start<32, kType>(a, sm_count, stream);
  start<64, kType>(a, sm_count, stream);
}

}  // namespace

void matmul_few(const MatmulFewArguments& a, int sm_count, Stream& stream) {
  switch (a.matmul.w.dtype) {
    case DType::kBF16:
      return start_for_width<DType::kBF16>(a, sm_count, stream);
    case DType::kF16:
      return start_for_width<DType::kF16>(a, sm_count, stream);
    case DType::kQ4_0:
      return start_for_width<DType::kQ4_0>(a, sm_count, stream);
    case DType::kQ4_1:
      return start_for_width<DType::kQ4_1>(a, sm_count, stream);
    case DType::kQ5_0:
      return start_for_width<DType::kQ5_0>(a, sm_count, stream);
    case DType::kQ5_1:
      return start_for_width<DType::kQ5_1>(a, sm_count, stream);
    case DType::kQ8_0:
      return start_for_width<DType::kQ8_0>(a, sm_count, stream);
    case DType::kQ4_K:
      return start_for_width<DType::kQ4_K>(a, sm_count, stream);
    case DType::kQ5_K:
      return start_for_width<DType::kQ5_K>(a, sm_count, stream);
    case DType::kQ6_K:
      return start_for_width<DType::kQ6_K>(a, sm_count, stream);
    case DType::kInt8:
      return start_for_width<DType::kInt8>(a, sm_count, stream);
    case DType::kFP8:
      return start_for_width<DType::kFP8>(a, sm_count, stream);
    case DType::kFP8Block:
      return start_for_width<DType::kFP8Block>(a, sm_count, stream);
    case DType::kInt4:
      return start_for_width<DType::kInt4>(a, sm_count, stream);
    default:
      return start_for_width<DType::kIQ4_NL>(a, sm_count, stream);
  }
}

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
