#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "engine/session.h"
#include "formats/tokenizer_source.h"
#include "model/model.h"
#include "text/prompt_format.h"
#include "text/tokenizer.h"

namespace qbench::test {

/// The demo model, loaded: a trained one, for what random weights cannot show.
struct Demo {
  formats::TokenizerSource source;
  std::unique_ptr<text::Tokenizer> tokenizer;
  std::unique_ptr<backend::Backend> device;
  std::unique_ptr<model::Model> model;

  /// Ids of a user's message as the chat template sends it.
  std::vector<std::int32_t> ask(const std::string& text) const;
  std::vector<std::int32_t> encode(const std::string& text) const;
};

/// Nothing where it is not here or too slow (a sanitizer); says so as a skip of `name`.
std::unique_ptr<Demo> load_demo(const std::string& name);

}  // namespace qbench::test
