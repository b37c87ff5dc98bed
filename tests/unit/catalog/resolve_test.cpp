#include "catalog/resolve.h"

#include <chrono>
#include <cstdlib>

#include "catalog/hub_cache.h"
#include "catalog/labels.h"
#include "catalog_test_support.h"
#include "test_support.h"

namespace qbench::catalog {
namespace {

namespace fs = std::filesystem;
using test::check_mentions;
using test::message_of;
using test::write_file;

const std::string kCommit = "0123456789abcdef0123456789abcdef01234567";
const std::string kOlder = "fedcba9876543210fedcba9876543210fedcba98";

/// A machine of its own: an empty hub cache and an empty qbench cache.
struct Machine {
  test::TempDir dir;
  Catalog catalog = test::shipped_catalog();
  ModelPlaces places{dir.path() / "hub", dir.path() / "cache"};

  /// Puts a snapshot into the hub cache as huggingface_hub does.
  fs::path add_snapshot(const std::string& folder, const std::string& revision, const std::string& file = "config.json") const {
    const fs::path snapshot = dir.path() / "hub" / folder / "snapshots" / revision;
    write_file(snapshot / file, "{}");
    return snapshot;
  }
  void set_main(const std::string& folder, std::string_view revision) const {
    write_file(dir.path() / "hub" / folder / "refs" / "main", revision);
  }
  ModelRef resolve(const std::string& request) const { return resolve_model(catalog, request, places); }
  std::string refuse(const std::string& request, ErrorCode code = ErrorCode::kNotFound) const {
    return message_of(code, [&] { resolve(request); });
  }
};

}  // namespace

TEST_CASE("a file is a model, labelled by its name") {
  const Machine machine;
  const fs::path file = machine.dir.path() / "My Model-00001-of-00003.gguf";
  write_file(file, "x");
  const ModelRef ref = machine.resolve(file.string());
  CHECK(ref.source == ModelSource::kFile);
  CHECK(ref.path == file);
  CHECK(ref.label == "My-Model");
  CHECK(ref.request == file.string());
  CHECK_FALSE(ref.synthetic());
  CHECK(ref.weights() == "checkpoint");
  CHECK_FALSE(ref.entry.has_value());
}

TEST_CASE("a file that is named like a catalogue model is known as one, whatever its precision") {
  const Machine machine;
  for (const std::string name : {"SmolLM2-135M-Instruct.Q4_1.gguf", "SmolLM2-135M-Instruct-q8_0.gguf", "smollm2-135m-instruct-bf16.gguf",
                                 "SmolLM2-135M-Instruct.gguf", "SmolLM2-135M-Instruct-IQ4_XS-00001-of-00002.gguf"}) {
    CAPTURE(name);
    write_file(machine.dir.path() / name, "x");
    const ModelRef ref = machine.resolve((machine.dir.path() / name).string());
    REQUIRE(ref.entry.has_value());
    CHECK(ref.entry->name == "smollm2-135m-instruct");
    CHECK(ref.hub_id == "HuggingFaceTB/SmolLM2-135M-Instruct");
  }
  write_file(machine.dir.path() / "SmolLM2-135M-Instruct-tuned.gguf", "x");
  CHECK_FALSE(machine.resolve((machine.dir.path() / "SmolLM2-135M-Instruct-tuned.gguf").string()).entry.has_value());
}

TEST_CASE("a folder is a model, also by trailing slash and as the working folder") {
  const Machine machine;
  const fs::path folder = machine.dir.path() / "Qwen3-0.6B";
  write_file(folder / "config.json", "{}");
  for (const std::string& path : {folder.string(), folder.string() + "/", folder.string() + "/."}) {
    CAPTURE(path);
    const ModelRef ref = machine.resolve(path);
    CHECK(ref.source == ModelSource::kDirectory);
    CHECK(ref.label == "Qwen3-0.6B");
    REQUIRE(ref.entry.has_value());
    CHECK(ref.entry->name == "qwen3-0.6b");
  }
}

TEST_CASE("a folder with one GGUF model is that model, with several it is an error, with tokenizer files it stays a folder") {
  const Machine machine;
  const fs::path folder = machine.dir.path() / "m";
  write_file(folder / "a-00001-of-00002.gguf", "x");
  write_file(folder / "a-00002-of-00002.gguf", "x");
  const ModelRef ref = machine.resolve(folder.string());
  CHECK(ref.source == ModelSource::kFile);
  CHECK(ref.path.filename() == "a-00001-of-00002.gguf");
  write_file(folder / "b.gguf", "x");
  check_mentions(machine.refuse(folder.string(), ErrorCode::kConfig), {folder.string(), "a-00001-of-00002.gguf, b.gguf", "path of one"});
  write_file(folder / "config.json", "{}");
  CHECK(machine.resolve(folder.string()).source == ModelSource::kDirectory);
  write_file(machine.dir.path() / "t" / "tokenizer.json", "{}");
  CHECK(machine.resolve((machine.dir.path() / "t").string()).source == ModelSource::kDirectory);
}

TEST_CASE("a hub id is found in the local cache at the commit of refs/main") {
  const Machine machine;
  const std::string folder = "models--Acme--Tiny-1B";
  machine.add_snapshot(folder, kOlder);
  const fs::path snapshot = machine.add_snapshot(folder, kCommit);
  for (const std::string_view main : {std::string_view(kCommit), std::string_view("0123456789abcdef0123456789abcdef01234567\n")}) {
    machine.set_main(folder, main);
    fs::last_write_time(machine.dir.path() / "hub" / folder / "snapshots" / kOlder,
                        fs::file_time_type::clock::now() + std::chrono::hours(1));
    const ModelRef ref = machine.resolve("Acme/Tiny-1B");
    CHECK(ref.source == ModelSource::kDirectory);
    CHECK(ref.path == snapshot);
    CHECK(ref.revision == kCommit);
    CHECK(ref.hub_id == "Acme/Tiny-1B");
    CHECK(ref.label == "Tiny-1B");
  }
}

TEST_CASE("without a usable refs/main the newest snapshot is taken") {
  const Machine machine;
  const std::string folder = "models--Acme--Tiny-1B";
  const fs::path older = machine.add_snapshot(folder, kOlder);
  const fs::path newer = machine.add_snapshot(folder, kCommit);
  fs::last_write_time(older, fs::file_time_type::clock::now() - std::chrono::hours(1));
  CHECK(machine.resolve("Acme/Tiny-1B").path == newer);
  for (const std::string_view main : {"", "gone0000", "../../../etc", "..", "a/b"}) {
    CAPTURE(main);
    machine.set_main(folder, main);
    CHECK(machine.resolve("Acme/Tiny-1B").path == newer);
  }
}

TEST_CASE("an alias is found through its hub id, in any case") {
  const Machine machine;
  const fs::path snapshot = machine.add_snapshot("models--Qwen--Qwen2.5-Coder-7B-Instruct", kCommit);
  for (const std::string name :
       {"qwen2.5-coder-7b", "Qwen2.5-Coder-7B-Instruct", "qwen/qwen2.5-coder-7b-instruct", "Qwen/Qwen2.5-Coder-7B-Instruct"}) {
    CAPTURE(name);
    const ModelRef ref = machine.resolve(name);
    CHECK(ref.path == snapshot);
    CHECK(ref.label == "Qwen2.5-Coder-7B-Instruct");
    REQUIRE(ref.entry.has_value());
    CHECK(ref.entry->kind == ModelKind::kCode);
  }
}

TEST_CASE("a snapshot that holds one GGUF is that file; a path into the cache knows its hub id") {
  const Machine machine;
  const fs::path snapshot = machine.add_snapshot("models--Qwen--Qwen3-0.6B-GGUF", kCommit, "Qwen3-0.6B-Q8_0.gguf");
  const ModelRef ref = machine.resolve("Qwen/Qwen3-0.6B-GGUF");
  CHECK(ref.source == ModelSource::kFile);
  CHECK(ref.path == snapshot / "Qwen3-0.6B-Q8_0.gguf");
  const ModelRef file = machine.resolve((snapshot / "Qwen3-0.6B-Q8_0.gguf").string());
  CHECK(file.hub_id == "Qwen/Qwen3-0.6B-GGUF");
  CHECK(file.revision == kCommit);
  CHECK(file.label == "Qwen3-0.6B-Q8_0");
  REQUIRE(file.entry.has_value());
  CHECK(file.entry->name == "qwen3-0.6b");
  const ModelRef folder = machine.resolve(snapshot.string());
  CHECK(folder.hub_id == "Qwen/Qwen3-0.6B-GGUF");
  CHECK(folder.label == "Qwen3-0.6B-GGUF");
}

TEST_CASE("the demo model is found where the quick start keeps it") {
  const Machine machine;
  check_mentions(machine.refuse("smollm2-135m"),
                 {"SmolLM2-135M-Instruct.Q4_1.gguf", "models--HuggingFaceTB--SmolLM2-135M-Instruct", "./scripts/quickstart.sh"});
  const fs::path file = machine.places.cache / "SmolLM2-135M-Instruct.Q4_1.gguf";
  write_file(file, "x");
  const ModelRef ref = machine.resolve("smollm2-135m");
  CHECK(ref.path == file);
  CHECK(ref.source == ModelSource::kFile);
  CHECK(ref.label == "SmolLM2-135M-Instruct.Q4_1");
  REQUIRE(ref.entry.has_value());
  CHECK(ref.entry->name == "smollm2-135m-instruct");
}

TEST_CASE("the caches are those of the environment") {
  const test::TempDir dir;
  setenv("HF_HUB_CACHE", (dir.path() / "hub").c_str(), 1);
  setenv("XDG_CACHE_HOME", (dir.path() / "xdg").c_str(), 1);
  const ModelPlaces places;
  unsetenv("HF_HUB_CACHE");
  unsetenv("XDG_CACHE_HOME");
  CHECK(places.hub_cache == dir.path() / "hub");
  CHECK(places.cache == dir.path() / "xdg" / "qbench");
}

TEST_CASE("synthetic models need no files") {
  const Machine machine;
  for (const std::string name :
       {"synthetic:qwen2.5-coder-32b", "synthetic:Qwen2.5-Coder-32B-Instruct", "synthetic:Qwen/Qwen2.5-Coder-32B-Instruct"}) {
    CAPTURE(name);
    const ModelRef ref = machine.resolve(name);
    CHECK(ref.synthetic());
    CHECK(ref.weights() == "synthetic");
    CHECK(ref.label == "Qwen2.5-Coder-32B-Instruct-synthetic");
    CHECK(ref.path.empty());
    REQUIRE(ref.entry.has_value());
    CHECK(ref.entry->shape.layers == 64);
  }
  check_mentions(machine.refuse("synthetic:qwen2.5-coder-33b"), {"qwen2.5-coder-33b", "did you mean qwen2.5-coder-3", "models list"});
  check_mentions(machine.refuse("synthetic:"), {"no shape ''"});
}

TEST_CASE("a model that is not there: every place, the one command, near names") {
  const Machine machine;
  const std::string hub = (machine.dir.path() / "hub").string();
  check_mentions(machine.refuse("qwen3-32b"), {"qwen3-32b", hub + "/models--Qwen--Qwen3-32B", "hf download Qwen/Qwen3-32B"});
  check_mentions(machine.refuse("Acme/Tiny-1B"), {hub + "/models--Acme--Tiny-1B", "hf download Acme/Tiny-1B", "catalogue"});
  check_mentions(machine.refuse("qwen3-33b"), {"did you mean qwen3-3", "models list"});
  check_mentions(machine.refuse("./models/none.gguf"), {"models/none.gguf", "check the path"});
  check_mentions(machine.refuse("/nonexistent/model"), {"/nonexistent/model", "check the path"});
  check_mentions(machine.refuse("models/none.gguf"), {"models/none.gguf", "check the path"});
  for (const std::string& odd : {std::string(), std::string(" "), std::string("a//b"), std::string("../..x"), std::string("Acme/.."),
                                 std::string(100000, 'x'), std::string("a\nb")}) {
    CAPTURE(odd);
    const std::string message = machine.refuse(odd);
    CHECK(message.size() < 1500);
  }
}

TEST_CASE("a list of models is split at commas that are not escaped and not part of a path that exists") {
  CHECK(split_models("a") == std::vector<std::string>{"a"});
  CHECK(split_models("a,b,synthetic:c") == std::vector<std::string>{"a", "b", "synthetic:c"});
  CHECK(split_models("a\\,b,c") == std::vector<std::string>{"a,b", "c"});
  CHECK(split_models("a\\b") == std::vector<std::string>{"a\\b"});
  const test::TempDir dir;
  write_file(dir.path() / "x,y.gguf", "x");
  const std::string path = (dir.path() / "x,y.gguf").string();
  CHECK(split_models(path) == std::vector<std::string>{path});
  for (const std::string_view bad : {"", ",", "a,", ",a", "a,,b"}) {
    CAPTURE(bad);
    check_mentions(message_of(ErrorCode::kUsage, [&] { split_models(bad); }), {"--models"});
  }
}

TEST_CASE("a missing model is a row of its own and labels stay unique") {
  const Machine machine;
  write_file(machine.dir.path() / "one" / "m.gguf", "x");
  write_file(machine.dir.path() / "two" / "M.gguf", "x");
  const std::vector<ResolvedModel> models =
      resolve_models(machine.catalog,
                     {(machine.dir.path() / "one" / "m.gguf").string() + "," + (machine.dir.path() / "two" / "M.gguf").string(), "Acme/m"},
                     machine.places);
  REQUIRE(models.size() == 3);
  CHECK(models[0].label == "m");
  CHECK(models[1].label == "M-2");
  CHECK(models[1].ref->label == "M-2");
  CHECK(models[2].label == "m-3");
  CHECK_FALSE(models[2].ref.has_value());
  REQUIRE(models[2].error.has_value());
  CHECK(models[2].error->code() == ErrorCode::kNotFound);
  check_mentions(message_of(ErrorCode::kUsage, [&] { resolve_models(machine.catalog, {}, machine.places); }), {"--models"});
}

TEST_CASE("labels are safe as file names") {
  CHECK(as_label("a/b c:d") == "a-b-c-d");
  CHECK(as_label("../../x") == "x");
  CHECK(as_label("-rf") == "rf");
  CHECK(as_label("") == "model");
  CHECK(as_label("...") == "model");
  CHECK(as_label(std::string(500, 'x')).size() == 120);
  CHECK(label_of_file("/x/a-00001-of-00002.gguf") == "a");
  CHECK(label_of_file("/x/a-1-of-b.gguf") == "a-1-of-b");
  CHECK(label_of_file("-of-2.gguf") == "of-2");
}

TEST_CASE("hub ids have two plain parts") {
  CHECK(is_hub_id("Qwen/Qwen3-8B"));
  for (const std::string_view bad : {"", "Qwen", "/", "a/", "/a", "a/b/c", "../a", "a/..", "a b/c", "a/b\n"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_hub_id(bad));
  }
}

}  // namespace qbench::catalog
