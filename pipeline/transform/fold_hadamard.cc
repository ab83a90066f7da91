// The residual stream: an RMS norm without gain does not see a rotation of what it norms, so that whatever writes to
// the stream may write rotated, and whatever reads it read so. The gains, which come between, move into the readers
// first.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "converters/family.h"
#include "model/fold.h"
#include "model/logical_tensor.h"
#include "model/model_spec.pb.h"
#include "pipeline/transform/folds.h"
#include "quant/transform/hadamard.h"

namespace nibble {
namespace {

// Blocks below a format's own would spread nothing; those above 128 hardly gain more.
constexpr int64_t kSmallest = 32, kLargest = 128;

constexpr Role kWriters[] = {Role::kAttentionOutput, Role::kDown, Role::kExpertDown, Role::kSharedDown};
constexpr Role kWriterBiases[] = {Role::kAttentionOutputBias, Role::kDownBias, Role::kExpertDownBias};

absl::Status Check(const FoldJob& job) {
  const Model& model = job.editor.original();
  const ModelSpec& spec = model.spec;
  if (spec.norm().kind() != Norm::RMS) {
    return DoesNotFold(job, "with RMS norms", "LayerNorm, which takes the mean off");
  }
  if (spec.residual_hadamard() != 0) return DoesNotFold(job, "that is not rotated", "one that is");
  if (HadamardBlock(spec.hidden_size(), kLargest) < kSmallest) {
    return DoesNotFold(job, absl::StrCat("of a width that ", kSmallest, " divides"), absl::StrCat(spec.hidden_size()));
  }
  if (spec.prediction_layers_size() > 0) {
    return DoesNotFold(job, "without layers for multi-token prediction", "some (--keep-mtp)");
  }
  for (int layer = 0; layer < spec.layers_size(); ++layer) {
    for (const Role role : {Role::kPostAttentionNorm, Role::kPostFeedForwardNorm}) {
      if (const LogicalTensor* norm = model.Find(role, layer); norm != nullptr) {
        return DoesNotFold(job, "without norms of what is added to the residual stream", GgufName(*norm));
      }
    }
    std::vector<Role> folded(std::begin(kWriters), std::end(kWriters));
    for (const NormReaders& norm : LayerNorms()) {
      if (norm.of_stream) folded.insert(folded.end(), norm.readers.begin(), norm.readers.end());
    }
    for (const Role role : folded) {
      if (const std::string kept = KeptInFourBits(job, role, layer); !kept.empty()) {
        return DoesNotFold(job, "that is not published in 4 bits", kept);
      }
    }
  }
  return absl::OkStatus();
}

// The readers take the norm's gain and undo the rotation.
absl::Status MoveGain(const FoldJob& job, Role norm, int layer, absl::Span<const Role> readers,
                      const FoldHadamard& rotation) {
  const Model& model = job.editor.original();
  const LogicalTensor& tensor = *model.Find(norm, layer);
  auto gain = std::make_shared<std::vector<float>>(tensor.cols);
  NIBBLE_RETURN_IF_ERROR(ReadRows(model.source, tensor, 0, 1, absl::MakeSpan(*gain)));
  for (const Role role : readers) {
    job.editor.MapCols(role, layer, FoldScales{gain});
    job.editor.MapCols(role, layer, rotation);
  }
  job.editor.Replace(norm, layer, Constants(tensor.cols, 1));
  return absl::OkStatus();
}

}  // namespace

absl::Status FoldHadamardStream(const FoldJob& job) {
  NIBBLE_RETURN_IF_ERROR(Check(job));
  ModelEditor& editor = job.editor;
  const FoldHadamard rotation{HadamardBlock(editor.spec().hidden_size(), kLargest)};
  if (editor.spec().tied_embeddings()) editor.Untie();
  for (const Role role : {Role::kTokenEmbedding, Role::kPositionEmbedding}) editor.MapCols(role, -1, rotation);
  NIBBLE_RETURN_IF_ERROR(MoveGain(job, Role::kOutputNorm, -1, {Role::kOutput}, rotation));
  for (int layer = 0; layer < editor.spec().layers_size(); ++layer) {
    for (const NormReaders& norm : LayerNorms()) {
      if (norm.of_stream) NIBBLE_RETURN_IF_ERROR(MoveGain(job, norm.weight, layer, norm.readers, rotation));
    }
    for (const Role role : kWriters) editor.MapRows(role, layer, rotation);
    for (const Role role : kWriterBiases) editor.MapCols(role, layer, rotation);
  }
  editor.spec().set_residual_hadamard(rotation.block);
  return absl::OkStatus();
}

}  // namespace nibble
