#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backend/cpu/cpu_backend.h"
#include "engine/session.h"
#include "formats/model_file.h"
#include "test_support.h"

namespace qbench::test {

/// One of the tiny reference models in float32 on the CPU, with steps of at most 16 tokens, and a session with a float32 cache.
struct SmallSession {
  std::unique_ptr<formats::ModelFile> file;
  std::unique_ptr<backend::Backend> device;
  std::unique_ptr<model::Model> decoder;
  std::unique_ptr<engine::Session> session;

  explicit SmallSession(const std::string& name, std::int64_t sequences = 1, std::int64_t context = 128, std::int64_t window = 0) {
    file = formats::open_model_file(fixtures_dir() / "engine" / name);
    device = backend::make_cpu_backend({.threads = 2, .isa = {}, .paths = {}});
    decoder = model::load_model(*file, *device, {.precision = model::WeightPrecision::kF32, .max_step_tokens = 16});
    session = std::make_unique<engine::Session>(
        *decoder, engine::SessionOptions{
                      .context = context, .sequences = sequences, .kv_dtype = tensor::DType::kF32, .kv_window = window, .sampling_vocab = 128});
  }
};

inline engine::GenerateRequest ask(std::vector<std::vector<std::int32_t>> prompts, std::int64_t count) {
  engine::GenerateRequest request;
  request.prompts = std::move(prompts);
  request.max_new_tokens = count;
  request.ignore_eos = true;
  return request;
}

}  // namespace qbench::test
