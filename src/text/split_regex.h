#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace qbench::text {

struct Match {
  std::size_t begin, end;  ///< bytes
};

/// What one thread needs while it matches; cheap to make, not to be shared.
class MatchScratch {
 public:
  MatchScratch();
  ~MatchScratch();
  MatchScratch(const MatchScratch&) = delete;
  MatchScratch& operator=(const MatchScratch&) = delete;

 private:
  friend class SplitRegex;
  struct State;
  std::unique_ptr<State> state_;
};

/// A compiled pattern over UTF-8, just-in-time compiled where PCRE2 can. Const and safe to share between threads.
class SplitRegex {
 public:
  /// `pattern` in PCRE2's syntax. Error{kUnsupported} when it does not compile; `where` names the file.
  SplitRegex(std::string_view pattern, std::string_view where);
  /// A pattern that matches exactly this text.
  static SplitRegex literal(std::string_view text, std::string_view where);
  ~SplitRegex();
  SplitRegex(SplitRegex&&) noexcept;
  SplitRegex& operator=(SplitRegex&&) noexcept;

  /// The first match that begins at `from` or later; `text` must be valid UTF-8. Error{kUnsupported} when the pattern backtracks beyond all
  /// measure on this text.
  std::optional<Match> find(std::string_view text, std::size_t from, MatchScratch& scratch) const;

  /// Calls `each(match)` for every match from left to right. An empty match right behind another one is passed over by one character, as
  /// Oniguruma's iterator does.
  template <class Each>
  void for_each(std::string_view text, MatchScratch& scratch, Each&& each) const {
    std::size_t from = 0;
    std::optional<std::size_t> last_end;
    while (from <= text.size()) {
      const auto match = find(text, from, scratch);
      if (!match) return;
      if (match->begin == match->end && last_end == match->end) {
        from = next_boundary(text, match->end);
        continue;
      }
      last_end = match->end;
      from = match->end;
      each(*match);
    }
  }

 private:
  struct Code;
  SplitRegex(std::string_view pattern, std::string_view where, unsigned flags);
  static std::size_t next_boundary(std::string_view text, std::size_t at);
  std::unique_ptr<Code> code_;
};

}  // namespace qbench::text
