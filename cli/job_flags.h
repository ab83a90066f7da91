// The options of quantize and plan, so that a command line serves both: what to make, of what, and where; or a recipe.
#ifndef NIBBLE_CLI_JOB_FLAGS_H_
#define NIBBLE_CLI_JOB_FLAGS_H_

#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/calibration_flags.h"
#include "cli/command.h"
#include "cli/job_page.h"
#include "cli/output_flags.h"
#include "cli/transform_flags.h"
#include "cli/type_flags.h"
#include "formats/io/file.h"
#include "pipeline/calibration_options.h"
#include "pipeline/output/output_options.h"
#include "pipeline/recipe.pb.h"
#include "pipeline/report.pb.h"

namespace nibble::cli {

// What the options say once they are parsed.
struct ParsedJob {
  OutputOptions output;            // with the recipe
  CalibrationOptions calibration;  // with its texts
};

class JobFlags {
 public:
  // MODEL and all options; -o is returned. REQUIRES: this outlives `app`'s parse.
  CLI::Option* AddTo(CLI::App& app);

  // REQUIRES: parsed, here and below.
  const std::string& model() const { return model_; }
  // kInvalidArgument: a type, a transform or a recipe that is none.
  absl::StatusOr<ParsedJob> Parse(Context& context) const;
  // Adds the texts, the matrix and the recipe, which are not to be written over, to a model's inputs; then what
  // SaveRecipe and WriteReport would say, before the work. kInvalidArgument: what one of them names is the output, or
  // both name one file.
  absl::Status CheckFiles(const ParsedJob& job, std::vector<io::FileIdentity>& inputs, Context& context) const;
  // What was chosen goes where --save-recipe says, if it does; not over an input of the model.
  absl::Status SaveRecipe(const JobRecipe& recipe, const Plan& plan, const std::vector<io::FileIdentity>& inputs,
                          Context& context) const;
  // The page of the job goes where --report says, if it does; not over an input of the model.
  absl::Status WriteReport(const Plan& plan, const JobFacts& facts, const std::vector<io::FileIdentity>& inputs,
                           Context& context) const;
  const std::string& report_path() const { return report_path_; }

 private:
  absl::StatusOr<JobRecipe> RecipeOfFlags(const ParsedJob& job, Context& context) const;
  absl::StatusOr<JobRecipe> RecipeOfFile(Context& context) const;

  std::string model_;
  TypeFlags types_;
  CalibrationFlags calibration_;
  TransformFlags transforms_;
  OutputFlags output_;
  bool keep_mtp_ = false;
  std::string recipe_path_, save_path_, report_path_;
};

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_JOB_FLAGS_H_
