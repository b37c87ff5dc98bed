#include "text/jinja/runtime.h"

#include "text/jinja/fault.h"

namespace qbench::text::jinja {

void Runtime::step(std::uint64_t count) {
  steps_ += count;
  if (steps_ > limits_.steps) raise("the template takes more than " + std::to_string(limits_.steps) + " steps");
}

void Runtime::charge(std::uint64_t bytes) {
  if (bytes > limits_.bytes_produced || bytes_ + bytes > limits_.bytes_produced) {
    raise("the template produces more than " + std::to_string(limits_.bytes_produced) + " bytes of text and lists");
  }
  bytes_ += bytes;
}

void Runtime::charge_text(std::uint64_t bytes) {
  if (bytes > limits_.output_bytes) raise("a text is longer than " + std::to_string(limits_.output_bytes) + " bytes");
  charge(bytes);
}

Value Runtime::make_text(std::string bytes, bool markup) {
  charge_text(bytes.size());
  return Value::text(std::move(bytes), markup);
}

Value Runtime::make_list(std::vector<Value> items) {
  charge_items(items.size());
  return Value::list(std::move(items));
}

Runtime::Deeper::Deeper(Runtime& runtime) : runtime_(runtime) {
  if (++runtime_.depth_ > runtime_.limits_.render_depth) {
    --runtime_.depth_;
    raise("nested more than " + std::to_string(runtime_.limits_.render_depth) + " deep while rendering");
  }
}

}  // namespace qbench::text::jinja
