#include "pipeline/output/plan.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "converters/families.h"
#include "converters/family.h"
#include "formats/dtype.h"
#include "formats/json/object.h"
#include "formats/tokenizer/load.h"
#include "model/logical_tensor.h"
#include "model/role.h"
#include "model/tensor_list.h"
#include "pipeline/output/manifest.h"
#include "pipeline/source/publication.h"
#include "pipeline/source/residual_basis.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

constexpr uint32_t kQuantizationVersion = 2;  // of GGUF's block layouts

int64_t ElementsOf(TensorStack slices) { return slices.size() * slices[0].rows * slices[0].cols; }

int64_t Elements(const Model& model) {
  int64_t elements = 0;
  for (const LogicalTensor& tensor : model.tensors) elements += tensor.rows * tensor.cols;
  return elements;
}

// "1.8M", "70B": two digits, as llama.cpp's converter labels a model.
std::string SizeLabel(int64_t parameters) {
  constexpr std::pair<double, const char*> kUnits[] = {{1e12, "T"}, {1e9, "B"}, {1e6, "M"}};
  double scaled = parameters * 1e-3;
  const char* suffix = "K";
  for (const auto& [unit, name] : kUnits) {
    if (parameters <= unit) continue;
    scaled = parameters / unit;
    suffix = name;
    break;
  }
  return absl::StrFormat("%.*f%s", std::nearbyint(scaled) < 10 ? 1 : 0, scaled, suffix);
}

// "8x7B" for a mixture of experts: their number, and what all else and one expert of each layer have.
std::string SizeLabel(const Model& model) {
  int64_t parameters = 0;
  size_t experts = 0;
  for (const TensorStack slices : model.tensors.stacks()) {
    const bool is_expert = GetRole(slices[0].role).is_expert && !slices[0].is_vector;
    if (is_expert) experts = slices.size();
    parameters += is_expert ? slices[0].rows * slices[0].cols : ElementsOf(slices);
  }
  return absl::StrCat(experts > 0 ? absl::StrCat(experts, "x") : "", SizeLabel(parameters));
}

Plan MakeReport(const Model& model, const TypeChoices& choices, const std::vector<OutputTensor>& tensors,
                uint64_t file_bytes) {
  Plan report;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const TensorStack slices = tensors[i].slices;
    const BlockFormat& format = GetFormat(tensors[i].format);
    PlannedTensor& planned = *report.add_tensors();
    planned.set_name(tensors[i].name);
    for (const int64_t size : ShapeOf(slices)) planned.add_shape(size);
    planned.set_source_type(SourceType(model, slices[0]));
    planned.set_type(std::string(format.name));
    planned.set_bytes(format.BytesFor(ElementsOf(slices)));
    planned.set_reason(choices.each[i].reason);
    report.set_tensor_bytes(report.tensor_bytes() + planned.bytes());
  }
  for (const StoredTensor& stored : model.source.tensors()) {
    report.set_source_bytes(report.source_bytes() + stored.bytes);
  }
  report.set_file_bytes(file_bytes);
  report.set_bits_per_weight(report.tensor_bytes() * 8.0 / std::max<int64_t>(Elements(model), 1));
  report.set_type(choices.name);
  report.mutable_warnings()->Add(choices.warnings.begin(), choices.warnings.end());
  if (choices.fit) *report.mutable_fit() = *choices.fit;
  return report;
}

std::vector<OutputTensor> MakeTensors(const Model& model, const TypeChoices& choices) {
  const absl::Span<const TensorStack> stacks = model.tensors.stacks();
  assert(choices.each.size() == stacks.size());
  std::vector<OutputTensor> tensors;
  for (size_t i = 0; i < stacks.size(); ++i) {
    const TypeChoice& choice = choices.each[i];
    tensors.push_back({i, stacks[i], GgufName(stacks[i][0]), choice.format, choice.keep_bits});
  }
  return tensors;
}

// Under torch's name: what the token embedding is in.
absl::string_view TorchDType(const Model& model, const TypeChoices& choices) {
  const absl::Span<const TensorStack> stacks = model.tensors.stacks();
  for (size_t i = 0; i < stacks.size(); ++i) {
    if (stacks[i][0].role != Role::kTokenEmbedding) continue;
    if (choices.each[i].format == Format::kF32) return "float32";
    if (choices.each[i].format == Format::kF16) return "float16";
  }
  return "bfloat16";
}

std::string ConfigOf(const Publication& publication, const TypeChoices& choices, const FolderLayout& folder) {
  json::Object config = publication.config;
  config.SetString("torch_dtype", TorchDType(publication.model, choices));
  if (!folder.quantization_config.empty()) config.Set("quantization_config", folder.quantization_config);
  return config.Text() + "\n";
}

std::vector<gguf::TensorInfo> InfosOf(const std::vector<OutputTensor>& tensors) {
  std::vector<gguf::TensorInfo> infos;
  for (const OutputTensor& tensor : tensors) {
    infos.push_back({tensor.name, DTypeOf(tensor.format), ShapeOf(tensor.slices)});
  }
  return infos;
}

