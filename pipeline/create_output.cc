#include "pipeline/create_output.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "pipeline/file_output.h"
#include "pipeline/folder_output.h"
#include "pipeline/gguf_output.h"
#include "pipeline/job_identity.h"
#include "pipeline/journal.h"

namespace nibble {
namespace {

// All names, types and places.
std::string TextOf(const OutputPlan& plan) {
  std::string text = plan.layout.header;
  if (plan.folder) {
    absl::StrAppend(&text, plan.folder->quantization_config);
    for (const FolderLayout::File& file : plan.folder->files) absl::StrAppend(&text, file.name, file.layout.header);
  }
  for (const OutputTensor& tensor : plan.tensors) {
    absl::StrAppend(&text, tensor.name, " ", static_cast<int>(tensor.format), " ", tensor.keep_bits, "\n");
  }
  return text;
}

// Null where there is nothing to go on with.
absl::StatusOr<std::unique_ptr<Journal>> ResumedJournal(io::FileSystem& files, const std::string& path,
                                                        const JobIdentity& job) {
  absl::StatusOr<std::unique_ptr<Journal>> journal = Journal::Resume(files, path, job);
  if (absl::IsNotFound(journal.status())) return nullptr;
  return journal;
}

std::string WithoutSlash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Output>> CreateOutput(io::FileSystem& files, const Model& model, const OutputPlan& plan,
                                                     const OutputOptions& options, Progress& progress) {
  const std::string path = absl::StrCat(WithoutSlash(options.path), kJournalSuffix);
  JobIdentity job = IdentityOf(model, plan.manifest, TextOf(plan));
  job.set_attempt(options.attempt);
  std::unique_ptr<Journal> journal;
  if (options.journal && options.resume) {
    NIBBLE_ASSIGN_OR_RETURN(journal, ResumedJournal(files, path, job));
  }
  OutputOptions how = options;
  how.resume = journal != nullptr;
  NIBBLE_ASSIGN_OR_RETURN(std::unique_ptr<FileOutput> output,
                          (plan.folder ? FolderOutput::Create : GgufOutput::Create)(files, model, plan, how));
  if (options.journal) {
    if (journal == nullptr) {
      NIBBLE_ASSIGN_OR_RETURN(journal, Journal::Begin(files, path, job));
    }
    NIBBLE_RETURN_IF_ERROR(output->Attach(std::move(journal), progress));
  }
  NIBBLE_RETURN_IF_ERROR(output->Ended(output->Begin()));
  return output;
}

}  // namespace nibble
