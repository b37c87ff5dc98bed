#include <cstddef>
#include <cstdint>
#include <string_view>

#include "quality/judge/extract.h"

using namespace qbench;

/// One answer to a task with one file, with several, and with a prefix; the first byte chooses the language.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view answer(reinterpret_cast<const char*>(data) + 1, size - 1);
  constexpr const char* kLanguages[] = {"python", "typescript", "cpp", "rust"};
  workload::Task task;
  task.language = kLanguages[data[0] % 4];
  task.entry_point = "solve";
  task.paths = {"solution.py"};
  quality::extract_code(answer, task);
  task.prefix = "import os\n\n\ndef solve(a):\n";
  quality::extract_code(answer, task);
  task.prefix.clear();
  task.entry_point.clear();
  task.paths = {"a/b.py", "c.py"};
  task.cases = R"([{"call": "a.b:solve"}])";
  quality::extract_code(answer, task);
  return 0;
}
