#include "pipeline/output/folder_layout.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <map>
#include <utility>
#include <variant>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "formats/dtype.h"
#include "formats/json/quote.h"
#include "model/logical_tensor.h"
#include "model/role.h"
#include "pipeline/output/quantization_config.h"
#include "pipeline/source/published_tensors.h"
#include "quant/block/packing.h"

namespace nibble {
namespace {

using safetensors::TensorInfo;

bool IsFp8(DType dtype) { return dtype == DType::kF8_E4M3 || dtype == DType::kF8_E5M2; }

// "model.norm" of "model.norm.weight".
absl::string_view ModuleOf(absl::string_view tensor) { return tensor.substr(0, tensor.rfind('.')); }

uint64_t BytesOf(const TensorInfo& tensor) {
  uint64_t bits = GetDType(tensor.dtype).block_bits;
  for (const int64_t size : tensor.shape) bits *= size;
  return bits / 8;
}

// What a linear becomes.
std::vector<TensorInfo> PackedTensors(const Packing& packing, const std::string& weight, int64_t rows, int64_t cols) {
  const bool is_int4 = packing.scale_bytes == 2;
  const DType scale = is_int4 ? DType::kBF16 : packing.is_scaled ? DType::kF8_E4M3 : DType::kU8;
  std::vector<TensorInfo> tensors = {
      {weight + "_packed", is_int4 ? DType::kI32 : DType::kU8, {rows, is_int4 ? cols / 8 : cols / 2}},
      {weight + "_scale", scale, {rows, cols / packing.group}}};
  if (is_int4) tensors.push_back({weight + "_shape", DType::kI64, {2}});
  if (packing.is_scaled) tensors.push_back({weight + "_global_scale", DType::kF32, {1}});
  return tensors;
}

// What the experts of a layer become, published as [experts, in, out].
std::vector<TensorInfo> StackedTensors(const FolderLayout& layout, const std::string& weight,
                                       absl::Span<const int64_t> shape) {
  constexpr int64_t kGroup = 32;
  const int64_t experts = shape[0], groups = shape[1] / kGroup, outputs = shape[2];
  return {{absl::StrCat(weight, layout.codes_suffix), DType::kU8, {experts, outputs, groups, kGroup / 2}},
          {absl::StrCat(weight, layout.scales_suffix), DType::kU8, {experts, outputs, groups}}};
}

// As OpenAI publishes it.
constexpr absl::string_view kMxfp4Config = R"({
  "modules_to_not_convert": [
    "model.layers.*.self_attn",
    "model.layers.*.mlp.router",
    "model.embed_tokens",
    "lm_head"
  ],
  "quant_method": "mxfp4"
})";

class Builder {
 public:
  Builder(const Model& model, Container container, absl::Span<const OutputTensor> tensors)
      : model_(model), is_mxfp4_(container == Container::kMxfp4) {
    if (is_mxfp4_) {
      layout_.codes_suffix = "_blocks";
      layout_.scales_suffix = "_scales";
    }
    for (const OutputTensor& tensor : tensors) {
      for (const LogicalTensor& slice : tensor.published) Use(tensor, slice);
    }
    for (const StoredTensor& stored : model.source.tensors()) {
      if (IsFp8(stored.dtype) && !users_.contains(stored.name)) decoded_.insert(ModuleOf(stored.name));
    }
  }

  FolderLayout Build(uint64_t max_shard_bytes) {
    for (const StoredTensor& stored : model_.source.tensors()) Place(stored);
    if (model_.spec.tied_embeddings()) quantized_.ignored.push_back("lm_head");  // a module without a tensor of its own
    if (!quantized_.modules.empty() || is_mxfp4_) {
      layout_.quantization_config = is_mxfp4_ ? std::string(kMxfp4Config) : QuantizationConfig(quantized_);
    }
    std::sort(layout_.copies.begin(), layout_.copies.end(), [](const StoredTensor* a, const StoredTensor* b) {
      return std::pair(a->file, a->offset) < std::pair(b->file, b->offset);
    });
    CutFiles(max_shard_bytes);
    return std::move(layout_);
  }

 private:
  struct User {
    const OutputTensor* tensor;
    const LogicalTensor* slice;
  };

  void Use(const OutputTensor& tensor, const LogicalTensor& slice) {
    const StridedView& view = std::get<StridedView>(slice.recipe);
    users_[view.tensor] = {&tensor, &slice};
    if ((view.scales || view.words) && !IsCopied(tensor)) decoded_.insert(ModuleOf(view.tensor));
  }

  // From one folder to the other: what is published is what is read.
  static bool IsCopied(const OutputTensor& tensor) {
    return tensor.keep_bits && tensor.published.data() == tensor.slices.data();
  }

