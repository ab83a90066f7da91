#include "pipeline/output/journal.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "formats/io/posix.h"

namespace nibble {
namespace {

constexpr uint64_t kMaxJournalBytes = uint64_t{1} << 30;
constexpr absl::Duration kFlushAfter = absl::Milliseconds(100);  // what a killed program loses
constexpr absl::Duration kSyncAfter = absl::Seconds(30);         // what a machine that loses power loses

constexpr char kStatesSuffix[] = ".part.states";

constexpr char kStartAnew[] = "; without --resume it starts anew";

// Parts that follow one another become one.
std::vector<WrittenRows> Merged(std::vector<WrittenRows> parts) {
  const auto place = [](const WrittenRows& part) { return std::tuple(part.tensor(), part.slice(), part.first()); };
  std::sort(parts.begin(), parts.end(),
            [&](const WrittenRows& a, const WrittenRows& b) { return place(a) < place(b); });
  std::vector<WrittenRows> merged;
  for (WrittenRows& part : parts) {
    WrittenRows* last = merged.empty() ? nullptr : &merged.back();
    const bool follows = last != nullptr && last->tensor() == part.tensor() && last->slice() == part.slice() &&
                         last->first() + last->rows() == part.first() && last->rows() % last->step() == 0 &&
                         part.rows() <= last->step();
    if (!follows) {
      merged.push_back(std::move(part));
      continue;
    }
    last->set_rows(last->rows() + part.rows());
    last->set_checksum(last->checksum() + part.checksum());
  }
  return merged;
}

absl::Status Append(io::RecordLog& log, const JournalRecord& record) {
  return log.Append(absl::string_view(record.SerializeAsString()));
}

std::string FilesText(const JobIdentity& job) {
  std::string text;
  for (int i = 0; i < job.manifest().sources_size(); ++i) {
    const FileFacts& facts = job.manifest().sources(i);
    absl::StrAppend(&text, facts.name(), " ", facts.bytes(), " ", facts.header_sha256(), " ", facts.sha256(), " ",
                    i < job.source_times_size() ? job.source_times(i) : 0, "\n");
  }
  return text;
}

std::string TextsText(const JobIdentity& job) {
  std::string text = job.manifest().importance_matrix().sha256();
  for (const FileFacts& facts : job.manifest().calibration_texts()) absl::StrAppend(&text, "\n", facts.sha256());
  return text;
}

// Of the first in which two jobs differ.
absl::Status CompareJobs(const JobIdentity& told, const JobIdentity& job, const std::string& path) {
  const auto differs = [&](absl::string_view expected, absl::string_view found) {
    return BadData(path, expected, absl::StrCat(found, kStartAnew));
  };
  const Manifest& before = told.manifest();
  const Manifest& now = job.manifest();
  if (before.nibble() != now.nibble()) {
    return differs(absl::StrCat("the work of nibble ", now.nibble()), absl::StrCat("that of ", before.nibble()));
  }
  if (before.instruction_set() != now.instruction_set()) {
    return differs(absl::StrCat("the work of a run on ", now.instruction_set()),
                   absl::StrCat("that of one on ", before.instruction_set()));
  }
  if (before.recipe().SerializeAsString() != now.recipe().SerializeAsString()) {
    return differs(absl::StrCat("the recipe {", now.recipe().ShortDebugString(), "}"),
                   absl::StrCat("{", before.recipe().ShortDebugString(), "}"));
  }
  if (TextsText(told) != TextsText(job)) {
    return differs("the calibration text or importance matrix that it was begun with", "another");
  }
  if (FilesText(told) != FilesText(job)) {
    return differs("the source files that it was begun with", "others, or that they were written to since");
  }
  if (told.plan_sha256() != job.plan_sha256()) return differs("the same tensors, types and places", "others");
  return absl::OkStatus();
}

// Those that a later one goes back behind are gone; one that goes on with none of them says nothing.
void Take(const LayersDone& done, std::vector<LayersDone>& layers) {
  while (!layers.empty() && layers.back().last() > done.first()) layers.pop_back();
  const int reached = layers.empty() ? 0 : layers.back().last();
  if (done.first() == reached && done.last() > done.first()) layers.push_back(done);
}

// Of the other ranks, beside the first's. Those that cannot be found are as good as gone: their rows are made again.
std::vector<std::string> OtherJournals(io::FileSystem& files, const std::string& path) {
  const std::string directory = io::DirectoryOf(path), prefix = absl::StrCat(io::Basename(path), ".");
  std::vector<std::string> others;
  const absl::StatusOr<std::vector<std::string>> names = files.List(directory);
  if (!names.ok()) return others;
  for (const std::string& name : *names) {
    int rank = 0;
    if (!absl::StartsWith(name, prefix) || !absl::SimpleAtoi(name.substr(prefix.size()), &rank)) continue;
    others.push_back(io::JoinPath(directory, name));
  }
  return others;
}

// The states go with the first rank's journal; none with the others'.
std::optional<std::string> StatesBeside(absl::string_view path) {
  if (!absl::ConsumeSuffix(&path, kJournalSuffix)) return std::nullopt;
  return StatesPath(std::string(path));
}

// Whole, and of this job.
absl::StatusOr<JournalContent> ReadJournal(io::FileSystem& files, const std::string& path, const JobIdentity& job) {
  NIBBLE_ASSIGN_OR_RETURN(const std::string text, io::ReadWholeFile(files, path, kMaxJournalBytes));
  absl::StatusOr<JournalContent> content = ParseJournal(text, path);
  if (absl::IsDataLoss(content.status())) {
    return absl::DataLossError(absl::StrCat(content.status().message(), kStartAnew));
  }
  NIBBLE_RETURN_IF_ERROR(content.status());
  NIBBLE_RETURN_IF_ERROR(CompareJobs(content->job, job, path));
  return content;
}

}  // namespace

bool MayPass(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status) || absl::IsAborted(status) ||
         absl::IsCancelled(status) || absl::IsAlreadyExists(status) || absl::IsPermissionDenied(status);
}

