#pragma once

#include <string>

namespace qbench::sandbox {

/// The seccomp filter of every sandbox, as BPF (array of struct sock_filter). What is not listed does not exist (ENOSYS), sockets that are
/// not AF_UNIX are refused (EACCES), and a call that only an attack makes kills the process (SIGSYS), as does another ABI than the
/// machine's. Error{kConfig} when the library refuses.
std::string make_filter();

}  // namespace qbench::sandbox