// Of its text: behind the key, the value's type and its length. No tensor has a name like that key.
uint64_t ManifestAt(const std::string& header) {
  return header.rfind(kManifestKey) + sizeof(kManifestKey) - 1 + sizeof(uint32_t) + sizeof(uint64_t);
}

}  // namespace

std::vector<int64_t> ShapeOf(TensorStack slices) {
  std::vector<int64_t> shape;
  if (slices[0].slice >= 0) shape.push_back(slices.size());
  if (!slices[0].is_vector) shape.push_back(slices[0].rows);
  shape.push_back(slices[0].cols);
  return shape;
}

gguf::Metadata GgufMetadata(const Model& model, uint32_t file_type) {
  gguf::Metadata metadata;
  metadata.Set("general.architecture", model.spec.architecture());
  metadata.Set("general.type", std::string("model"));
  metadata.Set("general.name", model.spec.name());
  metadata.Set("general.size_label", SizeLabel(model));
  FamilyOf(model.spec).spec_to_gguf(model.spec, metadata);
  BasisToGguf(model.spec, metadata);
  metadata.Set("general.file_type", file_type);
  metadata.Set("general.quantization_version", kQuantizationVersion);
  if (model.vocabulary) {
    tokenizer::ToGguf(*model.vocabulary, metadata);
  } else {
    metadata.Set("tokenizer.ggml.model", std::string("no_vocab"));  // llama.cpp loads no file without this key
  }
  return metadata;
}

std::string SourceType(const Model& model, const LogicalTensor& tensor) {
  const StridedView* view = std::get_if<StridedView>(&tensor.recipe);
  if (view == nullptr) return "config";
  if (view->packed == Format::kF4) return "MXFP4";
  if (view->packed) return std::string(GetFormat(*view->packed).name);
  if (view->words) {
    return absl::StrCat(view->words->order == WordCodes::Order::kInputs ? "GPTQ" : "AWQ", " INT", view->words->bits);
  }
  return std::string(GetDType(model.source.Find(view->tensor)->dtype).name);
}

OutputPlan MakePlan(const Model& model, const TypeChoices& choices, const Manifest& manifest) {
  OutputPlan plan;
  plan.tensors = MakeTensors(model, choices);
  plan.manifest = manifest;
  for (const OutputTensor& tensor : plan.tensors) plan.manifest.add_tensors()->set_name(tensor.name);
  plan.manifest_room = ManifestRoom(model, plan.manifest);
  gguf::Metadata metadata = GgufMetadata(model, choices.file_type);
  metadata.Set(kManifestKey, std::string(plan.manifest_room, ' '));
  plan.layout = gguf::MakeLayout(metadata, InfosOf(plan.tensors));
  plan.manifest_at = ManifestAt(plan.layout.header);
  plan.report = MakeReport(model, choices, plan.tensors, plan.layout.file_bytes);
  return plan;
}

OutputPlan MakeFolderPlan(const Model& model, const TypeChoices& choices, uint64_t max_shard_bytes,
                          const Manifest& manifest) {
  const Model& published = choices.publication == nullptr ? model : choices.publication->model;
  std::vector<OutputTensor> all;
  TypeChoices its_choices = choices;
  its_choices.each.clear();
  OutputPlan plan;
  plan.manifest = manifest;
  for (OutputTensor& tensor : MakeTensors(model, choices)) {
    const StridedView* view = std::get_if<StridedView>(&tensor.slices[0].recipe);
    if (view == nullptr) continue;  // the config says them
    its_choices.each.push_back(choices.each[tensor.place]);
    tensor.published = published.tensors.stacks()[tensor.place];
    tensor.surplus = std::get<StridedView>(tensor.published[0].recipe).add - view->add;
    all.push_back(tensor);
    if (tensor.keep_bits && choices.publication == nullptr) continue;
    tensor.place = plan.tensors.size();
    plan.tensors.push_back(std::move(tensor));
  }
  plan.folder = LayOutFolder(published, choices.container, all, max_shard_bytes);
  for (const std::string& name : plan.folder->names) plan.manifest.add_tensors()->set_name(name);
  plan.report = MakeReport(model, its_choices, all, plan.folder->file_bytes);
  plan.publication = choices.publication;
  if (plan.publication != nullptr) plan.config = ConfigOf(*plan.publication, choices, *plan.folder);
  return plan;
}

uint64_t HeaderBytes(const Model& model) {
  const TypeChoices any{.each = std::vector<TypeChoice>(model.tensors.stacks().size())};
  return MakePlan(model, any).layout.header.size();
}

Plan MakeReport(const Model& model, const TypeChoices& choices, uint64_t header_bytes) {
  const std::vector<OutputTensor> tensors = MakeTensors(model, choices);
  const gguf::Layout layout = gguf::MakeLayout(gguf::Metadata(), InfosOf(tensors));
  return MakeReport(model, choices, tensors, header_bytes + layout.file_bytes - layout.header.size());
}

uint64_t PlacedBytes(TensorStack slices, Format format) {
  const gguf::Layout layout = gguf::MakeLayout(gguf::Metadata(), {{"tensor", DTypeOf(format), ShapeOf(slices)}});
  return layout.file_bytes - layout.header.size();
}

}  // namespace nibble
