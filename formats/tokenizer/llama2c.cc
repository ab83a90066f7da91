#include "formats/tokenizer/llama2c.h"

#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/status.h"
#include "formats/tokenizer/token_table.h"

namespace nibble::tokenizer {
namespace {

constexpr uint32_t kUnknown = 0, kBos = 1, kEos = 2;  // fixed by the format; their texts vary by exporter
constexpr size_t kHeaderBytes = 4, kEntryHeaderBytes = 8;

template <typename T>
T Load(absl::string_view bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

// Spaces stand for U+2581 in this format.
TokenEntry MakeEntry(uint64_t id, absl::string_view text, float score) {
  switch (id) {
    case kUnknown:
      return {id, "<unk>", TokenType::kUnknown, score};
    case kBos:
      return {id, "<s>", TokenType::kControl, score};
    case kEos:
      return {id, "</s>", TokenType::kControl, score};
    default:
      return {id, absl::StrReplaceAll(text, {{" ", "▁"}}), ParseByteToken(text) ? TokenType::kByte : TokenType::kNormal,
              score};
  }
}

}  // namespace

absl::StatusOr<Vocabulary> ReadLlama2c(absl::string_view bytes, uint32_t rows, absl::string_view place) {
  if (bytes.size() < kHeaderBytes) return BadData(place, "a llama2.c tokenizer", absl::StrCat(bytes.size(), " bytes"));
  const auto longest = Load<uint32_t>(bytes, 0);
  std::vector<TokenEntry> entries;
  for (size_t at = kHeaderBytes; at < bytes.size();) {
    const std::string here = absl::StrCat(place, ": offset ", at);
    if (bytes.size() - at < kEntryHeaderBytes) return BadData(here, "a score and a length", "the end of the file");
    const auto score = Load<float>(bytes, at);
    const auto length = Load<uint32_t>(bytes, at + 4);
    at += kEntryHeaderBytes;
    if (!std::isfinite(score)) return BadData(here, "a finite score", absl::StrCat(score));
    if (length > longest || length > bytes.size() - at) {
      return BadData(here, absl::StrCat("a token of at most ", longest, " bytes within the file"),
                     absl::StrCat(length));
    }
    entries.push_back(MakeEntry(entries.size(), bytes.substr(at, length), score));
    at += length;
  }
  if (entries.size() <= kEos)
    return BadData(place, "unknown, bos and eos tokens", absl::StrCat(entries.size(), " tokens"));
  Vocabulary vocabulary;
  vocabulary.algorithm = Algorithm::kSentencePiece;
  vocabulary.pre = "default";
  vocabulary.add_space_prefix = true;
  vocabulary.unknown = kUnknown;
  vocabulary.bos = kBos;
  vocabulary.eos = kEos;
  NIBBLE_RETURN_IF_ERROR(FillTokens(std::move(entries), rows, place, vocabulary));
  return vocabulary;
}

}  // namespace nibble::tokenizer
