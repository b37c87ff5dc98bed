#include <algorithm>

#include "text/jinja/fault.h"
#include "text/jinja/objects.h"
#include "text/jinja/operators.h"
#include "text/jinja/runtime.h"
#include "text/jinja/unicode.h"

namespace qbench::text::jinja {
namespace {

struct Bounds {
  std::int64_t start, step, count;
};

std::int64_t index_or(const Value& value, std::int64_t otherwise) {
  if (value.is(Type::kMissing) || value.is(Type::kNone)) return otherwise;
  if (!value.is_integral()) raise("slice indices must be integers or None or have an __index__ method");
  return value.as_int();
}

/// PySlice_AdjustIndices: where a slice of a sequence of `length` starts, how it steps and how many items it has.
Bounds adjust(const Value& start, const Value& stop, const Value& step, std::int64_t length) {
  const std::int64_t stride = std::max<std::int64_t>(index_or(step, 1), -INT64_MAX);
  if (stride == 0) raise("slice step cannot be zero");
  const std::int64_t low = stride < 0 ? -1 : 0;
  const std::int64_t high = stride < 0 ? length - 1 : length;
  const auto clamp = [&](std::int64_t i) { return i < 0 ? std::max(i + length, low) : std::min(i, high); };
  const bool no_start = start.is(Type::kMissing) || start.is(Type::kNone);
  const bool no_stop = stop.is(Type::kMissing) || stop.is(Type::kNone);
  const std::int64_t from = no_start ? (stride < 0 ? high : 0) : clamp(index_or(start, 0));
  const std::int64_t to = no_stop ? (stride < 0 ? -1 : length) : clamp(index_or(stop, 0));
  if (stride < 0) return {from, stride, to < from ? (from - to - 1) / -stride + 1 : 0};
  return {from, stride, from < to ? (to - from - 1) / stride + 1 : 0};
}

Value slice_text(Runtime& runtime, const Text& text, const Bounds& bounds) {
  const auto count = static_cast<std::size_t>(bounds.count);
  std::string out;
  if (bounds.count == 0) return runtime.make_text({}, text.markup);
  if (bounds.step == 1) {
    runtime.step(text.ascii() ? 0 : text.bytes.size() / 16);
    const std::size_t from = text.ascii() ? static_cast<std::size_t>(bounds.start) : byte_offset(text.bytes, bounds.start);
    const std::size_t to = text.ascii() ? from + count : byte_offset(text.bytes, bounds.count, from);
    return runtime.make_text(text.bytes.substr(from, to - from), text.markup);
  }
  // Any other step: by a table of where each character starts.
  runtime.charge_items(static_cast<std::uint64_t>(text.length));
  std::vector<std::size_t> starts;
  for (std::size_t at = 0; at < text.bytes.size(); next_code_point(text.bytes, at)) starts.push_back(at);
  starts.push_back(text.bytes.size());
  for (std::int64_t i = 0; i < bounds.count; ++i) {
    const auto at = static_cast<std::size_t>(bounds.start + i * bounds.step);
    out.append(text.bytes, starts[at], starts[at + 1] - starts[at]);
  }
  return runtime.make_text(std::move(out), text.markup);
}

}  // namespace

Value slice(Runtime& runtime, const Value& value, const Value& start, const Value& stop, const Value& step) {
  if (value.is(Type::kUndefined)) undefined_used(value);
  if (value.is(Type::kString)) return slice_text(runtime, value.as_text(), adjust(start, stop, step, value.as_text().length));
  if (value.is_sequence()) {
    const auto& items = value.items();
    const Bounds bounds = adjust(start, stop, step, static_cast<std::int64_t>(items.size()));
    runtime.charge_items(static_cast<std::uint64_t>(bounds.count));
    std::vector<Value> out;
    out.reserve(static_cast<std::size_t>(bounds.count));
    for (std::int64_t i = 0; i < bounds.count; ++i) out.push_back(items[static_cast<std::size_t>(bounds.start + i * bounds.step)]);
    return value.is(Type::kList) ? Value::list(std::move(out)) : Value::tuple(std::move(out));
  }
  if (value.object_if<Range>() != nullptr) unsupported("a slice of a range");
  raise("'" + std::string(value.type_name()) + "' object is not subscriptable by a slice");
}

}  // namespace qbench::text::jinja
