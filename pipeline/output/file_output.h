// What outputs have in common, whatever their container: tensors at their places in files, their hashes, and the
// journal by which a job that was stopped goes on.
#ifndef NIBBLE_PIPELINE_OUTPUT_FILE_OUTPUT_H_
#define NIBBLE_PIPELINE_OUTPUT_FILE_OUTPUT_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "formats/io/file.h"
#include "model/model.h"
#include "pipeline/comm/comm.h"
#include "pipeline/output/journal.h"
#include "pipeline/output/output.h"
#include "pipeline/output/output_options.h"
#include "pipeline/output/plan.h"
#include "pipeline/output/tensor_hashes.h"
#include "pipeline/progress.h"

namespace nibble {

class FileOutput : public Output {
 public:
  ~FileOutput() override;

  // From now on this writes what is done into `journal`. What the first rank's says earlier runs have written is read
  // again, divided among ranks, and counts as written if it is there. Called before the first write, or never.
  // Collective, as are Begin(), Ended() and Commit().
  absl::Status Attach(std::unique_ptr<Journal> journal, Progress& progress);
  // What comes before rows. REQUIRES: called once, before the first row.
  virtual absl::Status Begin() { return absl::OkStatus(); }

  absl::Status WriteRows(const OutputTensor& tensor, size_t slice, int64_t first_row,
                         absl::Span<const std::byte> rows) final;
  bool Has(const OutputTensor& tensor, size_t slice, int64_t first_row, int64_t rows) const final;
  absl::Status Sync() final;
  Journal* journal() const final { return journal_.get(); }
  absl::Status Ended(absl::Status status) final;
  // Fails if a source was written to since it was opened.
  absl::Status Commit() final;

 protected:
  // A tensor of the manifest, in a file.
  struct Place {
    io::WritableFile* file;
    uint64_t offset, bytes;
  };
  // Takes bytes of tensor `number` of the manifest, from its byte `offset` on.
  using Sink = absl::FunctionRef<absl::Status(size_t number, uint64_t offset, absl::Span<const std::byte> bytes)>;

  FileOutput(io::FileSystem& files, const Model& model, const OutputPlan& plan, const OutputOptions& options)
      : files_(files), model_(model), plan_(plan), comm_(*options.comm), threads_(options.threads) {}

  // Of the manifest's tensors, in their order. REQUIRES: called once, before the first write.
  absl::Status SetPlaces(std::vector<Place> places);
  absl::Status Write(const TensorRows& range, absl::Span<const std::byte> rows);
  bool Has(const TensorRows& range) const;
  // REQUIRES: of a tensor that is written by no rows.
  absl::Status WriteAt(size_t number, uint64_t offset, absl::Span<const std::byte> bytes);

  // Calls `sink` with what the rows become. The same ranges of bytes for the same ranges of rows.
  virtual absl::Status Spread(const TensorRows& range, absl::Span<const std::byte> rows, Sink sink) const = 0;
  // Bytes of a row of a tensor as WriteRows takes them, and how many rows there are; 0: there is no such slice.
  virtual uint64_t RowBytes(size_t tensor) const;
  virtual int64_t RowsOf(size_t tensor, size_t slice) const;
  // All that was written is on the disk.
  virtual absl::Status SyncData() = 0;
  // Whether what was written so far stays where this ends without Commit(); false if it cannot be relied upon.
  virtual bool KeepData(bool keep) = 0;
  // Commit(), with what the output says of itself: by the first rank alone.
  virtual absl::Status Publish(const Manifest& manifest) = 0;
  virtual absl::Status Close() = 0;  // by the others

  io::FileSystem& files_;
  const Model& model_;
  const OutputPlan& plan_;
  Comm& comm_;

 private:
  // Their checksum as they are in the files now.
  absl::StatusOr<uint64_t> ReadChecksum(const WrittenRows& rows) const;
  // Which of `before` are in the files: '1', else '0', of this rank's part of them.
  absl::StatusOr<std::string> Find(absl::Span<const WrittenRows> before, Progress& progress) const;
  bool IsValid(const WrittenRows& rows) const;
  void Take(const WrittenRows& rows);

  const int threads_;
  std::vector<Place> places_;
  std::vector<std::shared_ptr<const io::ReadableFile>> written_;  // of places_
  std::optional<TensorHashes> hashes_;                            // of places_
  std::unique_ptr<Journal> journal_;                              // may be null
  bool keeps_journal_ = false;                                    // where this ends without Commit()
  // What earlier runs wrote: by tensor and slice the first row of a range, and the one behind its last.
  absl::flat_hash_map<std::pair<size_t, size_t>, std::map<int64_t, int64_t>> taken_;
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_OUTPUT_FILE_OUTPUT_H_
