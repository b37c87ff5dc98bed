#pragma once

#include <string_view>

/// The programs in attacks/, as the build puts them into qbench.
namespace qbench::sandbox::attacks {

std::string_view prologue();  ///< in front of each of the others
std::string_view descriptors();
std::string_view devices();
std::string_view empty_files();
std::string_view environment();
std::string_view forged_report();
std::string_view fork_bomb();
std::string_view grandchild();
std::string_view hang();
std::string_view ignore_signals();
std::string_view kill_others();
std::string_view links();
std::string_view local_sockets();
std::string_view memory();
std::string_view network();
std::string_view other_abi();
std::string_view other_programs();
std::string_view output();
std::string_view privileges();
std::string_view proc();
std::string_view read_files();
std::string_view system_call();
std::string_view terminal();
std::string_view threads();
std::string_view unwaited();
std::string_view write_files();

}  // namespace qbench::sandbox::attacks
