// Many sequences of one length on their way through a model, layer by layer.
#ifndef NIBBLE_RUNTIME_SEQUENCES_H_
#define NIBBLE_RUNTIME_SEQUENCES_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "device/device.h"
#include "model/model.h"
#include "runtime/row_store.h"
#include "runtime/weight_loader.h"
#include "runtime/weights.h"

namespace nibble {

// Which part of a text sequences are, for who sums over them by blocks, with others who have the other parts.
struct TextPart {
  int64_t block = 0;  // sequences; no batch goes over a multiple of so many. 0: there are no blocks
  int64_t all = 0;    // sequences of the whole text; 0: these are it
};

// The hidden states lie in host memory, or in a work file what a budget does not allow there, and visit the device in
// batches of whole sequences, so that one layer's weights (of its experts, one expert's) and one batch's activations
// are all that is there beside them. They do not depend on where they lie. `device`, `model` and the budget outlive it.
class Sequences {
 public:
  // ids [sequences, length]. REQUIRES: ids < vocab_size.
  // kInvalidArgument if they are longer than the model's learned positions. `budget` null: all is in memory.
  //
  // A device that is not the host says by its free memory, less `beside` floats that the caller needs, how many
  // sequences a batch has, and whether weights are loaded ahead. kResourceExhausted: not even one sequence fits.
  static absl::StatusOr<Sequences> Embed(Device& device, const Model& model, absl::Span<const uint32_t> ids,
                                         int64_t length, RowBudget* budget = nullptr, int64_t beside = 0,
                                         TextPart part = {});

  // REQUIRES: called with 0, 1, ... in turn.
  absl::Status RunLayer(int layer);
  // The layer's weights for RunPart, with the next layer's on their way. REQUIRES: as RunLayer.
  absl::StatusOr<Weights> LoadLayer(int layer);

  // The same in steps, with weights that the caller holds, and a tap that they may have: attention, and then what
  // follows it, experts included.
  enum class Part { kAttention, kFeedForward, kWhole };
  enum class Outcome { kKept, kDropped };  // dropped: the states stay as they were
  absl::Status RunPart(int layer, Part part, const Weights& weights, Outcome outcome);
  // The same for one batch of 0 ... batches() - 1; a block has BatchesOfBlock() of them, the last may have fewer.
  int64_t batches() const;
  int64_t BatchesOfBlock() const;  // all, where there are no blocks
  int64_t TokensOfBatch(int64_t batch) const;
  absl::Status RunBatch(int layer, Part part, const Weights& weights, Outcome outcome, int64_t batch);

  // The same states once more, under the same budget.
  absl::StatusOr<Sequences> Copy() const;
  // Other states for the tokens from `first` on, [tokens, hidden_size].
  absl::Status Replace(int64_t first, absl::Span<const float> states) { return states_.Write(first, states); }

  // Drops those before `first`.
  absl::Status KeepFrom(int64_t first);

  int64_t tokens() const { return states_.rows(); }
  int64_t width() const { return states_.width(); }
  // The hidden states of tokens [first, first + count), [count, hidden_size].
  absl::StatusOr<std::vector<float>> States(int64_t first, int64_t count) const;

  // Tokens of a batch, at most, where memory allows that.
  static int64_t TokensAtATime(int64_t length);
  // Floats on the device while a layer runs, its weights included.
  static int64_t WorkingFloats(const Model& model, int64_t length);
  // Floats kept for each token while a layer runs: its state, and what experts add to it.
  static int64_t FloatsPerToken(const Model& model);

 private:
  // What a device has room for.
  struct Room {
    int64_t sequences;  // of a batch
    bool ahead;         // the next layer's weights beside one's
  };

  Sequences(Device& device, const Model& model, int64_t length, Room room, TextPart part, RowStore states)
      : device_(&device),
        model_(&model),
        length_(length),
        room_(room),
        part_(part),
        loader_(device, model, room.ahead),
        states_(std::move(states)) {}

  static absl::StatusOr<Room> FindRoom(Device& device, const Model& model, int64_t length, int64_t beside);

  struct Range {
    int64_t first, last;
  };
  Range RangeOfBatch(int64_t batch) const;
  // The end of the batch that begins with this sequence.
  int64_t EndOfBatch(int64_t first) const;

  // Whole sequences [first, last).
  absl::Status RunRange(int layer, Part part, const Weights& weights, Outcome outcome, int64_t first, int64_t last);
  int64_t count() const;
  // The states of tokens from `first` on.
  absl::StatusOr<RowStore> CopyFrom(int64_t first) const;

  Device* device_;
  const Model* model_;
  int64_t length_;
  Room room_;
  TextPart part_;
  WeightLoader loader_;
  RowStore states_;
};

}  // namespace nibble

#endif  // NIBBLE_RUNTIME_SEQUENCES_H_
