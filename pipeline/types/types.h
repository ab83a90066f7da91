// Which type every tensor of the output gets, and why.
#ifndef NIBBLE_PIPELINE_TYPES_TYPES_H_
#define NIBBLE_PIPELINE_TYPES_TYPES_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/model.h"
#include "model/tensor_list.h"
#include "pipeline/report.pb.h"
#include "pipeline/source/publication.h"
#include "pipeline/types/container.h"
#include "pipeline/types/type_options.h"
#include "quant/block/format.h"

namespace nibble {

struct TypeChoice {
  Format format = Format::kF32;
  bool keep_bits = false;  // the stored blocks are copied
  std::string reason;      // of Plan's tensors
  bool is_open = false;    // --type alone says it: another type would do as well
};

struct TypeChoices {
  Container container = Container::kGguf;
  std::string name;              // of the type as a whole
  uint32_t file_type = 0;        // general.file_type
  std::vector<TypeChoice> each;  // one per stack of the model: all slices of a tensor have one type
  std::vector<std::string> warnings;
  std::optional<FitReport> fit;                    // of --fit
  std::shared_ptr<const Publication> publication;  // of a folder, where the model was not read from one
};

// By the rules of design section 4, "Types" and "Requantizing". kInvalidArgument: a type that is not known or that
// nothing can encode, a regex that is none or matches no matrix, a fallback where none is allowed. kUnimplemented: a
// model that the container cannot hold.
absl::StatusOr<TypeChoices> ChooseQuantizedTypes(const Model& model, const TypeOptions& options);

// The same for those who ask for many choices: what FindStoredFormats() tells of every stack, the format whose blocks
// its tensors are, costs a look at each of a hundred thousand tensors.
using StoredFormats = std::vector<std::optional<Format>>;
StoredFormats FindStoredFormats(const Model& model);
absl::StatusOr<TypeChoices> ChooseQuantizedTypes(const Model& model, const StoredFormats& stored,
                                                 const TypeOptions& options);

// The same with a wish for each stack, in the place of `options.type`, which then counts where there is none.
struct WishedType {
  Format format;
  std::string reason;
};
using WishedTypes = std::vector<std::optional<WishedType>>;
absl::StatusOr<TypeChoices> ChooseQuantizedTypes(const Model& model, const StoredFormats& stored,
                                                 const TypeOptions& options, const WishedTypes& wishes);

// What a stack is kept in to lose nothing: its stored format, or a float that holds its values.
Format LosslessFormat(const Model& model, TensorStack slices, std::optional<Format> stored);

// Whether its tensors were published in up to five bits, so that another encoding would lose what they are.
bool IsPublishedInFourBits(const Model& model, TensorStack slices);

// By the rules of `convert`, to a GGUF.
absl::StatusOr<TypeChoices> ChooseConvertedTypes(const Model& model, const std::string& dtype);

// What `--dtype` calls for: nothing for "source". kInvalidArgument: it is no such name.
absl::StatusOr<std::optional<Format>> ConvertedDType(const std::string& dtype);

// kUnimplemented: tensors that are published as one, but have several types. REQUIRES: there is a publication.
absl::Status CheckFusedTypes(const Model& model, const TypeChoices& choices);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_TYPES_TYPES_H_
