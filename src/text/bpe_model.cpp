#include "text/bpe_model.h"

#include <algorithm>
#include <bit>
#include <functional>

#include "base/random.h"
#include "text/byte_alphabet.h"
#include "text/utf8.h"

namespace qbench::text {
namespace {

constexpr std::uint64_t kNoPair = ~std::uint64_t{0};
constexpr std::uint32_t kNoRank = 0xFFFFFFFFu;
/// Up to here scanning for the lowest rank beats keeping a heap.
constexpr std::size_t kShortWord = 64;

std::uint64_t pair_key(std::int32_t left, std::int32_t right) noexcept {
  return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 | static_cast<std::uint32_t>(right);
}

}  // namespace

BpeModel::BpeModel(std::shared_ptr<const Vocabulary> vocabulary, std::vector<MergeRule> rules, const BpeOptions& options)
    : vocabulary_(std::move(vocabulary)),
      rules_(std::move(rules)),
      slots_(std::bit_ceil(rules_.size() * 2 + 2), Slot{kNoPair, kNoRank, Vocabulary::kNone}),
      options_(options),
      whole_(std::make_unique<std::atomic<Whole>[]>(vocabulary_->size())) {
  for (std::size_t rank = 0; rank < rules_.size(); ++rank) {
    const std::uint64_t pair = pair_key(rules_[rank].left, rules_[rank].right);
    std::size_t at = mix64(pair) & (slots_.size() - 1);
    while (slots_[at].pair != kNoPair && slots_[at].pair != pair) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = {pair, static_cast<std::uint32_t>(rank), rules_[rank].result};
  }
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char as_char = static_cast<char>(static_cast<unsigned char>(byte));
    byte_ids_[byte] = options_.byte_level ? vocabulary_->find(std::string_view(&as_char, 1))
                                          : vocabulary_->find(fallback_token_of_byte(static_cast<unsigned char>(byte)));
  }
}

const BpeModel::Slot* BpeModel::find_pair(std::int32_t left, std::int32_t right) const noexcept {
  const std::uint64_t pair = pair_key(left, right);
  for (std::size_t at = mix64(pair) & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
    const Slot& slot = slots_[at];
    if (slot.pair == pair) return &slot;
    if (slot.pair == kNoPair) return nullptr;
  }
}

void BpeModel::encode(std::string_view word, WordScratch& scratch, std::vector<std::int32_t>& ids) const {
  const std::int32_t as_token = word.size() <= vocabulary_->longest() ? vocabulary_->find(word) : Vocabulary::kNone;
  std::atomic<Whole>* whole = as_token == Vocabulary::kNone ? nullptr : &whole_[static_cast<std::size_t>(as_token)];
  if (whole != nullptr && (options_.ignore_merges || whole->load(std::memory_order_relaxed) == Whole::kYes)) {
    ids.push_back(as_token);
    return;
  }
  scratch.symbols.clear();
  split_into_symbols(word, scratch.symbols);
  if (scratch.symbols.size() <= kShortWord) {
    merge_short(scratch);
  } else {
    merge_long(scratch);
  }
  if (whole != nullptr) {
    const bool is_whole = scratch.symbols.size() == 1 && scratch.symbols[0] == as_token;
    whole->store(is_whole ? Whole::kYes : Whole::kNo, std::memory_order_relaxed);
  }
  ids.insert(ids.end(), scratch.symbols.begin(), scratch.symbols.end());
}

void BpeModel::split_into_symbols(std::string_view word, std::vector<std::int32_t>& symbols) const {
  bool unknown_pending = false;  // written late, so that a run can be fused; bytes of a fallback overtake it, as in the library
  const auto flush = [&] {
    if (unknown_pending) symbols.push_back(options_.unknown_id);
    unknown_pending = false;
  };
  for (std::size_t at = 0; at < word.size();) {
    const std::size_t length = options_.byte_level ? 1 : utf8_length(word[at]);
    const std::string_view symbol = word.substr(at, length);
    at += length;
    const std::int32_t id = options_.byte_level ? byte_ids_[static_cast<unsigned char>(symbol[0])] : vocabulary_->find(symbol);
    if (id != Vocabulary::kNone) {
      flush();
      symbols.push_back(id);
    } else if (options_.byte_fallback && append_fallback(symbol, symbols)) {
      continue;
    } else if (options_.unknown_id != Vocabulary::kNone) {
      if (!options_.fuse_unknown) flush();
      unknown_pending = true;
    }
  }
  flush();
}

