#include "text/prompt_format.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text_file.h"
#include "test_support.h"
#include "text/thinking.h"

using namespace qbench::text;
using qbench::Error;
using qbench::ErrorCode;
using qbench::formats::TokenizerSource;

namespace {

TokenizerSource hugging_face(const std::string& chat_template) {
  TokenizerSource source;
  source.kind = TokenizerSource::Kind::kHuggingFace;
  source.where = "model";
  source.chat_template = chat_template;
  source.tokenizer_config_json = R"({"bos_token": {"content": "<s>", "lstrip": false}, "eos_token": "</s>", "unk_token": null, "add_bos_token": true})";
  return source;
}

const char* const kChat =
    "{{ bos_token }}{% if tools is not none %}tools{% endif %}{% for m in messages %}[{{ m.role }}]{{ m.content }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}{% if enable_thinking is defined %}{{ enable_thinking }}{% endif %}{{ unk_token is defined }}";

PromptStyle style_of(const std::string& name, bool with_template = true) { return detect_prompt_style(name, hugging_face(with_template ? kChat : "")); }

}  // namespace

TEST_CASE("how a model is asked follows from its name and its template") {
  CHECK(style_of("Qwen/Qwen2.5-Coder-7B-Instruct") == PromptStyle::kTemplate);
  CHECK(style_of("Qwen2.5 Coder 7B Instruct") == PromptStyle::kTemplate);
  CHECK(style_of("qwen2.5-coder-7b-instruct-q4_k_m.gguf") == PromptStyle::kTemplate);
  CHECK(style_of("SmolLM2-135M-Instruct.Q4_1.gguf") == PromptStyle::kTemplate);
  CHECK(style_of("Qwen/Qwen2.5-Coder-7B") == PromptStyle::kDirectCode);
  CHECK(style_of("Qwen/Qwen2.5-7B") == PromptStyle::kDirect);
  CHECK(style_of("Qwen1.5-7B-Chat") == PromptStyle::kTemplate);
  CHECK(style_of("Qwen/Qwen3-8B") == PromptStyle::kTemplate);
  CHECK(style_of("Qwen/Qwen3-8B-Base") == PromptStyle::kDirect);
  CHECK(style_of("Qwen/Qwen3-Coder-30B-A3B-Instruct") == PromptStyle::kTemplate);
  CHECK(style_of("Qwen3-30B-A3B-Thinking-2507") == PromptStyle::kTemplate);
  CHECK(style_of("Qwen/QwQ-32B") == PromptStyle::kTemplate);
  CHECK(style_of("microsoft/Phi-3-mini-4k-instruct") == PromptStyle::kTemplate);
  CHECK(style_of("Qwen/Qwen3-8B", false) == PromptStyle::kDirect);
  CHECK(style_of("bigcode/starcoder2-3b", false) == PromptStyle::kDirectCode);
  CHECK(style_of("Qwen2.5-7B-Instruct", false) == PromptStyle::kDirect);
}

TEST_CASE("an instruct model gets its template as transformers renders it") {
  const PromptRequest request{{{"system", "s"}, {"user", "u"}}, std::nullopt, "python"};
  FormattedPrompt prompt = format_prompt(PromptStyle::kTemplate, hugging_face(kChat), request, 0);
  CHECK(prompt.text == "<s>[system]s</s>[user]u</s>[assistant]False");
  CHECK(prompt.how == "chat template");
  CHECK(prompt.add_special == false);
  prompt = format_prompt(PromptStyle::kTemplate, hugging_face(kChat), {{{"user", "u"}}, false, ""}, 0);
  CHECK(prompt.text == "<s>[user]u</s>[assistant]FalseFalse");
}

TEST_CASE("a GGUF's special tokens come from its ids") {
  TokenizerSource source;
  source.kind = TokenizerSource::Kind::kGguf;
  source.tokens = {"<unk>", "<bos>", "<eos>"};
  source.bos_id = 1;
  source.eos_id = 2;
  source.pad_id = 7;  // outside the vocabulary
  source.chat_template = "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}{{ pad_token is defined }}";
  CHECK(format_prompt(PromptStyle::kTemplate, source, {{{"user", "u"}}, std::nullopt, ""}, 0).text == "<bos>u<eos>False");
}

