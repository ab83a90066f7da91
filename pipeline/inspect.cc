#include "pipeline/inspect.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "base/status.h"
#include "formats/dtype.h"
#include "formats/tensor_source.h"
#include "formats/tokenizer/vocabulary.h"
#include "pipeline/context_memory.h"
#include "pipeline/output/plan.h"
#include "pipeline/types/container.h"
#include "pipeline/types/quantized_types.h"
#include "pipeline/types/stored_formats.h"
#include "pipeline/types/type_choices.h"
#include "pipeline/types/type_options.h"

namespace nibble {
namespace {

uint64_t Parameters(const Model& model) {
  uint64_t parameters = 0;
  for (const LogicalTensor& tensor : model.tensors) {
    if (std::holds_alternative<StridedView>(tensor.recipe)) parameters += tensor.rows * tensor.cols;
  }
  return parameters;
}

void ListTensors(const TensorSource& source, Inspection& inspection) {
  for (const StoredTensor& stored : source.tensors()) {
    InspectedTensor& tensor = *inspection.add_tensors();
    tensor.set_name(stored.name);
    tensor.set_dtype(std::string(GetDType(stored.dtype).name));
    tensor.mutable_shape()->Add(stored.shape.begin(), stored.shape.end());
    tensor.set_bytes(stored.bytes);
  }
}

void DescribeDTypes(const TensorSource& source, Inspection& inspection) {
  absl::flat_hash_map<DType, DTypeUse> uses;
  for (const StoredTensor& stored : source.tensors()) {
    DTypeUse& use = uses[stored.dtype];
    use.set_dtype(std::string(GetDType(stored.dtype).name));
    use.set_tensors(use.tensors() + 1);
    use.set_elements(use.elements() + stored.elements());
    use.set_bytes(use.bytes() + stored.bytes);
    inspection.set_tensor_bytes(inspection.tensor_bytes() + stored.bytes);
  }
  std::vector<DTypeUse> sorted;
  for (auto& [dtype, use] : uses) sorted.push_back(std::move(use));
  std::sort(sorted.begin(), sorted.end(), [](const DTypeUse& a, const DTypeUse& b) {
    return std::pair(b.bytes(), a.dtype()) < std::pair(a.bytes(), b.dtype());
  });
  for (DTypeUse& use : sorted) *inspection.add_dtypes() = std::move(use);
}

TokenizerFacts DescribeTokenizer(const tokenizer::Vocabulary& vocabulary) {
  TokenizerFacts facts;
  facts.set_algorithm(vocabulary.algorithm == tokenizer::Algorithm::kByteLevelBpe ? "byte-level BPE" : "SentencePiece");
  facts.set_pre(vocabulary.pre);
  facts.set_tokens(vocabulary.tokens.size());
  facts.set_merges(vocabulary.merges.size());
  if (vocabulary.bos) facts.set_bos(*vocabulary.bos);
  if (vocabulary.eos) facts.set_eos(*vocabulary.eos);
  facts.set_has_chat_template(!vocabulary.chat_template.empty());
  return facts;
}

absl::StatusOr<TypeWeight> Weigh(const Model& model, const StoredFormats& stored, uint64_t header_bytes,
                                 const std::string& type) {
  TypeOptions options;
  options.type = type;
  NIBBLE_ASSIGN_OR_RETURN(const TypeChoices choices, ChooseQuantizedTypes(model, stored, options));
  const Plan plan = MakeReport(model, choices, header_bytes);
  TypeWeight weight;
  weight.set_type(type);
  weight.set_bytes(plan.file_bytes());
  weight.set_bits_per_weight(plan.bits_per_weight());
  const auto fell_back = [](const PlannedTensor& tensor) { return absl::StartsWith(tensor.reason(), "fallback"); };
  weight.set_fallbacks(std::count_if(plan.tensors().begin(), plan.tensors().end(), fell_back));
  return weight;
}

}  // namespace

absl::StatusOr<Inspection> Inspect(const Model& model, bool with_tensors) {
  Inspection inspection;
  inspection.set_path(model.path);
  *inspection.mutable_spec() = model.spec;
  inspection.set_parameters(Parameters(model));
  inspection.set_files(model.source.files().size());
  for (const auto& file : model.source.files()) {
    inspection.set_file_bytes(inspection.file_bytes() + file->info().size);
  }
  DescribeDTypes(model.source, inspection);
  if (with_tensors) ListTensors(model.source, inspection);
  if (model.vocabulary) *inspection.mutable_tokenizer() = DescribeTokenizer(*model.vocabulary);
  inspection.set_cache_bytes(MemoryAtContext(model.spec, model.spec.context_length()).cache);
  const StoredFormats stored = FindStoredFormats(model);
  const uint64_t header_bytes = HeaderBytes(model);
  for (const std::string& type : TypeNames(Container::kGguf)) {
    NIBBLE_ASSIGN_OR_RETURN(*inspection.add_types(), Weigh(model, stored, header_bytes, type));
  }
  return inspection;
}

}  // namespace nibble
