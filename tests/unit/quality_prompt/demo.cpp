#include "demo.h"

#include <cstdlib>

#include "backend/cpu/cpu_backend.h"
#include "base/environment.h"
#include "formats/model_file.h"
#include "test_support.h"

namespace qbench::test {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

std::filesystem::path demo_path() {
  if (const char* named = std::getenv("QBENCH_DEMO_MODEL")) return named;
  return cache_dir() / "SmolLM2-135M-Instruct.Q4_1.gguf";
}

}  // namespace

std::vector<std::int32_t> Demo::encode(const std::string& text) const { return tokenizer->encode(text, {.add_special = false}); }

std::vector<std::int32_t> Demo::ask(const std::string& text) const {
  text::PromptRequest request;
  request.messages.push_back({"user", text});
  const text::FormattedPrompt prompt = text::format_prompt(text::PromptStyle::kTemplate, source, request, 0);
  return tokenizer->encode(prompt.text, {.add_special = prompt.add_special});
}

std::unique_ptr<Demo> load_demo(const std::string& name) {
  if (kSanitized) {
    report_skip(name, "too slow under a sanitizer");
    return nullptr;
  }
  const std::filesystem::path path = demo_path();
  if (!std::filesystem::exists(path)) {
    report_skip(name, "no demo model; scripts/fetch_demo.sh downloads it");
    return nullptr;
  }
  auto demo = std::make_unique<Demo>();
  demo->source = formats::load_tokenizer_source(path);
  demo->tokenizer = text::make_tokenizer(demo->source);
  demo->device = backend::make_cpu_backend();
  const auto file = formats::open_model_file(path);
  demo->model = model::load_model(*file, *demo->device, {});
  return demo;
}

}  // namespace qbench::test
