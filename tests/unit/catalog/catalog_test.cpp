#include "catalog/catalog.h"

#include "catalog_test_support.h"
#include "test_support.h"

namespace qbench::catalog {
namespace {

using test::check_mentions;
using test::message_of;

const std::string kShape =
    R"("architecture": "qwen2", "hidden": 8, "layers": 2, "heads": 4, "kv_heads": 2, "head_dim": 2, "ffn": 16, "vocab": 100, "context": 64,
       "rms_eps": 1e-6, "rope_theta": 10000, "tied_head": true, "eos_ids": [1])";

std::string entry(std::string_view name, const std::string& shape = kShape, const std::string& more = "") {
  std::string text = R"({"name": ")";
  text.append(name).append(R"(", "label": ")").append(name).append(R"(-Label", "hub_id": "Org/)").append(name);
  return text + R"(", "kind": "instruct", "thinking": "never", "licence": "MIT", "tokenizer_size": 90, )" + more + R"("shape": {)" + shape +
         "}}";
}

std::string catalogue(const std::string& entries) { return R"({"models": [)" + entries + "]}"; }

Catalog load(std::string_view text) {
  const test::TempDir dir;
  test::write_file(dir.path() / "models.json", text);
  return Catalog::load(dir.path() / "models.json");
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("an entry answers to its name, alias, label and hub id in any case") {
  const Catalog catalog = load(catalogue(entry("tiny", kShape, R"("aliases": ["tiny-1"], )") + "," + entry("other")));
  for (const std::string_view name : {"tiny", "TINY", "tiny-1", "Tiny-Label", "org/tiny", "Org/Tiny"}) {
    CAPTURE(name);
    REQUIRE(catalog.find(name) != nullptr);
    CHECK(catalog.find(name)->name == "tiny");
  }
  CHECK(catalog.find("tin") == nullptr);
  CHECK(catalog.find("") == nullptr);
  CHECK(catalog.find("tiny")->download_command == "hf download Org/tiny");
  CHECK(catalog.find("tiny")->shape.name == "tiny-Label");
}

TEST_CASE("every corruption of the catalogue is one config error that names entry and key") {
  struct Case {
    std::string text;
    std::string_view expected;
  };
  const std::string good = entry("tiny");
  CHECK_NOTHROW(load(catalogue(good)));
  for (const Case& c : {
           Case{"", "not valid JSON"},
           Case{"[]", "a list 'models'"},
           Case{R"({"models": {}})", "a list 'models'"},
           Case{R"({"models": []})", "1 to 4096"},
           Case{R"({"models": [5]})", "model 1"},
           Case{R"({"models": [{}]})", "has no 'name'"},
           Case{replaced(catalogue(good), R"({"models")", R"({"version": 1, "models")"), "unknown key 'version'"},
           Case{catalogue(good + "," + good), "names both"},
           Case{catalogue(good + "," + entry("two", kShape, R"("aliases": ["tiny"], )")), "'tiny' names both"},
           Case{catalogue(entry("tiny", kShape, R"("size": 4, )")), "model 1 (tiny): unknown key 'size'"},
           Case{catalogue(entry("tiny", kShape, R"("aliases": "x", )")), "'aliases'"},
           Case{catalogue(entry("tiny", kShape, R"("aliases": ["A B"], )")), "'aliases'"},
           Case{catalogue(entry("tiny", kShape, R"("cached_file": "../x", )")), "'cached_file'"},
           Case{catalogue(replaced(good, R"("kind": "instruct")", R"("kind": "chatty")")),
                "expected one of instruct, code, thinking, base"},
           Case{catalogue(replaced(good, R"("thinking": "never")", R"("thinking": true)")), "'thinking'"},
           Case{catalogue(replaced(good, R"("name": "tiny")", R"("name": "Tiny One")")), "'name'"},
           Case{catalogue(replaced(good, "tiny-Label", "tiny/Label")), "'label'"},
           Case{catalogue(replaced(good, "Org/tiny", "tiny")), "'hub_id'"},
           Case{catalogue(entry("tiny", kShape, R"("a\nb": 1, )")), "unknown key 'a?b'"},
           Case{catalogue(replaced(good, "90", "101")), "'tokenizer_size'"},
           Case{catalogue(replaced(good, "90", "0")), "'tokenizer_size'"},
           Case{catalogue(replaced(good, R"("vocab": 100, )", "")), "has no 'vocab'"},
           Case{catalogue(replaced(good, R"("rope_theta": 10000, )", "")), "has no 'rope_theta'"},
           Case{catalogue(replaced(good, R"("hidden": 8)", R"("hidden": "8")")), "'hidden': expected a whole number"},
           Case{catalogue(replaced(good, R"("hidden": 8)", R"("hidden": 8.5)")), "'hidden'"},
           Case{catalogue(replaced(good, R"("hidden": 8)", R"("hidden": 18446744073709551615)")), "'hidden'"},
           Case{catalogue(replaced(good, R"("hidden": 8)", R"("hiden": 8)")), "did you mean 'hidden'?"},
           Case{catalogue(replaced(good, R"("heads": 4)", R"("heads": 3)")), "shape"},
           Case{catalogue(replaced(good, R"("layers": 2)", R"("layers": -1)")), "layers"},
           Case{catalogue(replaced(good, R"("layers": 2)", R"("layers": 1000000000000)")), "layers"},
           Case{catalogue(replaced(good, R"("eos_ids": [1])", R"("eos_ids": [100])")), "eos_ids"},
           Case{catalogue(replaced(good, R"("eos_ids": [1])", R"("eos_ids": [-1])")), "no token id"},
           Case{catalogue(replaced(good, R"("eos_ids": [1])", R"("eos_ids": 1)")), "'eos_ids'"},
           Case{catalogue(replaced(good, R"("qwen2")", R"("gpt2")")), "expected one of llama, qwen2"},
           Case{catalogue(replaced(good, R"("qwen2")", R"("qwen3_moe")")), "has no 'experts'"},
           Case{catalogue(replaced(good, R"("rms_eps": 1e-6)", R"("rms_eps": 0)")), "rms_eps"},
           Case{catalogue(replaced(good, R"("tied_head": true)", R"("tied_head": 1)")), "'tied_head'"},
           Case{catalogue(replaced(good, R"("tied_head": true)", R"("tied_head": true, "experts": 4)")), "'experts'"},
       }) {
    CAPTURE(c.text);
    check_mentions(message_of(ErrorCode::kConfig, [&] { load(c.text); }), {"models.json", c.expected});
  }
  check_mentions(message_of(ErrorCode::kConfig, [] { Catalog::load("/nonexistent/models.json"); }), {"/nonexistent/models.json"});
}

TEST_CASE("a slip of the pen finds the near names") {
  const Catalog catalog = test::shipped_catalog();
  const auto first = [&](std::string_view name) { return catalog.suggest(name).empty() ? std::string() : catalog.suggest(name).front(); };
  CHECK(first("qwen2.5-coder-7") == "qwen2.5-coder-7b");
  CHECK(first("Qwen3-8") == "qwen3-8b");
  CHECK(first("Qwen/Qwen3-32") == "qwen3-32b");
  CHECK(first("qwen25-0.5b") == "qwen2.5-0.5b");
  CHECK(first("smolm2") == "smollm2");
  CHECK(catalog.suggest("x").empty());
  CHECK(catalog.suggest("something else altogether, and long").empty());
  CHECK(catalog.suggest("qwen3").size() <= 3);
  CHECK(catalog.suggest(std::string(100000, 'q')).empty());
}

TEST_CASE("the kind of an unknown model follows from name and template") {
  CHECK(guess_kind("Qwen2.5-Coder-7B-Instruct-AWQ", true) == ModelKind::kCode);
  CHECK(guess_kind("Qwen2.5-Coder-7B", true) == ModelKind::kBase);
  CHECK(guess_kind("Qwen2.5-7B-Instruct", true) == ModelKind::kInstruct);
  CHECK(guess_kind("Qwen2.5-7B-Instruct", false) == ModelKind::kBase);
  CHECK(guess_kind("Qwen3-8B", true) == ModelKind::kInstruct);
  CHECK(guess_kind("Qwen3-8B-Base", true) == ModelKind::kBase);
  CHECK(guess_kind("Qwen3-4B-Thinking-2507", true) == ModelKind::kThinking);
  CHECK(guess_kind("CodeLlama-7b-Instruct", true) == ModelKind::kCode);
  CHECK(guess_kind("my-model", false) == ModelKind::kBase);
  // The guess agrees with the catalogue on every model that it knows.
  const Catalog catalog = test::shipped_catalog();
  for (const CatalogEntry& known : catalog.entries()) {
    CAPTURE(known.label);
    CHECK(guess_kind(known.label, true) == known.kind);
  }
}

}  // namespace qbench::catalog
