#include <type_traits>
#include <vector>

bool can_be_copied_or_moved() {
  return std::is_copy_constructible_v<StringInterner> || std::is_move_constructible_v<StringInterner> ||
         std::is_copy_assignable_v<StringInterner> || std::is_move_assignable_v<StringInterner>;
}

std::vector<std::uint32_t> ids_of(std::vector<std::string> texts) {
  StringInterner interner;
  std::vector<std::uint32_t> ids;
  for (const std::string& text : texts) {
    std::string caller = text;
    ids.push_back(interner.intern(caller));
    caller.assign(caller.size(), '?');
  }
  return ids;
}

/// Looks all wanted texts up after the others were interned.
std::vector<std::optional<std::uint32_t>> found(std::vector<std::string> texts, std::vector<std::string> wanted) {
  StringInterner interner;
  for (const std::string& text : texts) interner.intern(text);
  std::vector<std::optional<std::uint32_t>> ids;
  for (const std::string& text : wanted) ids.push_back(interner.find(text));
  return ids;
}

/// Texts by id, after what the caller passed was overwritten.
std::vector<std::string> texts_after(std::vector<std::string> texts) {
  StringInterner interner;
  for (std::string& text : texts) {
    interner.intern(text);
    text.assign(text.size(), '?');
  }
  std::vector<std::string> out;
  for (std::uint32_t id = 0; id < interner.size(); ++id) out.emplace_back(interner.text(id));
  return out;
}

std::vector<std::size_t> sizes(std::vector<std::string> texts) {
  StringInterner interner;
  for (const std::string& text : texts) interner.intern(text);
  interner.find("not there");
  return {interner.size(), interner.bytes()};
}

/// Whether views taken at once still point to where the text is now, after `more` further texts.
bool views_stay(std::vector<std::string> texts, int more) {
  StringInterner interner;
  std::vector<const char*> places;
  for (const std::string& text : texts) places.push_back(interner.text(interner.intern(text)).data());
  for (int i = 0; i < more; ++i) interner.intern("filler " + std::to_string(i));
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto id = interner.find(texts[i]);
    if (!id || interner.text(*id) != texts[i] || interner.text(*id).data() != places[i]) return false;
  }
  return true;
}

std::string text_of(std::vector<std::string> texts, std::uint32_t id) {
  StringInterner interner;
  for (const std::string& text : texts) interner.intern(text);
  return std::string(interner.text(id));
}

QB_FUNCTION(can_be_copied_or_moved)
QB_FUNCTION(ids_of)
QB_FUNCTION(found)
QB_FUNCTION(texts_after)
QB_FUNCTION(sizes)
QB_FUNCTION(views_stay)
QB_FUNCTION(text_of)
