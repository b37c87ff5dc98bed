#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "engine/session.h"

namespace qbench::engine {

/// One running sequence of a generate call.
struct Lane {
  std::int64_t sequence;
  const GenerateRequest* request;
  Generation* result;
  std::int64_t position;                       ///< of the next token to feed
  std::optional<text::StreamDecoder> decoder;  ///< where stop strings are looked for
  std::string text;
  Thought thought;
  std::int32_t last_id = -1;
  bool running = true;

  void stop(StopReason reason);
  /// The token that follows: the sampler's, or what closes a thought in its place. logits as for Sampler::next.
  std::int32_t choose(Sampler& sampler, std::span<float> logits) const;
  /// Takes the token that follows, known on the host at `stamp_ns`, and decides whether the sequence goes on. context: positions that it
  /// has.
  void accept(std::int32_t id, std::int64_t stamp_ns, std::int64_t context);

 private:
  bool at_stop_string();
};

}  // namespace qbench::engine
