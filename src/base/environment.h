#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace qbench {

/// The only place that reads environment variables.

/// Value of a variable; nothing when unset or empty.
std::optional<std::string> environment_variable(const char* name);

/// All variables as `NAME=value`, with this one set: what a program that is started gets.
std::vector<std::string> environment_with(const std::string& name, const std::string& value);

/// $XDG_CACHE_HOME/qbench, else ~/.cache/qbench.
std::filesystem::path cache_dir();

/// Root of the local Hugging Face cache: $HF_HUB_CACHE, $HUGGINGFACE_HUB_CACHE, $HF_HOME/hub, $XDG_CACHE_HOME/huggingface/hub, else
/// ~/.cache/huggingface/hub; the first that is set.
std::filesystem::path hf_hub_cache_dir();

/// Folder that holds prompts/ and configs/: $QBENCH_DATA_DIR, else ../share/qbench beside the binary's folder, else the checkout that the
/// binary was built in (found by going up from the binary). Throws Error{kConfig} naming where it looked.
std::filesystem::path data_dir();

/// The same, or nothing where there is none. A QBENCH_DATA_DIR that is set but wrong is still an error.
std::optional<std::filesystem::path> find_data_dir();

/// NVIDIA's management library, as the dynamic linker finds it: $QBENCH_NVML_LIBRARY, else "libnvidia-ml.so.1", which comes with the driver.
std::string nvml_library();

/// Path of the running binary.
std::filesystem::path executable_path();

}  // namespace qbench
