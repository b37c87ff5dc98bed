// The register tile of attention; included after one of simd_*.h.
#pragma once

namespace qbench::kernels::cpu {
namespace {

/// c[i][j] (+)= sum_k a[i * lda + k] * b(k, j), for `Rows` rows and `Panels` panels of 16 columns: column panel p of row k of b stands at
/// b + p * b_panel + k * b_row. That one form reads transposed K tiles (panel = tile) and row-major V (panels side by side).
template <int Rows, int Panels>
QB_INLINE void matmul_tile(const float* a, std::int64_t lda, std::int64_t depth, const float* b, std::int64_t b_panel, std::int64_t b_row,
                           float* c, std::int64_t ldc, bool accumulate) {
  constexpr int kVectors = 16 / kWidth;
  Vec sum[Rows][Panels * kVectors];
  for (int i = 0; i < Rows; ++i) {
    for (int j = 0; j < Panels * kVectors; ++j) sum[i][j] = accumulate ? vload(c + i * ldc + j * kWidth) : vzero();
  }
  for (std::int64_t k = 0; k < depth; ++k) {
    Vec row[Panels * kVectors];
    for (int j = 0; j < Panels * kVectors; ++j) row[j] = vload(b + (j / kVectors) * b_panel + k * b_row + (j % kVectors) * kWidth);
    for (int i = 0; i < Rows; ++i) {
      const Vec factor = vset(a[i * lda + k]);
      for (int j = 0; j < Panels * kVectors; ++j) sum[i][j] = vfma(factor, row[j], sum[i][j]);
    }
  }
  for (int i = 0; i < Rows; ++i) {
    for (int j = 0; j < Panels * kVectors; ++j) vstore(c + i * ldc + j * kWidth, sum[i][j]);
  }
}

struct SmallMatmul {
  const float* a;
  std::int64_t lda;
  std::int64_t depth;
  const float* b;
  std::int64_t b_panel;
  std::int64_t b_row;
  float* c;
  std::int64_t ldc;
  bool accumulate;
};

template <int Rows, int Panels>
void matmul_columns(const SmallMatmul& m, std::int64_t panels, std::int64_t row) {
  std::int64_t p = 0;
  for (; p + Panels <= panels; p += Panels) {
    matmul_tile<Rows, Panels>(m.a + row * m.lda, m.lda, m.depth, m.b + p * m.b_panel, m.b_panel, m.b_row, m.c + row * m.ldc + p * 16, m.ldc,
                              m.accumulate);
  }
  if constexpr (Panels > 1) {
    SmallMatmul rest = m;
    rest.b += p * m.b_panel;
    rest.c += p * 16;
    if (p < panels) matmul_columns<Rows, Panels / 2>(rest, panels - p, row);
  }
}

template <int Rows>
void matmul_rows(const SmallMatmul& m, std::int64_t rows, std::int64_t panels, std::int64_t row) {
  for (; row + Rows <= rows; row += Rows) matmul_columns<Rows, kTilePanels>(m, panels, row);
  if constexpr (Rows > 1) {
    if (row < rows) matmul_rows<Rows - 1>(m, rows, panels, row);
  }
}

/// c (rows, 16 panels) (+)= a (rows, depth) b (depth, 16 panels)
void small_matmul(const SmallMatmul& m, std::int64_t rows, std::int64_t panels) { matmul_rows<kTileRows>(m, rows, panels, 0); }

}  // namespace
}  // namespace qbench::kernels::cpu
