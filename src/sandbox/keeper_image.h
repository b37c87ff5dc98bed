#pragma once

#include <span>

namespace qbench::sandbox {

/// The keeper (keeper/keeper.cpp) as the build made it: a static ELF program.
std::span<const unsigned char> keeper_image() noexcept;

}  // namespace qbench::sandbox
