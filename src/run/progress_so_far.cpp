#include "run/progress_so_far.h"

#include <algorithm>

namespace qbench::run {
namespace {

bool is_timed_success(const record::SampleRecord& sample) {
  return sample.phase == record::Phase::kTimed && sample.status == record::Status::kOk;
}

/// The last row of a key and session says how it stands; nothing before there is one.
std::optional<record::Status> row_status(const record::SampleFileContent& content, const record::CellKey& key, std::int64_t session) {
  const auto last =
      std::find_if(content.cells.rbegin(), content.cells.rend(), [&](const auto& cell) { return cell.cell == key && cell.session == session; });
  return last == content.cells.rend() ? std::nullopt : std::optional(last->status);
}

bool row_is_measured(const record::SampleFileContent& content, const record::CellKey& key, std::int64_t session) {
  const auto status = row_status(content, key, session);
  return status && record::is_measured(*status);
}

bool failed_before(const record::SampleFileContent& content, const record::CellKey& key, std::int64_t session) {
  for (std::int64_t earlier = 0; earlier < session; ++earlier) {
    if (!row_is_measured(content, key, earlier)) return true;
  }
  return false;
}

/// Whether the last study of that cell found what it was asked for.
template <class Record>
bool has_study(const std::vector<Record>& records, const record::CellKey& key) {
  const auto last = std::find_if(records.rbegin(), records.rend(), [&](const Record& record) { return record.cell == key; });
  return last != records.rend() && study_failures(*last).empty();
}

const record::SampleRecord* timed_sample(const record::SampleFileContent& content, const record::CellKey& key) {
  const auto last =
      std::find_if(content.samples.rbegin(), content.samples.rend(), [&](const auto& s) { return s.cell == key && is_timed_success(s); });
  return last == content.samples.rend() ? nullptr : &*last;
}

}  // namespace

AnswerCost cost_of(const record::SampleRecord& sample) {
  if (sample.sequences.empty()) return {};
  const record::SequenceRecord& first = sample.sequences.front();
  return {first.prompt_tokens, static_cast<std::int64_t>(first.token_ns.size()), first.thinking_tokens, first.thinking_end,
          sample.metrics[record::MetricId::kE2eMs].value_or(0.0) / 1e3};
}

Answer answer_of(const record::SampleRecord& sample) {
  Answer answer;
  for (const record::SequenceRecord& sequence : sample.sequences) {
    answer.texts.push_back(sequence.text.value_or(std::string()));
    answer.ids.push_back(sequence.output_ids);
  }
  answer.cost = cost_of(sample);
  return answer;
}

const record::SampleRecord* text_sample(const record::SampleFileContent& content, const record::CellKey& key) {
  return row_is_measured(content, key, 0) ? timed_sample(content, key) : nullptr;
}

bool same_row(const record::CellKey& a, const record::CellKey& b) {
  return a.model == b.model && a.suite == b.suite && a.prompt_id == b.prompt_id && a.turn == b.turn && a.pass == b.pass;
}

std::optional<JobCell> remaining_work(const PlannedCell& planned, const workload::Prompt& prompt,
                                      const record::SampleFileContent& content, const WantedStudies& studies, std::int64_t session) {
  JobCell job;
  job.key = planned.key;
  job.pass = planned.cell.pass;
  job.prompt = prompt;
  job.settings = planned.cell.settings;
  job.repetitions = planned.cell.repetitions;
  job.warmup = planned.cell.warmup;
  if (job.pass == workload::Pass::kSpeed) {
    if (failed_before(content, planned.key, session)) return std::nullopt;
    for (const record::SampleRecord& sample : content.samples) {
      if (!(sample.cell == planned.key) || sample.session != session || !is_timed_success(sample)) continue;
      job.earlier_s.push_back(sample.metrics[record::MetricId::kE2eMs].value_or(0.0) / 1e3);
    }
    job.first_repetition = static_cast<std::int64_t>(job.earlier_s.size());
    const bool studied = session > 0 || ((!studies.breakdown || has_study(content.breakdowns, planned.key)) &&
                                         (!studies.ablation || has_study(content.ablations, planned.key)));
    if (row_is_measured(content, planned.key, session) && job.first_repetition >= job.repetitions && studied) return std::nullopt;
    return job;
  }
  if (session > 0) return std::nullopt;
  for (const record::CellKey& key : row_keys(planned)) {
    const record::SampleRecord* sample = timed_sample(content, key);
    if (sample == nullptr || !row_is_measured(content, key, session)) return job;
    job.answers.push_back(answer_of(*sample));
  }
  return std::nullopt;
}

void forget_replaced_samples(const std::vector<JobCell>& cells, record::SampleFileContent& content) {
  std::erase_if(content.samples, [&](const record::SampleRecord& sample) {
    for (const JobCell& cell : cells) {
      record::CellKey key = cell.key;
      key.turn = sample.cell.turn;
      if (!(sample.cell == key)) continue;
      const bool is_replaced = cell.pass == workload::Pass::kText && sample.cell.turn > static_cast<std::int64_t>(cell.answers.size());
      return is_replaced || sample.status == record::Status::kFailed;
    }
    return false;
  });
}

std::vector<record::CellRecord> latest_rows(const std::vector<record::CellRecord>& cells) {
  std::vector<record::CellRecord> rows;
  for (const record::CellRecord& cell : cells) {
    const auto known = std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return same_row(row.cell, cell.cell); });
    if (known == rows.end()) {
      rows.push_back(cell);
    } else {
      *known = cell;
    }
  }
  return rows;
}

std::int64_t most_repetitions(const JobCell& cell) { return cell.repetitions > 0 ? cell.repetitions : cell.settings.max_reps; }

std::int64_t planned_tokens(const JobCell& cell) {
  if (cell.pass == workload::Pass::kSpeed) {
    constexpr std::int64_t kMostWarmup = 10;  // stats::is_warm
    const std::int64_t warmup = cell.warmup < 0 ? kMostWarmup : cell.warmup;
    return (warmup + std::max<std::int64_t>(0, most_repetitions(cell) - cell.first_repetition)) * cell.settings.gen_tokens;
  }
  std::int64_t tokens = 0;
  for (std::size_t turn = cell.answers.size() + 1; turn <= cell.prompt.turns.size(); ++turn) tokens += most_tokens(cell, static_cast<std::int64_t>(turn));
  return tokens;
}

}  // namespace qbench::run
