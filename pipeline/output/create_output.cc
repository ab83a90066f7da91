#include "pipeline/output/create_output.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "pipeline/comm/comm.h"
#include "pipeline/output/file_output.h"
#include "pipeline/output/folder_output.h"
#include "pipeline/output/gguf_output.h"
#include "pipeline/output/job_identity.h"
#include "pipeline/output/journal.h"

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

// The first rank's, when all have the same but for the times at which copies of the source were made.
absl::StatusOr<JobIdentity> AgreedIdentity(Comm& comm, const JobIdentity& mine, const OutputOptions& options) {
  std::vector<Fact> facts = FactsOf(mine);
  facts.push_back({"the options", absl::StrCat(options.path, "\n", options.force, options.journal, options.resume)});
  NIBBLE_RETURN_IF_ERROR(SameEverywhere(comm, facts));
  NIBBLE_ASSIGN_OR_RETURN(const std::string bytes, comm.Broadcast(mine.SerializeAsString()));
  JobIdentity job;
  if (!job.ParseFromString(bytes)) return absl::InternalError("a bug of nibble: an identity that is none");
  return job;
}

struct OpenedOutput {
  std::unique_ptr<FileOutput> output;
  std::unique_ptr<Journal> journal;  // null: none was asked for
};

// The first rank makes the output, or goes on with what is there; the others join it.
absl::Status Open(io::FileSystem& files, const Model& model, const OutputPlan& plan, const OutputOptions& options,
                  const JobIdentity& job, OpenedOutput& opened) {
  const std::string journal = JournalPath(WithoutSlash(options.path), options.comm->rank());
  if (options.journal && options.resume && options.comm->is_first()) {
    NIBBLE_ASSIGN_OR_RETURN(opened.journal, ResumedJournal(files, journal, job));
  }
  OutputOptions how = options;
  how.resume = opened.journal != nullptr;
  NIBBLE_ASSIGN_OR_RETURN(opened.output,
                          (plan.folder ? FolderOutput::Create : GgufOutput::Create)(files, model, plan, how));
  if (options.journal && opened.journal == nullptr) {
    NIBBLE_ASSIGN_OR_RETURN(opened.journal, Journal::Begin(files, journal, job));
  }
  return absl::OkStatus();
}

// What the ranks have opened must be one: each machine may have a disk of its own at that path.
absl::Status CheckShared(io::FileSystem& files, Comm& comm, const std::string& path) {
  if (comm.size() == 1) return absl::OkStatus();
  NIBBLE_ASSIGN_OR_RETURN(const io::FileInfo info, files.Stat(path));
  return SameEverywhere(
      comm, {{absl::StrCat("the ", path, ", on a disk that all share,"), absl::StrCat(info.identity.inode)}});
}

}  // namespace

absl::StatusOr<std::unique_ptr<Output>> CreateOutput(io::FileSystem& files, const Model& model, const OutputPlan& plan,
                                                     const OutputOptions& options, Progress& progress) {
  Comm& comm = *options.comm;
  const std::string path = WithoutSlash(options.path);
  JobIdentity mine = IdentityOf(model, plan.manifest, TextOf(plan));
  mine.set_attempt(options.attempt);
  NIBBLE_ASSIGN_OR_RETURN(const JobIdentity job, AgreedIdentity(comm, mine, options));
  OpenedOutput opened;
  absl::Status status;
  if (comm.is_first()) status = Open(files, model, plan, options, job, opened);
  NIBBLE_RETURN_IF_ERROR(comm.Agree(status));
  if (!comm.is_first()) NIBBLE_RETURN_IF_ERROR(Open(files, model, plan, options, job, opened));
  if (opened.journal != nullptr) {
    NIBBLE_RETURN_IF_ERROR(opened.output->Attach(std::move(opened.journal), progress));
  }
  NIBBLE_RETURN_IF_ERROR(CheckShared(files, comm, absl::StrCat(path, ".part")));
  NIBBLE_RETURN_IF_ERROR(opened.output->Ended(opened.output->Begin()));
  return std::move(opened.output);
}

}  // namespace nibble
