#include "pipeline/output/file_output.h"

#include <omp.h>

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/status.h"
#include "formats/io/posix.h"
#include "quant/block/format.h"
#include "xxhash.h"

namespace nibble {
namespace {

// Of bytes at one place: sums of it do not depend on the order of places.
uint64_t ChecksumOf(size_t number, uint64_t offset, absl::Span<const std::byte> bytes) {
  constexpr uint64_t kOdd = 0x9e3779b97f4a7c15;
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), number * kOdd + offset);
}

}  // namespace

absl::Status FileOutput::SetPlaces(std::vector<Place> places) {
  places_ = std::move(places);
  absl::flat_hash_map<io::WritableFile*, std::shared_ptr<const io::ReadableFile>> opened;
  std::vector<TensorHashes::Place> hashed;
  for (const Place& place : places_) {
    std::shared_ptr<const io::ReadableFile>& file = opened[place.file];
    if (file == nullptr) {
      NIBBLE_ASSIGN_OR_RETURN(file, files_.Open(place.file->path()));
    }
    written_.push_back(file);
    hashed.push_back({file, place.offset, place.bytes});
  }
  hashes_.emplace(std::move(hashed));
  return absl::OkStatus();
}

uint64_t FileOutput::RowBytes(size_t tensor) const {
  const OutputTensor& output = plan_.tensors[tensor];
  return GetFormat(output.format).BytesFor(output.slices[0].cols);
}

int64_t FileOutput::RowsOf(size_t tensor, size_t slice) const {
  if (tensor >= plan_.tensors.size() || slice >= plan_.tensors[tensor].slices.size()) return 0;
  return plan_.tensors[tensor].slices[slice].rows;
}

absl::Status FileOutput::WriteRows(const OutputTensor& tensor, size_t slice, int64_t first_row,
                                   absl::Span<const std::byte> rows) {
  const uint64_t row_bytes = std::max<uint64_t>(1, RowBytes(tensor.place));
  return Write({tensor.place, slice, first_row, static_cast<int64_t>(rows.size() / row_bytes)}, rows);
}

absl::Status FileOutput::Write(const TensorRows& range, absl::Span<const std::byte> rows) {
  uint64_t checksum = 0;
  NIBBLE_RETURN_IF_ERROR(Spread(range, rows, [&](size_t number, uint64_t offset, absl::Span<const std::byte> bytes) {
    if (journal_ != nullptr) checksum += ChecksumOf(number, offset, bytes);
    return WriteAt(number, offset, bytes);
  }));
  if (journal_ == nullptr || range.rows == 0) return absl::OkStatus();
  NIBBLE_RETURN_IF_ERROR(journal_->Wrote(range, checksum));
  return journal_->IsSyncDue() ? Sync() : absl::OkStatus();
}

absl::Status FileOutput::WriteAt(size_t number, uint64_t offset, absl::Span<const std::byte> bytes) {
  NIBBLE_RETURN_IF_ERROR(places_[number].file->WriteAt(places_[number].offset + offset, bytes));
  return hashes_->Wrote(number, bytes.size());
}

absl::Status FileOutput::Sync() {
  NIBBLE_RETURN_IF_ERROR(SyncData());
  return journal_ == nullptr ? absl::OkStatus() : journal_->Sync();
}

bool FileOutput::Has(const OutputTensor& tensor, size_t slice, int64_t first_row, int64_t rows) const {
  return Has({tensor.place, slice, first_row, rows});
}

bool FileOutput::Has(const TensorRows& range) const {
  const auto slice = taken_.find(std::pair(range.tensor, range.slice));
  if (slice == taken_.end()) return false;
  const auto after = slice->second.upper_bound(range.first);
  return after != slice->second.begin() && std::prev(after)->second >= range.first + range.rows;
}

FileOutput::~FileOutput() {
  if (journal_ != nullptr && !keeps_journal_) journal_->Remove().IgnoreError();
}

