#include "text/jinja/parser.h"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "text/jinja/fault.h"
#include "text/jinja/parser_state.h"
#include "text/jinja/scope.h"

namespace qbench::text::jinja {

std::string describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::kData:
      return "template data / text";
    case TokenKind::kVariableBegin:
      return "begin of print statement";
    case TokenKind::kVariableEnd:
      return "end of print statement";
    case TokenKind::kBlockBegin:
      return "begin of statement block";
    case TokenKind::kBlockEnd:
      return "end of statement block";
    case TokenKind::kName:
    case TokenKind::kOperator:
      return token.text;
    case TokenKind::kString:
      return "string";
    case TokenKind::kInteger:
      return "integer";
    case TokenKind::kFloat:
      return "float";
    case TokenKind::kEnd:
      return "end of template";
  }
  return "?";
}

Token TokenStream::next() {
  Token token = tokens_[at_];
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool TokenStream::skip_operator(std::string_view text) {
  if (!is_operator(text)) return false;
  next();
  return true;
}

bool TokenStream::skip_name(std::string_view text) {
  if (!is_name(text)) return false;
  next();
  return true;
}

void TokenStream::unexpected(std::string_view expected) const {
  raise("expected token '" + std::string(expected) + "', got '" + describe(current()) + "'", line());
}

void TokenStream::expect_operator(std::string_view text) {
  if (!skip_operator(text)) unexpected(text);
}

std::string TokenStream::expect_name() {
  if (!is(TokenKind::kName)) unexpected("name");
  return next().text;
}

void TokenStream::expect(TokenKind kind, const char* what) {
  if (!is(kind)) unexpected(what);
  next();
}

namespace {

/// Tags of jinja2 that need other templates or settings than a chat template has.
constexpr std::array<std::string_view, 6> kOutside = {"block", "extends", "include", "import", "from", "autoescape"};

class StatementParser {
 public:
  explicit StatementParser(TokenStream& stream) : stream_(stream), expressions_(stream) {}

  /// Statements up to a tag that starts with one of `ends`, which stays the current token; up to the template's end where there are none.
  Block block(std::initializer_list<std::string_view> ends) {
    if (++depth_ > kMaxParseDepth) raise("tags are nested too deep", stream_.line());
    Block body;
    StatementPtr output;
    const auto flush = [&] {
      if (output) body.push_back(std::move(output));
      output = nullptr;
    };
    const auto add = [&](ExpressionPtr node) {
      if (!output) output = make(StatementKind::kOutput, node->line);
      output->outputs.push_back(std::move(node));
    };
    for (;;) {
      if (stream_.is(TokenKind::kEnd)) {
        if (ends.size() != 0)
          raise("Unexpected end of template: a tag is not closed, '" + std::string(*ends.begin()) + "' expected", stream_.line());
        break;
      }
      if (stream_.is(TokenKind::kData)) {
        Token token = stream_.next();
        auto data = std::make_unique<Expression>();
        data->line = token.line;
        data->constant = Value::text(std::move(token.text));
        add(std::move(data));
      } else if (stream_.is(TokenKind::kVariableBegin)) {
        stream_.next();
        add(expressions_.tuple());
        stream_.expect(TokenKind::kVariableEnd, "end of print statement");
      } else {
        flush();
        stream_.expect(TokenKind::kBlockBegin, "begin of statement block");
        if (std::any_of(ends.begin(), ends.end(), [&](std::string_view end) { return stream_.is_name(end); })) {
          --depth_;
          return body;
        }
        body.push_back(statement());
        stream_.expect(TokenKind::kBlockEnd, "end of statement block");
      }
    }
    flush();
    --depth_;
    return body;
  }

 private:
  static StatementPtr make(StatementKind kind, int line) {
    auto node = std::make_unique<Statement>();
    node->kind = kind;
    node->line = line;
    return node;
  }

  /// The body of a tag whose head has been read; drop: its end tag's name is read too.
  Block body(std::initializer_list<std::string_view> ends, bool drop = true) {
    stream_.skip_operator(":");
    stream_.expect(TokenKind::kBlockEnd, "end of statement block");
    Block statements = block(ends);
    if (drop) stream_.next();
    return statements;
  }

  StatementPtr statement() {
    if (!stream_.is(TokenKind::kName)) raise("tag name expected", stream_.line());
    const int line = stream_.line();
    const std::string tag = stream_.next().text;
    if (tag == "set") return set(line);
    if (tag == "if") return if_statement(line);
    if (tag == "for") return for_loop(line);
    if (tag == "macro") return macro(line);
    if (tag == "call") return call_block(line);
    if (tag == "filter") return filter_block(line);
    if (tag == "with") return with(line);
    if (tag == "print") return print(line);
    if (tag == "break") return make(StatementKind::kBreak, line);
    if (tag == "continue") return make(StatementKind::kContinue, line);
    if (tag == "generation") {
      StatementPtr node = make(StatementKind::kCallBlock, line);
      node->body = body({"endgeneration"});
      return node;
    }
    if (std::find(kOutside.begin(), kOutside.end(), tag) != kOutside.end()) unsupported("tag '" + tag + "'", line);
    raise("Encountered unknown tag '" + tag + "'", line);
  }

  StatementPtr set(int line) {
    StatementPtr node = make(StatementKind::kSet, line);
    node->target = expressions_.assign_target(true);
    if (stream_.skip_operator("=")) {
      node->value = expressions_.tuple();
      return node;
    }
    node->kind = StatementKind::kSetBlock;
    node->value = expressions_.filters(nullptr);
    node->body = body({"endset"});
    return node;
  }

  StatementPtr if_statement(int line) {
    StatementPtr node = make(StatementKind::kIf, line);
    Statement* branch = node.get();
    for (;;) {
      branch->value = expressions_.tuple(false);
      branch->body = body({"elif", "else", "endif"}, false);
      const Token end = stream_.next();
      if (end.text == "elif") {
        node->elifs.push_back(make(StatementKind::kIf, end.line));
        branch = node->elifs.back().get();
        continue;
      }
      if (end.text == "else") node->otherwise = body({"endif"});
      return node;
    }
  }

  StatementPtr for_loop(int line) {
    StatementPtr node = make(StatementKind::kFor, line);
    node->target = expressions_.assign_target(false, "in");
    if (!stream_.skip_name("in")) stream_.unexpected("in");
    node->value = expressions_.tuple(false, "recursive");
    if (stream_.skip_name("if")) node->test = expressions_.expression();
    if (stream_.is_name("recursive")) unsupported("a recursive for loop", stream_.line());
    node->body = body({"endfor", "else"}, false);
    if (stream_.next().text == "else") node->otherwise = body({"endfor"});
    return node;
  }

  void signature(Statement& node) {
    stream_.expect_operator("(");
    while (!stream_.is_operator(")")) {
      if (!node.parameters.empty()) stream_.expect_operator(",");
      ExpressionPtr parameter = expressions_.name_target();
      for (const ExpressionPtr& other : node.parameters) {
        if (other->name == parameter->name) raise("duplicate argument '" + parameter->name + "'", parameter->line);
      }
      if (stream_.skip_operator("=")) {
        node.defaults.push_back(expressions_.expression());
      } else if (!node.defaults.empty()) {
        raise("non-default argument follows default argument", stream_.line());
      }
      node.parameters.push_back(std::move(parameter));
    }
    stream_.expect_operator(")");
  }

  StatementPtr macro(int line) {
    StatementPtr node = make(StatementKind::kMacro, line);
    node->name = expressions_.name_target()->name;
    signature(*node);
    node->body = body({"endmacro"});
    return node;
  }

  StatementPtr call_block(int line) {
    StatementPtr node = make(StatementKind::kCallBlock, line);
    if (stream_.is_operator("(")) signature(*node);
    node->value = expressions_.expression();
    if (node->value->kind != ExpressionKind::kCall) raise("expected call", line);
    node->body = body({"endcall"});
    return node;
  }

  StatementPtr filter_block(int line) {
    StatementPtr node = make(StatementKind::kFilterBlock, line);
    node->value = expressions_.filters(nullptr, true);
    node->body = body({"endfilter"});
    return node;
  }

  StatementPtr with(int line) {
    StatementPtr node = make(StatementKind::kWith, line);
    while (!stream_.is(TokenKind::kBlockEnd)) {
      if (!node->parameters.empty()) stream_.expect_operator(",");
      // jinja2 reads a tuple here, so `with a, b = ...` unpacks and `with a = 1, b = 2` is two targets all the same.
      node->parameters.push_back(expressions_.assign_target(false));
      stream_.expect_operator("=");
      node->outputs.push_back(expressions_.expression());
    }
    node->body = body({"endwith"});
    return node;
  }

  StatementPtr print(int line) {
    StatementPtr node = make(StatementKind::kOutput, line);
    while (!stream_.is(TokenKind::kBlockEnd)) {
      if (!node->outputs.empty()) stream_.expect_operator(",");
      node->outputs.push_back(expressions_.expression());
    }
    return node;
  }

  TokenStream& stream_;
  ExpressionParser expressions_;
  int depth_ = 0;
};

}  // namespace

Program parse(std::string_view source) {
  TokenStream stream(tokenize(source));
  Program program;
  program.body = StatementParser(stream).block({});
  resolve_variables(program);
  return program;
}

}  // namespace qbench::text::jinja
