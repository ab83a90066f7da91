#include "pipeline/calibration/checkpoints.h"

#include <algorithm>
#include <cstddef>

#include "base/status.h"
#include "formats/io/posix.h"
#include "pipeline/comm/gather_values.h"
#include "xxhash.h"

namespace nibble {
namespace {

constexpr uint64_t kSlots = 2;
constexpr int64_t kRowsAtOnce = 1024;
// A checkpoint is due when so much time went by, or so many times what the last one took: then they cost little.
constexpr absl::Duration kMostLost = absl::Seconds(30);
constexpr int kTimesCost = 30;

// The hash of what it is given one after the other.
class Hash {
 public:
  Hash() : state_(XXH3_createState(), XXH3_freeState) { XXH3_64bits_reset(state_.get()); }

  void Add(absl::Span<const std::byte> bytes) { XXH3_64bits_update(state_.get(), bytes.data(), bytes.size()); }
  uint64_t value() const { return XXH3_64bits_digest(state_.get()); }

 private:
  std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state_;
};

absl::Span<const std::byte> BytesOf(absl::Span<const float> values) {
  return {reinterpret_cast<const std::byte*>(values.data()), values.size() * sizeof(float)};
}

// The same for what may be written to.
absl::Span<std::byte> RoomOf(std::vector<float>& values) {
  return {reinterpret_cast<std::byte*>(values.data()), values.size() * sizeof(float)};
}

}  // namespace

uint64_t CheckpointBytes(int paths, uint64_t tokens, uint64_t width) {
  return kSlots * paths * tokens * width * sizeof(float);
}

absl::StatusOr<std::unique_ptr<Checkpoints>> Checkpoints::Open(io::FileSystem& files, Comm& comm,
                                                               const CheckpointPlace& place, const WindowBlocks& blocks,
                                                               uint64_t bytes) {
  absl::StatusOr<std::unique_ptr<io::WritableFile>> file = absl::NotFoundError("");
  std::unique_ptr<io::ReadableFile> reader;
  // The first rank makes the file, the others write to ranges of it.
  const auto make = [&]() -> absl::Status {
    if (!place.journal->layers_before().empty()) file = io::Reopen(place.path);
    if (absl::IsNotFound(file.status())) {
      NIBBLE_RETURN_IF_ERROR(files.RemoveAbandoned(place.path));
      file = files.Create(place.path);
    }
    NIBBLE_RETURN_IF_ERROR(file.status());
    NIBBLE_ASSIGN_OR_RETURN(reader, files.Open(place.path));
    return (*file)->Preallocate(std::max(bytes, reader->info().size));
  };
  NIBBLE_RETURN_IF_ERROR(comm.Agree(comm.is_first() ? make() : absl::OkStatus()));
  if (!comm.is_first()) {
    file = io::OpenShared(place.path);
    NIBBLE_RETURN_IF_ERROR(file.status());
    NIBBLE_ASSIGN_OR_RETURN(reader, files.Open(place.path));
  }
  return std::unique_ptr<Checkpoints>(
      new Checkpoints(comm, place.journal, blocks, *std::move(file), std::move(reader)));
}

uint64_t Checkpoints::StatesBytes(absl::Span<Sequences* const> paths) const {
  uint64_t bytes = 0;
  for (const Sequences* path : paths) bytes += blocks_.tokens() * path->width() * sizeof(float);
  return bytes;
}

template <typename Visit>
absl::StatusOr<uint64_t> Checkpoints::VisitStates(absl::Span<Sequences* const> paths, Visit visit) const {
  std::vector<uint64_t> of_blocks;
  const int64_t tokens = paths[0]->tokens(), first_of_rank = blocks_.FirstTokenOf(comm_.rank(), comm_.size());
  for (int64_t block = 0; block < tokens; block += blocks_.tokens_of_block()) {
    const int64_t last = std::min(block + blocks_.tokens_of_block(), tokens);
    Hash hash;
    uint64_t before = 0;  // of the paths before this one
    for (Sequences* path : paths) {
      const uint64_t row_bytes = path->width() * sizeof(float);
      for (int64_t first = block; first < last; first += kRowsAtOnce) {
        const uint64_t offset = before + (first_of_rank + first) * row_bytes;
        NIBBLE_RETURN_IF_ERROR(visit(*path, first, std::min(kRowsAtOnce, last - first), offset, hash));
      }
      before += blocks_.tokens() * row_bytes;
    }
    of_blocks.push_back(hash.value());
  }
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<uint64_t> of_all, GatherValues(comm_, of_blocks));
  return XXH3_64bits(of_all.data(), of_all.size() * sizeof(uint64_t));
}

absl::StatusOr<Checkpoints::Restored> Checkpoints::Restore(absl::Span<Sequences* const> paths,
                                                           absl::FunctionRef<bool(int layers)> holds) {
  std::vector<std::string> kept;
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<LayersDone> before, ReadBefore(StatesBytes(paths), kept));
  // What is before the last two has no slot any more.
  for (size_t count = before.size(), tried = 0; count > 0 && tried < kSlots; --count, ++tried) {
    const LayersDone& done = before[count - 1];
    if (done.slot() >= kSlots || !holds(done.last())) continue;
    NIBBLE_ASSIGN_OR_RETURN(const uint64_t checksum, ReadStates(done.slot(), paths, /*replace=*/false));
    if (checksum != done.states_checksum()) continue;
    NIBBLE_RETURN_IF_ERROR(ReadStates(done.slot(), paths, /*replace=*/true).status());
    kept.resize(comm_.is_first() ? count : 0);
    for (const std::string& each : kept) kept_bytes_ += each.size();
    last_ = done;
    return Restored{.layers = done.last(), .kept = std::move(kept)};
  }
  return Restored{};
}

