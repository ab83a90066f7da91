// A recipe, as --recipe reads it.
#include "pipeline/recipe.h"

#include "tests/fuzz/target.h"

namespace nibble::fuzz {

std::vector<std::string> Seeds() {
  return {
      R"(job: "quantize" type: "Q4_K_M" method: "weighted" types { pattern: "attn_v" type: "Q6_K" } pure: true)",
      R"(job: "convert" dtype: "bf16")",
  };
}

std::string Mutated(const std::string& input, Random& random) { return MutatedBytes(input, random); }

void Run(absl::string_view input) {
  const absl::StatusOr<JobRecipe> recipe = ParseRecipe(std::string(input), "a.recipe");
  Judge(recipe.status());
  if (!recipe.ok()) return;
  Judge(TypesOf(*recipe).status());
  Judge(TransformsOf(*recipe).status());
  Judge(TextsBy(*recipe, {}).status());
  Judge(ParseRecipe(RecipeText(*recipe), "again.recipe").status());
}

}  // namespace nibble::fuzz
