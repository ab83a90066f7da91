// What an importance matrix is made of: sums of the squares of what linears are fed with, gathered layer by layer.
#ifndef NIBBLE_PIPELINE_CALIBRATION_SQUARE_SUMS_H_
#define NIBBLE_PIPELINE_CALIBRATION_SQUARE_SUMS_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "device/device.h"
#include "model/model.h"
#include "model/role.h"
#include "model/tensor_list.h"
#include "pipeline/calibration/input_sums.pb.h"
#include "pipeline/calibration/window_blocks.h"
#include "pipeline/comm/comm.h"
#include "pipeline/comm/sum_over_ranks.h"
#include "pipeline/comm/tree_sum.h"
#include "runtime/tap.h"

namespace nibble {

// The inputs of one linear, or of all slices of a stack of them.
struct InputSums {
  std::vector<double> squares;  // [slices, columns]
  std::vector<int64_t> counts;  // [slices]
};

// Sees this rank's tokens of a text. Sums are of all ranks, the same bits however many there are.
class SquareSums : public Tap {
 public:
  // `device`, `model` and `comm` outlive it.
  SquareSums(Device& device, const Model& model, const WindowBlocks& blocks, Comm& comm)
      : device_(device), model_(model), blocks_(blocks), comm_(comm) {}

  // Whether it sums what these are multiplied with.
  static bool Gathers(TensorStack stack);

  // What is seen from here on is of this layer, until its end; then its sums are there. The end is collective.
  void Begin(int layer) { layer_ = layer; }
  absl::Status End();

  // Null where no token was seen.
  const InputSums* Find(Role role, int layer) const;

  // What layers [first, last) showed, and the same from an earlier run.
  ObservedInputs Between(int first, int last) const;
  void Take(const ObservedInputs& inputs);

  void Routed(absl::Span<const int64_t> tokens) override { routed_.assign(tokens.begin(), tokens.end()); }
  void See(Role role, int slice, ConstMatrix x) override;

 private:
  // Of one slice, in the layer that is passed.
  struct Running {
    explicit Running(int64_t first_block) : next_block(first_block), tree(AddElements<double>) {}

    int64_t count = 0;            // tokens
    int64_t next_block;           // the first that is not in the tree
    std::vector<double> squares;  // of next_block; empty: no token of it yet
    TreeSum<std::vector<double>> tree;
  };

  // Blocks before this one are done.
  absl::Status PassTo(int64_t block, Running& running) const;
  // The sum of the slices of all ranks.
  absl::StatusOr<InputSums> SumOf(TensorStack stack);
  absl::StatusOr<std::vector<double>> SumOf(TensorStack stack, const std::vector<Running*>& slices,
                                            absl::Span<const RankNodes> nodes) const;

  int64_t FirstBlock() const { return blocks_.FirstOf(comm_.rank(), comm_.size()); }
  int64_t EndOfBlocks() const { return blocks_.FirstOf(comm_.rank() + 1, comm_.size()); }

  Device& device_;
  const Model& model_;
  const WindowBlocks blocks_;
  Comm& comm_;
  int layer_ = 0;
  std::vector<int64_t> routed_;  // tokens of this rank
  absl::flat_hash_map<Role, std::vector<Running>> running_;
  absl::Status status_;
  absl::flat_hash_map<std::pair<Role, int>, InputSums> sums_;
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_CALIBRATION_SQUARE_SUMS_H_
