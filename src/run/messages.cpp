#include "run/messages.h"

#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"

namespace qbench::run {
namespace {

using nlohmann::json;

json read(std::string_view line) { return parse_json(line, "worker's message"); }

Message parse_own(const std::string& kind, const json& m) {
  if (kind == "ready") {
    return ModelReady{m.at("device_description"), m.at("instruction_sets"), m.at("attention_path"), m.at("precision"), m.at("threads"),
                      m.at("weight_bytes"),       m.at("kv_bytes"),         m.at("context")};
  }
  if (kind == "cell_start") return CellStart{m.at("cell")};
  if (kind == "progress") {
    return Progress{m.at("cell"),       record::phase_from_name(m.at("phase").get<std::string>()),
                    m.at("repetition"), m.at("turn"),
                    m.at("tokens"),     m.at("most_tokens"),
                    m.at("tok_per_s")};
  }
  if (kind == "text") return StreamedText{m.at("text")};
  if (kind == "done") return WorkerDone{m.at("interrupted")};
  throw Error(ErrorCode::kFormat, "unknown kind '" + kind + "'", "worker's message");
}

}  // namespace

Message parse_message(std::string_view line) {
  const json object = read(line);
  try {
    const std::string kind = object.at("kind").get<std::string>();
    const bool is_record =
        kind == "load" || kind == "sample" || kind == "cell" || kind == "task" || kind == "quality" || kind == "breakdown" || kind == "ablation";
    if (!is_record) return parse_own(kind, object);
  } catch (const json::exception& broken) {
    throw Error(ErrorCode::kFormat, broken.what(), "worker's message");
  }
  return std::visit([](auto&& record) -> Message { return std::move(record); }, record::parse_json_line(line, "worker's message"));
}

void MessageWriter::send(const ModelReady& m) {
  write_line(dump_json({{"kind", "ready"},
                        {"device_description", m.device_description},
                        {"instruction_sets", m.instruction_sets},
                        {"attention_path", m.attention_path},
                        {"precision", m.precision},
                        {"threads", m.threads},
                        {"weight_bytes", m.weight_bytes},
                        {"kv_bytes", m.kv_bytes},
                        {"context", m.context}}));
}

void MessageWriter::send(const CellStart& m) { write_line(dump_json({{"kind", "cell_start"}, {"cell", m.cell}})); }

void MessageWriter::send(const Progress& m) {
  write_line(dump_json({{"kind", "progress"},
                        {"cell", m.cell},
                        {"phase", record::name_of(m.phase)},
                        {"repetition", m.repetition},
                        {"turn", m.turn},
                        {"tokens", m.tokens},
                        {"most_tokens", m.most_tokens},
                        {"tok_per_s", m.tok_per_s}}));
}

void MessageWriter::send(const StreamedText& m) { write_line(dump_json({{"kind", "text"}, {"text", m.text}})); }

void MessageWriter::send(const WorkerDone& m) { write_line(dump_json({{"kind", "done"}, {"interrupted", m.interrupted}})); }

void MessageWriter::write_line(std::string line) {
  line += '\n';
  const std::lock_guard lock(mutex_);
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t n = ::write(fd_, rest.data(), rest.size());
    if (n >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno != EINTR && errno != EAGAIN) {
      ::_exit(1);
    }
  }
}

}  // namespace qbench::run
