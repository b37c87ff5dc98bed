#include "run/memory_lock.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "base/error.h"
#include "base/units.h"

namespace qbench::run {
namespace {

[[noreturn]] void refuse(std::uint64_t needed_bytes, int reason) {
  rlimit limit{};
  const bool finite = ::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  throw Error(
      ErrorCode::kMemory,
      fmt::format(
          "--mlock: the system refuses to lock {} ({}); RLIMIT_MEMLOCK is {}: raise it (`ulimit -l unlimited`) or leave --mlock out",
          format_bytes(needed_bytes), std::strerror(reason), finite ? format_bytes(limit.rlim_cur) : std::string("unlimited")));
}

}  // namespace

void lock_process_memory(std::uint64_t needed_bytes) {
  // A lock that fails half-way through loading would look like memory that has run out. So the limit is asked first, with a mapping of the
  // whole size of which no page is ever touched.
  if (needed_bytes > 0) {
    void* probe = ::mmap(nullptr, needed_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (probe == MAP_FAILED) refuse(needed_bytes, errno);
    const int reason = ::mlock2(probe, needed_bytes, MLOCK_ONFAULT) == 0 ? 0 : errno;
    ::munmap(probe, needed_bytes);
    if (reason != 0 && reason != ENOSYS) refuse(needed_bytes, reason);
  }
  if (::mlockall(MCL_CURRENT | MCL_FUTURE) != 0) refuse(needed_bytes, errno);
}

}  // namespace qbench::run
