#include <algorithm>
#include <array>
#include <functional>

#include "text/jinja/args.h"
#include "text/jinja/fault.h"
#include "text/jinja/filters.h"
#include "text/jinja/objects.h"
#include "text/jinja/operators.h"
#include "text/jinja/runtime.h"

namespace qbench::text::jinja {
namespace {

/// A generator function of jinja2: nothing happens, not even an error, before its first item is asked for.
class LazyIterator final : public Iterator {
 public:
  /// start: what runs once before the first item and says whether there is anything to read. step: makes an item of a source item, or
  /// skips.
  using Start = std::function<bool(Runtime&)>;
  using Step = std::function<bool(Runtime&, const Value& item, Value& out)>;
  LazyIterator(Value source, Start start, Step step) : source_(std::move(source)), start_(std::move(start)), step_(std::move(step)) {}

  bool next(Runtime& runtime, Value& item) override {
    const Runtime::Deeper deeper(runtime);
    if (state_ == State::kRunning) raise("generator already executing");
    if (state_ == State::kDone) return false;
    const bool fresh = state_ == State::kNew;
    state_ = State::kRunning;
    if (fresh) {
      if (!start_(runtime)) {
        state_ = State::kDone;
        return false;
      }
      items_ = iterate(runtime, source_);
    }
    for (Value candidate; items_->next(runtime, candidate);) {
      if (step_(runtime, candidate, item)) {
        state_ = State::kSuspended;
        return true;
      }
    }
    state_ = State::kDone;
    return false;
  }

