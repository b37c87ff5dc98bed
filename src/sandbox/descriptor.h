#pragma once

#include <span>
#include <string_view>
#include <utility>

#include "base/descriptor.h"

namespace qbench::sandbox {

/// All descriptors that are made here are closed by exec.
struct PipeEnds {
  Descriptor read, write;
};

/// Error{kIo} with the system's reason, as all below.
PipeEnds make_pipe();

/// Two ends of a SOCK_SEQPACKET; what arrives at the first carries its sender's process id as this process sees it.
std::pair<Descriptor, Descriptor> make_report_socket();

/// A file in memory that holds `content`, to be read from its beginning.
Descriptor make_memory_file(const char* name, std::span<const unsigned char> content);
Descriptor make_memory_file(const char* name, std::string_view content);

void set_nonblocking(int fd);

}  // namespace qbench::sandbox