absl::Status WithResumeHint(const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(status.message(), "; run again with --resume"));
}

std::string JournalPath(const std::string& output, int rank) {
  return rank == 0 ? absl::StrCat(output, kJournalSuffix) : absl::StrCat(output, kJournalSuffix, ".", rank);
}

std::string StatesPath(std::string output) {
  while (output.size() > 1 && output.back() == '/') output.pop_back();  // of a folder
  return absl::StrCat(output, kStatesSuffix);
}

std::vector<Fact> FactsOf(const JobIdentity& job) {
  JobIdentity timeless = job;
  timeless.clear_source_times();
  const Manifest& manifest = job.manifest();
  return {{"the version of nibble", manifest.nibble()},
          {"the instruction set", manifest.instruction_set()},
          {"the recipe", manifest.recipe().SerializeAsString()},
          {"the calibration text or importance matrix", TextsText(job)},
          {"the source files", FilesText(timeless)},
          {"the plan of tensors, types and places", job.plan_sha256()}};
}

absl::StatusOr<JournalContent> ParseJournal(absl::string_view text, const std::string& place) {
  NIBBLE_ASSIGN_OR_RETURN(const io::Records records, io::ParseRecords(text, place));
  if (records.each.empty()) return absl::NotFoundError(absl::StrCat(place, ": expected a journal, found nothing"));
  JournalContent content{.bytes = records.bytes};
  for (const absl::string_view bytes : records.each) {
    JournalRecord record;
    const bool is_first = bytes.data() == records.each[0].data();
    if (!record.ParseFromArray(bytes.data(), bytes.size()) || record.has_job() != is_first) {
      return BadData(absl::StrCat(place, ": byte ", bytes.data() - text.data()), "a record of a journal", "another");
    }
    if (is_first) content.job = record.job();
    content.rows.insert(content.rows.end(), record.rows().begin(), record.rows().end());
    if (record.has_layers()) Take(record.layers(), content.layers);
  }
  return content;
}

absl::StatusOr<std::unique_ptr<Journal>> Journal::Begin(io::FileSystem& files, const std::string& path,
                                                        const JobIdentity& job) {
  for (const std::string& other : OtherJournals(files, path)) NIBBLE_RETURN_IF_ERROR(files.RemoveAbandoned(other));
  NIBBLE_ASSIGN_OR_RETURN(io::RecordLog log, io::RecordLog::Create(files, path));
  std::unique_ptr<Journal> journal(new Journal(files, path, std::move(log), {}));
  JournalRecord record;
  *record.mutable_job() = job;
  absl::MutexLock lock(&journal->mutex_);
  absl::Status status;
  if (const auto states = StatesBeside(path)) status = files.RemoveAbandoned(*states);
  if (status.ok()) status = Append(journal->log_, record);
  if (!status.ok()) {
    files.Remove(path).IgnoreError();
    return status;
  }
  return journal;
}

