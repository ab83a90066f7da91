// Scales of channels, from one linear map to the next with nothing between that is not linear in the channel: norm ->
// its readers, values -> attention output, up -> down.
#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "converters/family.h"
#include "model/fold.h"
#include "model/model_spec.pb.h"
#include "model/tensor_list.h"
#include "pipeline/calibration/up_down.h"
#include "pipeline/transform/folds.h"
#include "quant/transform/awq_scales.h"

namespace nibble {
namespace {

FoldScales Multiply(std::vector<float> factors) {
  return {std::make_shared<const std::vector<float>>(std::move(factors))};
}

FoldScales DivideBy(const FoldScales& scales, int64_t begin = 0) { return {scales.factors, true, begin}; }

class AwqFold {
 public:
  explicit AwqFold(const FoldJob& job) : job_(job), model_(job.editor.original()) {
    if (job.statistics == nullptr) return;
    for (const imatrix::Entry& entry : job.statistics->entries) entries_[entry.name] = &entry;
  }

  absl::Status Run() {
    for (int layer = 0; layer < model_.spec.layers_size(); ++layer) {
      for (const NormReaders& norm : LayerNorms()) NIBBLE_RETURN_IF_ERROR(FoldNorm(norm, layer));
      NIBBLE_RETURN_IF_ERROR(FoldHeads(layer));
      for (const UpDown& pair : UpDowns()) NIBBLE_RETURN_IF_ERROR(FoldUpDown(pair, layer));
    }
    for (const auto& [what, layers] : left_out_) {
      job_.notes.push_back(absl::StrCat("--transform awq: left out ", what, ", in ", layers, " layers"));
    }
    return absl::OkStatus();
  }

 private:
  bool Has(Role role, int layer) const { return !model_.tensors.Find(role, layer).empty(); }

  // Whether none of them must keep its bits; notes the one that must.
  bool MayChange(absl::string_view fold, absl::Span<const Role> roles, int layer) {
    for (const Role role : roles) {
      if (KeptInFourBits(job_, role, layer).empty()) continue;
      ++left_out_[absl::StrCat(fold, ", as ", GetRole(role).gguf_name, " is published in 4 bits")];
      return false;
    }
    return true;
  }

  // Of the inputs of a linear, one per column; zeros where nothing is known.
  absl::StatusOr<std::vector<float>> MeanSquares(Role role, int layer, int slice = -1) const {
    const TensorStack stack = model_.tensors.Find(role, layer);
    std::vector<float> unknown(stack[0].cols);
    const auto entry = entries_.find(GgufName(stack[0]));
    if (entry == entries_.end()) return unknown;
    NIBBLE_ASSIGN_OR_RETURN(std::vector<float> means,
                            imatrix::MeanSquares(*entry->second, stack.size(), stack[0].cols, std::max(slice, 0)));
    return means.empty() ? std::move(unknown) : std::move(means);
  }

  std::vector<float> Scales(absl::Span<const float> mean_squares) const {
    return AwqScales(mean_squares, job_.transform.alpha);
  }

  absl::Status FoldNorm(const NormReaders& norm, int layer) {
    const auto leader = std::find_if(norm.readers.begin(), norm.readers.end(),
                                     [&](Role role) { return Has(role, layer) && !GetRole(role).is_expert; });
    if (leader == norm.readers.end()) return absl::OkStatus();
    if (!MayChange(absl::StrCat(GetRole(norm.weight).gguf_name, " -> its readers"), norm.readers, layer)) {
      return absl::OkStatus();
    }
    NIBBLE_ASSIGN_OR_RETURN(const std::vector<float> squares, MeanSquares(*leader, layer));
    const FoldScales scales = Multiply(Scales(squares));
    job_.editor.MapCols(norm.weight, layer, DivideBy(scales));
    if (norm.bias) job_.editor.MapCols(*norm.bias, layer, DivideBy(scales));
    for (const Role role : norm.readers) job_.editor.MapCols(role, layer, scales);
    return absl::OkStatus();
  }

  // Heads that share values share their scales, which suit the mean of what the heads give.
  absl::Status FoldHeads(int layer) {
    if (!MayChange("attn_v -> attn_output", {Role::kQueryKeyValue, Role::kValue, Role::kValueB, Role::kAttentionOutput},
                   layer)) {
      return absl::OkStatus();
    }
    const Attention& attention = model_.spec.layers(layer).attention();
    const int64_t length = attention.value_length(), heads = attention.heads();
    const int64_t groups = attention.has_latent() ? heads : attention.kv_heads(), shared_by = heads / groups;
    NIBBLE_ASSIGN_OR_RETURN(const std::vector<float> squares, MeanSquares(Role::kAttentionOutput, layer));
    const auto channel = [&](int64_t i) { return i / length / shared_by * length + i % length; };
    std::vector<float> means(groups * length);
    for (int64_t i = 0; i < heads * length; ++i) means[channel(i)] += squares[i] / shared_by;
    const FoldScales of_values = Multiply(Scales(means));
    std::vector<float> of_output(heads * length);
    for (int64_t i = 0; i < heads * length; ++i) of_output[i] = (*of_values.factors)[channel(i)];

    ModelEditor& editor = job_.editor;
    const int64_t queries_and_keys = (heads + groups) * attention.key_length();
    editor.MapRows(Role::kQueryKeyValue, layer, DivideBy(of_values, queries_and_keys));
    editor.MapCols(Role::kQueryKeyValueBias, layer, DivideBy(of_values, queries_and_keys));
    editor.MapRows(Role::kValue, layer, DivideBy(of_values));
    editor.MapCols(Role::kValueBias, layer, DivideBy(of_values));
    for (int64_t head = 0; Has(Role::kValueB, layer) && head < heads; ++head) {
      const auto first = of_values.factors->begin() + head * length;
      editor.MapRows(Role::kValueB, layer, DivideBy(Multiply({first, first + length})), head);
    }
    editor.MapCols(Role::kAttentionOutput, layer, Multiply(std::move(of_output)));
    return absl::OkStatus();
  }

  absl::Status FoldUpDown(const UpDown& pair, int layer) {
    if (!Has(pair.up, layer)) return absl::OkStatus();
    const std::string fold = absl::StrCat(GetRole(pair.up).gguf_name, " -> ", GetRole(pair.down).gguf_name);
    if (!IsLinearInUp(model_.spec.layers(layer).feed_forward())) {
      ++left_out_[absl::StrCat(fold, ", as the activation between them is not linear in it")];
      return absl::OkStatus();
    }
    if (!MayChange(fold, {pair.up, pair.down}, layer)) return absl::OkStatus();
    for (const LogicalTensor& up : model_.tensors.Find(pair.up, layer)) {
      NIBBLE_ASSIGN_OR_RETURN(const std::vector<float> squares, MeanSquares(pair.down, layer, up.slice));
      const FoldScales scales = Multiply(Scales(squares));
      job_.editor.MapRows(pair.up, layer, DivideBy(scales), up.slice);
      if (pair.up_bias) job_.editor.MapCols(*pair.up_bias, layer, DivideBy(scales), up.slice);
      job_.editor.MapCols(pair.down, layer, scales, up.slice);
    }
    return absl::OkStatus();
  }

  const FoldJob& job_;
  const Model& model_;
  absl::flat_hash_map<std::string, const imatrix::Entry*> entries_;
  std::map<std::string, int> left_out_;  // what, and why -> in how many layers
};

}  // namespace

absl::Status FoldAwq(const FoldJob& job) { return AwqFold(job).Run(); }

}  // namespace nibble
