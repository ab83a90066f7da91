// SHA-256, as text of 64 lower-case hexadecimal digits: what sha256sum prints.
#ifndef NIBBLE_FORMATS_IO_SHA256_H_
#define NIBBLE_FORMATS_IO_SHA256_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "formats/io/file.h"

struct evp_md_ctx_st;  // OpenSSL's

namespace nibble::io {

inline constexpr size_t kSha256Digits = 64;

// Of bytes that come piece by piece. Not thread-safe.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void Add(absl::Span<const std::byte> bytes);
  // REQUIRES: called once, as the last call.
  std::string Finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

std::string Sha256Of(absl::string_view text);
// Of `bytes` bytes of a file from `offset` on. Errors as ReadAt has them.
absl::StatusOr<std::string> Sha256Of(const ReadableFile& file, uint64_t offset, uint64_t bytes);

}  // namespace nibble::io

#endif  // NIBBLE_FORMATS_IO_SHA256_H_
