#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "workplace.h"

using namespace qbench;
using namespace qbench::test;
using nlohmann::json;

namespace {

json parse(const Outcome& outcome) {
  REQUIRE_MESSAGE(outcome.status == 0, outcome.err);
  return json::parse(outcome.out);
}

/// Columns of the widest line: code points, since what is printed here has no wide characters.
std::size_t widest(const std::string& text) {
  std::size_t most = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::size_t columns = 0;
    for (const char c : line) columns += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
    most = std::max(most, columns);
  }
  return most;
}

const std::string kPrompt =
    "Write a parser, please.\n"
    "\n"
    "**Tech Stack:**\n"
    "- Python 3.8 and Python 3.11 \n"
    "\n"
    "**Testing:**\n"
    "- every public function has a docstring and raises\n"
    "- every public function has a docstring and raises\n"
    "- handle errors as needed, see {{guide}}\n";

std::string file(const Workplace& place, const std::string& name, const std::string& text) {
  write_file(place.path() / name, text);
  return (place.path() / name).string();
}

/// A suite of two tasks that no random model solves.
std::string tasks(const Workplace& place) {
  const std::filesystem::path suite = place.path() / "tasks";
  write_file(
      suite / "suite.json",
      R"({"title": "T", "description": "T.", "prompts": [{"id": "one", "language": "python", "task": "t"}, {"id": "two", "language": "python", "task": "u"}]})");
  for (const std::string name : {"t", "u"}) {
    write_file(suite / name / "prompt.txt", "Write f.\n");
    write_file(suite / name / "task.json", R"({"cases": [{"call": "f", "args": [1], "returns": 2}]})");
    write_file(suite / name / "reference" / "solution.py", "def f(x):\n    return x + 1\n");
    write_file(suite / name / "wrong" / "same" / "solution.py", "def f(x):\n    return x\n");
    write_file(suite / name / "wrong" / "none" / "solution.py", "def f(x):\n    return None\n");
  }
  return suite.string();
}

}  // namespace

TEST_CASE("prompt-ab answers every task with either prompt, judges in the sandbox and says why it decides as it does") {
  const Workplace place;
  if (place.qbench({"sandbox", "selftest", "--help"}).status != 0 || !std::filesystem::exists("/usr/bin/bwrap"))
    return report_skip("prompt-ab", "no sandbox here");
  const std::string a = file(place, "a.txt", "Solve: {task}"), b = file(place, "b.txt", "{task}");
  const std::vector<std::string> arguments{
      "prompts", "--prompt-ab",      a,   b,           "-m", place.model(), "--task", tasks(place), "--samples",
      "3",       "--max-new-tokens", "6", "--threads", "1"};
  std::vector<std::string> as_json = arguments;
  as_json.push_back("--json");
  const Outcome outcome = place.qbench(as_json);
  if (outcome.status == 2 && outcome.err.find("sandbox") != std::string::npos) return report_skip("prompt-ab", outcome.err);
  const json document = parse(outcome);
  CHECK(document.at("pairs") == 6);
  CHECK(document.at("answers").size() == 6);
  CHECK(document.at("a_passed") == 0);
  CHECK(document.at("mcnemar_p") == 1.0);
  CHECK(document.at("verdict") == "undecided");
  CHECK(document.at("prompt_tokens").at("a_median").get<double>() == document["prompt_tokens"].at("b_median").get<double>() + 7.0);
  CHECK(document.at("sampling").at("temperature") == 0.7);
  CHECK_FALSE(document.at("sandbox_level").get<std::string>().empty());
  const Outcome text = place.qbench(arguments);
  CHECK(text.status == 0);
  CHECK(text.out.find("Verdict: undecided") != std::string::npos);
  CHECK(widest(text.out) <= 80);
}

