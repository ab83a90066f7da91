#include "pipeline/source/publication.h"

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "converters/families.h"
#include "converters/family.h"
#include "converters/publish.h"
#include "converters/tensor_table.h"
#include "formats/io/file.h"
#include "formats/json/object.h"
#include "formats/tensor_source.h"
#include "formats/tokenizer/publish.h"
#include "model/tensor_list.h"

namespace nibble {
namespace {

// Stands where tensors have a file: these are not written yet.
class NoFile : public io::ReadableFile {
 public:
  explicit NoFile(std::string path) : path_(std::move(path)) {}

  absl::Status ReadAt(uint64_t offset, absl::Span<std::byte> /*out*/) const override {
    return absl::InternalError(absl::StrCat(path_, ": expected no read, found one at byte ", offset));
  }
  const std::string& path() const override { return path_; }
  const io::FileInfo& info() const override { return info_; }

 private:
  const std::string path_;
  const io::FileInfo info_;
};

absl::StatusOr<json::Object> Config(const Model& model, const Family& family) {
  json::Object config;
  NIBBLE_RETURN_IF_ERROR(family.spec_to_config(model.spec, model.tensors, config));
  config.SetInt("vocab_size", model.spec.vocab_size());
  if (model.vocabulary) tokenizer::SetTokenIds(*model.vocabulary, config);
  config.SetBool("use_cache", true);
  return config;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Publication>> Publish(const Model& model) {
  const Family& family = FamilyOf(model.spec);
  const auto publication = std::make_shared<Publication>();
  NIBBLE_ASSIGN_OR_RETURN(publication->config, Config(model, family));
  if (model.vocabulary) {
    NIBBLE_ASSIGN_OR_RETURN(publication->companions,
                            tokenizer::Publish(*model.vocabulary, model.spec.context_length()));
  }
  Checkpoint checkpoint = LayOutCheckpoint(family.published_tensors(model.spec), model.spec, model.tensors);
  std::vector<std::unique_ptr<io::ReadableFile>> files;
  files.push_back(std::make_unique<NoFile>(model.path));
  NIBBLE_ASSIGN_OR_RETURN(publication->model.source,
                          TensorSource::Create(std::move(files), std::move(checkpoint.stored)));
  publication->model.tensors = TensorList(std::move(checkpoint.tensors));
  publication->model.path = model.path;
  publication->model.spec = model.spec;
  return publication;
}

}  // namespace nibble
