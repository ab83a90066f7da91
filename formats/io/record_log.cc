#include "formats/io/record_log.h"

#include <algorithm>
#include <cassert>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "xxhash.h"

namespace nibble::io {
namespace {

constexpr uint64_t kFrameBytes = 12;  // before a record

uint64_t HashOf(absl::string_view record, uint64_t offset) {
  return XXH3_64bits_withSeed(record.data(), record.size(), offset);
}

void PutLittleEndian(uint64_t value, int bytes, std::string& out) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

uint64_t LittleEndian(absl::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) value |= uint64_t{static_cast<uint8_t>(bytes[i])} << (8 * i);
  return value;
}

}  // namespace

absl::StatusOr<Records> ParseRecords(absl::string_view text, absl::string_view place) {
  Records records;
  while (text.size() - records.bytes >= kFrameBytes) {
    const absl::string_view frame = text.substr(records.bytes);
    const uint64_t length = LittleEndian(frame.substr(0, 4));
    if (length > frame.size() - kFrameBytes) break;
    const absl::string_view record = frame.substr(kFrameBytes, length);
    if (LittleEndian(frame.substr(4, 8)) != HashOf(record, records.bytes)) {
      // A file that was made longer before its bytes came holds zeros.
      const absl::string_view behind = frame.substr(kFrameBytes + length);
      if (std::all_of(behind.begin(), behind.end(), [](char c) { return c == 0; })) break;
      return BadData(absl::StrCat(place, ": byte ", records.bytes), "a record that has its hash", "a damaged one");
    }
    records.each.push_back(record);
    records.bytes += kFrameBytes + length;
  }
  return records;
}

absl::StatusOr<RecordLog> RecordLog::Create(FileSystem& files, const std::string& path) {
  NIBBLE_RETURN_IF_ERROR(files.RemoveAbandoned(path));
  NIBBLE_ASSIGN_OR_RETURN(std::unique_ptr<WritableFile> file, files.Create(path));
  return RecordLog(std::move(file), 0);
}

absl::StatusOr<RecordLog> RecordLog::Continue(std::unique_ptr<WritableFile> file, uint64_t bytes) {
  NIBBLE_RETURN_IF_ERROR(file->Preallocate(bytes));
  return RecordLog(std::move(file), bytes);
}

absl::Status RecordLog::Append(absl::string_view record) {
  assert(record.size() <= std::numeric_limits<uint32_t>::max());
  std::string frame;
  PutLittleEndian(record.size(), 4, frame);
  PutLittleEndian(HashOf(record, bytes_), 8, frame);
  frame.append(record.data(), record.size());
  NIBBLE_RETURN_IF_ERROR(
      file_->WriteAt(bytes_, absl::MakeConstSpan(reinterpret_cast<const std::byte*>(frame.data()), frame.size())));
  bytes_ += frame.size();
  return absl::OkStatus();
}

}  // namespace nibble::io
