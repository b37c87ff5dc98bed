// libFuzzer target: any bytes as a chat template. Built with QBENCH_FUZZ by clang; small limits, so that it looks at many templates.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "text/jinja/fault.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/parser.h"

using namespace qbench::text::jinja;

namespace {

Dict variables() {
  Dict message;
  message.set(Value::text("role"), Value::text("user"));
  message.set(Value::text("content"), Value::text("na\xC3\xAFve \xE6\x97\xA5 text"));
  Dict all;
  all.set(Value::text("messages"), Value::list({Value::dict(message), Value::dict(message)}));
  all.set(Value::text("s"), Value::text("a,b c"));
  all.set(Value::text("n"), Value::integer(3));
  all.set(Value::text("f"), Value::real(2.5));
  all.set(Value::text("xs"), Value::list({Value::integer(1), Value::text("x"), Value::none()}));
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Dict kVariables = variables();
  Limits limits;
  limits.steps = 20'000;
  limits.bytes_produced = 1 << 20;
  limits.output_bytes = 1 << 16;
  try {
    const Program program = parse(std::string_view(reinterpret_cast<const char*>(data), size));
    Interpreter(program, kVariables, 1'784'116'800'000'000'000, limits).render();
  } catch (const Fault&) {
  }
  return 0;
}
