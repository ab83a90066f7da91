// The journal of an output that is being made, "<output>.part.journal": whose work it is, and which rows are there; of
// a job on a text, through which layers that is.
//
// It is a claim, not a proof: whoever goes on reads the rows again and compares checksums. So nothing has to reach the
// disk in any order, and a journal and an output that do not belong together cost time, not bytes.
#ifndef NIBBLE_PIPELINE_OUTPUT_JOURNAL_H_
#define NIBBLE_PIPELINE_OUTPUT_JOURNAL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "formats/io/file.h"
#include "formats/io/record_log.h"
#include "pipeline/comm/comm.h"
#include "pipeline/output/journal.pb.h"

namespace nibble {

inline constexpr char kJournalSuffix[] = ".part.journal";  // after the output's path

// Of several ranks (comm.h) each has one: the first's is called as that of one process, the others' have their number
// behind it.
std::string JournalPath(const std::string& output, int rank);

// Where what the next layer needs lies, of all ranks: beside the first's journal.
std::string StatesPath(std::string output);

// What ranks must have alike to work on one job: all of its identity but the times.
std::vector<Fact> FactsOf(const JobIdentity& job);

// Rows of one slice of a planned tensor.
struct TensorRows {
  size_t tensor = 0, slice = 0;
  int64_t first = 0, rows = 0;
};

// What a journal says.
struct JournalContent {
  JobIdentity job;
  std::vector<WrittenRows> rows;
  std::vector<LayersDone> layers;  // each goes on where the one before it ends, the first at 0
  uint64_t bytes = 0;              // of the whole records
};

// Whether what a job has done is worth keeping after this error: it may be gone when the job is run again, being of the
// disk, the system, or what stands in the output's way.
bool MayPass(const absl::Status& status);
// What to tell of an error after which it is kept.
absl::Status WithResumeHint(const absl::Status& status);

// kDataLoss names `place` and the byte of a record that is damaged, and not merely the last. kNotFound: there is none.
absl::StatusOr<JournalContent> ParseJournal(absl::string_view text, const std::string& place);

// Thread-safe.
class Journal {
 public:
  // Begins one; what a stopped program left is replaced, the other ranks' journals as well. Errors as
  // FileSystem::Create has them.
  static absl::StatusOr<std::unique_ptr<Journal>> Begin(io::FileSystem& files, const std::string& path,
                                                        const JobIdentity& job);
  // Goes on with the one that is there, which takes in those of the other ranks that there were. kNotFound if there is
  // none, or one of another attempt at the same job; kDataLoss if it is damaged or another job's, which the message
  // tells apart; kAborted if its writer lives.
  static absl::StatusOr<std::unique_ptr<Journal>> Resume(io::FileSystem& files, const std::string& path,
                                                         const JobIdentity& job);

  // What earlier runs wrote.
  const std::vector<WrittenRows>& before() const { return before_.rows; }
  const std::vector<LayersDone>& layers_before() const { return before_.layers; }

  // These rows are in the output. Kept for a moment, and appended together with what comes next.
  absl::Status Wrote(const TensorRows& rows, uint64_t checksum);
  absl::Status Flush();
  // A text is through these layers, and what goes with that is on the disk; so is this when it returns OK.
  absl::Status Passed(const LayersDone& layers);

  // Whether it is time to bring all to the disk; true for one caller.
  bool IsSyncDue();
  absl::Status Sync();

  // The job is done, or given up.
  absl::Status Remove();

 private:
  Journal(io::FileSystem& files, std::string path, io::RecordLog log, JournalContent before)
      : files_(files), path_(std::move(path)), before_(std::move(before)), log_(std::move(log)) {}

  absl::Status TakeIn(const std::string& other, const JobIdentity& job);
  absl::Status FlushLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status SyncLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  io::FileSystem& files_;
  const std::string path_;
  JournalContent before_;
  absl::Mutex mutex_;
  io::RecordLog log_ ABSL_GUARDED_BY(mutex_);
  std::vector<WrittenRows> pending_ ABSL_GUARDED_BY(mutex_);
  absl::Time flushed_ ABSL_GUARDED_BY(mutex_) = absl::Now();
  absl::Time synced_ ABSL_GUARDED_BY(mutex_) = absl::Now();
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_OUTPUT_JOURNAL_H_