TEST_CASE("prompt-ab answers each task with the task's own limit of tokens, unless one is given for all") {
  const Workplace place;
  const std::string a = file(place, "a.txt", "Solve: {task}"), b = file(place, "b.txt", "{task}"), suite = tasks(place);
  write_file(std::filesystem::path(suite) / "suite.json",
             R"({"title": "T", "description": "T.", "prompts": [{"id": "one", "language": "python", "task": "t", "max_new_tokens": 3},
                {"id": "two", "language": "python", "task": "u", "max_new_tokens": 7}]})");
  const auto lengths = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"prompts", "--prompt-ab", a, b, "-m", place.model(), "--task", suite, "--threads", "1", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = place.qbench(arguments);
    std::vector<int> made;
    if (outcome.status == 2 && outcome.err.find("sandbox") != std::string::npos) {
      report_skip("prompt-ab with limits", outcome.err);
      return made;
    }
    for (const json& answer : parse(outcome).at("answers"))
      for (const char* side : {"a", "b"}) made.push_back(answer.at(side).at("output_tokens").get<int>());
    return made;
  };
  const std::vector<int> own = lengths({});
  if (own.empty()) return;
  CHECK(own == std::vector<int>{3, 3, 7, 7});
  CHECK(lengths({"--max-new-tokens", "5"}) == std::vector<int>{5, 5, 5, 5});
}

TEST_CASE("prompts counts tokens as tokenize does, shares them out and finds what is planted") {
  const Workplace place;
  const std::string prompt = file(place, "p.txt", kPrompt);
  const json document = parse(place.qbench({"prompts", prompt, "-m", place.model() + "," + place.model("other"), "--json"}));
  REQUIRE(document.at("prompts").size() == 1);
  const json& one = document["prompts"][0];
  REQUIRE(one.at("models").size() == 2);
  const json ids = parse(place.qbench({"tokenize", "-m", place.model(), "--json", "--no-special", kPrompt.substr(0, kPrompt.size() - 1)}));
  CHECK(one["models"][0].at("tokens") == ids.size());
  CHECK(one["models"][0].at("model") == "tiny");
  CHECK(one["models"][0].at("tokens_as_sent").get<std::size_t>() >= ids.size());
  CHECK(one["models"][0].at("context_use_ratio").get<double>() ==
        doctest::Approx(one["models"][0]["tokens_as_sent"].get<double>() / one["models"][0]["context"].get<double>()));
  CHECK(one.at("bytes") == kPrompt.size() - 1);
  std::int64_t sum = 0;
  for (const auto& [kind, share] : one.at("sections").items()) sum += share.at("count").get<std::int64_t>();
  CHECK(sum == static_cast<std::int64_t>(ids.size()));
  CHECK(one["sections"]["quality"].at("budget_ratio") == 0.25);
  REQUIRE(one.at("duplicates").size() == 1);
  CHECK(one["duplicates"][0].at("places")[0].at("first_line") == 7);
  CHECK(one["duplicates"][0]["places"][1].at("first_line") == 8);
  CHECK(one.at("boilerplate")[0].at("phrase") == "please");
  std::map<std::string, int> rules;
  for (const json& finding : one.at("lint")) rules[finding.at("rule")] = finding["line"].is_null() ? 0 : finding["line"].get<int>();
  CHECK(rules["contradictory-numbers"] == 4);
  CHECK(rules["trailing-whitespace"] == 4);
  CHECK(rules["ambiguous-word"] == 9);
  CHECK(rules["unresolved-placeholder"] == 9);
  CHECK(rules.contains("missing-output-format"));
}

