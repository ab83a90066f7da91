#include "pipeline/stream_on_device.h"

#include <algorithm>
#include <cstddef>
#include <future>
#include <optional>
#include <utility>

#include "absl/types/span.h"
#include "base/status.h"
#include "device/buffers.h"
#include "device/in_stage.h"
#include "pipeline/check_overflow.h"
#include "pipeline/device_use.h"
#include "quant/block/format.h"
#include "runtime/weights.h"

namespace nibble {
namespace {

// 64 MiB: enough blocks for all threads of a GPU. Where there is no room for that, half of it, and half of that.
constexpr int64_t kMostElements = 1 << 24, kLeastElements = 1 << 12;
// Pieces' worth that is there at once: the one that is encoded, the one that is loaded, and their blocks on the way.
constexpr int64_t kPiecesAtOnce = 4;

// Rows of a slice from `begin` on.
struct Place {
  size_t tensor;  // in the list
  size_t slice;
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
  DeviceStream(const Model& model, const std::vector<const OutputTensor*>& tensors, const StreamOptions& options,
               Output& output, const std::function<void(const OutputTensor&, const LogicalTensor&, int64_t)>& done)
      : model_(model), tensors_(tensors), options_(options), device_(*options.device), output_(output), done_(done) {}

  DeviceStreamResult Run() {
    const absl::StatusOr<Device*> side = device_.Side();
    if (!side.ok()) return {side.status(), 0};
    if (const absl::Status fits = FindRoom(); !fits.ok()) return {fits, 0};
    std::optional<Place> place = NextMissing({0, 0, 0});
    std::future<Piece> next;
    const auto load = [&] {
      if (place) next = std::async(std::launch::async, [this, side, at = *place] { return Load(**side, at); });
    };
    for (load(); place;) {
      Piece piece = Wait(next);
      const size_t tensor = piece.place.tensor;
      if (!piece.status.ok()) return {piece.status, tensors_[tensor]->place};
      place = NextMissing({tensor, piece.place.slice, piece.place.begin + piece.rows});
      load();
      if (absl::Status status = Encode(piece); !status.ok()) return {std::move(status), tensors_[tensor]->place};
      done_(*tensors_[tensor], Slice(piece.place), piece.rows);
    }
    return {};
  }

 private:
  const LogicalTensor& Slice(const Place& place) const { return tensors_[place.tensor]->slices[place.slice]; }

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
    const LogicalTensor& slice = Slice(place);
    return std::clamp<int64_t>(piece_elements_ / std::max<int64_t>(1, slice.cols), 1, slice.rows - place.begin);
  }

  // The first place from `place` on that the output has not.
  std::optional<Place> NextMissing(Place place) const {
    while (place.tensor < tensors_.size()) {
      const OutputTensor& tensor = *tensors_[place.tensor];
      if (place.slice == tensor.slices.size()) {
        place = {place.tensor + 1, 0, 0};
      } else if (place.begin == tensor.slices[place.slice].rows) {
        place = {place.tensor, place.slice + 1, 0};
      } else if (const int64_t rows = RowsAt(place); output_.Has(tensor, place.slice, place.begin, rows)) {
        done_(tensor, Slice(place), rows);
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
    absl::StatusOr<Buffer> values = LoadRows(side, model_, Slice(place), place.begin, place.begin + piece.rows);
    piece.status = values.ok() ? side.Download(nullptr, {}) : values.status();
    if (values.ok()) piece.values = *std::move(values);
    return piece;
  }

  absl::Status Encode(const Piece& piece) const {
    const InStage stage(device_, "encode");
    const LogicalTensor& slice = Slice(piece.place);
    const OutputTensor& tensor = *tensors_[piece.place.tensor];
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
    return output_.WriteRows(tensor, piece.place.slice, piece.place.begin, bytes);
  }

  absl::Status CheckOnHost(const OutputTensor& tensor, const LogicalTensor& slice, const Piece& piece) const {
    std::vector<float> values(piece.rows * slice.cols);
    NIBBLE_RETURN_IF_ERROR(device_.Download(piece.values.data(), absl::MakeSpan(values)));
    return CheckOverflow(model_, tensor, slice, piece.place.begin, values);
  }

  const Model& model_;
  const std::vector<const OutputTensor*>& tensors_;
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
    const Model& model, const std::vector<const OutputTensor*>& tensors, const StreamOptions& options, Output& output,
    const std::function<void(const OutputTensor& tensor, const LogicalTensor& slice, int64_t rows)>& done) {
  return DeviceStream(model, tensors, options, output, done).Run();
}

}  // namespace nibble
