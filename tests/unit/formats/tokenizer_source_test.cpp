#include "formats/tokenizer_source.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "expect_error.h"
#include "gguf_writer.h"
#include "hf_writer.h"
#include "test_support.h"

namespace qbench::formats {
namespace {

using test::TempDir;
using test::write_file;

}  // namespace

TEST_CASE("a folder's tokenizer files are read as they are") {
  const TempDir dir;
  CHECK(load_tokenizer_source(dir.path()).kind == TokenizerSource::Kind::kNone);
  write_file(dir.path() / "tokenizer.json", "{\"version\": \"1.0\"}");
  write_file(dir.path() / "tokenizer_config.json", "{\"chat_template\": \"from config\", \"bos_token\": null}");
  for (const auto& path : {dir.path(), dir.path() / "tokenizer.json", dir.path() / "tokenizer_config.json"}) {
    const TokenizerSource source = load_tokenizer_source(path);
    CHECK(source.kind == TokenizerSource::Kind::kHuggingFace);
    CHECK(source.tokenizer_json == "{\"version\": \"1.0\"}");
    CHECK(source.chat_template == "from config");
  }
}

TEST_CASE("chat_template.jinja goes before the entry in the config, and of named templates the default counts") {
  const TempDir dir;
  write_file(dir.path() / "tokenizer.json", "{}");
  write_file(dir.path() / "tokenizer_config.json",
             R"({"chat_template": [{"name": "tool_use", "template": "A"}, {"name": "default", "template": "B"}]})");
  CHECK(load_tokenizer_source(dir.path()).chat_template == "B");
  write_file(dir.path() / "chat_template.jinja", "C\n");
  CHECK(load_tokenizer_source(dir.path()).chat_template == "C\n");
  write_file(dir.path() / "chat_template.jinja", "");
  write_file(dir.path() / "tokenizer_config.json", "{}");
  CHECK(load_tokenizer_source(dir.path()).chat_template.empty());
}

TEST_CASE("a GGUF's vocabulary is read without its weights") {
  const TempDir dir;
  test::GgufWriter writer = test::tiny_gguf({});
  writer.tensors.clear();
  writer.u32("tokenizer.ggml.bos_token_id", 1)
      .u32("tokenizer.ggml.unknown_token_id", 2)
      .u32("tokenizer.ggml.padding_token_id", 3)
      .u32("tokenizer.ggml.eot_token_id", 4);
  writer.boolean("tokenizer.ggml.add_bos_token", true)
      .boolean("tokenizer.ggml.add_space_prefix", false)
      .string("tokenizer.chat_template", "T");
  writer.strings("tokenizer.ggml.merges", {"a b", std::string("c \0d", 4)});
  std::vector<float> scores(320, -1.5f);
  writer.floats("tokenizer.ggml.scores", scores);
  writer.write(dir.path() / "v.gguf");
  const TokenizerSource source = load_tokenizer_source(dir.path() / "v.gguf");
  CHECK(source.kind == TokenizerSource::Kind::kGguf);
  CHECK(source.model == "gpt2");
  CHECK(source.pre == "qwen2");
  CHECK(source.tokens.size() == 320);
  CHECK(source.tokens['A'] == "A");
  CHECK(source.tokens[' '] == "\u0120");
  CHECK(source.token_types.size() == 320);
  CHECK(source.token_types[300] == 3);
  CHECK(source.scores == scores);
  CHECK(source.merges == std::vector<std::string>{"a b", std::string("c \0d", 4)});
  CHECK(source.bos_id == 1);
  CHECK(source.unk_id == 2);
  CHECK(source.pad_id == 3);
  CHECK(source.eot_id == 4);
  CHECK(source.eos_id == 319);
  CHECK(source.add_bos == true);
  CHECK_FALSE(source.add_eos.has_value());
  CHECK(source.add_space_prefix == false);
  CHECK(source.chat_template == "T");
}

TEST_CASE("a GGUF without a vocabulary has no tokenizer") {
  const TempDir dir;
  test::tiny_gguf({.vocabulary = false}).write(dir.path() / "w.gguf");
  CHECK(load_tokenizer_source(dir.path() / "w.gguf").kind == TokenizerSource::Kind::kNone);
}

TEST_CASE("ids outside the vocabulary and paths without a tokenizer are refused") {
  const TempDir dir;
  test::GgufWriter writer = test::tiny_gguf({});
  writer.u32("tokenizer.ggml.padding_token_id", 320).write(dir.path() / "v.gguf");
  test::expect_error([&] { load_tokenizer_source(dir.path() / "v.gguf"); },
                     "'tokenizer.ggml.padding_token_id': expected 0..319, found 320");
  test::expect_error([&] { load_tokenizer_source(dir.path() / "none"); }, "no such file or folder");
  write_file(dir.path() / "x.txt", "x");
  test::expect_error([&] { load_tokenizer_source(dir.path() / "x.txt"); }, "expected a folder with tokenizer files");
}

}  // namespace qbench::formats
