#pragma once

#include <cstring>

#include "kernels/cuda/device.cuh"
#include "kernels/cuda/weight_layout.h"

/// Weight types in registers. A unit is what a lane takes at a time: 8 numbers of a float type, 16 of FP8, a block of 32 of a quantised one.
/// Format<type> loads a unit with as few and as wide loads as its planes allow (weight_layout.h) and unpacks it.
namespace qbench::kernels::QB_CUDA_NAMESPACE {

using tensor::DType;

template <DType kType>
struct Format;

/// A quantised unit: number i is `low` * code[i] (i < 16) or `high` * code[i] (i >= 16), plus `bias`. Codes are bytes of v, in order.
struct Codes {
  int v[8];
  float low, high, bias;
};

QB_DEVICE float bits_to_float(unsigned bits) {
  float value;
  memcpy(&value, &bits, sizeof(value));
  return value;
}

constexpr unsigned kNibbles = 0x0f0f0f0fU;

QB_DEVICE void unpack_nibbles(const uint4& w, int (&v)[8]) {
  const unsigned words[4] = {w.x, w.y, w.z, w.w};
#pragma unroll
  for (int k = 0; k < 4; ++k) {
    v[k] = static_cast<int>(words[k] & kNibbles);
    v[k + 4] = static_cast<int>((words[k] >> 4) & kNibbles);
  }
}

QB_DEVICE void add_fifth_bits(unsigned bits, int (&v)[8]) {
#pragma unroll
  for (int k = 0; k < 8; ++k) v[k] |= static_cast<int>(((bits >> k) & 0x01010101U) << 4);
}

QB_DEVICE unsigned load_scale16(const unsigned char* at) { return *reinterpret_cast<const unsigned short*>(at); }
QB_DEVICE unsigned load_scale32(const unsigned char* at) { return *reinterpret_cast<const unsigned*>(at); }
QB_DEVICE float low_f16(unsigned pair) { return f16_to_float(static_cast<unsigned short>(pair & 0xffffU)); }
QB_DEVICE float high_f16(unsigned pair) { return f16_to_float(static_cast<unsigned short>(pair >> 16)); }

template <>
struct Format<DType::kF32> {
  struct Raw {
    uint4 a, b;
  };
  QB_DEVICE static Raw load(const unsigned char* row, const WeightRows&, int u) {
    return {load_weights128(row + 32 * u), load_weights128(row + 32 * u + 16)};
  }
  QB_DEVICE static void unpack(const Raw& raw, float (&w)[8]) {
    const unsigned words[8] = {raw.a.x, raw.a.y, raw.a.z, raw.a.w, raw.b.x, raw.b.y, raw.b.z, raw.b.w};
#pragma unroll
    for (int i = 0; i < 8; ++i) w[i] = bits_to_float(words[i]);
  }
};

struct HalfFormat {
  struct Raw {
    uint4 a;
  };
  QB_DEVICE static Raw load(const unsigned char* row, const WeightRows&, int u) { return {load_weights128(row + 16 * u)}; }
};

template <>
struct Format<DType::kBF16> : HalfFormat {
  QB_DEVICE static void unpack(const Raw& raw, float (&w)[8]) {
    const unsigned words[4] = {raw.a.x, raw.a.y, raw.a.z, raw.a.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      w[2 * i] = bits_to_float(words[i] << 16);
      w[2 * i + 1] = bits_to_float(words[i] & 0xffff0000U);
    }
  }
};

template <>
struct Format<DType::kF16> : HalfFormat {
  QB_DEVICE static void unpack(const Raw& raw, float (&w)[8]) {
    const unsigned words[4] = {raw.a.x, raw.a.y, raw.a.z, raw.a.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      w[2 * i] = low_f16(words[i]);
      w[2 * i + 1] = high_f16(words[i]);
    }
  }
};

// Formats with one nibble plane and a scale for each block.

template <>
struct Format<DType::kQ4_0> {
  struct Raw {
    uint4 q;
    unsigned d;
  };
  QB_DEVICE static Raw load(const unsigned char* row, const WeightRows& m, int u) {
    return {load_weights128(row + 16 * u), load_scale16(row + m.plane1 + 2 * u)};
  }
  QB_DEVICE static void decode(const Raw& raw, int, Codes& c) {
    unpack_nibbles(raw.q, c.v);
    c.low = c.high = low_f16(raw.d);
    c.bias = -8.0F * c.low;
  }
};

template <>
struct Format<DType::kQ4_1> {
  struct Raw {
    uint4 q;
    unsigned dm;
  };
  QB_DEVICE static Raw load(const unsigned char* row, const WeightRows& m, int u) {
    return {load_weights128(row + 16 * u), load_scale32(row + m.plane1 + 4 * u)};
  }
  QB_DEVICE static void decode(const Raw& raw, int, Codes& c) {
    unpack_nibbles(raw.q, c.v);
    c.low = c.high = low_f16(raw.dm);
    c.bias = high_f16(raw.dm);
  }
};

template <>
struct Format<DType::kQ5_0> {
  struct Raw {
    uint4 q;
    unsigned fifth, d;
  };
  QB_DEVICE static Raw load(const unsigned char* row, const WeightRows& m, int u) {
    return {load_weights128(row + 16 * u), load_scale32(row + m.plane1 + 4 * u), load_scale16(row + m.plane2 + 2 * u)};
  }
  QB_DEVICE static void decode(const Raw& raw, int, Codes& c) {
    unpack_nibbles(raw.q, c.v);
    add_fifth_bits(raw.fifth, c.v);
    c.low = c.high = low_f16(raw.d);
    c.bias = -16.0F * c.low;
  }
};

template <>
struct Format<DType::kQ5_1> {
  struct Raw {
    uint4 q;
    unsigned fifth, dm;
  };
  QB_DEVICE static Raw load(const unsigned char* row, const WeightRows& m, int u) {
    return {load_weights128(row + 16 * u), load_scale32(row + m.plane1 + 4 * u), load_scale32(row + m.plane2 + 4 * u)};
  }
  QB_DEVICE static void decode(const Raw& raw, int, Codes& c) {
    unpack_nibbles(raw.q, c.v);
    add_fifth_bits(raw.fifth, c.v);
    c.low = c.high = low_f16(raw.dm);
    c.bias = high_f16(raw.dm);
  }
};

template <>
struct Format<DType::kQ8_0> {
  struct Raw {
    uint4 a, b;
    unsigned d;
  };
  QB_DEVICE static Raw load(const unsigned char* row, const WeightRows& m, int u) {
    return {load_weights128(row + 16 * u), load_weights128(row + m.plane1 + 16 * u), load_scale16(row + m.plane2 + 2 * u)};
  }
  QB_DEVICE static void decode(const Raw& raw, int, Codes& c) {
    const unsigned words[8] = {raw.a.x, raw.a.y, raw.a.z, raw.a.w, raw.b.x, raw.b.y, raw.b.z, raw.b.w};
#pragma unroll
    for (int k = 0; k < 8; ++k) c.v[k] = static_cast<int>(words[k]);
    c.low = c.high = low_f16(raw.d);
    c.bias = 0.0F;
  }
};

/// The values of four codes, one in each byte, out of a table of 16: {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89,
/// 113}.
QB_DEVICE int iq4_values(int codes) {
  constexpr unsigned long long kLow = 0xf6eaddcfbfad9881ULL;
  constexpr unsigned long long kHigh = 0x7159453526190d01ULL;
  unsigned result = 0;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const unsigned code = (static_cast<unsigned>(codes) >> (8 * i)) & 15U;
    const unsigned long long half = code < 8 ? kLow : kHigh;
    result |= (static_cast<unsigned>(half >> (8 * (code & 7U))) & 0xffU) << (8 * i);
  }
  return static_cast<int>(result);
}

