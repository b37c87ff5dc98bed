#include "sandbox/obstacles.h"

#include <filesystem>

#include "sandbox/proc_files.h"

namespace qbench::sandbox {

std::string namespace_advice() {
  struct Setting {
    const char* file;
    char refusing;
    const char* remedy;
  };
  constexpr Setting kSettings[] = {
      {"/proc/sys/kernel/unprivileged_userns_clone", '0', "sysctl kernel.unprivileged_userns_clone=1"},
      {"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", '1', "sysctl kernel.apparmor_restrict_unprivileged_userns=0"},
      {"/proc/sys/user/max_user_namespaces", '0', "sysctl user.max_user_namespaces=10000"}};
  for (const Setting& setting : kSettings) {
    const std::string value = read_small_file(setting.file);
    if (!value.empty() && value.front() == setting.refusing)
      return std::string("Namespaces are switched off: ") + setting.remedy + " allows them";
  }
  if (std::filesystem::exists("/.dockerenv") || std::filesystem::exists("/run/.containerenv")) {
    return "A container's own filter may refuse namespaces: docker run --security-opt seccomp=unconfined --security-opt "
           "systempaths=unconfined allows them";
  }
  return "User namespaces have to be allowed (user_namespaces(7))";
}

}  // namespace qbench::sandbox