bool BpeModel::append_fallback(std::string_view character, std::vector<std::int32_t>& symbols) const {
  const auto id_of = [&](char byte) { return byte_ids_[static_cast<unsigned char>(byte)]; };
  if (std::any_of(character.begin(), character.end(), [&](char byte) { return id_of(byte) == Vocabulary::kNone; })) return false;
  for (const char byte : character) symbols.push_back(id_of(byte));
  return true;
}

/// Keeps the rank of every adjacent pair and scans for the lowest: quadratic, but without a heap.
void BpeModel::merge_short(WordScratch& scratch) const {
  std::vector<std::int32_t>& symbols = scratch.symbols;
  std::size_t count = symbols.size();
  if (count < 2) return;
  std::array<std::uint32_t, kShortWord> ranks;
  std::array<std::int32_t, kShortWord> results;
  const auto look_up = [&](std::size_t i) {
    const Slot* slot = find_pair(symbols[i], symbols[i + 1]);
    ranks[i] = slot == nullptr ? kNoRank : slot->rank;
    results[i] = slot == nullptr ? Vocabulary::kNone : slot->result;
  };
  for (std::size_t i = 0; i + 1 < count; ++i) look_up(i);
  ranks[count - 1] = kNoRank;  // no pair: shifted along with the others, never looked at
  results[count - 1] = Vocabulary::kNone;
  while (count > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < count; ++i) {
      if (ranks[i] < ranks[best]) best = i;
    }
    if (ranks[best] == kNoRank) break;
    symbols[best] = results[best];
    for (std::size_t i = best + 1; i + 1 < count; ++i) {
      symbols[i] = symbols[i + 1];
      ranks[i] = ranks[i + 1];
      results[i] = results[i + 1];
    }
    --count;
    if (best > 0) look_up(best - 1);
    if (best + 1 < count) look_up(best);
  }
  symbols.resize(count);
}

/// A heap of (rank, position) over a linked list; entries that merges have overtaken are recognised by their pair and dropped.
void BpeModel::merge_long(WordScratch& scratch) const {
  std::vector<std::int32_t>& symbols = scratch.symbols;
  std::vector<WordScratch::Node>& nodes = scratch.nodes;
  std::vector<std::uint64_t>& heap = scratch.heap;
  const auto count = static_cast<std::uint32_t>(symbols.size());
  nodes.resize(count);
  heap.clear();
  for (std::uint32_t i = 0; i < count; ++i)
    nodes[i] = {symbols[i], i == 0 ? WordScratch::kEnd : i - 1, i + 1 == count ? WordScratch::kEnd : i + 1};
  const auto entry_of = [&](std::uint32_t i) {
    const Slot* slot = find_pair(nodes[i].id, nodes[nodes[i].next].id);
    return slot == nullptr ? kNoPair : static_cast<std::uint64_t>(slot->rank) << 32 | i;
  };
  for (std::uint32_t i = 0; i + 1 < count; ++i) {
    if (const std::uint64_t entry = entry_of(i); entry != kNoPair) heap.push_back(entry);
  }
  std::make_heap(heap.begin(), heap.end(), std::greater<>());
  const auto push = [&](std::uint32_t i) {
    const std::uint64_t entry = entry_of(i);
    if (entry == kNoPair) return;
    heap.push_back(entry);
    std::push_heap(heap.begin(), heap.end(), std::greater<>());
  };
  while (!heap.empty()) {
    const std::uint64_t top = heap.front();
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    heap.pop_back();
    const MergeRule& rule = rules_[top >> 32];
    WordScratch::Node& node = nodes[static_cast<std::uint32_t>(top)];
    if (node.id != rule.left || node.next == WordScratch::kEnd || nodes[node.next].id != rule.right) continue;
    node.id = rule.result;
    nodes[node.next].id = Vocabulary::kNone;
    node.next = nodes[node.next].next;
    const auto at = static_cast<std::uint32_t>(top);
    if (node.next != WordScratch::kEnd) nodes[node.next].prev = at;
    if (node.prev != WordScratch::kEnd) push(node.prev);
    if (node.next != WordScratch::kEnd) push(at);
  }
  symbols.clear();
  for (std::uint32_t i = 0; i != WordScratch::kEnd; i = nodes[i].next) symbols.push_back(nodes[i].id);
}

}  // namespace qbench::text
