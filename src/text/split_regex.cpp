#include "text/split_regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <new>

#include "base/error.h"
#include "text/utf8.h"

namespace qbench::text {
namespace {

/// Stops patterns that backtrack without end. It counts steps through groups; a real pattern needs a few for each match.
constexpr std::uint32_t kMatchLimit = 10'000'000;
constexpr std::size_t kJitStackStart = 64 * 1024, kJitStackMost = 64 * 1024 * 1024;

std::string message_of(int code) {
  PCRE2_UCHAR buffer[256];
  pcre2_get_error_message(code, buffer, sizeof buffer);
  return reinterpret_cast<const char*>(buffer);
}

template <class T>
T* not_null(T* pointer) {
  if (pointer == nullptr) throw std::bad_alloc();
  return pointer;
}

template <auto Free>
struct Freeing {
  void operator()(auto* pointer) const noexcept { Free(pointer); }
};

}  // namespace

struct MatchScratch::State {
  std::unique_ptr<pcre2_match_data, Freeing<pcre2_match_data_free>> data{not_null(pcre2_match_data_create(1, nullptr))};
  std::unique_ptr<pcre2_match_context, Freeing<pcre2_match_context_free>> context{not_null(pcre2_match_context_create(nullptr))};
  std::unique_ptr<pcre2_jit_stack, Freeing<pcre2_jit_stack_free>> stack;
  State() { pcre2_set_match_limit(context.get(), kMatchLimit); }
};

MatchScratch::MatchScratch() : state_(std::make_unique<State>()) {}
MatchScratch::~MatchScratch() = default;

struct SplitRegex::Code {
  std::unique_ptr<pcre2_code, Freeing<pcre2_code_free>> code;
  bool jit = false;
  std::string where;
};

SplitRegex::SplitRegex(std::string_view pattern, std::string_view where) : SplitRegex(pattern, where, PCRE2_MULTILINE) {}

SplitRegex SplitRegex::literal(std::string_view text, std::string_view where) { return SplitRegex(text, where, PCRE2_LITERAL); }

SplitRegex::SplitRegex(std::string_view pattern, std::string_view where, unsigned flags) : code_(std::make_unique<Code>()) {
  std::unique_ptr<pcre2_compile_context, Freeing<pcre2_compile_context_free>> context(not_null(pcre2_compile_context_create(nullptr)));
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  int error = 0;
  PCRE2_SIZE offset = 0;
  code_->where = where;
  code_->code.reset(
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), PCRE2_UTF | flags, &error, &offset, context.get()));
  if (code_->code == nullptr) {
    throw Error(ErrorCode::kUnsupported,
                "the pattern does not compile at byte " + std::to_string(offset) + ": " + message_of(error) + ": " +
                    std::string(pattern.substr(0, 300)),
                code_->where);
  }
  code_->jit = pcre2_jit_compile(code_->code.get(), PCRE2_JIT_COMPLETE) == 0;
}

SplitRegex::~SplitRegex() = default;
SplitRegex::SplitRegex(SplitRegex&&) noexcept = default;
SplitRegex& SplitRegex::operator=(SplitRegex&&) noexcept = default;

std::optional<Match> SplitRegex::find(std::string_view text, std::size_t from, MatchScratch& scratch) const {
  MatchScratch::State& state = *scratch.state_;
  const auto subject = reinterpret_cast<PCRE2_SPTR>(text.empty() ? "" : text.data());
  const auto run = [&] {
    return code_->jit
               ? pcre2_jit_match(code_->code.get(), subject, text.size(), from, 0, state.data.get(), state.context.get())
               : pcre2_match(code_->code.get(), subject, text.size(), from, PCRE2_NO_UTF_CHECK, state.data.get(), state.context.get());
  };
  int result = run();
  if (result == PCRE2_ERROR_JIT_STACKLIMIT && state.stack == nullptr) {
    state.stack.reset(not_null(pcre2_jit_stack_create(kJitStackStart, kJitStackMost, nullptr)));
    pcre2_jit_stack_assign(state.context.get(), nullptr, state.stack.get());
    result = run();
  }
  if (result == PCRE2_ERROR_NOMATCH) return std::nullopt;
  if (result < 0) {
    throw Error(ErrorCode::kUnsupported, "the pre-tokenizer's pattern cannot be matched against this text: " + message_of(result),
                code_->where);
  }
  const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(state.data.get());
  return Match{ends[0], ends[1]};
}

std::size_t SplitRegex::next_boundary(std::string_view text, std::size_t at) {
  return at < text.size() ? at + utf8_length(text[at]) : at + 1;
}

}  // namespace qbench::text
