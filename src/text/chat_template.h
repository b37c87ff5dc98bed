#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace qbench::text {

/// A chat template in the subset of Jinja that real templates need, rendered as transformers' environment renders it.
/// Parsing and rendering throw Error{kTemplate}: a construct outside the subset with its name and line, or what raise_exception said.
class ChatTemplate {
 public:
  explicit ChatTemplate(std::string_view source, std::string_view where = "chat template");
  ~ChatTemplate();
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;

  /// variables: an object (messages, tools, add_generation_prompt, enable_thinking, bos_token, ...). wall_ns: the clock that strftime_now reads.
  /// Order of object keys matters (tojson): pass an ordered_json.
  std::string render(const nlohmann::ordered_json& variables, std::int64_t wall_ns) const;

 private:
  struct Program;
  std::unique_ptr<Program> program_;
};

}  // namespace qbench::text