absl::StatusOr<std::vector<LayersDone>> Checkpoints::ReadBefore(uint64_t states_bytes,
                                                                std::vector<std::string>& kept) const {
  LayersBefore before;
  if (comm_.is_first()) {
    NIBBLE_ASSIGN_OR_RETURN(kept, ReadKept(states_bytes));
    for (size_t i = 0; i < kept.size(); ++i) *before.add_layers() = journal_->layers_before()[i];
  }
  NIBBLE_ASSIGN_OR_RETURN(const std::string bytes, comm_.Broadcast(before.SerializeAsString()));
  if (!before.ParseFromString(bytes)) return absl::InternalError("a bug of nibble: layers that are none");
  return std::vector<LayersDone>(before.layers().begin(), before.layers().end());
}

absl::StatusOr<std::vector<std::string>> Checkpoints::ReadKept(uint64_t states_bytes) const {
  std::vector<std::string> kept;
  uint64_t offset = kSlots * states_bytes;
  const uint64_t end = reader_->info().size;  // as it was left
  for (const LayersDone& done : journal_->layers_before()) {
    if (offset > end || done.kept_bytes() > end - offset) break;
    std::string bytes(done.kept_bytes(), '\0');
    NIBBLE_RETURN_IF_ERROR(
        reader_->ReadAt(offset, absl::MakeSpan(reinterpret_cast<std::byte*>(bytes.data()), bytes.size())));
    if (XXH3_64bits(bytes.data(), bytes.size()) != done.kept_checksum()) break;
    offset += bytes.size();
    kept.push_back(std::move(bytes));
  }
  return kept;
}

absl::StatusOr<uint64_t> Checkpoints::ReadStates(uint64_t slot, absl::Span<Sequences* const> paths,
                                                 bool replace) const {
  std::vector<float> rows;
  return VisitStates(paths, [&](Sequences& path, int64_t first, int64_t count, uint64_t offset, Hash& hash) {
    rows.resize(count * path.width());
    NIBBLE_RETURN_IF_ERROR(reader_->ReadAt(slot * StatesBytes(paths) + offset, RoomOf(rows)));
    hash.Add(BytesOf(rows));
    return replace ? path.Replace(first, rows) : absl::OkStatus();
  });
}

absl::StatusOr<uint64_t> Checkpoints::WriteStates(uint64_t slot, absl::Span<Sequences* const> paths) {
  return VisitStates(paths,
                     [&](Sequences& path, int64_t first, int64_t count, uint64_t offset, Hash& hash) -> absl::Status {
                       NIBBLE_ASSIGN_OR_RETURN(const std::vector<float> rows, path.States(first, count));
                       hash.Add(BytesOf(rows));
                       return file_->WriteAt(slot * StatesBytes(paths) + offset, BytesOf(rows));
                     });
}

absl::StatusOr<bool> Checkpoints::IsDue() {
  asked_ = absl::Now();
  const bool is_due = asked_ - saved_ >= std::min(kMostLost, kTimesCost * took_);
  NIBBLE_ASSIGN_OR_RETURN(const std::string firsts, comm_.Broadcast(is_due ? "due" : ""));
  return !firsts.empty();
}

absl::Status Checkpoints::Save(int layers, absl::Span<Sequences* const> paths, absl::string_view kept) {
  LayersDone done;
  done.set_first(last_.last());
  done.set_last(layers);
  done.set_slot((last_.slot() + 1) % kSlots);
  NIBBLE_ASSIGN_OR_RETURN(const uint64_t checksum, WriteStates(done.slot(), paths));
  done.set_states_checksum(checksum);
  if (!comm_.is_first()) NIBBLE_RETURN_IF_ERROR(file_->Sync());
  NIBBLE_RETURN_IF_ERROR(comm_.Agree(absl::OkStatus()));  // all states are there: now it may be said
  if (comm_.is_first()) NIBBLE_RETURN_IF_ERROR(Tell(done, kept, kSlots * StatesBytes(paths) + kept_bytes_));
  kept_bytes_ += kept.size();
  last_ = std::move(done);
  saved_ = absl::Now();
  took_ = saved_ - asked_;
  return absl::OkStatus();
}

absl::Status Checkpoints::Tell(LayersDone& done, absl::string_view kept, uint64_t offset) {
  done.set_kept_bytes(kept.size());
  done.set_kept_checksum(XXH3_64bits(kept.data(), kept.size()));
  NIBBLE_RETURN_IF_ERROR(
      file_->WriteAt(offset, absl::MakeConstSpan(reinterpret_cast<const std::byte*>(kept.data()), kept.size())));
  NIBBLE_RETURN_IF_ERROR(file_->Sync());
  return journal_->Passed(done);
}

}  // namespace nibble
