#include "base/digest.h"

#include <nettle/sha2.h>

namespace qbench {

struct Sha256::State {
  sha256_ctx context{};
};

Sha256::Sha256() : state_(std::make_unique<State>()) { sha256_init(&state_->context); }
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::span<const std::byte> bytes) {
  sha256_update(&state_->context, bytes.size(), reinterpret_cast<const std::uint8_t*>(bytes.data()));
}

void Sha256::update(std::string_view text) { update(std::as_bytes(std::span(text.data(), text.size()))); }

std::string Sha256::hex_digest() {
  std::array<std::uint8_t, SHA256_DIGEST_SIZE> raw{};
  sha256_digest(&state_->context, raw.size(), raw.data());
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  text.reserve(raw.size() * 2);
  for (const std::uint8_t byte : raw) {
    text.push_back(kHex[byte >> 4]);
    text.push_back(kHex[byte & 15]);
  }
  return text;
}

std::string sha256_hex(std::string_view text) {
  Sha256 hash;
  hash.update(text);
  return hash.hex_digest();
}

std::string sha256_hex_of_ids(std::span<const std::int32_t> ids) {
  Sha256 hash;
  hash.update(std::as_bytes(ids));
  return hash.hex_digest();
}

}  // namespace qbench
