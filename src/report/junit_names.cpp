#include "report/junit_names.h"

namespace qbench::report {
namespace {

std::string plain_name(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    out += plain ? c : '_';
  }
  return out.empty() ? "none" : out;
}

}  // namespace

std::string junit_class(std::string_view device, std::string_view model) { return "perf." + plain_name(device) + "." + plain_name(model); }

std::string error_type(std::string_view code) {
  if (code == "memory") return "OutOfMemory";
  std::string type;
  bool begins = true;
  for (const char c : code) {
    if (c == '_') {
      begins = true;
      continue;
    }
    type += begins && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    begins = false;
  }
  return type.empty() ? "Failed" : type;
}

std::string better_text(record::Better better) {
  return better == record::Better::kNeither ? "neither direction is better" : std::string(name_of(better)) + " is better";
}

}  // namespace qbench::report