 private:
  enum class State { kNew, kSuspended, kRunning, kDone };
  Value source_;
  Start start_;
  Step step_;
  IteratorPtr items_;
  State state_ = State::kNew;
};

/// A generator holds its arguments too, so their nesting counts.
int depth_of(const Value& source, const Args& args) {
  int depth = source.depth();
  for (const Value& value : args.positional) depth = std::max(depth, value.depth());
  for (const auto& [name, value] : args.keyword) depth = std::max(depth, value.depth());
  return depth;
}

Value lazy(const Value& source, const Args& args, LazyIterator::Start start, LazyIterator::Step step) {
  return make_generator(std::make_shared<LazyIterator>(source, std::move(start), std::move(step)), depth_of(source, args));
}

bool not_empty(Runtime& runtime, const Value& source) { return truth(runtime, source); }

const Value* keyword(const Args& args, std::string_view name) {
  for (const auto& [key, value] : args.keyword) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::string name_of(const Value& name, const char* kind) {
  if (!name.is(Type::kString)) raise(std::string("No ") + kind + " named by a " + std::string(name.type_name()));
  return name.bytes();
}

Args without_first(const Args& args, std::size_t count) {
  Args rest = args;
  rest.positional.erase(rest.positional.begin(), rest.positional.begin() + static_cast<std::ptrdiff_t>(count));
  return rest;
}

Value map(Runtime&, const Value& input, const Args& args) {
  const auto start = [args, input](Runtime& runtime) {
    if (!not_empty(runtime, input)) return false;
    if (args.positional.empty() && keyword(args, "attribute") == nullptr) raise("map requires a filter argument");
    for (const auto& [key, value] : args.keyword) {
      const bool known = key == "attribute" || key == "default";
      if (args.positional.empty() && !known) raise("Unexpected keyword argument '" + key + "'");
    }
    return true;
  };
  const Value* attribute = keyword(args, "attribute");
  if (args.positional.empty() && attribute != nullptr) {
    const Value* otherwise = keyword(args, "default");
    return lazy(input, args, start,
                [attribute = *attribute, otherwise = otherwise == nullptr ? Value::none() : *otherwise](Runtime& runtime, const Value& item,
                                                                                                        Value& out) {
                  out = AttributePath(attribute, otherwise)(runtime, item);
                  return true;
                });
  }
  return lazy(input, args, start, [args](Runtime& runtime, const Value& item, Value& out) {
    out = runtime.call_filter(name_of(args.positional[0], "filter"), item, without_first(args, 1));
    return true;
  });
}

/// select, reject, selectattr, rejectattr.
template <bool kAttribute, bool kKeep>
Value select(Runtime&, const Value& input, const Args& args) {
  const auto start = [args, input](Runtime& runtime) {
    if (!not_empty(runtime, input)) return false;
    if (kAttribute && args.positional.empty()) raise("Missing parameter for attribute name");
    return true;
  };
  return lazy(input, args, start, [args](Runtime& runtime, const Value& item, Value& out) {
    constexpr std::size_t kName = kAttribute ? 1 : 0;
    const Value subject = kAttribute ? AttributePath(args.positional[0])(runtime, item) : item;
    const bool named = args.positional.size() > kName;
    const bool holds = named ? runtime.call_test(name_of(args.positional[kName], "test"), subject, without_first(args, kName + 1))
                             : truth(runtime, subject);
    out = item;
    return holds == kKeep;
  });
}

Value items(Runtime&, const Value& input, const Args& args) {
  no_arguments("items", args);
  const auto start = [input](Runtime&) {
    if (input.is(Type::kUndefined)) return false;
    if (!input.is(Type::kDict)) raise("Can only get item pairs from a mapping.");
    return true;
  };
  return lazy(input, args, start, [input](Runtime&, const Value& key, Value& out) {
    out = Value::tuple({key, *input.as_dict().find(key)});
    return true;
  });
}

Value unique(Runtime& runtime, const Value& input, const Args& args) {
  const Bound bound("unique", args, {"case_sensitive?", "attribute?"});
  const bool sensitive = bound.truth(runtime, 0, false);
  const auto path = std::make_shared<AttributePath>(bound.get(1, Value::none()));
  const auto seen = std::make_shared<Dict>();
  return lazy(
      input, args, [](Runtime&) { return true; },
      [=](Runtime& at_run, const Value& item, Value& out) {
        const Value part = (*path)(at_run, item);
        const Value key = sensitive ? part : ignore_case(at_run, part);
        if (seen->find(key) != nullptr) return false;
        at_run.charge_items(1);
        seen->set(key, Value::none());
        out = item;
        return true;
      });
}

/// A generator over lists that are made all at once when the first is asked for.
class GroupsIterator final : public Iterator {
 public:
  using Make = std::function<std::vector<Value>(Runtime&)>;
  explicit GroupsIterator(Make make) : make_(std::move(make)) {}
  bool next(Runtime& runtime, Value& item) override {
    if (make_) {
      groups_ = std::exchange(make_, nullptr)(runtime);
    }
    if (at_ >= groups_.size()) return false;
    item = groups_[at_++];
    return true;
  }

 private:
  Make make_;
  std::vector<Value> groups_;
  std::size_t at_ = 0;
};

Value batch(Runtime&, const Value& input, const Args& args) {
  const Bound bound("batch", args, {"linecount", "fill_with?"});
  return make_generator(std::make_shared<GroupsIterator>([=](Runtime& runtime) {
                          const std::int64_t count = bound.integer(0, 0);
                          if (count < 1) unsupported("|batch by less than one");
                          std::vector<Value> groups, group;
                          const auto flush = [&] {
                            groups.push_back(runtime.make_list(std::move(group)));
                            group.clear();
                          };
                          for (Value& item : to_vector(runtime, input)) {
                            if (static_cast<std::int64_t>(group.size()) == count) flush();
                            group.push_back(std::move(item));
                          }
                          while (!group.empty() && !bound.none(1) && static_cast<std::int64_t>(group.size()) < count) {
                            runtime.charge_items(1);
                            group.push_back(bound[1]);
                          }
                          if (!group.empty()) flush();
                          return groups;
                        }),
                        depth_of(input, args) + 1);
}

Value slice_filter(Runtime&, const Value& input, const Args& args) {
  const Bound bound("slice", args, {"slices", "fill_with?"});
  return make_generator(std::make_shared<GroupsIterator>([=](Runtime& runtime) {
                          const std::vector<Value> all = to_vector(runtime, input);
                          const std::int64_t slices = bound.integer(0, 0);
                          if (slices == 0) raise("integer division or modulo by zero");
                          if (slices < 0) return std::vector<Value>();
                          const auto count = static_cast<std::size_t>(slices);
                          std::vector<Value> groups;
                          std::size_t at = 0;
                          for (std::size_t i = 0; i < count; ++i) {
                            const bool extra = i < all.size() % count;
                            const std::size_t end = at + all.size() / count + (extra ? 1 : 0);
                            std::vector<Value> group(all.begin() + static_cast<std::ptrdiff_t>(at),
                                                     all.begin() + static_cast<std::ptrdiff_t>(end));
                            if (!extra && !bound.none(1)) group.push_back(bound[1]);
                            groups.push_back(runtime.make_list(std::move(group)));
                            runtime.charge_items(1);
                            at = end;
                          }
                          return groups;
                        }),
                        depth_of(input, args) + 1);
}

constexpr std::array kFilters = {
    FilterEntry{"batch", batch},
    FilterEntry{"items", items},
    FilterEntry{"map", map},
    FilterEntry{"reject", select<false, false>},
    FilterEntry{"rejectattr", select<true, false>},
    FilterEntry{"select", select<false, true>},
    FilterEntry{"selectattr", select<true, true>},
    FilterEntry{"slice", slice_filter},
    FilterEntry{"unique", unique},
};

}  // namespace

std::span<const FilterEntry> select_filters() { return kFilters; }

}  // namespace qbench::text::jinja
