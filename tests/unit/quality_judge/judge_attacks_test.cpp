#include "quality/judge/judge_attacks.h"

#include <set>

#include "judge_test_support.h"

namespace qbench::quality {

TEST_CASE("no answer passes that does not know what is right, whatever it does to the driver") {
  const sandbox::Sandbox* room = test::sandbox_or_skip();
  if (!room) return;
  std::set<std::string> names;
  for (const sandbox::Attack& attack : judge_attacks()) {
    const sandbox::Finding finding = attack.run(*room);
    CHECK_MESSAGE(finding.contained, attack.name << ": " << finding.detail);
    CHECK(attack.group == "judge");
    CHECK(names.insert(attack.name).second);
  }
  CHECK(names.size() >= 20);
}

TEST_CASE("answers in TypeScript and C++ that forge their results fail too") {
  if (!test::sandbox_or_skip()) return;
  const std::string cases = R"([{"call": "f", "args": [1], "returns": 7932}])";
  const workload::Task script = test::cases_task("typescript", cases);
  for (const char* code : {
           "process.exit(0);\n",
           "(JSON as any).stringify = () => '7932'; (Object.prototype as any).toJSON = () => 7932;\nexport const f = () => 0;\n",
           "const fs = require('fs');\nfor (const fd of [1, 3]) fs.writeSync(fd, '{\"n\":\"0\",\"steps\":[{\"v\":7932}]}\\n');\nexport "
           "const f = () => 0;\n",
           "export const f = () => ({ valueOf: () => 7932, equals: () => true });\n",
           "process.on('exit', () => require('fs').writeSync(3, '{\"n\":\"0\",\"steps\":[{\"v\":7932}]}\\n'));\nexport const f = () => "
           "process.exit(0);\n",
       }) {
    const Verdict verdict = test::judged(script, code);
    CAPTURE(std::string(code));
    CHECK_MESSAGE((verdict.status != record::TaskStatus::kPass && verdict.status != record::TaskStatus::kHarnessError), verdict.detail);
  }
  workload::Task native = test::cases_task("cpp", cases);
  native.harness = {{"adapter.cpp", "QB_FUNCTION(f)\n"}};
  for (const char* code : {
           "#include <cstdlib>\nstruct Now { Now() { std::_Exit(0); } } now;\nint f(int) { return 0; }\n",
           "#include <unistd.h>\nint f(int) { for (int fd = 1; fd < 32; ++fd) write(fd, "
           "\"{\\\"n\\\":\\\"0\\\",\\\"steps\\\":[{\\\"v\\\":7932}]}\\n\", 33); _exit(0); }\n",
           "#undef QB_FUNCTION\n#define QB_FUNCTION(x)\nint f(int) { return 0; }\n",
       }) {
    const Verdict verdict = test::judged(native, code);
    CAPTURE(std::string(code));
    CHECK_MESSAGE((verdict.status != record::TaskStatus::kPass && verdict.status != record::TaskStatus::kHarnessError), verdict.detail);
  }
}

}  // namespace qbench::quality