TEST_CASE("a prompt longer than the context, and one that leaves no room for its answer, are said") {
  const Workplace place;
  const std::string prompt = file(place, "p.txt", kPrompt);
  const auto has = [&](const std::vector<std::string>& more, const std::string& rule) {
    std::vector<std::string> arguments{"prompts", prompt, "-m", place.model()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return place.qbench(arguments).out.find(rule) != std::string::npos;
  };
  CHECK(has({"--context", "16"}, "too-long-for-context"));
  CHECK(has({"--context", "4096", "--max-new-tokens", "4090"}, "no-room-for-answer"));
  CHECK_FALSE(has({"--context", "4096", "--max-new-tokens", "16"}, "-for-"));
}

TEST_CASE("the tables fit 80 columns, whatever the names, and say when there is no tokenizer") {
  const Workplace place;
  const std::string prompt =
      file(place, std::string(100, 'n') + ".txt", kPrompt + std::string(300, 'x') + "\n# " + std::string(200, 'y') + "\n");
  const Outcome with = place.qbench({"prompts", prompt, "--against", file(place, "q.txt", "Write it."), "-m", place.model()});
  REQUIRE_MESSAGE(with.status == 0, with.err);
  CHECK(widest(with.out) <= 80);
  CHECK(with.out.find("difference") != std::string::npos);
  CHECK(with.out.find("against") != std::string::npos);
  const Outcome without = place.qbench({"prompts", prompt});
  REQUIRE(without.status == 0);
  CHECK(without.out.find("No --models") != std::string::npos);
  CHECK(widest(without.out) <= 80);
}

TEST_CASE("sentences of one line name it once, one thing has no plural, and what is no text says so") {
  const Workplace place;
  const Outcome one = place.qbench({"prompts", file(place, "one.txt", "Write")});
  CHECK(one.out.find("  5 bytes, 1 line, 1 word, 1 requirement\n") != std::string::npos);
  const Outcome two = place.qbench({"prompts", file(place, "two.txt", "Write f. Write g.\nWrite h.\n\nBananas.\n\nWrite i.")});
  CHECK(two.out.find("   1-2, 6\n") != std::string::npos);
  const Outcome null = place.qbench({"prompts", file(place, "null.txt", std::string("a\0b", 3))});
  CHECK(null.status == 2);
  CHECK(null.err.find("UTF-8 text without null bytes") != std::string::npos);
}

TEST_CASE("the wordings of a group are compared, and files with --against") {
  const Workplace place;
  write_file(place.path() / "mine" / "suite.json", R"({"title": "Mine", "description": "Pairs.", "prompts": [
    {"id": "short", "group": "g", "turns": [{"text": "- a, b, c"}]},
    {"id": "long", "group": "g", "tags": ["verbose"], "turns": [{"text": "It should have an a and it should also have a b."}]},
    {"id": "alone", "turns": [{"text": "Nothing."}]}]})");
  const json document = parse(place.qbench({"prompts", "--suite", (place.path() / "mine").string(), "-m", place.model(), "--json"}));
  REQUIRE(document.at("compression").size() == 1);
  const json& pair = document["compression"][0];
  CHECK(pair.at("prompt") == "short");
  CHECK(pair.at("against") == "long");
  CHECK(pair.at("requirements") == 3);
  CHECK(pair.at("against_requirements") == 1);
  const json& model = pair.at("models")[0];
  CHECK(model.at("token_ratio").get<double>() ==
        doctest::Approx(model.at("tokens").get<double>() / model.at("against_tokens").get<double>()));
  CHECK(model.at("tokens_per_requirement").get<double>() == doctest::Approx(model["tokens"].get<double>() / 3.0));
  const json files =
      parse(place.qbench({"prompts", file(place, "a.txt", "- a, b"), "--against", file(place, "b.txt", "It must a."), "--json"}));
  CHECK(files.at("compression")[0].at("against_requirements") == 1);
}

TEST_CASE("attribution says its cost before and after, gives the same numbers twice, and takes answers from files and runs") {
  const Workplace place;
  const std::string prompt = file(place, "p.txt", "Write a parser.\n\n**Stack:** Go\n\n**Testing:** all of it\n"),
                    answer = file(place, "a.txt", "def parse():\n    pass\n");
  const std::vector<std::string> arguments{"prompts",        prompt, "-m",        place.model(), "--attribution", "--answer", answer,
                                           "--random-spans", "4",    "--threads", "1",           "--json"};
  const Outcome first = place.qbench(arguments);
  json once = parse(first), again = parse(place.qbench(arguments));
  CHECK(first.err.find("passes") != std::string::npos);
  CHECK(once.at("cost").at("passes") == once.at("planned_cost").at("passes"));
  CHECK(once["cost"].at("tokens_fed").get<int>() <= once["planned_cost"].at("tokens_fed").get<int>());
  CHECK(once["cost"].at("seconds").get<double>() > 0.0);
  once["cost"].erase("seconds");
  again["cost"].erase("seconds");
  CHECK(once == again);
  REQUIRE(once.at("sections").size() == 3);
  std::int64_t relevant = 0, total = 0;
  for (const json& section : once["sections"]) {
    total += section.at("tokens").get<std::int64_t>();
    if (section.at("relevant").get<bool>()) relevant += section["tokens"].get<std::int64_t>();
  }
  CHECK(once.at("relevant_tokens") == relevant);
  CHECK(once.at("total_tokens") == total);
  CHECK(once.at("context_efficiency_ratio").get<double>() == doctest::Approx(static_cast<double>(relevant) / static_cast<double>(total)));

  REQUIRE(place.qbench(place.run(place.model(), {"--suite", "two#first", "--pass", "text"})).status == 0);
  const json of_run = parse(place.qbench({"prompts", "--suite", "two#first", "-m", place.model(), "--attribution", "--answer",
                                          only_folder(place.results()).string(), "--json"}));
  CHECK(of_run.at("answer_source").get<std::string>().find("tiny, first") != std::string::npos);
  const Outcome greedy =
      place.qbench({"prompts", prompt, "-m", place.model(), "--attribution", "--max-new-tokens", "4", "--random-spans", "3"});
  REQUIRE_MESSAGE(greedy.status == 0, greedy.err);
  CHECK(greedy.out.find("generated greedily") != std::string::npos);
  CHECK(greedy.out.find("Context efficiency") != std::string::npos);
  CHECK(widest(greedy.out) <= 80);
}