TEST_CASE("base models get the text as it is and code models the language too") {
  const PromptRequest request{{{"system", "Be brief."}, {"user", "Write quicksort."}}, std::nullopt, "python"};
  FormattedPrompt prompt = format_prompt(PromptStyle::kDirect, hugging_face(kChat), request, 0);
  CHECK(prompt.text == "Be brief.\n\nWrite quicksort.");
  CHECK(prompt.how == "direct");
  CHECK(prompt.add_special);
  prompt = format_prompt(PromptStyle::kDirectCode, hugging_face(""), request, 0);
  CHECK(prompt.text == "Be brief.\n\nWrite quicksort.\n\n```python\n");
  CHECK(prompt.how == "direct with code context");
  const PromptRequest code{{{"user", "def f(x):\n    \"\"\"Adds one.\"\"\"\n"}}, std::nullopt, "python"};
  prompt = format_prompt(PromptStyle::kDirectCode, hugging_face(""), code, 0);
  CHECK(prompt.text == code.messages[0].content);
  CHECK(prompt.how == "direct");
  CHECK(format_prompt(PromptStyle::kDirectCode, hugging_face(""), {{{"user", "import the data and plot it"}}, {}, "r"}, 0).how == "direct with code context");
}

TEST_CASE("a prompt that cannot be made says why") {
  const auto code_of = [](PromptStyle style, const TokenizerSource& source, const PromptRequest& request) {
    try {
      format_prompt(style, source, request, 0);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kInterrupted;
  };
  const PromptRequest request{{{"user", "u"}}, std::nullopt, ""};
  CHECK(code_of(PromptStyle::kTemplate, hugging_face(""), request) == ErrorCode::kTemplate);
  CHECK(code_of(PromptStyle::kTemplate, hugging_face("{{ raise_exception('no') }}"), request) == ErrorCode::kTemplate);
  CHECK(code_of(PromptStyle::kDirect, hugging_face(""), {}) == ErrorCode::kUsage);
  TokenizerSource broken = hugging_face(kChat);
  broken.tokenizer_config_json = "{";
  CHECK(code_of(PromptStyle::kTemplate, broken, request) == ErrorCode::kFormat);
}

TEST_CASE("the real Qwen3 template closes or leaves open the thought as it is told") {
  const auto shared = qbench::test::shared_data_dir();
  if (!shared) return qbench::test::report_skip("Qwen3 prompt", "no shared test data");
  TokenizerSource source = hugging_face("");
  source.tokenizer_config_json = qbench::read_text_file(*shared / "tokenizers" / "qwen3" / "tokenizer_config.json");
  source.chat_template = nlohmann::json::parse(source.tokenizer_config_json)["chat_template"].get<std::string>();
  PromptRequest request{{{"user", "Hi"}}, std::nullopt, ""};
  const PromptFormatter formatter(detect_prompt_style("Qwen3-0.6B", source), source);
  CHECK(formatter.format(request, 0).text == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
  request.enable_thinking = false;
  const std::string closed = formatter.format(request, 0).text;
  CHECK(closed == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n");
  CHECK_FALSE(opens_thinking(closed));
}

TEST_CASE("thoughts are told from answers") {
  ThinkingSplit split = split_thinking("<think>\nadd\n</think>\n\n4", false);
  CHECK(split.thinking == "add");
  CHECK(split.answer == "4");
  CHECK(split.closed);
  split = split_thinking("add\n</think>\n\n4\n", true);
  CHECK(split.thinking == "add");
  CHECK(split.answer == "4\n");
  split = split_thinking("add and", true);
  CHECK(split.thinking == "add and");
  CHECK(split.answer.empty());
  CHECK_FALSE(split.closed);
  split = split_thinking(" <think>", false);
  CHECK_FALSE(split.closed);
  split = split_thinking("4 <think>", false);
  CHECK(split.answer == "4 <think>");
  CHECK(split.closed);
  CHECK(split_thinking("", false).closed);
  CHECK(opens_thinking("<|im_start|>assistant\n<think>\n"));
  CHECK_FALSE(opens_thinking("what is <think>?<|im_end|>\n<|im_start|>assistant\n"));
  CHECK_FALSE(opens_thinking(""));
}

TEST_CASE("a stream splits at the same places, however it is cut") {
  const std::string text = " <think>a </thin b</think>c </think> <think>d";
  for (std::size_t step = 1; step <= text.size(); ++step) {
    ThinkingStream stream(false);
    std::string thinking, answer;
    const auto take = [&](const ThinkingStream::Pieces& pieces) {
      thinking += pieces.thinking;
      answer += pieces.answer;
    };
    for (std::size_t at = 0; at < text.size(); at += step) take(stream.push(text.substr(at, step)));
    take(stream.finish());
    CHECK(thinking == "a </thin b");
    CHECK(answer == "c </think> <think>d");
  }
  ThinkingStream opened(true);
  CHECK(opened.push("x</thi").thinking == "x");
  CHECK(opened.finish().thinking == "</thi");
  ThinkingStream plain(false);
  CHECK(plain.push("  ").answer.empty());
  CHECK(plain.push("<th").answer.empty());
  CHECK(plain.finish().answer == "  <th");
}
