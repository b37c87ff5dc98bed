#include "text/normalizer.h"

#include "text/nfc.h"

namespace qbench::text {
namespace {

struct StepRunner {
  std::string_view text;
  MatchScratch& scratch;

  /// Each returns false when the text stays as it is.
  bool operator()(const Normalizer::Nfc&, std::string& out) const {
    if (is_surely_nfc(text)) return false;
    out = normalize_nfc(text);
    return true;
  }
  bool operator()(const Normalizer::Prepend& step, std::string& out) const {
    if (text.empty() || step.text.empty()) return false;
    out = step.text;
    out += text;
    return true;
  }
  bool operator()(const Normalizer::Replace& step, std::string& out) const {
    std::size_t done = 0;
    step.pattern.for_each(text, scratch, [&](const Match& match) {
      out.append(text, done, match.begin - done);
      out += step.content;
      done = match.end;
    });
    if (done == 0 && out.empty()) return false;
    out.append(text, done);
    return true;
  }
};

}  // namespace

std::string_view Normalizer::apply(std::string_view text, MatchScratch& scratch, std::string& storage) const {
  for (const Step& step : steps_) {
    std::string out;
    const StepRunner runner{text, scratch};
    if (std::visit([&](const auto& kind) { return runner(kind, out); }, step)) {
      storage = std::move(out);
      text = storage;
    }
  }
  return text;
}

}  // namespace qbench::text
