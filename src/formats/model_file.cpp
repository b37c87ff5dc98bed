#include "formats/model_file.h"

#include <system_error>

#include <fmt/format.h>

#include "base/error.h"
#include "formats/gguf_model.h"
#include "formats/quote.h"
#include "formats/safetensors_model.h"

namespace qbench::formats {
namespace {

namespace fs = std::filesystem;

/// A folder without config.json: says what is there instead.
[[noreturn]] void refuse_folder(const fs::path& folder) {
  std::string hint = "expected config.json and safetensors files in this folder";
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() == ".gguf") hint = fmt::format("the folder holds a GGUF: name the file, e.g. {}", at->path().string());
    if (at->path().extension() == ".bin")
      hint = fmt::format("the folder holds {}, but no safetensors and config.json; convert it to safetensors",
                         quote(at->path().filename().string()));
  }
  throw Error(ErrorCode::kNotFound, hint, folder.string());
}

}  // namespace

std::unique_ptr<ModelFile> open_model_file(const fs::path& path, const MapOptions& options) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    if (!fs::exists(path / "config.json", ignored)) refuse_folder(path);
    return open_safetensors(path, options);
  }
  if (!fs::exists(path, ignored)) throw Error(ErrorCode::kNotFound, "no such file or folder", path.string());
  if (path.extension() == ".gguf") return open_gguf(path, options);
  if (path.extension() == ".safetensors") return open_safetensors(path, options);
  throw Error(ErrorCode::kUnsupported, "expected a .gguf, a .safetensors, or a folder with config.json and safetensors", path.string());
}

}  // namespace qbench::formats
