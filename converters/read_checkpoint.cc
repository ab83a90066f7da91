#include "converters/read_checkpoint.h"

#include <filesystem>
#include <memory>
#include <utility>

#include "absl/types/span.h"
#include "base/status.h"
#include "converters/families.h"
#include "formats/dtype.h"
#include "formats/io/file.h"
#include "formats/json/json.h"
#include "formats/safetensors/safetensors.h"
#include "gtest/gtest.h"
#include "model/logical_tensor.h"

namespace nibble {
namespace {

TensorSource GgufTensors(const TensorMap& map) {
  std::vector<StoredTensor> tensors;
  for (const LogicalTensor& tensor : map.tensors) {
    if (tensor.slice > 0) continue;
    StoredTensor stored{.name = GgufName(tensor), .dtype = DType::kF32, .shape = {tensor.cols}};
    if (!tensor.is_vector) stored.shape.insert(stored.shape.begin(), tensor.rows);
    tensors.push_back(std::move(stored));
  }
  std::vector<std::unique_ptr<io::ReadableFile>> files(1);  // never read
  return TensorSource::Create(std::move(files), std::move(tensors)).value();
}

}  // namespace

std::vector<std::string> CheckpointRead::Names() const {
  std::vector<std::string> names;
  for (const LogicalTensor& tensor : map.tensors) {
    if (tensor.slice <= 0) names.push_back(GgufName(tensor));
  }
  return names;
}

std::vector<float> CheckpointRead::Values(absl::string_view gguf_name) const {
  std::vector<float> values;
  for (const LogicalTensor& tensor : map.tensors) {
    if (GgufName(tensor) != gguf_name) continue;
    std::vector<float> slice(tensor.rows * tensor.cols);
    EXPECT_EQ(ReadRows(source, tensor, 0, tensor.rows, absl::MakeSpan(slice)), absl::OkStatus());
    values.insert(values.end(), slice.begin(), slice.end());
  }
  EXPECT_FALSE(values.empty()) << gguf_name;
  return values;
}

absl::StatusOr<ModelSpec> SpecOfConfig(const std::string& config) {
  NIBBLE_ASSIGN_OR_RETURN(const json::Document document, json::Document::Parse(config, "config.json"));
  NIBBLE_ASSIGN_OR_RETURN(const Family* family, FindFamily(document.root()));
  return family->spec_from_config(document.root());
}

absl::StatusOr<CheckpointRead> ReadCheckpoint(const TestCheckpoint& checkpoint) {
  CheckpointRead read;
  NIBBLE_ASSIGN_OR_RETURN(const json::Document config, json::Document::Parse(checkpoint.ConfigText(), "config.json"));
  NIBBLE_ASSIGN_OR_RETURN(read.family, FindFamily(config.root()));
  NIBBLE_ASSIGN_OR_RETURN(read.spec, read.family->spec_from_config(config.root()));
  const std::string folder = testing::TempDir() + "/checkpoint";
  std::filesystem::create_directories(folder);
  NIBBLE_RETURN_IF_ERROR(checkpoint.Write(folder));
  NIBBLE_ASSIGN_OR_RETURN(safetensors::Checkpoint file, safetensors::OpenFolder(io::Posix(), folder));
  read.source = std::move(file.tensors);
  NIBBLE_ASSIGN_OR_RETURN(read.map, read.family->tensors_from_checkpoint(read.spec, read.source));
  return read;
}

gguf::Metadata KeysOf(const CheckpointRead& read) {
  gguf::Metadata metadata("x.gguf");
  metadata.Set("general.architecture", read.spec.architecture());
  for (const Family* family : Families()) {
    if (family->name == read.spec.family()) family->spec_to_gguf(read.spec, metadata);
  }
  return metadata;
}

absl::StatusOr<ModelSpec> ThroughGguf(const CheckpointRead& read, const std::function<void(gguf::Metadata&)>& change) {
  gguf::Metadata metadata = KeysOf(read);
  if (change) change(metadata);
  NIBBLE_ASSIGN_OR_RETURN(const Family* family, FindFamily(metadata));
  return family->spec_from_gguf(metadata, GgufTensors(read.map));
}

}  // namespace nibble
