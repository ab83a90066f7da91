#include "pipeline/output/job_identity.h"

#include "formats/io/posix.h"
#include "formats/io/sha256.h"

namespace nibble {

JobIdentity IdentityOf(const Model& model, const Manifest& manifest, absl::string_view planned) {
  JobIdentity job;
  *job.mutable_manifest() = manifest;
  job.mutable_manifest()->clear_tensors();
  for (const auto& file : model.source.files()) job.add_source_times(io::ModifiedTime(*file));
  job.set_plan_sha256(io::Sha256Of(planned));
  return job;
}

}  // namespace nibble
