#include "kernels/cuda/emulation/collectives.h"

#include <bit>
#include <cmath>
#include <string>

#include "kernels/cuda/emulation/races.h"
#include "tensor/float_formats.h"

namespace qbench::kernels::cuda_emulated::emulation {
namespace {

/// Runs the last lane's part of a collective and lets the others go on; every lane returns when `compute` has run.
template <typename Compute>
void together(Lane& self, Operation operation, Site site, Compute&& compute) {
  if (!self.block->arrive(self, operation, site)) return;
  compute(*self.warp);
  self.block->finish(self);
}

/// The tree of a butterfly: lane 0's additions, which are also every other lane's, since a + b is b + a.
template <typename T, typename Combine>
T reduce(T (&values)[32], Combine&& combine) {
  for (int half = 16; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) values[i] = combine(values[i], values[i + half]);
  }
  return values[0];
}

using ToFloat = float (*)(std::uint16_t) noexcept;

template <ToFloat kToFloat>
void multiply_fragments(Warp& warp) {
  const auto low = [](unsigned pair) { return kToFloat(static_cast<std::uint16_t>(pair & 0xffffu)); };
  const auto high = [](unsigned pair) { return kToFloat(static_cast<std::uint16_t>(pair >> 16)); };
  float a[16][16], b[16][8], c[16][8];
  for (int l = 0; l < 32; ++l) {
    const int group = l / 4, pair = l % 4 * 2;
    for (int i = 0; i < 4; ++i) {  // registers 0, 1: columns 0 to 7; 1, 3: rows 8 to 15
      const int row = group + (i & 1) * 8, column = pair + (i / 2) * 8;
      a[row][column] = low(warp.in.fragment[l][i]);
      a[row][column + 1] = high(warp.in.fragment[l][i]);
    }
    for (int i = 0; i < 2; ++i) {
      b[pair + i * 8][group] = low(warp.b[l][i]);
      b[pair + i * 8 + 1][group] = high(warp.b[l][i]);
    }
    for (int i = 0; i < 4; ++i) c[group + (i / 2) * 8][pair + (i & 1)] = warp.c[l][i];
  }
  for (int m = 0; m < 16; ++m) {
    for (int k = 0; k < 16; ++k) {
      for (int n = 0; n < 8; ++n) c[m][n] += a[m][k] * b[k][n];
    }
  }
  for (int l = 0; l < 32; ++l) {
    const int group = l / 4, pair = l % 4 * 2;
    for (int i = 0; i < 4; ++i) warp.out.fragment[l][i] = std::bit_cast<unsigned>(c[group + (i / 2) * 8][pair + (i & 1)]);
  }
}

void load_matrices(Warp& warp, bool transposed) {
  for (int matrix = 0; matrix < 4; ++matrix) {
    std::uint16_t numbers[8][8];
    for (int r = 0; r < 8; ++r) std::memcpy(numbers[r], warp.row[static_cast<std::size_t>(matrix * 8 + r)], sizeof numbers[r]);
    for (int l = 0; l < 32; ++l) {
      const int row = l / 4, column = l % 4 * 2;
      const unsigned first = transposed ? numbers[column][row] : numbers[row][column];
      const unsigned second = transposed ? numbers[column + 1][row] : numbers[row][column + 1];
      warp.out.fragment[l][matrix] = first | (second << 16);
    }
  }
}

/// ldmatrix and cp.async reach shared memory only.
void require_shared(const void* address, Site site) {
  Lane& self = *current_lane;
  if (self.block->shared.contains(address, 16)) return;
  self.block->report(self, site, "the 16 bytes do not lie in one shared array");
  self.block->stop(self);
}

}  // namespace

float sum_float(float value, Site site) {
  Lane& self = *current_lane;
  Warp& warp = *self.warp;
  warp.in.f[self.lane] = value;
  together(self, Operation::kSumFloat, site, [](Warp& w) { w.out.f[0] = reduce(w.in.f, [](float a, float b) { return a + b; }); });
  return warp.out.f[0];
}

int sum_int(int value, Site site) {
  Lane& self = *current_lane;
  Warp& warp = *self.warp;
  warp.in.i[self.lane] = value;
  together(self, Operation::kSumInt, site, [](Warp& w) { w.out.i[0] = reduce(w.in.i, [](int a, int b) { return a + b; }); });
  return warp.out.i[0];
}

float max_float(float value, Site site) {
  Lane& self = *current_lane;
  Warp& warp = *self.warp;
  warp.in.f[self.lane] = value;
  together(self, Operation::kMaxFloat, site,
           [](Warp& w) { w.out.f[0] = reduce(w.in.f, [](float a, float b) { return std::fmax(a, b); }); });
  return warp.out.f[0];
}

