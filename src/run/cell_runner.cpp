#include "run/cell_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/units.h"
#include "measure/sample_metrics.h"
#include "measure/throttling.h"
#include "run/guard.h"
#include "run/machine_state.h"
#include "run/memory_facts.h"
#include "run/output_text.h"
#include "run/progress_so_far.h"
#include "run/sampling.h"
#include "run/thinking_rule.h"
#include "stats/stopping.h"
#include "sysinfo/host.h"
#include "sysinfo/process.h"
#include "workload/thinking.h"

namespace qbench::run {
namespace {

std::optional<std::int64_t> after(std::int64_t stamp_ns, std::int64_t t0_ns) { return stamp_ns - t0_ns; }

/// A speed cell's length is part of what is compared: it is reached or the cell fails. The last token takes no position.
void check_fits(const PreparedPrompt& prompt, std::int64_t gen_tokens, std::int64_t context) {
  for (const std::vector<std::int32_t>& ids : prompt.ids) {
    const std::int64_t needed = static_cast<std::int64_t>(ids.size()) + gen_tokens - 1;
    if (needed <= context) continue;
    throw Error(ErrorCode::kContext, fmt::format("a prompt of {} tokens and {} generated ones take {} positions, the context holds {}; raise --context or lower "
                                                 "--gen-tokens",
                                                 ids.size(), gen_tokens, needed, context));
  }
}

/// Only the text pass goes through the stages.
std::string stage_of(const JobCell& cell, std::int64_t turn) {
  return cell.pass == workload::Pass::kText ? workload::stage_label(cell.prompt.turns[static_cast<std::size_t>(turn - 1)]) : std::string();
}

}  // namespace

CellRunner::CellRunner(const Context& context, const Job& job)
    : context_(context),
      job_(&job),
      prompts_(*context.opened),
      telemetry_({.gpu = context.opened->device->device().pci_bus_id}) {
  const auto closes = [](const JobCell& cell) { return asks_for_thought_control(cell.settings); };
  // A resumed run may have nothing left but further answers to judge.
  const bool scores =
      job.score && std::any_of(job.score->cells.begin(), job.score->cells.end(), [&](const ScoreCell& one) { return closes(one.cell); });
  if (scores || std::any_of(job.cells.begin(), job.cells.end(), closes))
    closing_ = workload::load_thinking_texts().closing_for(context.opened->facts.name);
}

bool CellRunner::run(std::size_t index) {
  const JobCell& cell = job_->cells[index];
  context_.writer->send(CellStart{index});
  failure_.reset();
  stop_rule_.clear();
  roofline_ = {};
  cell_started_utc_ = iso8601_utc(wall_now_ns());
  const bool finished = cell.pass == workload::Pass::kSpeed ? run_speed(index, cell) : run_text(index, cell);
  return finished && !cancelled_;
}

bool CellRunner::device_failed() const { return study_lost_device_ || (failure_ && failure_->code == name_of(ErrorCode::kDevice)); }

bool CellRunner::run_speed(std::size_t index, const JobCell& cell) {
  const Conversation conversation{&cell.prompt, 1, {}};
  const Progress at{.cell = index, .most_tokens = cell.settings.gen_tokens};
  const bool going = warm_up(at, cell, conversation) && measure_repetitions(at, cell, conversation);
  if (going) measure_roofline(cell);
  if (!cancelled_) send_cell(cell, 1);
  if (going && !cancelled_) measure_studies(cell);
  return !cancelled_;
}

bool CellRunner::warm_up(Progress at, const JobCell& cell, const Conversation& conversation) {
  std::vector<double> durations_s;
  const auto request = [&](record::Phase phase) {
    at.phase = phase;
    const std::int64_t start_ns = now_ns();
    if (!repeat(at, cell, conversation, false, nullptr)) return false;
    durations_s.push_back(s_from_ns(static_cast<double>(now_ns() - start_ns)));
    return true;
  };
  if (!cold_done_) {
    // The first request of the process is the first warm-up too: same shape, and recorded apart.
    cold_done_ = true;
    if (!request(record::Phase::kCold)) return false;
  }
  const auto done = [&] { return cell.warmup >= 0 ? static_cast<std::int64_t>(durations_s.size()) >= cell.warmup : stats::is_warm(durations_s); };
  for (at.repetition = 0; !done(); ++at.repetition) {
    if (!request(record::Phase::kWarmup)) return false;
  }
  return true;
}

bool CellRunner::measure_repetitions(Progress at, const JobCell& cell, const Conversation& conversation) {
  const workload::EffectiveSettings& s = cell.settings;
  const stats::StoppingRule rule{cell.repetitions, s.min_reps, s.max_reps, s.max_time, s.target_ci_ratio()};
  const double earlier_s = std::accumulate(cell.earlier_s.begin(), cell.earlier_s.end(), 0.0);
  const std::int64_t start_ns = now_ns();
  std::vector<record::SampleRecord> samples;
  at.phase = record::Phase::kTimed;
  for (at.repetition = cell.first_repetition;; ++at.repetition) {
    // The rule looks at what the row's statistics will be over: not at repetitions that throttled clocks make worthless.
    std::vector<const record::SampleRecord*> timed;
    for (const record::SampleRecord& sample : samples) timed.push_back(&sample);
    std::vector<double> durations_s = cell.earlier_s;
    for (const record::SampleRecord* sample : measure::keep_unthrottled(timed).kept)
      durations_s.push_back(sample->metrics[record::MetricId::kE2eMs].value_or(0.0) / 1e3);
    const double elapsed_s = earlier_s + s_from_ns(static_cast<double>(now_ns() - start_ns));
    if (const auto reason = stats::stop_now(rule, durations_s, at.repetition, elapsed_s)) {
      stop_rule_ = stats::name_of(*reason);
      return true;
    }
    if (!repeat(at, cell, conversation, false, nullptr)) return false;
    if (rule.fixed == 0) samples.push_back(std::move(last_));
  }
}

bool CellRunner::run_text(std::size_t index, const JobCell& cell) {
  Conversation conversation{&cell.prompt, 1, cell.answers};
  const auto turns = static_cast<std::int64_t>(cell.prompt.turns.size());
  bool going = true;
  if (!cold_done_) {
    // Nothing has run in this process yet: a short greedy request, so that the text itself is measured warm.
    const Progress cold{.cell = index,
                        .phase = record::Phase::kCold,
                        .turn = 1,
                        .most_tokens = std::min(cell.settings.gen_tokens, cell.settings.max_new_tokens)};
    going = repeat(cold, cell, {&cell.prompt, 1, {}}, false, nullptr);
    cold_done_ = true;
  }
  for (std::int64_t turn = static_cast<std::int64_t>(cell.answers.size()) + 1; turn <= turns && !cancelled_; ++turn) {
    conversation.turn = turn;
    Answer answer;
    const Progress at{
        .cell = index, .phase = record::Phase::kTimed, .repetition = 0, .turn = turn, .most_tokens = most_tokens(cell, turn)};
    // After a failed turn the later ones cannot be asked: their rows carry the same reason.
    going = going && repeat(at, cell, conversation, true, &answer);
    if (cancelled_) break;
    send_cell(cell, turn);
    if (going) answer.cost = cost_of(last_);
    conversation.answers.push_back(std::move(answer));
    if (going && turn == turns && job_->score) written_[index] = written_answer(conversation.answers);
  }
  return !cancelled_;
}

const WrittenAnswer* CellRunner::written(std::size_t cell) const {
  const auto found = written_.find(cell);
  return found == written_.end() ? nullptr : &found->second;
}

ScoreReply CellRunner::ask(const ScoreRequest& request) {
  JobCell cell = *request.cell;
  cell.prompt = request.prompt;
  cell.settings.batch = 1;
  cell.settings.seed = request.seed;
  const Conversation conversation{&cell.prompt, request.turn, request.answers};
  const Progress at{.cell = kScoringCell, .phase = record::Phase::kTimed, .repetition = 0, .turn = request.turn, .most_tokens = most_tokens(cell, request.turn)};
  ScoreReply reply;
  record::SampleRecord sample;
  reply.failure = run_guarded([&] { sample = measure(at, cell, conversation, true, &reply.answer); });
  if (telemetry_.running()) telemetry_.stop(now_ns());
  reply.cancelled = cancelled_;
  if (reply.failure || cancelled_) return reply;
  reply.answer.cost = cost_of(sample);
  return reply;
}

bool CellRunner::repeat(Progress at, const JobCell& cell, const Conversation& conversation, bool keep_text, Answer* answer) {
  if (context_.cancel->load()) cancelled_ = true;
  if (cancelled_) return false;
  record::SampleRecord sample;
  const std::string started_utc = iso8601_utc(wall_now_ns());
  failure_ = run_guarded([&] { sample = measure(at, cell, conversation, keep_text, answer); });
  if (telemetry_.running()) telemetry_.stop(now_ns());
  if (cancelled_) return false;
  if (failure_) {
    sample = {};
    sample.status = record::Status::kFailed;
    sample.failure = *failure_;
    sample.started_utc = started_utc;
  }
  sample.cell = cell.key;
  sample.cell.turn = at.turn;
  sample.phase = at.phase;
  sample.repetition = at.repetition;
  context_.writer->send(sample);
  last_ = std::move(sample);
  return !failure_;
}

/// Without a tokenizer there is no text in which a suite's words could be found; --stop is refused then while planning.
StopWords CellRunner::stop_words(const JobCell& cell, bool speed) const {
  if (speed || !context_.opened->tokenizer) return {};
  return split_stop_words(cell.settings.stop, context_.opened->tokenizer.get());
}

workload::EffectiveSettings CellRunner::turn_settings(const JobCell& cell, std::int64_t turn) const {
  const workload::EffectiveSettings settings = without_absent_thoughts(cell.settings, context_.opened->tokenizer.get());
  return settings_of_turn(settings, cell.prompt.turns[static_cast<std::size_t>(turn - 1)]);
}

engine::GenerateRequest CellRunner::make_request(const workload::EffectiveSettings& settings, const StopWords& stops, bool speed,
                                                 std::int64_t most) {
  engine::GenerateRequest request;
  request.sampling = sampling_params(settings, speed);
  request.max_new_tokens = most;
  request.tokenizer = context_.opened->tokenizer.get();
  set_stops(request, stops, context_.opened->eos_ids, speed || settings.ignore_eos);
  request.cancel = context_.cancel;
  request.on_token = [feed = context_.feed](std::int32_t id) {
    feed->push(id);
    return true;
  };
  return request;
}

record::SampleRecord CellRunner::measure(const Progress& at, const JobCell& cell, const Conversation& conversation, bool keep_text,
                                         Answer* answer) {
  const bool speed = cell.pass == workload::Pass::kSpeed || at.phase == record::Phase::kCold;
  const bool with_prompt_text = at.phase == record::Phase::kTimed && at.repetition == cell.first_repetition;
  const StopWords stops = stop_words(cell, speed);
  const workload::EffectiveSettings settings = turn_settings(cell, at.turn);
  engine::GenerateRequest request = make_request(settings, stops, speed, at.most_tokens);
  // The first request of a process serves the harness: nothing is to be saved by it.
  request.reuse_prefix = at.phase != record::Phase::kCold && settings.reuses_prefix(cell.pass);
  record::SampleRecord sample;
  sample.cell = cell.key;
  sample.cell.turn = at.turn;
  sample.started_utc = iso8601_utc(wall_now_ns());
  sysinfo::reset_peak_rss();
  context_.feed->begin(at, keep_text && context_.stream);
  telemetry_.start();

  sample.t0_ns = now_ns();
  PreparedPrompt prompt;
  std::vector<engine::Generation> generations;
  std::vector<OutputText> texts;
  const std::optional<record::Failure> failure = run_guarded([&] {
    prompt = prompts_.prepare(conversation, cell.settings);
    if (cell.pass == workload::Pass::kSpeed) check_fits(prompt, at.most_tokens, cell.key.context);
    request.prompts = prompt.ids;
    if (!speed && context_.opened->tokenizer) request.thinking = thinking_rule(settings, *context_.opened->tokenizer, closing_, prompt.text);
    generations = context_.session->generate(request);
    name_stops(generations, stops);
    if (context_.opened->tokenizer) texts = decode_outputs(generations, *context_.opened->tokenizer, stops.texts, sample.detokenize_ns);
  });
  sample.telemetry = telemetry_.stop(sample.t0_ns);
  context_.feed->end();
  sample.peak_rss_bytes = sysinfo::peak_rss_bytes();
  if (failure) throw Error(error_code_from_name(failure->code), failure->message);
  cancelled_ =
      std::any_of(generations.begin(), generations.end(), [](const auto& g) { return g.stop_reason == engine::StopReason::kInterrupted; });
  if (cancelled_) return sample;

  if (!prompt.synthetic) sample.rendered_ns = after(prompt.rendered_ns, sample.t0_ns);
  sample.tokenized_ns = after(prompt.tokenized_ns, sample.t0_ns);
  sample.prefill_start_ns = after(generations.front().prefill_start_ns, sample.t0_ns);
  sample.prompt_digest = sha256_hex_of_ids(prompt.ids.front());
  if (with_prompt_text && !prompt.synthetic) sample.prompt_text = prompt.text;
  for (std::size_t s = 0; s < generations.size(); ++s) {
    sample.sequences.push_back(sequence_record(generations[s], sample.t0_ns, texts.empty() ? nullptr : &texts[s], keep_text || with_prompt_text));
    if (context_.opened->tokenizer) add_thinking_facts(generations[s], prompt.text, *context_.opened->tokenizer, sample.sequences.back());
    if (answer != nullptr) {
      answer->texts.push_back(texts.empty() ? std::string() : texts[s].text);
      answer->ids.push_back(generations[s].output_ids);
    }
  }
  if (const std::string stage = stage_of(cell, at.turn); !stage.empty()) sample.stage = stage;
  add_prefix_facts(generations, request.reuse_prefix, at.phase == record::Phase::kCold, sample);
  sample.metrics = measure::sample_metrics(sample);
  return sample;
}

void CellRunner::add_prefix_facts(const std::vector<engine::Generation>& generations, bool reuses, bool cold, record::SampleRecord& sample) {
  std::int64_t prompt = 0, cached = 0, t1_ns = 0;
  for (std::size_t s = 0; s < generations.size(); ++s) {
    const engine::Generation& generation = generations[s];
    prompt += generation.prompt_tokens;
    cached += generation.cached_tokens;
    t1_ns = std::max(t1_ns, generation.token_ns.front());
    if (reuses) sample.sequences[s].prefix_cached_tokens = generation.cached_tokens;
  }
  if (cached == 0 && !cold)
    prefill_ns_per_token_ = static_cast<double>(t1_ns - generations.front().prefill_start_ns) / static_cast<double>(prompt);
  if (reuses && prefill_ns_per_token_) sample.prefix_saved_ns = std::llround(*prefill_ns_per_token_ * static_cast<double>(cached));
}

void CellRunner::send_cell(const JobCell& cell, std::int64_t turn) {
  const bool speed = cell.pass == workload::Pass::kSpeed;
  backend::DeviceInfo device;
  const auto gone = run_guarded([&] { device = context_.opened->device->device(); });  // the row says already why it failed
  record::CellRecord record;
  record.cell = cell.key;
  record.cell.turn = turn;
  record.started_utc = cell_started_utc_;
  record.model = context_.opened->facts;
  if (failure_) {
    record.status = record::Status::kFailed;
    record.failure = *failure_;
  }
  record.settings.device_description = device.description;
  record.settings.instruction_sets = device.instruction_sets;
  record.settings.attention_path = device.attention_path;
  record.settings.paths = device.paths;
  record.settings.prompt_source = context_.opened->tokenizer ? "text" : "synthetic";
  record.settings.prompt_fingerprint = prompts_.fingerprint({&cell.prompt, 1, {}});
  const workload::EffectiveSettings settings = turn_settings(cell, turn);
  record.settings.sampling_json =
      sampling_json(settings, speed, asks_for_thought_control(settings) && context_.session->feeds_on_device());
  record.settings.gen_tokens = most_tokens(cell, turn);
  if (const std::string stage = stage_of(cell, turn); !stage.empty()) record.settings.stage = stage;
  record.settings.prefix_cache = settings.reuses_prefix(cell.pass) ? "on" : "off";
  record.settings.ignore_eos = speed || cell.settings.ignore_eos;
  record.settings.kv_bytes = static_cast<std::int64_t>(context_.session->kv_bytes());
  if (!gone) record.settings.memory_free_bytes = static_cast<std::int64_t>(device.memory_free_bytes);
  if (!gone) record.settings.memory = memory_facts(*context_.opened, device);
  record.settings.stop_rule = speed ? stop_rule_ : std::string(stats::name_of(stats::StopReason::kFixed));
  record.roofline = roofline_;
  record.state = machine_state(device, context_.devices != nullptr ? context_.devices->runtime(device.name) : std::string());
  record.load_average_1m = sysinfo::read_load_average();
  context_.writer->send(record);
}

}  // namespace qbench::run
