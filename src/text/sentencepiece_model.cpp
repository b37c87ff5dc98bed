#include "text/sentencepiece_model.h"

#include <algorithm>

#include "text/byte_alphabet.h"
#include "text/utf8.h"

namespace qbench::text {

SentencePieceModel::SentencePieceModel(std::shared_ptr<const Vocabulary> vocabulary, std::vector<float> scores, std::int32_t unknown_id)
    : vocabulary_(std::move(vocabulary)), scores_(std::move(scores)), unknown_id_(unknown_id) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    byte_ids_[byte] = vocabulary_->find(fallback_token_of_byte(static_cast<unsigned char>(byte)));
    if (byte_ids_[byte] == Vocabulary::kNone) byte_ids_[byte] = unknown_id_;
  }
}

void SentencePieceModel::encode(std::string_view word, WordScratch& scratch, std::vector<std::int32_t>& ids) const {
  merge(word, scratch);
  const auto& nodes = scratch.nodes;
  for (std::uint32_t i = nodes.empty() ? WordScratch::kEnd : 0; i != WordScratch::kEnd; i = nodes[i].next) {
    const std::string_view symbol = word.substr(scratch.offsets[i], static_cast<std::size_t>(nodes[i].id));
    if (const std::int32_t id = vocabulary_->find(symbol); id != Vocabulary::kNone) {
      ids.push_back(id);
      continue;
    }
    for (const char byte : symbol) ids.push_back(byte_ids_[static_cast<unsigned char>(byte)]);
  }
}

/// Leaves the final symbols in scratch.nodes, linked from the first, with their lengths as ids and their offsets beside them.
void SentencePieceModel::merge(std::string_view word, WordScratch& scratch) const {
  auto& nodes = scratch.nodes;
  auto& offsets = scratch.offsets;
  nodes.clear();
  offsets.clear();
  for (std::size_t at = 0; at < word.size();) {
    const auto index = static_cast<std::uint32_t>(nodes.size());
    const std::size_t length = utf8_length(word[at]);
    nodes.push_back({static_cast<std::int32_t>(length), index == 0 ? WordScratch::kEnd : index - 1, index + 1});
    offsets.push_back(static_cast<std::uint32_t>(at));
    at += length;
  }
  if (nodes.empty()) return;
  nodes.back().next = WordScratch::kEnd;

  std::vector<Candidate> heap;
  const auto is_worse = [](const Candidate& a, const Candidate& b) { return a.score < b.score || (a.score == b.score && a.left > b.left); };
  const auto push = [&](std::uint32_t left) {
    const auto bytes = static_cast<std::size_t>(nodes[left].id) + static_cast<std::size_t>(nodes[nodes[left].next].id);
    if (bytes > vocabulary_->longest()) return;
    const std::int32_t id = vocabulary_->find(word.substr(offsets[left], bytes));
    if (id == Vocabulary::kNone) return;
    heap.push_back({scores_[static_cast<std::size_t>(id)], left, static_cast<std::uint32_t>(bytes)});
    std::push_heap(heap.begin(), heap.end(), is_worse);
  };
  for (std::uint32_t i = 0; i + 1 < nodes.size(); ++i) push(i);
  while (!heap.empty()) {
    const Candidate top = heap.front();
    std::pop_heap(heap.begin(), heap.end(), is_worse);
    heap.pop_back();
    WordScratch::Node& node = nodes[top.left];
    if (node.id == 0 || node.next == WordScratch::kEnd) continue;
    WordScratch::Node& right = nodes[node.next];
    if (static_cast<std::uint32_t>(node.id) + static_cast<std::uint32_t>(right.id) != top.bytes) continue;
    node.id += right.id;
    right.id = 0;
    node.next = right.next;
    if (node.next != WordScratch::kEnd) nodes[node.next].prev = top.left;
    if (node.prev != WordScratch::kEnd) push(node.prev);
    if (node.next != WordScratch::kEnd) push(top.left);
  }
}

}  // namespace qbench::text