template <>
struct Format<DType::kIQ4_NL> : Format<DType::kQ4_0> {
  QB_DEVICE static void decode(const Raw& raw, int, Codes& c) {
    unpack_nibbles(raw.q, c.v);
#pragma unroll
    for (int k = 0; k < 8; ++k) c.v[k] = iq4_values(c.v[k]);
    c.low = c.high = low_f16(raw.d);
    c.bias = 0.0F;
  }
};

// K types: the header's 6-bit scales and minima, of which sub-block j (0..7) has one each.

QB_DEVICE unsigned byte_of(const uint4& header, int i) {
  const unsigned word = i < 4 ? header.x : i < 8 ? header.y : i < 12 ? header.z : header.w;
  return (word >> (8 * (i & 3))) & 0xffU;
}

QB_DEVICE void k4_scales(const uint4& header, int sub, Codes& c) {
  // The header's bytes 4..15 are scales[12].
  unsigned scale;
  unsigned min;
  if (sub < 4) {
    scale = byte_of(header, 4 + sub) & 63U;
    min = byte_of(header, 8 + sub) & 63U;
  } else {
    const unsigned both = byte_of(header, 8 + sub);
    scale = (both & 15U) | ((byte_of(header, sub) >> 6) << 4);
    min = (both >> 4) | ((byte_of(header, 4 + sub) >> 6) << 4);
  }
  c.low = c.high = low_f16(header.x) * static_cast<float>(scale);
  c.bias = -(high_f16(header.x) * static_cast<float>(min));
}

template <>
struct Format<DType::kQ4_K> {
  struct Raw {
    uint4 q, header;
  };
  QB_DEVICE static Raw load(const unsigned char* row, const WeightRows& m, int u) {
    return {load_weights128(row + 16 * u), load_weights128(row + m.plane1 + 16 * (u >> 3))};
  }
  QB_DEVICE static void decode(const Raw& raw, int u, Codes& c) {
    unpack_nibbles(raw.q, c.v);
    k4_scales(raw.header, u & 7, c);
  }
};