  void Place(const StoredTensor& stored) {
    const auto user = users_.find(stored.name);
    if (user == users_.end()) {
      if (!decoded_.contains(ModuleOf(stored.name))) Copy(stored);
      return;
    }
    const auto [tensor, slice] = user->second;
    const std::string weight = WeightName(std::get<StridedView>(slice->recipe));
    const std::string module(ModuleOf(weight));
    if (IsCopied(*tensor)) {
      if (const auto packed = PackedFormat(*slice)) quantized_.modules.emplace_back(module, *packed);
      Copy(stored);
    } else if (is_mxfp4_ && tensor->format == Format::kMXFP4) {
      const auto shape = ElementsShape(model_.source, std::get<StridedView>(slice->recipe));
      for (TensorInfo& part : StackedTensors(layout_, weight, shape)) Add(std::move(part));
    } else if (const Packing* packing = FindPacking(tensor->format)) {
      quantized_.modules.emplace_back(module, tensor->format);
      for (TensorInfo& part : PackedTensors(*packing, weight, slice->rows, slice->cols)) Add(std::move(part));
    } else {
      Ignore(stored, weight);
      Add({weight, DTypeOf(tensor->format), ElementsShape(model_.source, std::get<StridedView>(slice->recipe))});
    }
  }

  void Copy(const StoredTensor& stored) {
    layout_.copies.push_back(&stored);
    Ignore(stored, stored.name);
    Add({stored.name, stored.dtype, stored.shape});
  }

  // Where it may be a linear's.
  void Ignore(const StoredTensor& stored, absl::string_view name) {
    const auto user = users_.find(stored.name);
    const bool is_embedding = user != users_.end() && user->second.slice->role == Role::kTokenEmbedding;
    if (stored.shape.size() != 2 || is_embedding || !absl::EndsWith(name, ".weight")) return;
    quantized_.ignored.emplace_back(ModuleOf(name));
  }

  void Add(TensorInfo tensor) {
    layout_.tensor_bytes += BytesOf(tensor);
    tensors_.push_back(std::move(tensor));
  }

  void CutFiles(uint64_t max_bytes) {
    std::vector<std::vector<TensorInfo>> shards(1);
    uint64_t bytes = 0;
    for (TensorInfo& tensor : tensors_) {
      if (bytes > 0 && bytes + BytesOf(tensor) > max_bytes) {
        shards.emplace_back();
        bytes = 0;
      }
      bytes += BytesOf(tensor);
      shards.back().push_back(std::move(tensor));
    }
    for (size_t i = 0; i < shards.size(); ++i) AddFile(shards[i], i, shards.size());
    if (shards.size() > 1) layout_.index = Index();
  }

  void AddFile(std::vector<TensorInfo>& tensors, size_t place, size_t count) {
    // By falling size of element, so that all of them are aligned.
    std::stable_sort(tensors.begin(), tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
      return GetDType(a.dtype).block_bits > GetDType(b.dtype).block_bits;
    });
    FolderLayout::File file{.name = "model.safetensors", .layout = MakeLayout(tensors, {{"format", "pt"}})};
    if (count > 1) file.name = absl::StrFormat("model-%05d-of-%05d.safetensors", place + 1, count);
    for (size_t i = 0; i < tensors.size(); ++i) {
      layout_.places[tensors[i].name] = {static_cast<uint32_t>(place), file.layout.offsets[i], BytesOf(tensors[i]),
                                         layout_.names.size()};
      layout_.names.push_back(tensors[i].name);
    }
    layout_.file_bytes += file.layout.file_bytes;
    layout_.files.push_back(std::move(file));
  }

  std::string Index() const {
    std::map<std::string, std::string> entries;
    for (const auto& [name, place] : layout_.places) entries[name] = layout_.files[place.file].name;
    const std::string map = absl::StrJoin(entries, ",\n", [](std::string* out, const auto& entry) {
      absl::StrAppend(out, "    ", json::Quote(entry.first), ": ", json::Quote(entry.second));
    });
    return absl::StrCat("{\n  \"metadata\": {\n    \"total_size\": ", layout_.tensor_bytes,
                        "\n  },\n  \"weight_map\": {\n", map, "\n  }\n}\n");
  }

  const Model& model_;
  const bool is_mxfp4_;
  absl::flat_hash_map<absl::string_view, User> users_;  // one of those that are read from a stored tensor
  absl::flat_hash_set<absl::string_view> decoded_;      // modules whose scales and the like are not copied
  std::vector<TensorInfo> tensors_;
  QuantizedModules quantized_;
  FolderLayout layout_;
};

}  // namespace

FolderLayout LayOutFolder(const Model& model, Container container, absl::Span<const OutputTensor> tensors,
                          uint64_t max_shard_bytes) {
  return Builder(model, container, tensors).Build(max_shard_bytes);
}

FolderBytes BytesInFolder(TensorStack published, Format format, int digits) {
  const Packing* packing = FindPacking(format);
  std::vector<TensorInfo> parts;
  for (const LogicalTensor& slice : published) {
    const std::string weight = WeightName(std::get<StridedView>(slice.recipe));
    if (packing == nullptr) {
      parts.push_back({weight, DTypeOf(format), {slice.rows, slice.cols}});
      continue;
    }
    for (TensorInfo& part : PackedTensors(*packing, weight, slice.rows, slice.cols)) parts.push_back(std::move(part));
  }
  const uint64_t entries = safetensors::MakeLayout(parts, {}).file_bytes - safetensors::MakeLayout({}, {}).file_bytes;
  return {entries, entries + 2 * digits * parts.size()};
}

}  // namespace nibble
