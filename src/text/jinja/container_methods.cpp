#include <algorithm>
#include <array>

#include "text/jinja/args.h"
#include "text/jinja/attributes.h"
#include "text/jinja/fault.h"
#include "text/jinja/operators.h"
#include "text/jinja/runtime.h"

namespace qbench::text::jinja {
namespace {

using Function = Builtin::Function;

Value dict_get(Runtime&, const Value& self, Args& args) {
  const Bound bound("get", args, {"key", "default?"}, true);
  const Value* found = self.as_dict().find(bound[0]);
  return found != nullptr ? *found : bound.get(1, Value::none());
}

template <DictView::Kind kKind>
Value dict_view(Runtime&, const Value& self, Args& args) {
  no_arguments("dict method", args);
  auto view = std::make_shared<DictView>();
  view->kind = kKind;
  view->dict = self.dict_ptr();
  view->depth = 1 + self.depth();
  return Value::object(std::move(view));
}

Value copy(Runtime&, const Value& self, Args& args) {
  no_arguments("copy", args);
  return self;  // nothing can change a list or dict, so the same one serves
}

Value sequence_count(Runtime& runtime, const Value& self, Args& args) {
  const Bound bound("count", args, {"value"}, true);
  std::int64_t found = 0;
  for (const Value& item : self.items()) found += equal(runtime, item, bound[0]) ? 1 : 0;
  return Value::integer(found);
}

Value sequence_index(Runtime& runtime, const Value& self, Args& args) {
  const Bound bound("index", args, {"value", "start?", "stop?"}, true);
  if (bound.given(1) || bound.given(2)) unsupported(".index() with bounds");
  for (std::size_t i = 0; i < self.items().size(); ++i) {
    if (equal(runtime, self.items()[i], bound[0])) return Value::integer(static_cast<std::int64_t>(i));
  }
  raise("the value is not in the list");
}

Value loop_cycle(Runtime&, const Value& self, Args& args) {
  if (!args.keyword.empty()) raise("cycle() got an unexpected keyword argument");
  if (args.positional.empty()) raise("no items for cycling given");
  const auto index = static_cast<std::size_t>(std::max<std::int64_t>(self.object_if<Loop>()->index0, 0));
  return args.positional[index % args.positional.size()];
}

Value loop_changed(Runtime& runtime, const Value& self, Args& args) {
  if (!args.keyword.empty()) raise("changed() got an unexpected keyword argument");
  Loop& loop = *self.object_if<Loop>();
  // The loop would hold itself, and a finished one is never looked at again: neither has a use in a template.
  if (loop.ended) unsupported("loop.changed() after its loop");
  bool same = loop.last_changed && loop.last_changed->size() == args.positional.size();
  for (std::size_t i = 0; same && i < args.positional.size(); ++i) same = equal(runtime, (*loop.last_changed)[i], args.positional[i]);
  if (same) return Value::boolean(false);
  loop.last_changed = args.positional;
  return Value::boolean(true);
}

Value cycler_next(Runtime&, const Value& self, Args& args) {
  no_arguments("next", args);
  auto* cycler = self.object_if<Cycler>();
  const Value item = cycler->items[cycler->position];
  cycler->position = (cycler->position + 1) % cycler->items.size();
  return item;
}

Value cycler_reset(Runtime&, const Value& self, Args& args) {
  no_arguments("reset", args);
  self.object_if<Cycler>()->position = 0;
  return Value::none();
}

struct Method {
  std::string_view name;
  Function function;
};

constexpr std::array kDictMethods = {
    Method{"copy", copy},
    Method{"get", dict_get},
    Method{"items", dict_view<DictView::Kind::kItems>},
    Method{"keys", dict_view<DictView::Kind::kKeys>},
    Method{"values", dict_view<DictView::Kind::kValues>},
};
constexpr std::array kListMethods = {Method{"copy", copy}, Method{"count", sequence_count}, Method{"index", sequence_index}};
constexpr std::array kLoopMethods = {Method{"changed", loop_changed}, Method{"cycle", loop_cycle}};
constexpr std::array kCyclerMethods = {Method{"next", cycler_next}, Method{"reset", cycler_reset}};

template <std::size_t kCount>
Function find(const std::array<Method, kCount>& methods, std::string_view name) {
  const auto* found = std::find_if(methods.begin(), methods.end(), [&](const Method& m) { return m.name == name; });
  return found == methods.end() ? nullptr : found->function;
}

}  // namespace

Builtin::Function find_container_method(const Value& value, std::string_view name) {
  if (value.is(Type::kDict)) return find(kDictMethods, name);
  if (value.is_sequence()) return find(kListMethods, name);
  if (value.object_if<Loop>() != nullptr) return find(kLoopMethods, name);
  if (value.object_if<Cycler>() != nullptr) return find(kCyclerMethods, name);
  return nullptr;
}

}  // namespace qbench::text::jinja
