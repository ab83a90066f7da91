#include "pipeline/checkpoints.h"

#include <algorithm>
#include <cstddef>

#include "base/status.h"
#include "formats/io/posix.h"
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

uint64_t StatesBytes(absl::Span<Sequences* const> paths) {
  uint64_t bytes = 0;
  for (const Sequences* path : paths) bytes += path->tokens() * path->width() * sizeof(float);
  return bytes;
}

absl::Span<const std::byte> BytesOf(absl::Span<const float> values) {
  return {reinterpret_cast<const std::byte*>(values.data()), values.size() * sizeof(float)};
}

// The same for what may be written to.
absl::Span<std::byte> RoomOf(std::vector<float>& values) {
  return {reinterpret_cast<std::byte*>(values.data()), values.size() * sizeof(float)};
}

// Calls `visit(path, first, count)` for all rows of all paths in their order.
template <typename Visit>
absl::Status VisitRows(absl::Span<Sequences* const> paths, Visit visit) {
  for (Sequences* path : paths) {
    for (int64_t first = 0; first < path->tokens(); first += kRowsAtOnce) {
      NIBBLE_RETURN_IF_ERROR(visit(*path, first, std::min(kRowsAtOnce, path->tokens() - first)));
    }
  }
  return absl::OkStatus();
}

}  // namespace

uint64_t CheckpointBytes(int paths, uint64_t tokens, uint64_t width) {
  return kSlots * paths * tokens * width * sizeof(float);
}

absl::StatusOr<std::unique_ptr<Checkpoints>> Checkpoints::Open(io::FileSystem& files, Journal& journal,
                                                               uint64_t bytes) {
  const std::string path = journal.states_path();
  absl::StatusOr<std::unique_ptr<io::WritableFile>> file = absl::NotFoundError("");
  if (!journal.layers_before().empty()) file = io::Reopen(path);
  if (absl::IsNotFound(file.status())) {
    NIBBLE_RETURN_IF_ERROR(files.RemoveAbandoned(path));
    file = files.Create(path);
  }
  NIBBLE_RETURN_IF_ERROR(file.status());
  NIBBLE_ASSIGN_OR_RETURN(std::unique_ptr<io::ReadableFile> reader, files.Open(path));
  NIBBLE_RETURN_IF_ERROR((*file)->Preallocate(std::max(bytes, reader->info().size)));
  return std::unique_ptr<Checkpoints>(new Checkpoints(journal, *std::move(file), std::move(reader)));
}

absl::StatusOr<Checkpoints::Restored> Checkpoints::Restore(absl::Span<Sequences* const> paths,
                                                           absl::FunctionRef<bool(int layers)> holds) {
  NIBBLE_ASSIGN_OR_RETURN(std::vector<std::string> kept, ReadKept(StatesBytes(paths)));
  // What is before the last two has no slot any more.
  for (size_t count = kept.size(), tried = 0; count > 0 && tried < kSlots; --count, ++tried) {
    const LayersDone& done = journal_.layers_before()[count - 1];
    if (done.slot() >= kSlots || !holds(done.last())) continue;
    NIBBLE_ASSIGN_OR_RETURN(const uint64_t checksum, ReadStates(done.slot(), paths, /*replace=*/false));
    if (checksum != done.states_checksum()) continue;
    NIBBLE_RETURN_IF_ERROR(ReadStates(done.slot(), paths, /*replace=*/true).status());
    kept.resize(count);
    for (const std::string& each : kept) kept_bytes_ += each.size();
    last_ = done;
    return Restored{.layers = done.last(), .kept = std::move(kept)};
  }
  return Restored{};
}

absl::StatusOr<std::vector<std::string>> Checkpoints::ReadKept(uint64_t states_bytes) const {
  std::vector<std::string> kept;
  uint64_t offset = kSlots * states_bytes;
  const uint64_t end = reader_->info().size;  // as it was left
  for (const LayersDone& done : journal_.layers_before()) {
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
  Hash hash;
  std::vector<float> rows;
  uint64_t offset = slot * StatesBytes(paths);
  NIBBLE_RETURN_IF_ERROR(VisitRows(paths, [&](Sequences& path, int64_t first, int64_t count) -> absl::Status {
    rows.resize(count * path.width());
    NIBBLE_RETURN_IF_ERROR(reader_->ReadAt(offset, RoomOf(rows)));
    hash.Add(BytesOf(rows));
    offset += rows.size() * sizeof(float);
    return replace ? path.Replace(first, rows) : absl::OkStatus();
  }));
  return hash.value();
}

absl::StatusOr<uint64_t> Checkpoints::WriteStates(uint64_t slot, absl::Span<Sequences* const> paths) {
  Hash hash;
  uint64_t offset = slot * StatesBytes(paths);
  NIBBLE_RETURN_IF_ERROR(VisitRows(paths, [&](Sequences& path, int64_t first, int64_t count) -> absl::Status {
    NIBBLE_ASSIGN_OR_RETURN(const std::vector<float> rows, path.States(first, count));
    hash.Add(BytesOf(rows));
    NIBBLE_RETURN_IF_ERROR(file_->WriteAt(offset, BytesOf(rows)));
    offset += rows.size() * sizeof(float);
    return absl::OkStatus();
  }));
  return hash.value();
}

bool Checkpoints::IsDue() {
  asked_ = absl::Now();
  return asked_ - saved_ >= std::min(kMostLost, kTimesCost * took_);
}

absl::Status Checkpoints::Save(int layers, absl::Span<Sequences* const> paths, absl::string_view kept) {
  LayersDone done;
  done.set_first(last_.last());
  done.set_last(layers);
  done.set_slot((last_.slot() + 1) % kSlots);
  NIBBLE_ASSIGN_OR_RETURN(const uint64_t checksum, WriteStates(done.slot(), paths));
  done.set_states_checksum(checksum);
  done.set_kept_bytes(kept.size());
  done.set_kept_checksum(XXH3_64bits(kept.data(), kept.size()));
  NIBBLE_RETURN_IF_ERROR(
      file_->WriteAt(kSlots * StatesBytes(paths) + kept_bytes_,
                     absl::MakeConstSpan(reinterpret_cast<const std::byte*>(kept.data()), kept.size())));
  NIBBLE_RETURN_IF_ERROR(file_->Sync());
  NIBBLE_RETURN_IF_ERROR(journal_.Passed(done));
  kept_bytes_ += kept.size();
  last_ = std::move(done);
  saved_ = absl::Now();
  took_ = saved_ - asked_;
  return absl::OkStatus();
}

}  // namespace nibble