void sum_floats(float* values, int count, int first, int last, Site site) {
  Lane& self = *current_lane;
  Warp& warp = *self.warp;
  for (int n = 0; n < count; ++n) warp.sums[n][self.lane] = values[n];
  together(self, Operation::kSums, site, [=](Warp& w) {
    for (int n = 0; n < count; ++n) {
      float* const v = w.sums[n];
      for (int mask = first; mask <= last; mask *= 2) {
        for (int pair = 0; pair < 32; pair += 2 * mask) {
          for (int i = pair; i < pair + mask; ++i) v[i] = v[i + mask] = v[i] + v[i + mask];
        }
      }
    }
  });
  for (int n = 0; n < count; ++n) values[n] = warp.sums[n][self.lane];
}

unsigned ballot(bool predicate, Site site) {
  Lane& self = *current_lane;
  Warp& warp = *self.warp;
  warp.sent[static_cast<std::size_t>(self.lane)] = predicate ? 1 : 0;
  together(self, Operation::kBallot, site, [](Warp& w) {
    unsigned votes = 0;
    for (unsigned i = 0; i < 32; ++i) votes |= static_cast<unsigned>(w.sent[i]) << i;
    w.received[0] = votes;
  });
  return static_cast<unsigned>(warp.received[0]);
}

std::uint64_t exchange(Operation operation, std::uint64_t value, int source, Site site) {
  Lane& self = *current_lane;
  Warp& warp = *self.warp;
  const auto lane = static_cast<std::size_t>(self.lane);
  warp.sent[lane] = value;
  warp.source[lane] = source;
  together(self, operation, site, [](Warp& w) {
    for (std::size_t i = 0; i < 32; ++i) w.received[i] = w.sent[static_cast<std::size_t>(w.source[i])];
  });
  return warp.received[lane];
}

namespace {

template <ToFloat kToFloat>
void mma(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2], Site site) {
  Lane& self = *current_lane;
  Warp& warp = *self.warp;
  std::memcpy(warp.in.fragment[self.lane], a, sizeof a);
  std::memcpy(warp.b[self.lane], b, sizeof b);
  std::memcpy(warp.c[self.lane], d, sizeof d);
  together(self, Operation::kMma, site, multiply_fragments<kToFloat>);
  std::memcpy(d, warp.out.fragment[self.lane], sizeof d);
}

}  // namespace

void mma_bf16_16x8x16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2], Site site) {
  mma<tensor::f32_from_bf16>(d, a, b, site);
}
void mma_f16_16x8x16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2], Site site) { mma<tensor::f32_from_f16>(d, a, b, site); }

void ldmatrix_x4(unsigned (&r)[4], const void* shared, bool transposed, Site site) {
  Lane& self = *current_lane;
  Warp& warp = *self.warp;
  require_aligned(shared, 16, site);
  require_shared(shared, site);
  races::kernel_reads16(shared);
  warp.row[static_cast<std::size_t>(self.lane)] = shared;
  together(self, transposed ? Operation::kLdmatrixTrans : Operation::kLdmatrix, site,
           [transposed](Warp& w) { load_matrices(w, transposed); });
  std::memcpy(r, warp.out.fragment[self.lane], sizeof r);
}

namespace {

void copy16(void* to, const void* from) {
  races::kernel_reads16(from);
  races::kernel_writes16(to);
  std::memcpy(to, from, 16);
}

}  // namespace

void copy_async(void* shared, const void* global, Site site) {
  Lane& self = *current_lane;
  require_aligned(shared, 16, site);
  require_aligned(global, 16, site);
  require_shared(shared, site);
  const bool now = self.block->seeded() && self.block->draw() % 2 == 0;
  if (now) {
    copy16(shared, global);
  } else {
    self.copies.push_back({shared, global, self.copy_groups});
  }
}

void copy_async_wait(int pending) {
  Lane& self = *current_lane;
  const unsigned complete = self.copy_groups > static_cast<unsigned>(pending) ? self.copy_groups - static_cast<unsigned>(pending) : 0;
  std::size_t kept = 0;
  for (const AsyncCopy& copy : self.copies) {
    if (copy.group < complete) {
      copy16(copy.to, copy.from);
    } else {
      self.copies[kept++] = copy;
    }
  }
  self.copies.resize(kept);
}

/// Orders what a thread wrote before with what others read after their own fence; more than a device promises, but no fence is no order.
void fence() {
  static char tag;
  races::acquire(&tag);
  races::release(&tag);
}

void require_aligned(const void* address, std::size_t alignment, Site site) {
  if (reinterpret_cast<std::uintptr_t>(address) % alignment == 0) return;
  Lane& self = *current_lane;
  self.block->report(self, site, "an access of " + std::to_string(alignment) + " bytes at an address that is not a multiple of it");
  self.block->stop(self);
}

}  // namespace qbench::kernels::cuda_emulated::emulation