TEST_CASE("run --score --attribution gives the row its context efficiency") {
  const Workplace place;
  const Outcome outcome =
      place.qbench(place.run(place.model(), {"--suite", "two#first", "--pass", "text", "--score", "--attribution", "--no-relevance"}));
  if (outcome.status == 2 && outcome.err.find("sandbox") != std::string::npos) return report_skip("run --score --attribution", outcome.err);
  REQUIRE_MESSAGE(outcome.status == 0, outcome.err);
  const std::string ratio = read_results(place.results()).cell("tiny", "first", "text", "context_efficiency_ratio");
  REQUIRE_FALSE(ratio.empty());
  CHECK(std::stod(ratio) >= 0.0);
  CHECK(std::stod(ratio) <= 1.0);
  CHECK(place.qbench(place.run(place.model(), {"--attribution"})).status == 2);
}

TEST_CASE("what prompts cannot do is one line and the right exit code") {
  const Workplace place;
  const std::string prompt = file(place, "p.txt", "Write it."), model = place.model();
  struct Case {
    std::vector<std::string> arguments;
    int status;
    std::string words;
  };
  const std::vector<Case> cases{
      {{"prompts"}, 2, "--suite"},
      {{"prompts", (place.path() / "nowhere.txt").string()}, 2, "nowhere.txt"},
      {{"prompts", file(place, "empty.txt", "")}, 2, "empty.txt"},
      {{"prompts", file(place, "bytes.txt", "a\xFF\xFE")}, 2, "bytes.txt"},
      {{"prompts", prompt, "--suite", "none"}, 2, "none"},
      {{"prompts", prompt, "-m", (place.path() / "nowhere.gguf").string()}, 3, "nowhere.gguf"},
      {{"prompts", prompt, "--answer", prompt}, 2, "--attribution"},
      {{"prompts", prompt, "--attribution"}, 2, "--models"},
      {{"prompts", prompt, prompt, "-m", model, "--attribution"}, 2, "one prompt"},
      {{"prompts", prompt, "-m", model, "--attribution", "--random-spans", "1"}, 2, "--random-spans"},
      {{"prompts", prompt, "-m", model, "--attribution", "--answer", (place.path() / "none.txt").string()}, 2, "--answer"},
      {{"prompts", prompt, "-m", model, "--attribution", "--answer", place.path().string()}, 3, "samples.jsonl"},
      {{"prompts", prompt, "-m", "synthetic:small", "--attribution"}, 3, "synthetic"},
      {{"prompts", prompt, "-m", model, "--attribution", "--context", "8"}, 3, "context"},
      {{"prompts", prompt, "--task", "two"}, 2, "--prompt-ab"},
      {{"prompts", "--prompt-ab", prompt, prompt, "-m", model}, 2, "--task"},
      {{"prompts", "--prompt-ab", prompt, prompt, "--task", "two"}, 2, "--models"},
      {{"prompts", "--prompt-ab", prompt, "-m", model, "--task", "two"}, 2, "--prompt-ab"},
      {{"prompts", "--prompt-ab", prompt, prompt, "-m", model, "--task", "two"}, 2, "no prompt with a task"},
      {{"prompts", "--prompt-ab", prompt, prompt, "-m", model, "--task", tasks(place)}, 2, "{task}"},
      {{"prompts", "--prompt-ab", prompt, prompt, "-m", model, "--task", tasks(place) + "#one", "--samples", "0"}, 2, "--samples"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.arguments);
    const Outcome outcome = place.qbench(one.arguments);
    CAPTURE(outcome.err);
    CHECK(outcome.status == one.status);
    CHECK(outcome.err.find(one.words) != std::string::npos);
    CHECK(count_lines(outcome.err.substr(outcome.err.find("qbench:") == std::string::npos ? 0 : outcome.err.rfind("qbench:"))) == 1);
  }
}