template <>
struct Format<DType::kQ5_K> {
  struct Raw {
    uint4 q, header;
    unsigned fifth;
  };
  QB_DEVICE static Raw load(const unsigned char* row, const WeightRows& m, int u) {
    return {load_weights128(row + 16 * u), load_weights128(row + m.plane2 + 16 * (u >> 3)), load_scale32(row + m.plane1 + 4 * u)};
  }
  QB_DEVICE static void decode(const Raw& raw, int u, Codes& c) {
    unpack_nibbles(raw.q, c.v);
    add_fifth_bits(raw.fifth, c.v);
    k4_scales(raw.header, u & 7, c);
  }
};

template <>
struct Format<DType::kQ6_K> {
  struct Raw {
    uint4 q;
    uint2 upper;
    unsigned scales, d;
  };
  QB_DEVICE static Raw load(const unsigned char* row, const WeightRows& m, int u) {
    return {load_weights128(row + 16 * u), load_weights64(row + m.plane1 + 8 * u), load_scale16(row + m.plane2 + 2 * u),
            load_scale16(row + m.plane3 + 2 * (u >> 3))};
  }
  QB_DEVICE static void decode(const Raw& raw, int, Codes& c) {
    unpack_nibbles(raw.q, c.v);
#pragma unroll
    for (int k = 0; k < 8; ++k) {
      const unsigned upper = ((k < 4 ? raw.upper.x : raw.upper.y) >> (2 * (k & 3))) & 0x03030303U;
      const unsigned code = static_cast<unsigned>(c.v[k]) | (upper << 4);
      c.v[k] = static_cast<int>(((code | 0x80808080U) - 0x20202020U) ^ 0x80808080U);  // each byte less 32, without borrows
    }
    const float d = low_f16(raw.d);
    c.low = d * static_cast<float>(static_cast<signed char>(raw.scales & 0xffU));
    c.high = d * static_cast<float>(static_cast<signed char>(raw.scales >> 8));
    c.bias = 0.0F;
  }
};

// Types with one scale a row leave it to the end: the kernels multiply a finished sum, or each number of a row, by row_scale().

template <DType kType>
QB_DEVICE float row_scale(const unsigned char* row, const WeightRows& m) {
  if constexpr (kType == DType::kInt8) return bits_to_float(load_scale32(row + m.plane2));
  if constexpr (kType == DType::kFP8) return bits_to_float(load_scale32(row + m.plane1));
  return 1.0F;
}
constexpr bool has_row_scale(DType dtype) { return dtype == DType::kInt8 || dtype == DType::kFP8; }

template <>
struct Format<DType::kInt8> {
  struct Raw {
    uint4 a, b;
  };
  QB_DEVICE static Raw load(const unsigned char* row, const WeightRows& m, int u) {
    return {load_weights128(row + 16 * u), load_weights128(row + m.plane1 + 16 * u)};
  }
  QB_DEVICE static void decode(const Raw& raw, int, Codes& c) {
    const unsigned words[8] = {raw.a.x, raw.a.y, raw.a.z, raw.a.w, raw.b.x, raw.b.y, raw.b.z, raw.b.w};
#pragma unroll
    for (int k = 0; k < 8; ++k) c.v[k] = static_cast<int>(words[k]);
    c.low = c.high = 1.0F;
    c.bias = 0.0F;
  }
};

template <>
struct Format<DType::kInt4> {
  struct Raw {
    uint4 q;
    unsigned group;  // f16 scale, zero
  };
  QB_DEVICE static Raw load(const unsigned char* row, const WeightRows& m, int u) {
    return {load_weights128(row + 16 * u), load_scale32(row + m.plane1 + 4 * (u >> 2))};
  }
  QB_DEVICE static void decode(const Raw& raw, int, Codes& c) {
    unpack_nibbles(raw.q, c.v);
    c.low = c.high = low_f16(raw.group);
    c.bias = -(c.low * static_cast<float>(raw.group >> 16));
  }
};

/// 16 numbers by conversion; scale() is what they still need, beside the row's.
template <>
struct Format<DType::kFP8> {
  struct Raw {
    uint4 q;
  };
  QB_DEVICE static Raw load(const unsigned char* row, const WeightRows&, int u) { return {load_weights128(row + 16 * u)}; }
  QB_DEVICE static void unpack(const uint4& q, float4 (&w)[4]) {
    w[0] = e4m3x4_to_floats(q.x);
    w[1] = e4m3x4_to_floats(q.y);
    w[2] = e4m3x4_to_floats(q.z);
    w[3] = e4m3x4_to_floats(q.w);
  }
  QB_DEVICE static float scale(const Raw&) { return 1.0F; }
};

template <>
struct Format<DType::kFP8Block> : Format<DType::kFP8> {
  struct Raw {
    uint4 q;
    unsigned d;
  };
  QB_DEVICE static Raw load(const unsigned char* row, const WeightRows& m, int u) {
    return {load_weights128(row + 16 * u), load_scale32(row + m.plane1 + 4 * (u >> 3))};
  }
  QB_DEVICE static float scale(const Raw& raw) { return bits_to_float(raw.d); }
};

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
