// How a job that takes a text through a model layer by layer goes on after it was stopped: "<output>.part.states" has
// the hidden states behind one layer, and what the job wants to keep of all layers so far.
//
//   while (layer < layers) {
//     ...
//     ++layer;
//     if (checkpoints.IsDue()) NIBBLE_RETURN_IF_ERROR(checkpoints.Save(layer, paths, kept));
//   }
//
// The file has room for the states twice, and each checkpoint goes where the last one is not, so that one that is
// stopped in the middle leaves the last. Which is where, and with which checksum, is told by the journal: it is a claim
// as every record there, and what does not hold is not used.
//
// Ranks share the file: each writes and reads the states of its own tokens. It does not tell how many there were.
#ifndef NIBBLE_PIPELINE_CALIBRATION_CHECKPOINTS_H_
#define NIBBLE_PIPELINE_CALIBRATION_CHECKPOINTS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "formats/io/file.h"
#include "pipeline/calibration/window_blocks.h"
#include "pipeline/comm/comm.h"
#include "pipeline/output/journal.h"
#include "pipeline/output/journal.pb.h"
#include "runtime/sequences.h"

namespace nibble {

// Bytes of the file, of so many tokens on their way through `paths` models of this width.
uint64_t CheckpointBytes(int paths, uint64_t tokens, uint64_t width);

// Where checkpoints are kept.
struct CheckpointPlace {
  std::string path;            // StatesPath
  Journal* journal = nullptr;  // with which they go: the first rank's; the others have none
};

// Used by one thread at a time. All calls are collective.
class Checkpoints {
 public:
  // What an earlier run left, or a new one, with `bytes` reserved on the disk: CheckpointBytes, and what is kept beside
  // states. Ranks have the tokens of their blocks. kUnavailable if there is no room. `files`, `comm` and the journal
  // outlive it.
  static absl::StatusOr<std::unique_ptr<Checkpoints>> Open(io::FileSystem& files, Comm& comm,
                                                           const CheckpointPlace& place, const WindowBlocks& blocks,
                                                           uint64_t bytes);

  struct Restored {
    int layers = 0;                 // that are done; 0: the job has to begin
    std::vector<std::string> kept;  // in the order in which it was saved; by the first rank
  };
  // The furthest checkpoint whose layers `holds`, which tells whether all that they made is there, the same on all
  // ranks. Its states are then those of `paths`, else these are as they were. REQUIRES: called once at most, before
  // Save().
  absl::StatusOr<Restored> Restore(absl::Span<Sequences* const> paths, absl::FunctionRef<bool(int layers)> holds);

  // Whether so much would be lost that Save() is worth its time, which counts from here on.
  absl::StatusOr<bool> IsDue();
  // `paths` are behind the first `layers` layers; `kept`: what stays of those since the last call, of which the first
  // rank's counts. On the disk when it returns OK. REQUIRES: IsDue(); what these layers wrote is on the disk.
  absl::Status Save(int layers, absl::Span<Sequences* const> paths, absl::string_view kept);

 private:
  Checkpoints(Comm& comm, Journal* journal, const WindowBlocks& blocks, std::unique_ptr<io::WritableFile> file,
              std::unique_ptr<io::ReadableFile> reader)
      : comm_(comm), journal_(journal), blocks_(blocks), file_(std::move(file)), reader_(std::move(reader)) {}

  // Of all ranks' tokens.
  uint64_t StatesBytes(absl::Span<Sequences* const> paths) const;
  // Calls `visit(path, first, count, offset, hash)` for this rank's rows, a block's of all paths before the next
  // block's; `offset`: in the slot; `hash` takes what they have. Returns the checksum of all ranks' states.
  template <typename Visit>
  absl::StatusOr<uint64_t> VisitStates(absl::Span<Sequences* const> paths, Visit visit) const;
  absl::StatusOr<uint64_t> ReadStates(uint64_t slot, absl::Span<Sequences* const> paths, bool replace) const;
  absl::StatusOr<uint64_t> WriteStates(uint64_t slot, absl::Span<Sequences* const> paths);

  // What the journal tells, as far as what was kept with it holds: the first rank has read this.
  absl::StatusOr<std::vector<LayersDone>> ReadBefore(uint64_t states_bytes, std::vector<std::string>& kept) const;
  // By the first rank, as is the next.
  absl::StatusOr<std::vector<std::string>> ReadKept(uint64_t states_bytes) const;
  absl::Status Tell(LayersDone& done, absl::string_view kept, uint64_t offset);

  Comm& comm_;
  Journal* const journal_;  // null: not the first rank
  const WindowBlocks blocks_;
  const std::unique_ptr<io::WritableFile> file_;
  const std::unique_ptr<io::ReadableFile> reader_;
  LayersDone last_;                         // the last checkpoint
  uint64_t kept_bytes_ = 0;                 // of all so far
  absl::Time asked_, saved_ = absl::Now();  // when the last one was asked for, and there
  absl::Duration took_;                     // the last one
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_CALIBRATION_CHECKPOINTS_H_
