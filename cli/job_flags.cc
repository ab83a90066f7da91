#include "cli/job_flags.h"

#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/option_groups.h"
#include "cli/options.h"
#include "cli/output.h"
#include "pipeline/recipe.h"
#include "pipeline/types/container.h"
#include "pipeline/types/type_options.h"

namespace nibble::cli {
namespace {

constexpr uint64_t kMaxRecipeBytes = 16 << 20;

// What a recipe says, and options therefore do not.
constexpr const char* kOfRecipe[] = {
    "--type", "--fit",    "--context",          "--method",    "--tensor-type",       "--token-embedding-type",
    "--pure", "--strict", "--allow-requantize", "--transform", "--calibration-ctx",   "--output-tensor-type",
    "--seed", "--format", "--max-shard-size",   "--keep-mtp",  "--calibration-chunks"};

// Whether two paths name one place, at which there may be nothing yet.
bool IsSamePlace(io::FileSystem& files, const std::string& a, const std::string& b) {
  if (io::Basename(a) != io::Basename(b)) return false;
  const absl::StatusOr<io::FileInfo> of_a = files.Stat(io::DirectoryOf(a)), of_b = files.Stat(io::DirectoryOf(b));
  return of_a.ok() && of_b.ok() && of_a->identity == of_b->identity;
}

}  // namespace

CLI::Option* JobFlags::AddTo(CLI::App& app) {
  AddModel(app, model_);
  CLI::Option* output = output_.AddTo(app);
  app.add_option("--report", report_path_,
                 "write a page that shows types, sizes and reasons of all tensors, and what a text gained, to FILE; "
                 "replaced if it exists")
      ->type_name("FILE.html");
  types_.AddTo(app);
  AddKeepMtp(app, keep_mtp_);
  StartGroup(app, kMethodGroup);
  types_.AddMethodTo(app);
  transforms_.AddTo(app);
  calibration_.AddTo(app);
  StartGroup(app, kRecipesGroup);
  CLI::Option* recipe = app.add_option("--recipe", recipe_path_,
                                       "a file that says types, method and calibration (but its texts), instead of "
                                       "options that do; text protobuf")
                            ->type_name("FILE");
  for (const char* name : kOfRecipe) recipe->excludes(app.get_option(name));
  app.add_option("--save-recipe", save_path_,
                 "write such a file: with the same source and texts it makes the same output; replaced if it exists")
      ->type_name("FILE");
  return output;
}

absl::StatusOr<JobRecipe> JobFlags::RecipeOfFlags(const ParsedJob& job, Context& context) const {
  NIBBLE_ASSIGN_OR_RETURN(const nibble::Container container, output_.Container());
  NIBBLE_ASSIGN_OR_RETURN(const TypeOptions types, types_.Parse(container));
  NIBBLE_RETURN_IF_ERROR(transforms_.Parse().status());
  JobRecipe recipe = QuantizeRecipe(types, transforms_.text(), job.calibration.texts, job.output.max_shard_bytes);
  recipe.set_keep_mtp(keep_mtp_);
  recipe.set_pre(context.pre);
  return recipe;
}

absl::StatusOr<JobRecipe> JobFlags::RecipeOfFile(Context& context) const {
  NIBBLE_ASSIGN_OR_RETURN(const std::string text, io::ReadWholeFile(context.files, recipe_path_, kMaxRecipeBytes));
  NIBBLE_ASSIGN_OR_RETURN(JobRecipe recipe, ParseRecipe(text, recipe_path_));
  if (recipe.job().empty()) recipe.set_job("quantize");
  if (recipe.job() != "quantize") {
    return absl::InvalidArgumentError(
        absl::StrCat(recipe_path_, ": job: expected quantize, found '", recipe.job(), "'"));
  }
  NIBBLE_ASSIGN_OR_RETURN(const nibble::Container container, output_.ContainerFor(recipe.format()));
  recipe.set_format(std::string(ContainerName(container)));
  if (!context.pre.empty()) recipe.set_pre(context.pre);
  context.pre = recipe.pre();
  return recipe;
}

absl::StatusOr<ParsedJob> JobFlags::Parse(Context& context) const {
  ParsedJob job;
  job.output = output_.Options(context.threads);
  NIBBLE_ASSIGN_OR_RETURN(job.calibration, calibration_.Load(context.files, job.output.path));
  job.calibration.texts.device = context.device;
  job.calibration.work.memory = context.ShareOf(job.calibration.work.memory);
  NIBBLE_ASSIGN_OR_RETURN(job.output.recipe,
                          recipe_path_.empty() ? RecipeOfFlags(job, context) : RecipeOfFile(context));
  NIBBLE_ASSIGN_OR_RETURN(job.calibration.texts, TextsBy(job.output.recipe, std::move(job.calibration.texts)));
  return job;
}

absl::Status JobFlags::CheckFiles(const ParsedJob& job, std::vector<io::FileIdentity>& inputs, Context& context) const {
  std::vector<std::string> paths = {job.calibration.imatrix_path, recipe_path_};
  for (const TextFile& text : job.calibration.texts.files) paths.push_back(text.path);
  AddInputs(context.files, paths, inputs);
  for (const auto& [option, path] : {std::pair("--save-recipe", save_path_), std::pair("--report", report_path_)}) {
    if (path.empty()) continue;
    if (IsSamePlace(context.files, path, job.output.path)) {
      return absl::InvalidArgumentError(absl::StrCat(option, ": expected another file than the output, found ", path));
    }
    if (context.comm.is_first()) NIBBLE_RETURN_IF_ERROR(CheckTextFile(context.files, path, inputs));
  }
  if (!save_path_.empty() && !report_path_.empty() && IsSamePlace(context.files, save_path_, report_path_)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--report: expected another file than --save-recipe's, found ", report_path_));
  }
  return absl::OkStatus();
}

absl::Status JobFlags::SaveRecipe(const JobRecipe& recipe, const Plan& plan,
                                  const std::vector<io::FileIdentity>& inputs, Context& context) const {
  if (save_path_.empty()) return absl::OkStatus();
  return WriteTextFile(context.files, save_path_, RecipeText(Resolved(recipe, plan)), inputs);
}

absl::Status JobFlags::WriteReport(const Plan& plan, const JobFacts& facts, const std::vector<io::FileIdentity>& inputs,
                                   Context& context) const {
  if (report_path_.empty()) return absl::OkStatus();
  return WriteTextFile(context.files, report_path_, JobPage(plan, facts), inputs);
}

}  // namespace nibble::cli