absl::Status FileOutput::Attach(std::unique_ptr<Journal> journal, Progress& progress) {
  journal_ = std::move(journal);
  keeps_journal_ = KeepData(!journal_->before().empty());
  JournalRecord told;
  told.mutable_rows()->Assign(journal_->before().begin(), journal_->before().end());
  NIBBLE_ASSIGN_OR_RETURN(const std::string record, comm_.Broadcast(told.SerializeAsString()));
  if (!told.ParseFromString(record)) return absl::InternalError("a bug of nibble: a record that is none");
  const std::vector<WrittenRows> before(told.rows().begin(), told.rows().end());
  NIBBLE_ASSIGN_OR_RETURN(const std::string found, Find(before, progress));
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> all, comm_.AllGather(found));
  for (size_t i = 0; i < before.size(); ++i) {
    if (all[i % all.size()][i] == '1') Take(before[i]);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> FileOutput::Find(absl::Span<const WrittenRows> before, Progress& progress) const {
  std::vector<absl::Status> failed(before.size());
  std::string found(before.size(), '0');
  const size_t rank = comm_.rank(), ranks = comm_.size();
  absl::Mutex mutex;  // not OpenMP's, which all ranks of a process would share
  int64_t done = 0;
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads_ > 0 ? threads_ : omp_get_max_threads())
  for (size_t i = rank; i < before.size(); i += ranks) {
    if (IsValid(before[i])) {
      const absl::StatusOr<uint64_t> checksum = ReadChecksum(before[i]);
      failed[i] = checksum.status();
      if (checksum.ok() && *checksum == before[i].checksum()) found[i] = '1';
    }
    absl::MutexLock lock(&mutex);
    progress.Update({.stage = "resume",
                     .detail = "",
                     .done = static_cast<uint64_t>(++done),
                     .total = (before.size() + ranks - 1 - rank) / ranks,
                     .unit = "ranges"});
  }
  for (const absl::Status& status : failed) NIBBLE_RETURN_IF_ERROR(status);
  return found;
}

bool FileOutput::IsValid(const WrittenRows& rows) const {
  const int64_t limit = RowsOf(rows.tensor(), rows.slice());
  return rows.step() > 0 && rows.rows() > 0 && rows.first() >= 0 && rows.rows() <= limit &&
         rows.first() <= limit - rows.rows() && rows.step() <= limit;
}

absl::StatusOr<uint64_t> FileOutput::ReadChecksum(const WrittenRows& rows) const {
  uint64_t checksum = 0;
  std::vector<std::byte> no_rows, bytes;
  const int64_t end = rows.first() + rows.rows();
  for (int64_t first = rows.first(); first < end; first += rows.step()) {
    const int64_t count = std::min(rows.step(), end - first);
    no_rows.resize(count * RowBytes(rows.tensor()));
    NIBBLE_RETURN_IF_ERROR(Spread({rows.tensor(), rows.slice(), first, count}, no_rows,
                                  [&](size_t number, uint64_t offset, absl::Span<const std::byte> range) {
                                    bytes.resize(range.size());
                                    NIBBLE_RETURN_IF_ERROR(written_[number]->ReadAt(places_[number].offset + offset,
                                                                                    absl::MakeSpan(bytes)));
                                    checksum += ChecksumOf(number, offset, bytes);
                                    return absl::OkStatus();
                                  }));
  }
  return checksum;
}

void FileOutput::Take(const WrittenRows& rows) {
  std::map<int64_t, int64_t>& ranges = taken_[{rows.tensor(), rows.slice()}];
  int64_t first = rows.first(), end = first + rows.rows();
  auto next = ranges.lower_bound(first);
  if (next != ranges.begin() && std::prev(next)->second >= first) --next;
  while (next != ranges.end() && next->first <= end) {
    first = std::min(first, next->first);
    end = std::max(end, next->second);
    next = ranges.erase(next);
  }
  ranges[first] = end;
}

absl::Status FileOutput::Ended(absl::Status status) {
  status = comm_.Agree(std::move(status));
  if (status.ok() || journal_ == nullptr) return AsInterrupted(comm_, status);
  keeps_journal_ = KeepData(MayPass(status));
  status = AsInterrupted(comm_, status);
  if (!keeps_journal_) return status;
  journal_->Flush().IgnoreError();
  return WithResumeHint(status);
}

absl::Status FileOutput::Commit() {
  for (const auto& file : model_.source.files()) NIBBLE_RETURN_IF_ERROR(io::CheckUnchanged(*file));
  Manifest manifest = plan_.manifest;
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> hashes,
                          hashes_->Finish(files_, comm_, threads_, [this] { return SyncData(); }));
  for (size_t i = 0; i < hashes.size(); ++i) manifest.mutable_tensors(i)->set_sha256(hashes[i]);
  // All have synced: they were there when hashes were gathered.
  NIBBLE_RETURN_IF_ERROR(comm_.Agree(comm_.is_first() ? Publish(manifest) : Close()));
  keeps_journal_ = false;
  return absl::OkStatus();
}

}  // namespace nibble
