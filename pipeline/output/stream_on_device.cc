#include "pipeline/output/stream_on_device.h"

#include <algorithm>
#include <cstddef>
#include <future>
#include <optional>
#include <utility>

#include "absl/types/span.h"
#include "base/status.h"
#include "device/buffers.h"
#include "device/in_stage.h"
#include "pipeline/device_use.h"
#include "pipeline/output/check_overflow.h"
#include "quant/block/format.h"
#include "runtime/weights.h"

namespace nibble {
namespace {

// 64 MiB: enough blocks for all threads of a GPU. Where there is no room for that, half of it, and half of that.
constexpr int64_t kMostElements = 1 << 24, kLeastElements = 1 << 12;
// Pieces' worth that is there at once: the one that is encoded, the one that is loaded, and their blocks on the way.
constexpr int64_t kPiecesAtOnce = 4;

// Rows of a run from `begin` on.
struct Place {
  size_t run;  // in the list
  int64_t begin;
};

struct Piece {
  Place place;
  int64_t rows = 0;
  Buffer values;
  absl::Status status;
};

class DeviceStream {
 public:
  DeviceStream(const Model& model, const std::vector<RowRun>& runs, const StreamOptions& options, Output& output,
               const std::function<void(const OutputTensor&, const LogicalTensor&, int64_t)>& done)
      : model_(model), runs_(runs), options_(options), device_(*options.device), output_(output), done_(done) {}

  DeviceStreamResult Run() {
    const absl::StatusOr<Device*> side = device_.Side();
    if (!side.ok()) return {side.status(), 0};
    if (const absl::Status fits = FindRoom(); !fits.ok()) return {fits, 0};
    std::optional<Place> place = NextMissing({0, runs_.empty() ? 0 : runs_[0].begin});
    std::future<Piece> next;
    const auto load = [&] {
      if (place) next = std::async(std::launch::async, [this, side, at = *place] { return Load(**side, at); });
    };
    DeviceStreamResult result;
    for (load(); place;) {
      Piece piece = Wait(next);
      const RowRun& run = runs_[piece.place.run];
      result.status = piece.status;
      if (result.status.ok()) {
        place = NextMissing({piece.place.run, piece.place.begin + piece.rows});
        if (options_.comm->HasFailed()) place.reset();
        load();
        result.status = Encode(piece, result.bytes);
      }
      if (!result.status.ok()) {
        result.failed = run.output->place;
        return result;
      }
      done_(*run.output, run.slice(), piece.rows);
    }
    return result;
  }

 private:
  // By trying, before two threads ask for memory.
  absl::Status FindRoom() {
    for (;; piece_elements_ /= 2) {
      const absl::Status fits = device_.Allocate(kPiecesAtOnce * piece_elements_).status();
      if (!absl::IsResourceExhausted(fits) || piece_elements_ <= kLeastElements) return fits;
    }
  }

  Piece Wait(std::future<Piece>& next) const {
    const InStage stage(device_, kLoadStage);
    return next.get();
  }

  int64_t RowsAt(const Place& place) const {
    const RowRun& run = runs_[place.run];
    return std::clamp<int64_t>(piece_elements_ / std::max<int64_t>(1, run.slice().cols), 1, run.end - place.begin);
  }

  // The first place from `place` on that the output has not.
  std::optional<Place> NextMissing(Place place) const {
    while (place.run < runs_.size()) {
      const RowRun& run = runs_[place.run];
      if (place.begin == run.end) {
        place.run += 1;
        if (place.run < runs_.size()) place.begin = runs_[place.run].begin;
      } else if (const int64_t rows = RowsAt(place); output_.Has(*run.output, run.slice_place, place.begin, rows)) {
        done_(*run.output, run.slice(), rows);
        place.begin += rows;
      } else {
        return place;
      }
    }
    return std::nullopt;
  }

  Piece Load(Device& side, const Place& place) const {
    const InStage stage(side, kLoadStage);
    Piece piece{.place = place, .rows = RowsAt(place), .values = {}, .status = {}};
    absl::StatusOr<Buffer> values =
        LoadRows(side, model_, runs_[place.run].slice(), place.begin, place.begin + piece.rows);
    piece.status = values.ok() ? side.Download(nullptr, {}) : values.status();
    if (values.ok()) piece.values = *std::move(values);
    return piece;
  }

  // Counts the bytes.
  absl::Status Encode(const Piece& piece, uint64_t& written) const {
    const InStage stage(device_, "encode");
    const RowRun& run = runs_[piece.place.run];
    const LogicalTensor& slice = run.slice();
    const OutputTensor& tensor = *run.output;
    const BlockFormat& format = GetFormat(tensor.format);
    const ConstMatrix values = piece.values.matrix(piece.rows, slice.cols);
    std::vector<std::byte> bytes(format.BytesFor(piece.rows * slice.cols));
    const Operations& operations = device_.operations();
    if (options_.method == Method::kRtn) {
      operations.encode_rtn(device_, format, values.data, absl::MakeSpan(bytes));
    } else {
      const float* weights = options_.weights == nullptr ? nullptr : options_.weights->Find(slice);
      NIBBLE_ASSIGN_OR_RETURN(const Buffer on_device,
                              Uploaded(device_, absl::MakeConstSpan(weights, weights == nullptr ? 0 : slice.cols)));
      operations.encode_weighted(device_, format, values, weights == nullptr ? nullptr : on_device.data(),
                                 absl::MakeSpan(bytes));
    }
    const bool may_overflow = !(operations.largest_magnitude(device_, values) <= kAlwaysHeld);
    NIBBLE_RETURN_IF_ERROR(device_.Download(nullptr, {}));
    if (may_overflow) NIBBLE_RETURN_IF_ERROR(CheckOnHost(tensor, slice, piece));
    const InStage in_write(device_, kWriteStage);
    written += bytes.size();
    return output_.WriteRows(tensor, run.slice_place, piece.place.begin, bytes);
  }

  absl::Status CheckOnHost(const OutputTensor& tensor, const LogicalTensor& slice, const Piece& piece) const {
    std::vector<float> values(piece.rows * slice.cols);
    NIBBLE_RETURN_IF_ERROR(device_.Download(piece.values.data(), absl::MakeSpan(values)));
    return CheckOverflow(model_, tensor, slice, piece.place.begin, values);
  }

  const Model& model_;
  const std::vector<RowRun>& runs_;
  const StreamOptions& options_;
  Device& device_;
  Output& output_;
  int64_t piece_elements_ = kMostElements;
  const std::function<void(const OutputTensor&, const LogicalTensor&, int64_t)>& done_;
};

}  // namespace

bool DeviceEncodes(const OutputTensor& tensor) {
  return !tensor.keep_bits && tensor.surplus == 0 && tensor.multiplier == 1 &&
         GetFormat(tensor.format).block_elements > 1;
}

DeviceStreamResult WriteOnDevice(
    const Model& model, const std::vector<RowRun>& runs, const StreamOptions& options, Output& output,
    const std::function<void(const OutputTensor& tensor, const LogicalTensor& slice, int64_t rows)>& done) {
  return DeviceStream(model, runs, options, output, done).Run();
}

}  // namespace nibble
