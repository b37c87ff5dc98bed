#include "report/model_report.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "report_examples.h"

using namespace qbench;
using namespace qbench::report;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// The lines outside fenced code blocks, by CommonMark's rule: a block ends at a line of at least as many backticks as it began with.
std::string outside_code(const std::string& markdown) {
  std::string out;
  std::size_t fence = 0;
  for (std::size_t at = 0; at < markdown.size();) {
    const std::size_t end = std::min(markdown.find('\n', at), markdown.size());
    const std::string line = markdown.substr(at, end - at);
    const std::size_t ticks = std::min(line.find_first_not_of('`'), line.size());
    if (fence == 0 && ticks >= 3) {
      fence = ticks;
    } else if (fence > 0 && ticks >= fence && ticks == line.size()) {
      fence = 0;
    } else if (fence == 0) {
      out += line + "\n";
    }
    at = end + 1;
  }
  CHECK(fence == 0);
  return out;
}

}  // namespace

TEST_CASE("the report holds machine, settings, prompt, output, metrics and the breakdown by phase") {
  const std::string text = model_markdown(test::small_run(), test::small_content("print('fizz')"), "smol");
  for (const char* part : {"# smol (SmolLM2-135M-Instruct)\n",
                           "## Results",
                           "## Model",
                           "## Settings",
                           "## Machine",
                           "## Loading (cold)",
                           "## Prompts and outputs",
                           "### smoke / fizzbuzz",
                           "#### pass=speed",
                           "#### pass=text",
                           "Prompt as sent:\n\n```text\n<|im_start|>user\nwrite fizzbuzz<|im_end|>\n```",
                           "```text\nprint('fizz')\n```",
                           "| `ttft_ms` | ms | lower | 20 |",
                           "AMD EPYC",
                           "flash (tiled, online softmax)",
                           "boost clocks are on",
                           "| render the chat template | 1 |",
                           "| **end to end** | 35 | 100.0 % |",
                           "qbench run --models smol",
                           "| 80 | 5 | 70 | 5 |",
                           "Digest of the output ids: `beef`"}) {
    CAPTURE(part);
    CHECK(contains(text, part));
  }
  CHECK_FALSE(contains(text, "## Failures"));
  CHECK_FALSE(contains(text, "nan"));
}

TEST_CASE("the report begins with the table of all models of the run, its own in bold") {
  auto content = test::small_content("x");
  const auto other = test::small_content("y", "other");
  content.cells.insert(content.cells.end(), other.cells.begin(), other.cells.end());
  const std::string text = model_markdown(test::small_run(), content, "smol");
  CHECK(contains(text, "| Model | Flash Attn | Pass | Tokens Generated | Tok/s | Time (s) | Memory (GB) | Free (GB) | TTFT (ms) |"));
  CHECK(contains(text, "| **smol** | yes | text | 4 | 114.3 | 0.0 | 0.30 | 20.0 | 20.0 |\n| other | yes | text |"));
}

TEST_CASE("repetitions and gaps stand in the report as sparklines") {
  auto content = test::small_content("x");
  content.samples.insert(content.samples.begin() + 1, content.samples.front());
  content.samples[1].metrics[record::MetricId::kTtftMs] = 30;
  content.samples[0].sequences.front().token_ns = content.samples[1].sequences.front().token_ns = {20'000'000, 25'000'000, 31'000'000, 35'000'000};
  const std::string text = model_markdown(test::small_run(), content, "smol");
  CHECK(contains(text, "▁█ |\n"));
  CHECK(contains(text, "Gaps between its tokens, first to last: ▅█▁ (4 to 6 ms)"));
}

TEST_CASE("the phases and what is not attributed add up to the end-to-end time") {
  const std::string text = model_markdown(test::small_run(), test::small_content("x"), "smol");
  // 1 render + 1 tokenize + 17 prefill (3 to 20) + 15 decode + 1 between tokenizing and prefill = 35.
  CHECK(contains(text, "| tokenize the prompt | 1 | 2.9 % |"));
  CHECK(contains(text, "| prefill, first token | 17 | 48.6 % |"));
  CHECK(contains(text, "| decode, further tokens | 15 | 42.9 % |"));
  CHECK(contains(text, "| not attributed | 1 | 2.9 % |"));
}

TEST_CASE("an output with fences, headings and markup stays inside its block") {
  const std::string evil = "```python\nx\n```\n# Not a heading\n`````` six\n| a | b |\n\r\n``````````\n</details>";
  const std::string outside = outside_code(model_markdown(test::small_run(), test::small_content(evil), "smol"));
  CHECK_FALSE(contains(outside, "Not a heading"));
  CHECK_FALSE(contains(outside, "</details>"));
  CHECK(contains(outside, "#### pass=text"));
  CHECK(contains(outside, "## Prompts and outputs"));
}