absl::StatusOr<std::unique_ptr<Journal>> Journal::Resume(io::FileSystem& files, const std::string& path,
                                                         const JobIdentity& job) {
  NIBBLE_ASSIGN_OR_RETURN(std::unique_ptr<io::WritableFile> file, io::Reopen(path));
  NIBBLE_ASSIGN_OR_RETURN(JournalContent content, ReadJournal(files, path, job));
  if (content.job.attempt() != job.attempt()) {
    return absl::NotFoundError(absl::StrCat(path, ": expected the attempt ", job.attempt(), ", found another"));
  }
  NIBBLE_ASSIGN_OR_RETURN(io::RecordLog log, io::RecordLog::Continue(std::move(file), content.bytes));
  std::unique_ptr<Journal> journal(new Journal(files, path, std::move(log), std::move(content)));
  for (const std::string& other : OtherJournals(files, path)) {
    NIBBLE_RETURN_IF_ERROR(journal->TakeIn(other, job));
  }
  return journal;
}

// What is said twice, when this ends in the middle, costs nothing but time.
absl::Status Journal::TakeIn(const std::string& other, const JobIdentity& job) {
  const auto file = io::Reopen(other);  // whose writer does not live
  if (absl::IsNotFound(file.status())) return absl::OkStatus();
  NIBBLE_RETURN_IF_ERROR(file.status());
  const absl::StatusOr<JournalContent> content = ReadJournal(files_, other, job);
  if (!absl::IsNotFound(content.status())) {  // else its writer was stopped before it said a word
    NIBBLE_RETURN_IF_ERROR(content.status());
    JournalRecord record;
    record.mutable_rows()->Assign(content->rows.begin(), content->rows.end());
    absl::MutexLock lock(&mutex_);
    NIBBLE_RETURN_IF_ERROR(Append(log_, record));
    before_.rows.insert(before_.rows.end(), content->rows.begin(), content->rows.end());
  }
  return files_.Remove(other);
}

absl::Status Journal::Wrote(const TensorRows& rows, uint64_t checksum) {
  WrittenRows part;
  part.set_tensor(rows.tensor);
  part.set_slice(rows.slice);
  part.set_first(rows.first);
  part.set_rows(rows.rows);
  part.set_step(rows.rows);
  part.set_checksum(checksum);
  absl::MutexLock lock(&mutex_);
  pending_.push_back(std::move(part));
  return absl::Now() - flushed_ < kFlushAfter ? absl::OkStatus() : FlushLocked();
}

absl::Status Journal::Flush() {
  absl::MutexLock lock(&mutex_);
  return FlushLocked();
}

absl::Status Journal::FlushLocked() {
  flushed_ = absl::Now();
  if (pending_.empty()) return absl::OkStatus();
  const std::vector<WrittenRows> merged = Merged(std::move(pending_));
  pending_.clear();
  JournalRecord record;
  record.mutable_rows()->Assign(merged.begin(), merged.end());
  return Append(log_, record);
}

absl::Status Journal::Passed(const LayersDone& layers) {
  JournalRecord record;
  *record.mutable_layers() = layers;
  absl::MutexLock lock(&mutex_);
  NIBBLE_RETURN_IF_ERROR(FlushLocked());
  NIBBLE_RETURN_IF_ERROR(Append(log_, record));
  return SyncLocked();
}

bool Journal::IsSyncDue() {
  absl::MutexLock lock(&mutex_);
  const absl::Time now = absl::Now();
  if (now - synced_ < kSyncAfter) return false;
  synced_ = now;
  return true;
}

absl::Status Journal::Sync() {
  absl::MutexLock lock(&mutex_);
  NIBBLE_RETURN_IF_ERROR(FlushLocked());
  return SyncLocked();
}

absl::Status Journal::SyncLocked() {
  NIBBLE_RETURN_IF_ERROR(log_.Sync());
  return files_.SyncDirectory(io::DirectoryOf(path_));
}

absl::Status Journal::Remove() {
  if (const auto states = StatesBeside(path_)) files_.Remove(*states).IgnoreError();
  return files_.Remove(path_);
}

}  // namespace nibble
