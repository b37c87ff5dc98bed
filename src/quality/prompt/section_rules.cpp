#include "quality/prompt/sections.h"

namespace qbench::quality {
namespace {

using enum SectionKind;
constexpr auto kTitle = SectionRule::Place::kTitle;
constexpr auto kOpening = SectionRule::Place::kOpening;
constexpr auto kSentence = SectionRule::Place::kSentence;

// Specific before general: "output format" before "requirements", "testing requirements" is quality, "integration examples" are examples.
constexpr auto kRules = std::to_array<SectionRule>({
    {"example*", kExamples, kTitle},
    {"sample*", kExamples, kTitle},
    {"output format", kExamples, kTitle},
    {"expected output", kExamples, kTitle},
    {"response format", kExamples, kTitle},
    {"format", kExamples, kTitle},
    {"code pattern*", kExamples, kTitle},
    {"template*", kExamples, kTitle},
    {"input", kExamples, kTitle},
    {"output", kExamples, kTitle},
    {"usage", kExamples, kTitle},
    {"success criteria", kTask, kTitle},
    {"acceptance criteria", kTask, kTitle},
    {"quality", kQuality, kTitle},
    {"test*", kQuality, kTitle},
    {"performance", kQuality, kTitle},
    {"security", kQuality, kTitle},
    {"standard*", kQuality, kTitle},
    {"documentation", kQuality, kTitle},
    {"validation", kQuality, kTitle},
    {"accessibility", kQuality, kTitle},
    {"maintainab*", kQuality, kTitle},
    {"reliability", kQuality, kTitle},
    {"error handling", kQuality, kTitle},
    {"style", kQuality, kTitle},
    {"code review", kQuality, kTitle},
    {"best practice*", kQuality, kTitle},
    {"technical implementation", kContext, kTitle},
    {"tech stack", kContext, kTitle},
    {"technolog*", kContext, kTitle},
    {"stack", kContext, kTitle},
    {"context", kContext, kTitle},
    {"background", kContext, kTitle},
    {"overview", kContext, kTitle},
    {"architecture", kContext, kTitle},
    {"environment", kContext, kTitle},
    {"database*", kContext, kTitle},
    {"framework*", kContext, kTitle},
    {"platform*", kContext, kTitle},
    {"language*", kContext, kTitle},
    {"version*", kContext, kTitle},
    {"existing", kContext, kTitle},
    {"convention*", kContext, kTitle},
    {"project", kContext, kTitle},
    {"codebase", kContext, kTitle},
    {"files", kContext, kTitle},
    {"system", kContext, kTitle},
    {"task*", kTask, kTitle},
    {"requirement*", kTask, kTitle},
    {"feature*", kTask, kTitle},
    {"core feature*", kTask, kTitle},
    {"specification*", kTask, kTitle},
    {"deliverable*", kTask, kTitle},
    {"goal*", kTask, kTitle},
    {"objective*", kTask, kTitle},
    {"constraint*", kTask, kTitle},
    {"integration*", kTask, kTitle},
    {"breakdown", kTask, kTitle},
    {"scope", kTask, kTitle},
    {"component*", kTask, kTitle},
    {"instruction*", kTask, kTitle},
    {"step*", kTask, kTitle},
    {"function*", kTask, kTitle},
    {"question", kTask, kTitle},
    {"problem", kTask, kTitle},
    {"endpoint*", kTask, kTitle},
    {"interface*", kTask, kTitle},

    {"for example", kExamples, kSentence},
    {"for instance", kExamples, kSentence},
    {"e.g", kExamples, kSentence},
    {"example", kExamples, kOpening},
    {"input", kExamples, kOpening},
    {"output", kExamples, kOpening},
    {"expected output", kExamples, kSentence},
    {"usage example", kExamples, kSentence},
    {"write", kTask, kOpening},
    {"generate", kTask, kOpening},
    {"create", kTask, kOpening},
    {"build", kTask, kOpening},
    {"implement", kTask, kOpening},
    {"develop", kTask, kOpening},
    {"design", kTask, kOpening},
    {"add", kTask, kOpening},
    {"fix", kTask, kOpening},
    {"refactor", kTask, kOpening},
    {"convert", kTask, kOpening},
    {"explain", kTask, kOpening},
    {"return", kTask, kOpening},
    {"provide", kTask, kOpening},
    {"make", kTask, kOpening},
    {"complete", kTask, kOpening},
    {"please", kTask, kOpening},
    {"enhance", kTask, kOpening},
    {"integrate", kTask, kOpening},
    {"then write", kTask, kOpening},
    {"need to create", kTask, kSentence},
    {"want to create", kTask, kSentence},
    {"need to build", kTask, kSentence},
    {"test*", kQuality, kSentence},
    {"coverage", kQuality, kSentence},
    {"secur*", kQuality, kSentence},
    {"document*", kQuality, kSentence},
    {"docstring*", kQuality, kSentence},
    {"comment*", kQuality, kSentence},
    {"type hint*", kQuality, kSentence},
    {"error handling", kQuality, kSentence},
    {"handle error*", kQuality, kSentence},
    {"validat*", kQuality, kSentence},
    {"performance", kQuality, kSentence},
    {"optimize*", kQuality, kSentence},
    {"responsive", kQuality, kSentence},
    {"accessib*", kQuality, kSentence},
    {"best practice*", kQuality, kSentence},
    {"works well", kQuality, kSentence},
    {"readable", kQuality, kSentence},
    {"maintainab*", kQuality, kSentence},
    {"robust", kQuality, kSentence},
    {"reliab*", kQuality, kSentence},
    {"logging", kQuality, kSentence},
    {"memory does not", kQuality, kSentence},
    {"lint*", kQuality, kSentence},
    {"want to use", kContext, kSentence},
    {"use", kContext, kOpening},
    {"using", kContext, kSentence},
    {"database", kContext, kSentence},
    {"framework", kContext, kSentence},
    {"existing", kContext, kSentence},
    {"we have", kContext, kSentence},
    {"we use", kContext, kSentence},
    {"our", kContext, kSentence},
    {"project is", kContext, kSentence},
    {"you are", kContext, kOpening},
    {"written in", kContext, kSentence},
    {"runs on", kContext, kSentence},
    {"stack", kContext, kSentence},
    {"this", kContext, kOpening},
    {"the following", kContext, kOpening},
    {"must", kTask, kSentence},
    {"should", kTask, kSentence},
    {"shall", kTask, kSentence},
    {"need*", kTask, kSentence},
    {"want", kTask, kSentence},
    {"require*", kTask, kSentence},
    {"i would like", kTask, kSentence},
});

}  // namespace

std::span<const SectionRule> section_rules() { return kRules; }

std::string_view name_of(SectionKind kind) noexcept {
  switch (kind) {
    case kContext:
      return "context";
    case kTask:
      return "task";
    case kQuality:
      return "quality";
    case kExamples:
      return "examples";
    case kUnclassified:
      return "unclassified";
  }
  return "unknown";
}

double budget_ratio(SectionKind kind) noexcept {
  switch (kind) {
    case kContext:
      return 0.20;
    case kTask:
      return 0.30;
    case kQuality:
      return 0.25;
    case kExamples:
      return 0.25;
    case kUnclassified:
      return 0.0;
  }
  return 0.0;
}

}  // namespace qbench::quality