TEST_CASE("names and failures with markup stay in their line") {
  auto content = test::small_content("x");
  for (auto& cell : content.cells) {
    cell.status = record::Status::kFailed;
    cell.failure = {"crash", "line one\n## two | three <b>"};
    cell.model.name = "a|b";
  }
  content.loads.clear();
  const std::string text = model_markdown(test::small_run(), content, "smol");
  CHECK(contains(text, "# smol (a\\|b)\n"));
  CHECK(contains(text, "## Failures"));
  CHECK(contains(text, "line one ## two \\| three &lt;b>"));
  CHECK_FALSE(contains(text, "\n## two"));
}

TEST_CASE("a model that could not be loaded has a report that says why") {
  record::SampleFileContent content;
  record::LoadRecord load;
  load.model.label = "nowhere";
  load.status = record::Status::kFailed;
  load.failure = {"not_found", "no such model"};
  content.loads = {load};
  const std::string text = model_markdown(test::small_run(), content, "nowhere");
  CHECK(contains(text, "# nowhere\n"));
  CHECK(contains(text, "- **loading failed** (not_found): no such model"));
  CHECK(contains(text, "0 of 0 rows worked"));
}

TEST_CASE("one reason of many rows stands once, with the rows") {
  auto content = test::small_content("x");
  content.samples.clear();
  for (auto& cell : content.cells) {
    cell.status = record::Status::kFailed;
    cell.failure = {"not_found", "no such model; download it with: fetch it"};
    cell.output_digest.clear();
  }
  content.loads.front().status = record::Status::kFailed;
  content.loads.front().failure = content.cells.front().failure;
  const std::string text = model_markdown(test::small_run(), content, "smol");
  CHECK(contains(text, "- **loading failed** (not_found), and so fizzbuzz (speed), fizzbuzz (text): no such model; download it with: fetch it\n"));
  const std::size_t first = text.find("no such model");
  CHECK(text.find("no such model", first + 1) == std::string::npos);
  content.cells.back().failure.message = "another reason";
  CHECK(contains(model_markdown(test::small_run(), content, "smol"), "- **failed** (not_found), fizzbuzz (text): another reason\n"));
}

TEST_CASE("bytes, parameters and sampling are written for people, beside the figures") {
  auto content = test::small_content("x");
  for (auto& cell : content.cells) {
    cell.settings.sampling_json = R"({"seed":1,"stop":["a"],"temperature":0.7})";
    cell.model.parameters = 134'515'008;
  }
  for (auto& load : content.loads) load.model.parameters = 134'515'008;
  const std::string text = model_markdown(test::small_run(), content, "smol");
  CHECK(contains(text, "| `peak_bytes` | bytes | lower |  |  | 300000000 (300.0 MB) |"));
  CHECK(contains(text, "| parameters | 134.5 M (134515008) |"));
  CHECK(contains(text, "| sampling, text pass | seed=1, stop=\\[\"a\"\\], temperature=0.7 |"));
}

TEST_CASE("only several repetitions can have the same output") {
  auto content = test::small_content("x");
  CHECK_FALSE(contains(model_markdown(test::small_run(), content, "smol"), "the same in all timed repetitions"));
  for (auto& cell : content.cells) cell.n_samples = 2;
  CHECK(contains(model_markdown(test::small_run(), content, "smol"), "Digest of the output ids: `beef`, the same in all timed repetitions"));
}

TEST_CASE("a cell that was run again after a resume is reported once, with its last record") {
  auto content = test::small_content("x");
  record::CellRecord first = content.cells[0];
  first.status = record::Status::kFailed;
  first.failure = {"interrupted", "stopped"};
  content.cells.insert(content.cells.begin(), first);
  const std::string text = model_markdown(test::small_run(), content, "smol");
  CHECK(contains(text, "2 of 2 rows worked"));
  CHECK_FALSE(contains(text, "## Failures"));
}

TEST_CASE("the output that is shown is of the pass, and other models' samples do not get in") {
  auto content = test::small_content("mine");
  const auto other = test::small_content("theirs", "other", "Other");
  content.loads.insert(content.loads.end(), other.loads.begin(), other.loads.end());
  content.samples.insert(content.samples.end(), other.samples.begin(), other.samples.end());
  content.cells.insert(content.cells.end(), other.cells.begin(), other.cells.end());
  const std::string text = model_markdown(test::small_run(), content, "smol");
  CHECK(contains(text, "mine"));
  CHECK_FALSE(contains(text, "theirs"));
}

TEST_CASE("file names are safe on any file system") {
  CHECK(report_file_name("Qwen2.5-Coder-7B", "20261121_032200") == "Qwen2.5-Coder-7B__20261121_032200.md");
  CHECK(report_file_name("Qwen/Qwen3 \"x\":y", "s") == "Qwen_Qwen3__x__y__s.md");
  CHECK(report_file_name("../../etc", "s") == "_._.._etc__s.md");
  CHECK(report_file_name("", "s") == "model__s.md");
  CHECK(report_file_name("\u4f60", "s") == "_____s.md");
  CHECK(report_file_name(std::string(500, 'a'), "s").size() == 120 + 6);
}
