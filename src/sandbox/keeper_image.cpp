#include "sandbox/keeper_image.h"

#include <cstddef>

asm(".section .rodata\n"
    ".balign 16\n"
    "qb_sandbox_keeper_begin:\n"
    ".incbin \"" QB_KEEPER_FILE
    "\"\n"
    "qb_sandbox_keeper_end:\n"
    ".balign 16\n"
    ".previous\n");

extern "C" {
extern const unsigned char qb_sandbox_keeper_begin[];
extern const unsigned char qb_sandbox_keeper_end[];
}

namespace qbench::sandbox {

std::span<const unsigned char> keeper_image() noexcept {
  return {qb_sandbox_keeper_begin, static_cast<std::size_t>(qb_sandbox_keeper_end - qb_sandbox_keeper_begin)};
}

}  // namespace qbench::sandbox
