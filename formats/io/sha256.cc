#include "formats/io/sha256.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cassert>
#include <new>
#include <vector>

#include "absl/strings/escaping.h"
#include "base/status.h"

namespace nibble::io {
namespace {

constexpr uint64_t kReadBytes = 256 << 10;  // at once: they stay in a core's cache until they are hashed

}  // namespace

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  if (context_ == nullptr || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1) throw std::bad_alloc();
}

Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

void Sha256::Add(absl::Span<const std::byte> bytes) {
  [[maybe_unused]] const int done = EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
  assert(done == 1);
}

std::string Sha256::Finish() {
  std::string digest(kSha256Digits / 2, '\0');
  [[maybe_unused]] const int done =
      EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.data()), nullptr);
  assert(done == 1);
  return absl::BytesToHexString(digest);
}

std::string Sha256Of(absl::string_view text) {
  Sha256 hash;
  hash.Add(absl::MakeConstSpan(reinterpret_cast<const std::byte*>(text.data()), text.size()));
  return hash.Finish();
}

absl::StatusOr<std::string> Sha256Of(const ReadableFile& file, uint64_t offset, uint64_t bytes) {
  Sha256 hash;
  std::vector<std::byte> buffer(std::min(bytes, kReadBytes));
  for (uint64_t done = 0; done < bytes; done += buffer.size()) {
    buffer.resize(std::min(bytes - done, kReadBytes));
    NIBBLE_RETURN_IF_ERROR(file.ReadAt(offset + done, absl::MakeSpan(buffer)));
    hash.Add(buffer);
  }
  return hash.Finish();
}

}  // namespace nibble::io
