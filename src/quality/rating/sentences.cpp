#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "base/plural.h"
#include "quality/rating/evidence.h"

namespace qbench::quality {
namespace {

using Places = std::vector<std::pair<std::string, std::int64_t>>;

/// Sentences with their weight; sorted once at the end.
class Sentences {
 public:
  void add(double weight, std::string sentence) { all_.emplace_back(weight, std::move(sentence)); }
  std::vector<std::string> sorted() {
    std::stable_sort(all_.begin(), all_.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<std::string> out;
    for (auto& [weight, sentence] : all_) out.push_back(std::move(sentence));
    return out;
  }

 private:
  std::vector<std::pair<double, std::string>> all_;
};

Places places_of(const std::vector<Spot>& spots, const std::function<bool(const Spot&)>& wanted) {
  Places places;
  for (const Spot& one : spots) {
    const std::pair<std::string, std::int64_t> place{one.file, one.line};
    if (wanted(one) && std::find(places.begin(), places.end(), place) == places.end()) places.push_back(place);
  }
  return places;
}

bool several(const Evidence& evidence) { return evidence.facts.files.size() > 1; }

/// The texts of spots, each once, at most `most`.
std::string texts_of(const std::vector<Spot>& spots, const std::function<bool(const Spot&)>& wanted, std::size_t most) {
  std::string out;
  std::set<std::string> seen;
  for (const Spot& one : spots) {
    if (!wanted(one) || !seen.insert(one.text).second) continue;
    if (seen.size() > most) {
      out += ", ...";
      break;
    }
    out += (out.empty() ? "" : ", ") + one.text;
  }
  return out;
}

struct FindingWords {
  std::string_view kind;
  double weight;
  std::string_view words;
};
/// Limitations that are a finding of an analyzer: how much they weigh and what is said before the lines.
constexpr FindingWords kFindings[] = {
    {"eval", 7, "text is run as code"},
    {"swallowed", 6, "errors are dropped without a word"},
    {"bare_except", 5, "every exception is caught, also those that end a program"},
    {"mutable_default", 4, "default values are shared between calls"},
    {"unsafe", 5, "functions that are unsafe or not reproducible"},
    {"raw_new", 4, "memory is managed by hand"},
    {"any", 4, "types are given up with any"},
    {"print", 1.5, "output by print or console.log in functions instead of a log"},
    {"none_comparison", 1, "None is compared by =="},
    {"global", 1.5, "global state is written"},
    {"loose_equality", 2, "comparison after conversion (== or !=)"},
    {"non_null", 1.5, "values are asserted to be there with !"},
    {"var", 1.5, "var instead of let or const"},
    {"using_namespace", 2, "using namespace std in a header"},
};

void correctness_sentences(const Evidence& evidence, Sentences& good, Sentences& bad) {
  if (const SourceFacts* broken = evidence.facts.unparsed()) {
    bad.add(100, fmt::format("{} does not {}: {}{}", broken->path, parse_verb(evidence), *broken->parse_error,
                             broken->parse_error_line > 0 ? fmt::format(" (line {})", broken->parse_error_line) : std::string()));
  }
  if (evidence.unfinished) bad.add(60, "the answer was cut off before its end");
  if (!counts(evidence.correctness)) return;
  const bool pass = evidence.correctness->status == record::TaskStatus::kPass;
  (pass ? good : bad).add(90, correctness_text(evidence.correctness));
}

void unused_sentence(const Evidence& evidence, Sentences& bad) {
  Places places;
  std::string names;
  for (const FunctionFacts& one : evidence.facts.functions) {
    if (!one.unused) continue;
    if (places.size() < 3) names += (names.empty() ? "" : ", ") + one.name + "()";
    places.emplace_back(one.file, one.line);
  }
  if (!places.empty())
    bad.add(9, fmt::format("defined and used nowhere, so not counted: {} ({})", names, lines_text(places, several(evidence))));
}

void name_sentences(const Evidence& evidence, Sentences& good, Sentences& bad) {
  const auto all = [](const Spot&) { return true; };
  const Facts& facts = evidence.facts;
  if (!facts.undefined.empty())
    bad.add(50, fmt::format("used and defined nowhere: {} ({})", texts_of(facts.undefined, all, 4),
                            lines_text(places_of(facts.undefined, all), several(evidence))));
  const auto unknown = [](const Spot& one) { return one.kind == "unknown"; };
  if (const Places places = places_of(facts.imports, unknown); !places.empty()) {
    bad.add(30, fmt::format("imports nothing that is known: {} ({})", texts_of(facts.imports, unknown, 4),
                            lines_text(places, several(evidence))));
  }
  if (!evidence.absent.empty()) {
    std::string names;
    for (const std::string& name : evidence.absent) names += (names.empty() ? "" : ", ") + name;
    bad.add(25, "asked for and not in the code: " + names);
  } else if (evidence.asked.size() >= 3) {
    good.add(12, fmt::format("all {} names that the prompt asks for are there", evidence.asked.size()));
  }
  const auto marker = [](const Spot& one) { return one.kind == "marker"; };
  if (const Places places = places_of(facts.findings, marker); !places.empty()) {
    bad.add(22, fmt::format("marked as missing or left to the reader in {}: {}", lines_text(places, several(evidence)),
                            texts_of(facts.findings, marker, 2)));
  }
  Places hollow;
  std::string names;
  for (const FunctionFacts& one : facts.functions) {
    if (!one.is_rated() || one.body == "ok") continue;
    if (hollow.size() < 3) names += (names.empty() ? "" : ", ") + one.name + "() is " + one.body;
    hollow.emplace_back(one.file, one.line);
  }
  if (!hollow.empty()) bad.add(24, fmt::format("functions that do nothing: {} ({})", names, lines_text(hollow, several(evidence))));
  if (evidence.tests_asked && !evidence.has_tests) bad.add(21, "the tests asked for are not there");
  unused_sentence(evidence, bad);
}

void handling_sentences(const Evidence& evidence, const Rating& rating, Sentences& good, Sentences& bad) {
  const Facts& facts = evidence.facts;
  const KpiValue& handling = rating.kpi(Kpi::kErrorHandling);
  const auto open = [](const Spot& one) { return !one.flag; };
  const auto handled = [](const Spot& one) { return one.flag; };
  if (handling.value && *handling.value >= 80) {
    good.add(18, fmt::format("{} of {} operations that can fail from outside are handled: {} ({})", handling.counted, handling.of,
                             texts_of(facts.risks, handled, 4), lines_text(places_of(facts.risks, handled), several(evidence))));
  }
  if (handling.value && handling.counted < handling.of) {
    bad.add(*handling.value < 60 ? 18 : 8,
            fmt::format("{} of {} operations that can fail from outside are not handled: {} ({})", handling.of - handling.counted,
                        handling.of, texts_of(facts.risks, open, 4), lines_text(places_of(facts.risks, open), several(evidence))));
  }
  const auto any = [](const Spot&) { return true; };
  if (!facts.raises.empty())
    good.add(6, fmt::format("raises {} ({})", texts_of(facts.raises, any, 3), lines_text(places_of(facts.raises, any), several(evidence))));
  for (const FindingWords& words : kFindings) {
    const auto same = [&words](const Spot& one) { return one.kind == words.kind; };
    if (const Places places = places_of(facts.findings, same); !places.empty()) {
      bad.add(words.weight + static_cast<double>(std::min<std::size_t>(places.size(), 5)) * 0.2,
              fmt::format("{} ({})", words.words, lines_text(places, several(evidence))));
    }
  }
  const auto blocks = [](const Spot& one) { return !one.flag; };
  if (const Places places = places_of(facts.blocking, blocks); !places.empty()) {
    bad.add(16, fmt::format("the event loop is blocked by {} ({})", texts_of(facts.blocking, blocks, 3),
                            lines_text(places, several(evidence))));
  }
  const auto per_request = [](const Spot& one) { return one.kind == "request"; };
  if (const Places places = places_of(facts.loads, per_request); !places.empty())
    bad.add(20, fmt::format("a model is loaded with each request ({})", lines_text(places, several(evidence))));
}

void kpi_sentences(const Evidence& evidence, const Rating& rating, Sentences& good, Sentences& bad) {
  const auto both = [&](Kpi kpi, double from_good, double to_bad, double weight) {
    const KpiValue& value = rating.kpi(kpi);
    if (!value.value) return;
    const KpiInfo& info = info_of(kpi);
    const std::string sentence = fmt::format("{} {:g}{}: {}", info.title, *value.value, info.unit == "%" ? " %" : " of 10", value.evidence);
    if (*value.value >= from_good) good.add(weight, sentence);
    if (*value.value < to_bad) bad.add(weight, sentence);
  };
  both(Kpi::kDocumentation, 8, 5, 10);
  both(Kpi::kTypeCompliance, 90, 60, 11);
  both(Kpi::kTestCoverage, 80, 50, 9);
  both(Kpi::kStructure, 9, 7, 7);
  if (evidence.coverage && evidence.coverage->failed + evidence.coverage->errors > 0) {
    bad.add(28, fmt::format("{} of its own tests fail: {}", evidence.coverage->failed + evidence.coverage->errors,
                            evidence.coverage->last_line));
  }
  if (evidence.diagnostics && !evidence.diagnostics->empty()) {
    const auto all = [](const Spot&) { return true; };
    const std::string tool = evidence.language == "python" ? "mypy" : evidence.language == "cpp" ? "g++" : "tsc";
    bad.add(6, fmt::format("{} reports {} ({})", tool, texts_of(*evidence.diagnostics, all, 2),
                           lines_text(places_of(*evidence.diagnostics, all), several(evidence))));
  }
  if (evidence.language == "python" && !evidence.has_tests && !evidence.tests_asked && evidence.facts.code_lines() >= 40)
    bad.add(2, fmt::format("no tests beside {} code lines", evidence.facts.code_lines()));
}

void security_sentences(const Evidence& evidence, Sentences& good, Sentences& bad) {
  if (!evidence.security) return;
  if (evidence.security->empty() && evidence.facts.code_lines() >= 20)
    good.add(3, fmt::format("bandit finds nothing in {} code lines", evidence.facts.code_lines()));
  std::map<std::string, Places> rules;
  std::map<std::string, std::string> words;
  for (const SecurityFinding& one : *evidence.security) {
    const std::string rule = fmt::format("{} ({})", one.rule, one.severity);
    rules[rule].emplace_back(one.file, one.line);
    words.emplace(rule, one.text);
  }
  for (const auto& [rule, places] : rules) {
    const double weight = rule.find("HIGH") != std::string::npos ? 26 : rule.find("MEDIUM") != std::string::npos ? 12 : 3;
    bad.add(weight, fmt::format("bandit {}: {} ({})", rule, words[rule], lines_text(places, several(evidence))));
  }
}

/// Habits that were found, in one sentence each kind.
void habit_sentences(const Evidence& evidence, Sentences& good, Sentences& bad) {
  std::set<std::string> kinds;
  for (const Spot& one : evidence.facts.features) kinds.insert(one.kind);
  for (const std::string& kind : kinds) {
    const auto same = [&kind](const Spot& one) { return one.kind == kind; };
    good.add(4, fmt::format("{}: {} ({})", kind, texts_of(evidence.facts.features, same, 3),
                            lines_text(places_of(evidence.facts.features, same), several(evidence))));
  }
  if (evidence.facts.routes.empty()) return;
  for (const std::string_view kind : {"logging", "health endpoint", "data models"}) {
    if (kinds.count(std::string(kind)) == 0)
      bad.add(3, fmt::format("a service of {} without {}", plural(evidence.facts.routes.size(), "endpoint"), kind));
  }
}

}  // namespace

std::string lines_text(Places places, bool several_files) {
  constexpr std::size_t kMost = 4;
  if (places.empty()) return "no line";
  std::sort(places.begin(), places.end());
  std::string out;
  const std::size_t shown = std::min(places.size(), kMost);
  std::string file;
  for (std::size_t i = 0; i < shown; ++i) {
    const bool last = i + 1 == shown && shown == places.size() && shown > 1;
    out += i == 0 ? "" : last ? " and " : ", ";
    if (several_files && places[i].first != file) out += (file = places[i].first) + ":";
    out += std::to_string(places[i].second);
  }
  if (places.size() > shown) out += fmt::format(" and {} more", places.size() - shown);
  return (places.size() == 1 ? "line " : "lines ") + out;
}

void write_sentences(const Evidence& evidence, Rating& rating) {
  Sentences good, bad;
  correctness_sentences(evidence, good, bad);
  if (evidence.facts.unparsed() == nullptr) {
    name_sentences(evidence, good, bad);
    handling_sentences(evidence, rating, good, bad);
    kpi_sentences(evidence, rating, good, bad);
    security_sentences(evidence, good, bad);
    habit_sentences(evidence, good, bad);
  }
  rating.strengths = good.sorted();
  rating.limitations = bad.sorted();
}

}  // namespace qbench::quality
