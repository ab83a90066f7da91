#include "pipeline/source/open_model.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "base/utf8.h"
#include "converters/families.h"
#include "converters/family.h"
#include "converters/quantization.h"
#include "formats/dtype.h"
#include "formats/foreign_files.h"
#include "formats/gguf/gguf.h"
#include "formats/json/json.h"
#include "formats/safetensors/safetensors.h"
#include "formats/tokenizer/load.h"
#include "formats/tokenizer/pre_tokenizer_table.h"
#include "formats/tokenizer/vocabulary.h"
#include "model/logical_tensor.h"
#include "model/role.h"
#include "model/tensor_list.h"
#include "pipeline/source/residual_basis.h"

namespace nibble {
namespace {

constexpr uint64_t kMaxConfigBytes = 16 << 20;
constexpr absl::string_view kNoTokenizer = "has no tokenizer: text cannot be read, and the output will have none";

bool Exists(io::FileSystem& files, const std::string& path) { return files.Stat(path).ok(); }

// The last name of a path, whatever it ends with: "Llama-3" for "models/Llama-3/".
std::filesystem::path LastName(const std::string& path) {
  const std::filesystem::path normal = std::filesystem::absolute(path).lexically_normal();
  return normal.has_filename() ? normal.filename() : normal.parent_path().filename();
}

// Config, tokenizer and tensor files, but not what was written beside them.
absl::StatusOr<std::vector<io::FileIdentity>> FolderInputs(io::FileSystem& files, const std::string& folder) {
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, files.List(folder));
  std::vector<io::FileIdentity> inputs;
  for (const std::string& name : names) {
    if (absl::EndsWith(name, ".gguf") || absl::EndsWith(name, ".part")) continue;
    const absl::StatusOr<io::FileInfo> info = files.Stat(io::JoinPath(folder, name));
    if (info.ok() && info->kind == io::FileKind::kRegular) inputs.push_back(info->identity);
  }
  return inputs;
}

// config.json, or what Mistral publishes in its place.
absl::StatusOr<json::Document> ReadConfig(io::FileSystem& files, const std::string& folder) {
  std::string path = io::JoinPath(folder, "config.json");
  const std::string params = io::JoinPath(folder, "params.json");
  if (!Exists(files, path) && Exists(files, params)) path = params;
  NIBBLE_ASSIGN_OR_RETURN(std::string text, io::ReadWholeFile(files, path, kMaxConfigBytes));
  return json::Document::Parse(std::move(text), path);
}

void Append(std::vector<std::string>& to, const std::vector<std::string>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

void SetPredictionLayers(const OpenOptions& options, Model& model) {
  if (!options.keep_mtp) model.spec.clear_prediction_layers();
  if (options.keep_mtp && model.spec.prediction_layers_size() == 0) {
    model.warnings.push_back("--keep-mtp: the model has no layers for multi-token prediction");
  }
}

void SetTensors(TensorMap map, Model& model) {
  model.tensors = TensorList(std::move(map.tensors));
  Append(model.warnings, map.warnings);
  const LogicalTensor* embedding = model.Find(Role::kTokenEmbedding);
  const StridedView& view = std::get<StridedView>(embedding->recipe);
  const DTypeInfo& dtype = GetDType(model.source.Find(view.tensor)->dtype);
  model.spec.set_source_bits(dtype.block_bits / dtype.block_elements);
}

absl::Status SetVocabulary(absl::StatusOr<tokenizer::Vocabulary> vocabulary, Model& model) {
  if (absl::IsNotFound(vocabulary.status())) {
    model.warnings.push_back(absl::StrCat(model.path, " ", kNoTokenizer));
    return absl::OkStatus();
  }
  NIBBLE_RETURN_IF_ERROR(vocabulary.status());
  if (vocabulary->tokens.size() != model.spec.vocab_size()) {
    return BadData(absl::StrCat(model.path, ": vocabulary"), absl::StrCat(model.spec.vocab_size(), " tokens"),
                   absl::StrCat(vocabulary->tokens.size()));
  }
  Append(model.warnings, vocabulary->warnings);
  model.vocabulary = *std::move(vocabulary);
  return absl::OkStatus();
}

// An expression has several names where families share it.
void NamePreTokenizer(const Family& family, tokenizer::Vocabulary& vocabulary) {
  const tokenizer::PreTokenizerRow* found = tokenizer::FindPreTokenizer(vocabulary.pre);
  const tokenizer::PreTokenizerRow* own = tokenizer::FindPreTokenizer(family.pre_tokenizer);
  if (found != nullptr && own != nullptr && found->passes == own->passes) vocabulary.pre = std::string(own->name);
}

// Biases that the config tells of may be optional in a family's table; without them its model would be another.
absl::Status CheckBiases(json::Value config, const TensorMap& map) {
  const json::Value told = config.Get("attention_bias");
  NIBBLE_ASSIGN_OR_RETURN(const bool has_biases, told.BoolOr(false));
  const auto is_bias = [](const LogicalTensor& tensor) { return tensor.role == Role::kQueryBias; };
  if (!has_biases || std::any_of(map.tensors.begin(), map.tensors.end(), is_bias)) return absl::OkStatus();
  return told.Error("false, as there are no biases of the queries");
}

absl::StatusOr<Model> OpenFolder(io::FileSystem& files, const std::string& folder, const OpenOptions& options) {
  Model model;
  model.path = folder;
  NIBBLE_ASSIGN_OR_RETURN(model.inputs, FolderInputs(files, folder));
  NIBBLE_RETURN_IF_ERROR(RefuseForeignFolder(files, folder));
  NIBBLE_ASSIGN_OR_RETURN(const json::Document config, ReadConfig(files, folder));
  NIBBLE_RETURN_IF_ERROR(CheckQuantization(config.root()));
  NIBBLE_ASSIGN_OR_RETURN(const Family* family, FindFamily(config.root()));
  NIBBLE_ASSIGN_OR_RETURN(model.spec, family->spec_from_config(config.root()));
  model.spec.set_name(ValidUtf8(LastName(folder).string()));
  SetPredictionLayers(options, model);
  NIBBLE_ASSIGN_OR_RETURN(safetensors::Checkpoint checkpoint, safetensors::OpenFolder(files, folder));
  model.source = std::move(checkpoint.tensors);
  NIBBLE_RETURN_IF_ERROR(CheckQuantizedTensors(config.root(), model.source));
  Append(model.warnings, checkpoint.warnings);
  NIBBLE_ASSIGN_OR_RETURN(TensorMap map, family->tensors_from_checkpoint(model.spec, model.source));
  SetZeroPoints(config.root(), absl::MakeSpan(map.tensors));
  NIBBLE_RETURN_IF_ERROR(CheckBiases(config.root(), map));
  SetTensors(std::move(map), model);
  const tokenizer::LoadOptions load{.pre = options.pre, .vocab_size = model.spec.vocab_size()};
  NIBBLE_RETURN_IF_ERROR(SetVocabulary(tokenizer::LoadFolder(files, folder, load), model));
  if (model.vocabulary && options.pre.empty()) NamePreTokenizer(*family, *model.vocabulary);
  return model;
}

absl::StatusOr<tokenizer::Vocabulary> GgufVocabulary(const gguf::Metadata& metadata, const OpenOptions& options) {
  const absl::string_view key = "tokenizer.ggml.model";
  if (metadata.Find(key) == nullptr || metadata.String(key).value_or("") == "no_vocab") {
    return absl::NotFoundError("no tokenizer");
  }
  NIBBLE_ASSIGN_OR_RETURN(tokenizer::Vocabulary vocabulary, tokenizer::FromGguf(metadata));
  if (!options.pre.empty()) vocabulary.pre = options.pre;
  return vocabulary;
}

absl::StatusOr<Model> OpenGguf(io::FileSystem& files, const std::string& path, const OpenOptions& options) {
  Model model;
  model.path = path;
  NIBBLE_ASSIGN_OR_RETURN(gguf::File file, gguf::Open(files, path));
  model.source = std::move(file.tensors);
  for (const auto& part : model.source.files()) model.inputs.push_back(part->info().identity);
  NIBBLE_ASSIGN_OR_RETURN(const Family* family, FindFamily(file.metadata));
  NIBBLE_ASSIGN_OR_RETURN(model.spec, family->spec_from_gguf(file.metadata, model.source));
  NIBBLE_RETURN_IF_ERROR(BasisFromGguf(file.metadata, model.spec));
  model.spec.set_name(file.metadata.String("general.name").value_or(ValidUtf8(LastName(path).stem().string())));
  SetPredictionLayers(options, model);
  NIBBLE_ASSIGN_OR_RETURN(TensorMap map, family->tensors_from_gguf(model.spec, model.source));
  SetTensors(std::move(map), model);
  NIBBLE_RETURN_IF_ERROR(SetVocabulary(GgufVocabulary(file.metadata, options), model));
  return model;
}

// Whether the file begins as a GGUF does, whatever its name.
absl::StatusOr<bool> IsGguf(io::FileSystem& files, const std::string& path) {
  NIBBLE_ASSIGN_OR_RETURN(const auto file, files.Open(path));
  std::array<char, 4> magic = {};
  if (file->info().size < magic.size()) return false;
  NIBBLE_RETURN_IF_ERROR(file->ReadAt(0, absl::MakeSpan(reinterpret_cast<std::byte*>(magic.data()), magic.size())));
  return absl::string_view(magic.data(), magic.size()) == "GGUF";
}

}  // namespace

absl::StatusOr<Model> OpenModel(io::FileSystem& files, const std::string& path, const OpenOptions& options) {
  NIBBLE_ASSIGN_OR_RETURN(const io::FileInfo info, files.Stat(path));
  if (info.kind == io::FileKind::kDirectory) return OpenFolder(files, path, options);
  NIBBLE_ASSIGN_OR_RETURN(const bool is_gguf, IsGguf(files, path));
  if (is_gguf || absl::EndsWith(path, ".gguf")) return OpenGguf(files, path, options);
  NIBBLE_RETURN_IF_ERROR(RefuseForeignFile(files, path));
  return BadData(path, "a folder with config.json, or a GGUF", "another file");
}

}  // namespace nibble
