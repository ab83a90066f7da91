// The options of quantize as a recipe, and back: what the manifest tells, and what --recipe reads.
#ifndef NIBBLE_PIPELINE_RECIPE_H_
#define NIBBLE_PIPELINE_RECIPE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "pipeline/calibration_options.h"
#include "pipeline/recipe.pb.h"
#include "pipeline/report.pb.h"
#include "pipeline/transform/transform.h"
#include "pipeline/types/container.h"
#include "pipeline/types/type_options.h"

namespace nibble {

absl::string_view ContainerName(Container container);

// Types are named in capitals. `max_shard_bytes` counts for folders, `calibration` where it has texts.
JobRecipe QuantizeRecipe(const TypeOptions& types, const std::string& transform, const CalibrationTexts& calibration,
                         uint64_t max_shard_bytes);
JobRecipe ConvertRecipe(const std::string& dtype, Container container = Container::kGguf, uint64_t max_shard_bytes = 0);

// A recipe as text protobuf, from a file called `path`. kInvalidArgument names line and column.
absl::StatusOr<JobRecipe> ParseRecipe(const std::string& text, const std::string& path);
std::string RecipeText(const JobRecipe& recipe);

// The recipe with what was chosen in the place of what asked for a choice: types by role and layer for a budget, the
// transform for "auto". It gives the same tensors.
JobRecipe Resolved(const JobRecipe& recipe, const Plan& plan);

// kInvalidArgument: a format, or layers, that are none.
absl::StatusOr<TypeOptions> TypesOf(const JobRecipe& recipe);
// None where the choice is left to the job. kInvalidArgument: a name that is not known.
absl::StatusOr<std::vector<Transform>> TransformsOf(const JobRecipe& recipe);
// Those texts, with the windows of the recipe; as they are, if it tells of none. kInvalidArgument: it does, and there
// are no texts.
absl::StatusOr<CalibrationTexts> TextsBy(const JobRecipe& recipe, CalibrationTexts texts);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_RECIPE_H_
