#include "text/tokenizer_json_file.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "formats/quote.h"

namespace qbench::text {
namespace {

using nlohmann::json;

constexpr std::size_t kDepthMost = 64;

class Reader final : public json::json_sax_t {
 public:
  Reader(TokenizerJsonFile& file, std::string_view text, const std::string& where) : file_(file), text_(text), where_(where) {}

  bool null() override { return value(nullptr); }
  bool boolean(bool v) override { return value(v); }
  bool number_integer(number_integer_t v) override { return value(v); }
  bool number_unsigned(number_unsigned_t v) override { return value(v); }
  bool number_float(number_float_t v, const string_t&) override { return value(v); }
  bool string(string_t& v) override {
    if (top() == Kind::kMerges) return add_merge_text(v);
    if (top() == Kind::kMergePair) {
      pair_.push_back(std::move(v));
      return true;
    }
    return value(std::move(v));
  }
  bool binary(binary_t&) override { return false; }
  bool key(string_t& name) override {
    Frame& frame = stack_.back();
    if (frame.kind == Kind::kPlain && frame.value.contains(name)) refuse("key " + formats::quote(name) + " stands twice in one object");
    frame.key = std::move(name);
    return true;
  }
  bool start_object(std::size_t) override {
    const bool vocab = in_model("vocab");
    if (vocab) file_.has_vocab = true;
    return open(vocab ? Kind::kVocab : Kind::kPlain, json::object());
  }
  bool start_array(std::size_t) override {
    const bool merges = in_model("merges");
    if (merges) file_.has_merges = true;
    if (top() == Kind::kMerges) pair_.clear();
    return open(top() == Kind::kMerges ? Kind::kMergePair : merges ? Kind::kMerges : Kind::kPlain, json::array());
  }
  bool end_object() override { return close(); }
  bool end_array() override {
    if (top() == Kind::kMergePair) {
      if (pair_.size() != 2) refuse_merge("a list of " + std::to_string(pair_.size()));
      file_.merges.emplace_back(std::move(pair_[0]), std::move(pair_[1]));
    }
    return close();
  }
  bool parse_error(std::size_t position, const std::string& token, const nlohmann::detail::exception& error) override {
    refuse(describe_json_error(text_, position, token, error.what()));
  }

  json take_root() { return std::move(root_); }

 private:
  enum class Kind { kNone, kPlain, kVocab, kMerges, kMergePair };
  struct Frame {
    Kind kind;
    json value;
    std::string key;
  };

  [[noreturn]] void refuse(const std::string& message) const { throw Error(ErrorCode::kFormat, message, where_); }
  [[noreturn]] void refuse_merge(const std::string& found) const {
    refuse("model.merges: merge " + std::to_string(file_.merges.size()) + ": expected two tokens, found " + found);
  }

  Kind top() const { return stack_.empty() ? Kind::kNone : stack_.back().kind; }
  bool in_model(std::string_view name) const {
    return stack_.size() == 2 && stack_[0].key == "model" && stack_[1].key == name && stack_[1].kind == Kind::kPlain &&
           stack_[1].value.is_object();
  }

  bool open(Kind kind, json container) {
    if (stack_.size() >= kDepthMost) refuse("nested deeper than " + std::to_string(kDepthMost) + " levels");
    if (top() == Kind::kVocab) refuse("model.vocab: the id of " + formats::quote(stack_.back().key) + " is not a number");
    if (top() == Kind::kMergePair || (top() == Kind::kMerges && kind != Kind::kMergePair)) refuse_merge("something nested");
    stack_.push_back({kind, std::move(container), {}});
    return true;
  }

  bool close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    if (frame.kind != Kind::kPlain) return true;
    if (stack_.empty()) {
      root_ = std::move(frame.value);
      return true;
    }
    return store(std::move(frame.value));
  }

  bool value(json v) {
    if (top() == Kind::kVocab) return add_token(v);
    if (top() == Kind::kMerges || top() == Kind::kMergePair) refuse_merge("a " + std::string(v.type_name()));
    return store(std::move(v));
  }

  bool store(json v) {
    if (stack_.empty()) {
      root_ = std::move(v);
      return true;
    }
    Frame& frame = stack_.back();
    if (frame.value.is_array()) {
      frame.value.push_back(std::move(v));
    } else {
      frame.value[frame.key] = std::move(v);
    }
    return true;
  }

  bool add_token(const json& id) {
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max());
    Frame& frame = stack_.back();
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= kMost) {
      refuse("model.vocab: the id of " + formats::quote(frame.key) + " is " + id.dump() + ", expected a whole number from 0");
    }
    file_.vocab.emplace_back(std::move(frame.key), id.get<std::int32_t>());
    return true;
  }

  bool add_merge_text(const std::string& text) {
    if (text.starts_with("#version")) return true;
    const std::size_t blank = text.find(' ');
    if (blank == text.npos || text.find(' ', blank + 1) != text.npos) refuse_merge(formats::quote(text));
    file_.merges.emplace_back(text.substr(0, blank), text.substr(blank + 1));
    return true;
  }

  TokenizerJsonFile& file_;
  std::string_view text_;
  const std::string& where_;
  std::vector<Frame> stack_;
  std::vector<std::string> pair_;
  json root_;
};

}  // namespace

TokenizerJsonFile read_tokenizer_json(std::string_view text, const std::string& where) {
  TokenizerJsonFile file;
  Reader reader(file, text, where);
  json::sax_parse(text, &reader);
  file.settings = std::make_shared<const json>(reader.take_root());
  return file;
}

}  // namespace qbench::text
