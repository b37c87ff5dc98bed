#include "workload/packed_file.h"

#include <zlib.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/text_file.h"
#include "base/units.h"

namespace qbench::workload {
namespace {

[[noreturn]] void fail(const std::string& message, const std::filesystem::path& path) {
  throw Error(ErrorCode::kConfig, message, path.string());
}

/// zlib's state, ended however the reader is left.
struct Inflater {
  z_stream stream{};
  bool ready = inflateInit2(&stream, MAX_WBITS + 16) == Z_OK;  // 16: gzip's header, no other
  ~Inflater() {
    if (ready) inflateEnd(&stream);
  }
};

std::string unpacked(const std::string& packed, std::uint64_t max_bytes, const std::filesystem::path& path) {
  Inflater inflater;
  if (!inflater.ready) fail("zlib could not be started", path);
  std::string text;
  std::array<char, 1 << 16> block;
  // zlib's interface takes the input by a pointer that it does not write through.
  inflater.stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  inflater.stream.avail_in = static_cast<uInt>(packed.size());
  for (;;) {
    inflater.stream.next_out = reinterpret_cast<Bytef*>(block.data());
    inflater.stream.avail_out = static_cast<uInt>(block.size());
    const int state = inflate(&inflater.stream, Z_NO_FLUSH);
    text.append(block.data(), block.size() - inflater.stream.avail_out);
    if (text.size() > max_bytes) fail("unpacks into more than " + format_bytes(max_bytes), path);
    if (state == Z_STREAM_END && inflater.stream.avail_in == 0) return text;
    if (state == Z_STREAM_END) {  // gzip files may be put one after another
      if (inflateReset(&inflater.stream) != Z_OK) fail("is damaged: not gzip", path);
      continue;
    }
    if (state == Z_BUF_ERROR) fail("is cut off: the packed data ends too early", path);
    if (state != Z_OK) fail("is damaged: not gzip", path);
  }
}

}  // namespace

std::string read_packed_file(const std::filesystem::path& path, std::uint64_t max_bytes) {
  std::string text;
  try {
    text = read_text_file(path, std::min<std::uint64_t>(max_bytes, std::uint64_t{1} << 31));
  } catch (const Error& error) {
    throw Error(ErrorCode::kConfig, error.what());
  }
  return path.extension() == ".gz" ? unpacked(text, max_bytes, path) : text;
}

}  // namespace qbench::workload
