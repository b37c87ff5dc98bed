#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/error.h"
#include "formats/gguf_model.h"

using namespace qbench;
using namespace qbench::formats;

/// Any bytes either open as a model, each of whose tensors can be read to its last byte, or throw Error.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    read_gguf_tokenizer(parse_gguf_metadata(bytes, "fuzz").metadata);
  } catch (const Error&) {
  }
  try {
    std::vector<GgufFile> parts;
    parts.push_back(parse_gguf(bytes, "fuzz"));
    gguf_part_paths("m-00001-of-00003.gguf", parts.front().metadata);
    const GgufModelData model = assemble_gguf_model(parts, "fuzz");
    std::byte touched{};
    for (const TensorEntry& entry : model.tensors.entries()) touched ^= entry.data[0] ^ entry.data[entry.bytes - 1];
    asm volatile("" : : "r"(&touched) : "memory");  // the reads must happen
  } catch (const Error&) {
  }
  return 0;
}
