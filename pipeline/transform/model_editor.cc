#include "pipeline/transform/model_editor.h"

#include <algorithm>
#include <cassert>
#include <memory>

#include "model/tensor_list.h"

namespace nibble {
namespace {

// Folds are shared between copies of a tensor: a further step makes a new one.
Fold FoldOf(const LogicalTensor& tensor) { return tensor.fold == nullptr ? Fold() : *tensor.fold; }

}  // namespace

ModelEditor::ModelEditor(const Model& model)
    : original_(model), spec_(model.spec), tensors_(model.tensors.begin(), model.tensors.end()) {
  Index();
}

void ModelEditor::Index() {
  stacks_.clear();
  for (size_t i = 0; i < tensors_.size(); ++i) {
    auto& [first, count] = stacks_.try_emplace({tensors_[i].role, tensors_[i].layer}, i, 0).first->second;
    ++count;
  }
}

absl::Span<LogicalTensor> ModelEditor::Slices(Role role, int layer, int slice) {
  const auto found = stacks_.find({role, layer});
  if (found == stacks_.end()) return {};
  const auto [first, count] = found->second;
  const absl::Span<LogicalTensor> slices = absl::MakeSpan(tensors_).subspan(first, count);
  return slice < 0 ? slices : slices.subspan(slice, 1);
}

void ModelEditor::MapRows(Role role, int layer, const FoldStep& step, int slice) {
  for (LogicalTensor& tensor : Slices(role, layer, slice)) {
    Fold fold = FoldOf(tensor);
    fold.rows.push_back(step);
    tensor.fold = std::make_shared<Fold>(std::move(fold));
  }
}

void ModelEditor::MapCols(Role role, int layer, const FoldStep& step, int slice) {
  for (LogicalTensor& tensor : Slices(role, layer, slice)) {
    Fold fold = FoldOf(tensor);
    fold.cols.push_back(step);
    tensor.fold = std::make_shared<Fold>(std::move(fold));
  }
}

void ModelEditor::Replace(Role role, int layer, const Constants& values) {
  for (LogicalTensor& tensor : Slices(role, layer, -1)) {
    assert(tensor.is_vector && tensor.cols == static_cast<int64_t>(values.size()));
    tensor.recipe = values;
    tensor.fold = nullptr;
  }
}

void ModelEditor::Untie() {
  assert(spec_.tied_embeddings());
  LogicalTensor output = Slices(Role::kTokenEmbedding, -1, -1)[0];
  output.role = Role::kOutput;
  output.gguf_name = {};
  const auto behind = std::find_if(tensors_.rbegin(), tensors_.rend(), [](const LogicalTensor& tensor) {
    return tensor.role == Role::kOutputNorm || tensor.role == Role::kOutputNormBias;
  });
  tensors_.insert(behind.base(), std::move(output));
  spec_.set_tied_embeddings(false);
  Index();
}

Model ModelEditor::Finish() {
  Model model;
  model.path = original_.path;
  model.spec = std::move(spec_);
  model.source = original_.source;
  model.tensors = TensorList(std::move(tensors_));
  model.vocabulary = original_.vocabulary;
  model.inputs = original_.inputs;
  model.warnings = original_.warnings;
  return model;
}

}  // namespace nibble
